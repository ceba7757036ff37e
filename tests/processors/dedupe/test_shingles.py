"""Shingles are Python's own words; signatures are datasketch's own numbers."""

import re
from fractions import Fraction

import datasketch
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.dedupe.pairs import candidates, components, verify
from processors.dedupe.shingles import num_common, permutations, shingle_set, signature

HOSTILE = st.text(
    alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("aB _İςΣ\u0301\u200d日本9٣")), max_size=60
)


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@given(HOSTILE)
def test_words_are_those_of_re_and_lower(text: str) -> None:
    assert shingle_set(text, 1)[0] == len(tokens(text))
    assert len(shingle_set(text, 1)[1]) == len(set(tokens(text)))


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30), st.integers(1, 6))
def test_a_set_has_each_shingle_once_sorted(words: list[str], size: int) -> None:
    count, hashes = shingle_set(" ".join(words), size)
    assert count == len(words)
    assert len(hashes) == len({tuple(words[i : i + size]) for i in range(len(words) - size + 1)})
    assert (np.diff(hashes.astype(object)) > 0).all()


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20))
def test_common_values_are_counted(a: list[int], b: list[int]) -> None:
    left, right = (np.array(sorted(set(x)), np.uint64) for x in (a, b))
    assert num_common(left, right) == len(set(a) & set(b))


def test_a_stored_signature_is_a_datasketch_minhash() -> None:
    _, left = shingle_set("one two three four five six seven eight", 2)
    _, right = shingle_set("one two three four five six seven nine", 2)
    ours = [
        datasketch.MinHash(num_perm=128, seed=3, scheme="affine32", hashvalues=signature(s, 128, 3))
        for s in (left, right)
    ]
    theirs = []
    for shingles in (left, right):
        minhash = datasketch.MinHash(num_perm=128, seed=3, scheme="affine32", hashfunc=lambda value: value)
        minhash.update_batch([int(x) & 0xFFFFFFFF for x in shingles])
        theirs.append(minhash)
    for mine, reference in zip(ours, theirs, strict=True):
        assert np.array_equal(mine.hashvalues, reference.hashvalues)
    assert ours[0].jaccard(ours[1]) == theirs[0].jaccard(theirs[1])
    assert permutations(128, 3)[0].dtype == np.uint32


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), max_size=12))
def test_candidates_are_the_pairs_that_agree_on_a_band(rows: list[list[int]]) -> None:
    signatures = np.array(rows, np.uint32).reshape(-1, 4)
    expected = [
        [i, j]
        for i in range(len(rows))
        for j in range(i + 1, len(rows))
        if rows[i][:2] == rows[j][:2] or rows[i][2:] == rows[j][2:]
    ]
    assert candidates(signatures, 2, 2).tolist() == expected


@given(st.lists(st.sets(st.integers(0, 9), min_size=1), min_size=2, max_size=8), st.sampled_from([0.5, 0.7, 0.8, 1.0]))
def test_pairs_are_verified_in_integers(sets: list[set[int]], threshold: float) -> None:
    arrays = [np.array(sorted(each), np.uint64) for each in sets]
    every = np.array([(i, j) for i in range(len(sets)) for j in range(i + 1, len(sets))], np.int64)
    expected = [
        (i, j, len(sets[i] & sets[j]), len(sets[i] | sets[j]))
        for i, j in every.tolist()
        if Fraction(len(sets[i] & sets[j]), len(sets[i] | sets[j])) >= Fraction(str(threshold))
    ]
    assert verify(every, arrays.__getitem__, threshold).tolist() == [list(row) for row in expected]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_a_component_is_named_by_its_smallest_member(edges: list[tuple[int, int]]) -> None:
    expected = list(range(10))
    for _ in range(10):
        for a, b in edges:
            expected[a] = expected[b] = min(expected[a], expected[b])
    assert components(10, np.array(edges, np.int64).reshape(-1, 2)).tolist() == expected
