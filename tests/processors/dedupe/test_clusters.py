"""Clusters and the gate on selection files made by hand: who fell to whom, from where, how large, and what is shown."""

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import DataError
from corpus.files import File, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import DOCUMENTS, SELECTION
from corpus.stage import Entry
from corpus.store import Store
from processors.dedupe.clusters import Flow, examples, fallen, flows, largest, sizes, twins_of
from processors.dedupe.gate import check_removed

Rows = list[tuple[int, int | None, str | None]]  # number, its twin's number, why
WORLD: dict[str, Rows] = {
    "books/0-00000-00": [(1, None, None), (2, 1, "near"), (3, 1, "text"), (4, None, None)],
    "web/a-00000-00": [(5, None, None), (6, 5, "url"), (7, 1, "near"), (8, 5, "same_shingles")],
    "web/b-00000-00": [(9, 5, "near"), (10, 4, "near"), (11, None, None)],
}


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


class World:
    """A store with documents/ and selection/ of some parts."""

    def __init__(self, parts: dict[str, Rows]) -> None:
        self.store = Store(f"memory://clusters-{id(self)}")
        self.selection, self.documents = [], {}
        for part, rows in parts.items():
            source, snapshot = part.split("/")[0], part.split("/")[1].split("-")[0]
            chosen = [
                {
                    "id": name(number), "kept": twin is None, "split": None, "by": by,
                    "twin": None if twin is None else name(twin),
                    "both": 9 if by == "near" else None, "either": 10 if by == "near" else None,
                }
                for number, twin, by in rows
            ]  # fmt: skip
            told = [
                {
                    "id": name(number), "source": source, "snapshot": snapshot, "title": f"No {number}",
                    "file": "f", "start": 0, "end": 9, "unit": "byte", "ordinal": 0, "text": "",
                    "url": f"https://mill.example/{number}",
                }
                for number, _, _ in rows
            ]  # fmt: skip
            self.selection.append(self.write("selection", part, pa.Table.from_pylist(chosen, SELECTION)))
            self.documents[part] = self.write("documents", part, pa.Table.from_pylist(told, DOCUMENTS))

    def write(self, folder: str, part: str, table: pa.Table) -> File:
        return write_parquet(self.store, folder, part, table)

    @property
    def selected(self) -> list[Entry]:
        counts = [
            Count("select", file.part.split("/")[0], file.part, *what, documents=number)
            for file in self.selection
            for what, number in self.counted(file.part)
        ]
        return [Entry("select", "all", "", "", {}, tuple(self.selection), tuple(counts), {})]

    def counted(self, part: str) -> list[tuple[tuple[str, str], int]]:
        fell = sum(twin is not None for _, twin, _ in WORLD[part])
        return [((PASSED, ""), len(WORLD[part]) - fell), (("dropped", "duplicate.near"), fell)]


@pytest.fixture
def world() -> World:
    return World(WORLD)


def test_flows_tell_snapshots_and_sources_apart(world: World) -> None:
    down = fallen(world.store, world.selection)
    found = flows(world.selection, down, twins_of(world.store, world.selection, down))
    assert found == [
        Flow("books", "0", "books", "0", "text", 1),
        Flow("books", "0", "books", "0", "near", 1),
        Flow("web", "a", "books", "0", "near", 1),
        Flow("web", "a", "web", "a", "same_shingles", 1),
        Flow("web", "a", "web", "a", "url", 1),
        Flow("web", "b", "books", "0", "near", 1),
        Flow("web", "b", "web", "a", "near", 1),
    ]


def test_sizes_count_the_kept_document(world: World) -> None:
    down = fallen(world.store, world.selection)
    assert sizes(twins_of(world.store, world.selection, down)) == [(2, 2, 1, 2), (4, 4, 2, 8)]


def test_sizes_of_large_clusters_are_classes() -> None:
    counts = [1, 4, 8, 9, 98, 99, 5000]
    rows: Rows = [(n, None, None) for n in range(len(counts))]
    rows += [(1000 * (n + 1) + k, n, "text") for n, count in enumerate(counts) for k in range(count)]
    world = World({"a/0-0-0": rows})
    twins = twins_of(world.store, world.selection, fallen(world.store, world.selection))
    assert sizes(twins) == [(2, 2, 1, 2), (5, 9, 2, 14), (10, 99, 2, 109), (100, 999, 1, 100), (1000, 9999, 1, 5001)]


def test_the_largest_clusters_come_first_with_members_from_anywhere(world: World) -> None:
    down = fallen(world.store, world.selection)
    first, second = largest(
        world.store, world.selection, world.documents, down, twins_of(world.store, world.selection, down), 2, 9
    )
    assert (first.kept.origin, first.fell, second.kept.title) == ("https://mill.example/1", 3, "No 5")
    assert {(f.document.source, f.document.id, f.why) for f in second.members} == {
        ("web", name(6).hex(), "the same URL"),
        ("web", name(8).hex(), "the same shingles"),
        ("web", name(9).hex(), "near: Jaccard 0.900, 9 of 10 shingles"),
    }


def test_examples_are_drawn_by_a_seed_whatever_the_order_of_parts(world: World) -> None:
    def drawn(selection: list[File], seed: int) -> list[str]:
        down = fallen(world.store, selection, seed)
        told = examples(world.store, selection, world.documents, down, twins_of(world.store, selection, down), 3)
        return [fell.document.id for fell in told]

    assert drawn(world.selection, 1) == drawn(world.selection[::-1], 1)
    assert len({tuple(drawn(world.selection, seed)) for seed in range(9)}) > 1


def test_a_corpus_without_duplicates_has_no_clusters() -> None:
    world = World({"a/0-0-0": [(1, None, None)], "a/0-0-1": []})
    down = fallen(world.store, world.selection)
    twins = twins_of(world.store, world.selection, down)
    assert (len(down.row), flows(world.selection, down, twins), sizes(twins)) == (0, [], [])
    assert largest(world.store, world.selection, world.documents, down, twins, 5, 5) == []


def test_a_twin_that_is_not_there_is_an_error() -> None:
    world = World({"a/0-0-0": [(1, None, None), (2, 77, "near")]})
    with pytest.raises(DataError, match=r"1 kept twins .* in none of its files"):
        twins_of(world.store, world.selection, fallen(world.store, world.selection))


def test_the_gate_lets_pass_what_is_within_each_limit(world: World) -> None:
    documents = list(world.documents.values())
    check_removed(world.store, documents, world.selected, {"books": 0.5, "web": 5 / 7})
    with pytest.raises(DataError, match=r"source books: 2 of 4 .*gate stands at 49%.*--accept books"):
        check_removed(world.store, documents, world.selected, {"books": 0.49, "web": 0.9})
    check_removed(world.store, documents, world.selected, {"books": 0.1, "web": 0.1}, ["web", "books"])


def test_the_gate_shows_every_source_above_its_limit_with_examples(world: World) -> None:
    with pytest.raises(DataError) as caught:
        check_removed(world.store, list(world.documents.values()), world.selected, {"books": 0.1, "web": 0.1})
    told = str(caught.value)
    assert "--accept books" in told and "--accept web" in told
    web = told[told.index("source web") :].splitlines()
    assert "  why: 1 same_shingles, 3 near, 1 url" in web
    assert "  to twins in: source books 2, the same source and snapshot 2, its snapshot a 1" in web
    at = web.index("  5 of those that fell:")
    documents, twins = web[at + 1 :: 2], web[at + 2 :: 2]
    assert sorted(line.split()[1] for line in documents) == [f"https://mill.example/{n}" for n in (10, 6, 7, 8, 9)]
    assert all(line.startswith("      fell to ") for line in twins) and len(twins) == 5
    assert any("near: Jaccard 0.900, 9 of 10 shingles" in line for line in twins)


def test_what_is_held_is_columns() -> None:
    """A fallen document costs bytes, not objects: a corpus of 10⁹ would not fit otherwise."""
    rows: Rows = [(1, None, None), *((n, 1, "near") for n in range(2, 5002))]
    world = World({"a/0-0-0": rows})
    down = fallen(world.store, world.selection)
    held = sum(value.nbytes for value in vars(down).values() if isinstance(value, np.ndarray))
    assert held <= 64 * 5000
