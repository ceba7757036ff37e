"""One order: however files, parts, workers, ranks and batches are cut, training reads the same tokens."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from corpus.loader import Loader
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.shard import Corpus, open_corpus
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from flows import path

BOOKS = [f"{number}.txt" for number in range(6)]
LENGTH = 32
CUTS = st.fixed_dictionaries(
    {
        "sources": st.permutations(range(4)),
        "books": st.permutations(BOOKS),
        "text_bytes": st.integers(3_000, 60_000),
        "input_bytes": st.integers(2_000, 60_000),
        "shard_tokens": st.integers(500, 40_000),
        "workers": st.sampled_from([1, 2]),
        "reverse": st.booleans(),
    }
)


def build(recipe: Path, store: Store, workers: int = 1, reverse: bool = False) -> Corpus:
    """Build; reversed, every stage gets its parts from the last to the first."""
    step = -1 if reverse else 1
    with Pool(workers, store) as pool:
        run = PoolRun(store, pool)

        def handed(stage: Stage, parts: list[Part]) -> list[Entry]:
            return run(stage, parts[::step])[::step]

        path.build(load_recipe(recipe), store, handed)  # type: ignore[arg-type]
    return open_corpus(store.url)


@pytest.fixture(scope="module")
def one(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Corpus]:
    """The small world's recipe and its corpus."""
    recipe = world_at(tmp_path_factory.mktemp("one"))
    return recipe, build(recipe, Store(recipe.with_name("out")))


def cut(recipe: Path, number: int, chosen: dict) -> Path:
    """The same recipe: its sources and files named in another order, other parts, other shards."""
    text = recipe.read_text().replace("tokens = 8000", f"tokens = {chosen['shard_tokens']}")
    named = ", ".join(f'"{name}"' for name in chosen["books"])
    text = text.replace('files = ["*.txt"]', f"files = [{named}]")
    head, *sources = text.split("[[source]]")
    sources[-1], tail = sources[-1].split("[[chain.mild]]")
    sources = [sources[n] for n in chosen["sources"]]
    parts = f"[parts]\ntext_bytes = {chosen['text_bytes']}\ninput_bytes = {chosen['input_bytes']}\n"
    other = recipe.with_name(f"{number}.toml")
    other.write_text("[[source]]".join([head, *sources]) + "[[chain.mild]]" + tail + parts)
    return other


def stream(corpus: Corpus) -> tuple[np.ndarray, list[tuple]]:
    """All tokens, and of every row its document, piece and bounds."""
    whole = corpus.train.num_tokens
    rows = corpus.train.rows(0, whole)
    names = ("doc_id", "piece", "domain", "source", "start", "stop")
    return corpus.train.tokens(0, whole), list(zip(*(rows[name].to_pylist() for name in names), strict=True))


@settings(max_examples=5, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])  # builds take seconds
@given(chosen=CUTS)
def test_files_parts_shards_and_workers_change_no_order(one: tuple[Path, Corpus], chosen: dict) -> None:
    recipe, corpus = one
    number = len(list(recipe.parent.glob("*.toml")))
    store = Store(recipe.with_name(f"out-{number}"))
    other = build(cut(recipe, number, chosen), store, chosen["workers"], chosen["reverse"])
    tokens, rows = stream(corpus)
    again, rows_again = stream(other)
    assert np.array_equal(tokens, again) and rows == rows_again
    assert other.order_sha256 == corpus.order_sha256
    assert other.heldout.keys() == corpus.heldout.keys()
    for name, held in corpus.heldout.items():
        assert np.array_equal(held.tokens(0, held.num_tokens), other.heldout[name].tokens(0, held.num_tokens))
    if chosen["shard_tokens"] == 8_000:
        assert store.list("shards") == corpus.store.list("shards")


@given(
    runs=st.lists(st.tuples(st.integers(1, 16), st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=5),
    shuffle_block=st.sampled_from([1, 8, 64]),
    pack_block=st.sampled_from([0, 16]),
)
def test_world_and_batch_sizes_change_no_order(
    one: tuple[Path, Corpus], runs: list[tuple[int, int, int]], shuffle_block: int, pack_block: int
) -> None:
    """A job that is stopped and goes on with other ranks and other batches reads on where it was, nothing twice."""
    settings = {"shuffle_block": shuffle_block, "pack_block": pack_block}
    loader, position, read = Loader(one[1], LENGTH, **settings), 0, []
    whole = loader.tokens(0, sum(world * batch * steps for world, batch, steps in runs))
    for world, batch, steps in runs:
        ranks = [Loader(one[1], LENGTH, **settings) for _ in range(world)]
        for _ in range(steps):
            read += [each.batch(position + rank * batch, batch).tokens for rank, each in enumerate(ranks)]
            position += world * batch
        position = Loader(one[1], LENGTH, **settings).check(ranks[0].state(position))
    assert np.array_equal(np.concatenate(read), whole)
