"""Builds of a small world, and what came of them."""

from pathlib import Path

from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from flows import path

RESULTS = (
    "documents",
    "quarantine",
    "scores",
    "verdicts",
    "signatures",
    "pairs",
    "selection",
    "tokenizer",
    "tokens",
    "order",
    "shards",
)


class Counted:
    """A runner that notes which parts ran, and can hand parts over in another order."""

    def __init__(self, store: Store, workers: int = 1, reverse: bool = False) -> None:
        self.pool = Pool(workers, store)
        self.run = PoolRun(store, self.pool, self._note)
        self.ran: dict[str, int] = {}
        self.reverse = reverse

    def _note(self, stage: str, done: int, total: int, ran: int) -> None:
        self.ran[stage] = ran

    def __call__(self, stage: Stage, parts: list[Part]) -> list[Entry]:
        found = self.run(stage, parts[::-1] if self.reverse else parts)
        return found[::-1] if self.reverse else found


def build(
    recipe: Path, store: Store | None = None, workers: int = 1, reverse: bool = False
) -> tuple[Published, dict[str, int]]:
    wanted = load_recipe(recipe)
    store = store or Store(wanted.store_url)
    run = Counted(store, workers, reverse)
    with run.pool:
        published = path.build(wanted, store, run)
    return published, {stage: count for stage, count in run.ran.items() if count}


def results(store: Store) -> dict[str, bytes]:
    """Every result file's content by name."""
    return {name: bytes(store.get(name)) for folder in RESULTS for name in store.list(folder)}


def store_of(recipe: Path) -> Store:
    return Store(load_recipe(recipe).store_url)


def broken(recipe: Path, old: str, new: str) -> Path:
    assert old in recipe.read_text()
    recipe.write_text(recipe.read_text().replace(old, new, 1))
    return recipe
