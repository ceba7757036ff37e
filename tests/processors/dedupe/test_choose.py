"""The guarantee: no two kept documents are alike, every fallen one has a kept twin, the filtered stand for none."""

import hashlib
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.dedupe.choose import Chosen, Edges, Members, choose, choose_large
from processors.dedupe.settle import Spilled

THRESHOLD = 0.5


def name(shingles: frozenset[int]) -> int:
    return int.from_bytes(hashlib.md5(repr(sorted(shingles)).encode()).digest()[:8], "big")


def members(sets: list[frozenset[int]], passes: list[bool], sizes: list[int], urls: list[int] | None = None) -> Members:
    names = np.array([name(each) for each in sets], np.uint64)
    place = np.argsort(sorted(range(len(sets)), key=lambda d: (not passes[d], -sizes[d], d)))
    return Members(
        np.zeros(len(sets), np.int64), names, np.array([len(each) for each in sets]),
        np.array(urls or [-1] * len(sets)), np.array(passes, bool), place,
    )  # fmt: skip


def select(sets: list[frozenset[int]], passes: list[bool], sizes: list[int], urls: list[int] | None = None) -> Chosen:
    """Choose among documents given by their shingle sets, with every alike pair known."""
    pairs = [
        (name(a), name(b), len(a & b), len(a | b))
        for a, b in combinations(sorted(set(sets), key=name), 2)
        if jaccard(a, b) >= THRESHOLD
    ]
    ends = [np.array([pair[k] for pair in pairs], np.uint64) for k in (0, 1)]
    both, either = (np.array([pair[k] for pair in pairs], np.int64) for k in (2, 3))
    edges = Edges(np.zeros(len(pairs), np.int64), (ends[0], ends[1]), both, either)
    return choose(members(sets, passes, sizes, urls), edges)


def select_large(
    sets: list[frozenset[int]], passes: list[bool], sizes: list[int], urls: list[int] | None = None
) -> Chosen:
    """The same, where alike sets are looked for when they are needed."""
    distinct = sorted(set(sets), key=name)
    hashes = np.concatenate([np.array(sorted(each), np.uint64) + np.uint64(1) for each in distinct])
    offsets = np.cumsum([0, *map(len, distinct)])
    number = np.array([distinct.index(each) for each in sets])
    return choose_large(members(sets, passes, sizes, urls), number, Spilled([(offsets, hashes)]), THRESHOLD)


def jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / len(a | b)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[frozenset[int]], list[bool], list[int], list[int]]:
    """Shingle sets, whether each document passes the filters, its size, its URL."""
    sets = draw(st.lists(st.frozensets(st.integers(0, 6), min_size=1), min_size=1, max_size=12))
    n = len(sets)
    passes = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    sizes = draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    return sets, passes, sizes, draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))


def oracle(sets: list[frozenset[int]], passes: list[bool], sizes: list[int], urls: list[int]) -> list[int]:
    """Passing documents by size then position, each kept unless a kept one is alike or has its URL."""
    kept: list[int] = []
    for document in sorted(np.flatnonzero(passes).tolist(), key=lambda d: (-sizes[d], d)):
        alike = [other for other in kept if jaccard(sets[document], sets[other]) >= THRESHOLD]
        visits = [other for other in kept if urls[document] >= 0 and urls[document] == urls[other]]
        if not alike and not visits:
            kept.append(document)
    return sorted(kept)


@given(corpora())
def test_the_guarantee(corpus: tuple[list[frozenset[int]], list[bool], list[int], list[int]]) -> None:
    sets, passes, sizes, urls = corpus
    for chosen in (select(*corpus), select_large(*corpus)):
        kept = np.flatnonzero(chosen.kept).tolist()
        assert kept == oracle(*corpus)
        for a, b in combinations(kept, 2):
            assert jaccard(sets[a], sets[b]) < THRESHOLD and (urls[a] < 0 or urls[a] != urls[b])
        for document, twin in enumerate(chosen.twin.tolist()):
            if twin < 0:
                assert (document in kept) == passes[document]
                continue
            before = [other for other in kept if (-sizes[other], other) < (-sizes[document], document)]
            assert twin in before and document not in kept and passes[document]
            best = max(jaccard(sets[document], sets[other]) for other in before)
            if chosen.either[document]:
                similarity = chosen.both[document] / chosen.either[document]
                assert similarity == jaccard(sets[document], sets[twin]) >= THRESHOLD
            else:  # only the URL is the same
                assert urls[document] == urls[twin] and chosen.both[document] == 0 and best < THRESHOLD


@given(corpora())
def test_many_sets_are_decided_on_as_few_are(
    corpus: tuple[list[frozenset[int]], list[bool], list[int], list[int]],
) -> None:
    few, many = select(*corpus), select_large(*corpus)
    for name in ("kept", "twin", "both", "either"):
        assert getattr(few, name).tolist() == getattr(many, name).tolist(), name


def test_a_visit_that_a_filter_drops_does_not_stand_for_the_other() -> None:
    a, b = frozenset({1, 2, 3}), frozenset({7, 8, 9})
    assert select([a, b], [True, True], [2, 1], urls=[0, 0]).kept.tolist() == [True, False]
    assert select([a, b], [False, True], [2, 1], urls=[0, 0]).kept.tolist() == [False, True]
    assert select([a, b], [True, True], [2, 1], urls=[0, 1]).kept.tolist() == [True, True]


def test_a_chain_does_not_drop_what_is_unlike_the_kept() -> None:
    a, b, c = frozenset({1, 2, 3, 4}), frozenset({3, 4, 5, 6, 2}), frozenset({5, 6, 7, 8})
    chosen = select([b, a, c], [True] * 3, [1, 3, 2])
    assert chosen.kept.tolist() == [False, True, True]  # b is like a only in part: it falls for a, c stays


def test_a_twin_returns_when_its_longer_copy_fails_a_filter() -> None:
    same = frozenset({1, 2, 3})
    assert select([same] * 3, [True] * 3, [1, 2, 3]).kept.tolist() == [False, False, True]
    assert select([same] * 3, [True, True, False], [1, 2, 3]).kept.tolist() == [False, True, False]
