"""The guarantee: no two kept documents are alike, every fallen one has a kept twin, the filtered stand for none."""

import hashlib

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.schema import PAIRS
from processors.dedupe.pairs import components, verify
from processors.dedupe.select import Chosen, Population, choose, selection_table

THRESHOLD = 0.5


def name(shingles: frozenset[int]) -> bytes:
    return hashlib.md5(repr(sorted(shingles)).encode()).digest()


def select(
    sets: list[frozenset[int]],
    passes: list[bool],
    sizes: list[int],
    share: float = 0.0,
    urls: list[int] | None = None,
) -> tuple[Chosen, Population]:
    """Choose among documents given by their shingle sets, with every pair proposed."""
    distinct = sorted(set(sets), key=name)
    arrays = [np.array(sorted(each), np.uint64) for each in distinct]
    every = np.array([(i, j) for i in range(len(distinct)) for j in range(i + 1, len(distinct))], np.int64).reshape(
        -1, 2
    )
    edges = verify(every, arrays.__getitem__, THRESHOLD)
    component = components(len(distinct), edges[:, :2])
    rows = [
        (name(distinct[component[i]]), name(distinct[i]), name(distinct[j]), both, either)
        for i, j, both, either in edges.tolist()
    ]
    pairs = pa.table([list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 5, schema=PAIRS)
    names = np.array([list(name(each)) for each in sets], np.uint8).reshape(-1, 16)
    ids = np.zeros((len(sets), 16), np.uint8)
    ids[:, 15] = np.arange(len(sets))
    shingles = np.array([len(each) for each in sets])
    ranks, at_url = np.zeros(len(sets), np.int64), np.array(urls or [-1] * len(sets))
    people = Population(ids, names, shingles, np.array(sizes), np.array(passes, bool), ranks, at_url)
    return choose(people, pairs, share, 1), people


def jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / len(a | b)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[frozenset[int]], list[bool], list[int]]:
    sets = draw(st.lists(st.frozensets(st.integers(0, 6), min_size=1), min_size=1, max_size=12))
    passes = draw(st.lists(st.booleans(), min_size=len(sets), max_size=len(sets)))
    sizes = draw(st.lists(st.integers(1, 3), min_size=len(sets), max_size=len(sets)))
    return sets, passes, sizes


@given(corpora())
def test_the_guarantee(corpus: tuple[list[frozenset[int]], list[bool], list[int]]) -> None:
    sets, passes, sizes = corpus
    chosen, _ = select(sets, passes, sizes)
    kept = np.flatnonzero(chosen.kept).tolist()
    for k, a in enumerate(kept):
        assert passes[a]
        assert all(jaccard(sets[a], sets[b]) < THRESHOLD for b in kept[k + 1 :])
    for document, twin in enumerate(chosen.twin.tolist()):
        if twin >= 0:
            assert twin in kept and document not in kept and passes[document]
            assert chosen.both[document] / chosen.either[document] == jaccard(sets[document], sets[twin]) >= THRESHOLD
        else:
            assert (document in kept) == passes[document]


@given(corpora())
def test_the_preferred_are_kept_first(corpus: tuple[list[frozenset[int]], list[bool], list[int]]) -> None:
    """An oracle: passing documents by size then id, each kept unless a kept one is alike."""
    sets, passes, sizes = corpus
    kept: list[int] = []
    for document in sorted(np.flatnonzero(passes).tolist(), key=lambda d: (-sizes[d], d)):
        if all(jaccard(sets[document], sets[other]) < THRESHOLD for other in kept):
            kept.append(document)
    assert np.flatnonzero(select(sets, passes, sizes)[0].kept).tolist() == sorted(kept)


@given(corpora(), st.data())
def test_the_guarantee_with_urls(
    corpus: tuple[list[frozenset[int]], list[bool], list[int]], data: st.DataObject
) -> None:
    """An oracle: passing documents by size then id, each kept unless a kept one is alike or has its URL."""
    sets, passes, sizes = corpus
    urls = data.draw(st.lists(st.integers(-1, 3), min_size=len(sets), max_size=len(sets)))
    chosen, people = select(sets, passes, sizes, urls=urls)
    kept: list[int] = []
    for document in sorted(np.flatnonzero(passes).tolist(), key=lambda d: (-sizes[d], d)):
        alike = [other for other in kept if jaccard(sets[document], sets[other]) >= THRESHOLD]
        visits = [other for other in kept if urls[document] >= 0 and urls[document] == urls[other]]
        if not alike and not visits:
            kept.append(document)
    assert np.flatnonzero(chosen.kept).tolist() == sorted(kept)
    table = selection_table(people, chosen, slice(0, len(sets)))
    for document, row in enumerate(table.to_pylist()):
        fell = passes[document] and document not in kept
        twin = int(chosen.twin[document])
        assert (row["by"] is not None) == fell == (twin in kept)
        if row["by"] == "url":
            assert urls[document] == urls[twin] and row["both"] is row["either"] is None
            assert all(jaccard(sets[document], sets[other]) < THRESHOLD for other in kept)
        elif fell:
            assert row["both"] / row["either"] == jaccard(sets[document], sets[twin]) >= THRESHOLD
            assert row["by"] == ("same_shingles" if sets[document] == sets[twin] else "near")


def test_a_visit_that_a_filter_drops_does_not_stand_for_the_other() -> None:
    a, b = frozenset({1, 2, 3}), frozenset({7, 8, 9})
    assert select([a, b], [True, True], [2, 1], urls=[0, 0])[0].kept.tolist() == [True, False]
    assert select([a, b], [False, True], [2, 1], urls=[0, 0])[0].kept.tolist() == [False, True]
    assert select([a, b], [True, True], [2, 1], urls=[0, 1])[0].kept.tolist() == [True, True]


def test_a_chain_does_not_drop_what_is_unlike_the_kept() -> None:
    a, b, c = frozenset({1, 2, 3, 4}), frozenset({3, 4, 5, 6, 2}), frozenset({5, 6, 7, 8})
    chosen, _ = select([b, a, c], [True] * 3, [1, 3, 2])
    assert chosen.kept.tolist() == [False, True, True]  # b is like a only in part: it falls for a, c stays


def test_a_twin_returns_when_its_longer_copy_fails_a_filter() -> None:
    same = frozenset({1, 2, 3})
    assert select([same] * 3, [True] * 3, [1, 2, 3])[0].kept.tolist() == [False, False, True]
    assert select([same] * 3, [True, True, False], [1, 2, 3])[0].kept.tolist() == [False, True, False]


def test_components_are_held_out_whole() -> None:
    sets = [frozenset({n, n + 1, n + 2}) for n in range(0, 900, 3)]
    chosen, _ = select(sets, [True] * len(sets), [1] * len(sets), share=0.2)
    assert 30 < chosen.heldout.sum() < 90
    assert (chosen.heldout <= chosen.kept).all()
