"""A corpus that grows by snapshots: the same as one built at once, and what was kept stays while it passes."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from corpus.files import File, read_table
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from corpus.version import read_version
from flows import path

HEAD = """
name = "grown"

[[chain.mild]]
name = "gopher_quality"
min_words = {words}
"""

SOURCE = """
[[source]]
name = "pages"
snapshot = "{name}"
kind = "tabular"
root = "{name}"
files = ["*.jsonl"]
chain = "mild"
options = {{ id_column = "id" }}
"""

TAIL = """
[dedupe]
max_removed = 1.0
repeats = "lines"

[mixture]
budget = 3000
shortfall = "shrink"

[[mixture.domain]]
name = "pages"
weight = 1

[tokenizer]
vocab_size = 300
sample_bytes = 10000
"""

DEDUPED = ("documents", "scores", "verdicts", "signatures", "pairs", "selection", "cuts")
SNAPSHOTS = ("2024", "2025", "2026")
TOP = "This very line stands above all of these pages"


def text(number: int, words: int = 60) -> str:
    return f"{TOP}\n" + " ".join(
        f"the word{(number * 37 + k * k + k * number) % 499} of a line and" for k in range(words)
    )


PAGES = {
    "2024": {"a": text(1), "b": text(2), "c": text(3, 30), "lone": text(4)},
    "2025": {"a": text(1) + " and more", "b": text(2), "c": text(3, 30) + " and a few more words", "new": text(5)},
    "2026": {"a": text(1) + " and even more", "new": text(5) + " now", "last": text(6)},
}  # fmt: skip


class Counting:
    """A plain run that notes which parts were done."""

    def __init__(self, store: Store) -> None:
        self.pool, self.ran = Pool(1, store), dict[str, int]()
        self.run = PoolRun(store, self.pool, self._note)

    def _note(self, stage: str, done: int, total: int, ran: int) -> None:
        self.ran[stage] = ran

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        return self.run(stage, parts)


def build(folder: Path, snapshots: tuple[str, ...], store: Store, words: int = 20) -> dict[str, int]:
    """Build a recipe of so many snapshots; returns how many parts of each stage ran."""
    for name in snapshots:
        (folder / name).mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"id": key, "text": page}) for key, page in PAGES[name].items()]
        if not (folder / name / "pages.jsonl").exists():
            (folder / name / "pages.jsonl").write_text("\n".join(lines) + "\n")
    recipe = folder / "recipe.toml"
    recipe.write_text(HEAD.format(words=words) + "".join(SOURCE.format(name=name) for name in snapshots) + TAIL)
    run = Counting(store)
    path.build(load_recipe(recipe), store, run)
    return {stage: count for stage, count in run.ran.items() if count}


def published(store: Store) -> dict[str, bytes]:
    """The files of the published version that dedupe knows, by path."""
    files = [File(**file) for file in read_version(store)["files"]]
    return {file.path: bytes(store.get(file.path)) for file in files if file.folder in DEDUPED}


def fates(store: Store) -> dict[str, str]:
    """By "snapshot/id": "" for a kept document, else the one that stands for it."""
    files = [File(**file) for file in read_version(store)["files"]]
    names: dict[bytes, str] = {}
    rows = []
    for file in files:
        if file.folder == "documents":
            for row in read_table(store, file, ["id", "snapshot", "user_id"]).to_pylist():
                names[row["id"]] = f"{row['snapshot']}/{row['user_id']}"
        if file.folder == "selection":
            rows += read_table(store, file).to_pylist()
    return {names[row["id"]]: names.get(row["twin"], "") for row in rows if row["kept"] or row["twin"]}


@pytest.fixture
def grown(tmp_path: Path) -> Store:
    store = Store(tmp_path / "grown")
    for count in (1, 2, 3):
        build(tmp_path, SNAPSHOTS[:count], store)
    return store


def test_a_corpus_grown_by_snapshots_equals_one_built_at_once(grown: Store, tmp_path: Path) -> None:
    whole = Store(tmp_path / "whole")
    build(tmp_path, SNAPSHOTS, whole)
    ours, theirs = published(grown), published(whole)
    assert {name.split("/")[0] for name in ours} == set(DEDUPED)
    assert ours == theirs


def test_what_repeats_is_left_in_the_earliest_snapshot(grown: Store) -> None:
    files = [File(**file) for file in read_version(grown)["files"] if file["path"].startswith("cuts/")]
    kept = [row for file in sorted(files) for row in read_table(grown, file).to_pylist() if row["left"]]
    spans = [[(span["start"], span["end"]) for span in row["spans"] or []] for row in kept]
    assert sorted(spans) == [[]] + [[(0, len(TOP) + 1)]] * (len(kept) - 1)
    assert [] in spans[: len(PAGES["2024"])]


def test_a_new_snapshot_signs_only_its_own_documents(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    build(tmp_path, SNAPSHOTS[:2], store)
    ran = build(tmp_path, SNAPSHOTS, store)
    assert {ran[name] for name in ("ingest", "score", "sign", "bands", "judge", "lines")} == {1}
    assert build(tmp_path, SNAPSHOTS, store) == {}


def test_earlier_winners_stay_though_later_ones_are_longer(grown: Store) -> None:
    fate = fates(grown)
    for name in ("a", "b", "c", "lone"):
        assert fate[f"2024/{name}"] == ""
    assert {fate[f"{year}/a"] for year in ("2025", "2026")} == {"2024/a"}
    assert (fate["2025/b"], fate["2025/c"]) == ("2024/b", "2024/c")
    assert (fate["2025/new"], fate["2026/new"], fate["2026/last"]) == ("", "2025/new", "")


def test_the_next_twin_returns_when_a_winner_no_longer_passes(grown: Store, tmp_path: Path) -> None:
    short = len(PAGES["2024"]["c"].split())
    build(tmp_path, SNAPSHOTS, grown, words=short + 2)  # the rule asks for more words than the winner has
    fate = fates(grown)
    assert "2024/c" not in fate and fate["2025/c"] == "" and fate["2025/a"] == "2024/a"
    whole = Store(tmp_path / "whole")
    build(tmp_path, SNAPSHOTS, whole, words=short + 2)
    assert published(grown) == published(whole)
