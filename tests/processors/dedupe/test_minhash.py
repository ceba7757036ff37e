"""Signatures are datasketch's own numbers; a set's name depends on the set only."""

import datasketch
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.dedupe.minhash import name_sets, permutations, signature
from processors.dedupe.shingles import shingle_set


def reference(hashes: np.ndarray) -> datasketch.MinHash:
    minhash = datasketch.MinHash(num_perm=128, seed=3, scheme="affine32", hashfunc=lambda value: value)
    minhash.update_batch([int(x) & 0xFFFFFFFF for x in hashes])
    return minhash


def stored(hashes: np.ndarray) -> datasketch.MinHash:
    return datasketch.MinHash(num_perm=128, seed=3, scheme="affine32", hashvalues=signature(hashes, 128, 3))


def test_a_stored_signature_is_a_datasketch_minhash() -> None:
    sets = [shingle_set(f"one two three four five six seven {last}", 2)[1] for last in ("eight", "nine")]
    ours, theirs = list(map(stored, sets)), list(map(reference, sets))
    for mine, each in zip(ours, theirs, strict=True):
        assert np.array_equal(mine.hashvalues, each.hashvalues)
    assert ours[0].jaccard(ours[1]) == theirs[0].jaccard(theirs[1])
    assert permutations(128, 3)[0].dtype == np.uint32


@pytest.mark.parametrize("count", [1, 63, 64, 65, 2_047, 2_048, 2_049, 5_000])
def test_sets_of_any_size_are_signed(count: int) -> None:
    hashes = np.random.default_rng(count).integers(0, 1 << 64, count, np.uint64, endpoint=False)
    assert np.array_equal(signature(hashes, 128, 3), reference(hashes).hashvalues)


@given(st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=8))
def test_a_name_depends_on_the_set_only(sets: list[set[int]]) -> None:
    hashes = [np.array(sorted(each), np.uint64) for each in sets]
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in hashes])])
    names = name_sets(offsets, np.concatenate(hashes)).tolist()
    turned = name_sets(offsets, np.concatenate([each[::-1].copy() for each in hashes])).tolist()
    assert names == turned
    assert len(set(map(tuple, names))) == len(set(map(frozenset, sets)))
