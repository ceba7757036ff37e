"""A set has each run of tokens once, whatever the text's length."""

import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.dedupe.shingles import laid_out, num_common, shingle_column, shingle_set
from processors.dedupe.words import SLACK

LETTERS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30)


def runs(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


@given(LETTERS, LETTERS, st.integers(1, 6))
def test_a_set_has_each_shingle_once_sorted(left: list[str], right: list[str], size: int) -> None:
    found = shingle_column(pa.array([" ".join(left), " ".join(right)], pa.large_string()), "words", size)
    assert found.tokens.tolist() == [len(left), len(right)]
    sets = [found.hashes[a:b] for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    assert [len(each) for each in sets] == [len(runs(left, size)), len(runs(right, size))]
    assert all((each[1:] > each[:-1]).all() for each in sets)
    assert num_common(*sets) == len(runs(left, size) & runs(right, size))


@pytest.mark.parametrize("count", [4_095, 4_160, 8_192, 8_200, 100_000])
@pytest.mark.parametrize("kinds", [1, 7, 1_000_000])
def test_long_texts_are_no_different(count: int, kinds: int) -> None:
    draw = random.Random(count)
    words = [f"w{draw.randrange(kinds)}" for _ in range(count)]
    num, hashes = shingle_set(" ".join(words), 3)
    assert (num, len(hashes)) == (count, len(runs(words, 3)))
    assert (hashes[1:] > hashes[:-1]).all()
    windows = pa.array([" ".join(words[i : i + 3]) for i in range(count - 2)], pa.large_string())
    assert np.array_equal(np.unique(shingle_column(windows, "words", 3).hashes), hashes)


def test_very_long_texts_are_no_different() -> None:
    """More shingles than are held at once, nearly all of them different."""
    letters = np.random.default_rng(0).integers(97, 123, 8_400_000).astype(np.uint8)
    num, hashes = shingle_set(letters.tobytes().decode(), 8, "characters")
    windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(letters, 8)).view(np.uint64)
    assert (num, len(hashes)) == (len(letters), 1 + int(np.count_nonzero(np.diff(np.sort(windows.ravel())))))
    assert (hashes[1:] > hashes[:-1]).all()


@pytest.mark.parametrize("length", [1, 40, SLACK - 1, SLACK, SLACK + 1, 500])
def test_enough_lies_behind_every_text(length: int) -> None:
    texts = ["b" * 100, "a" * length, "", "c" * length, ""]
    array = pa.array(["first", *texts], pa.large_string()).slice(1)
    parts = laid_out(array)
    assert all(part.offsets[-1] + SLACK <= len(part.data) for part in parts)
    found = [part.data[a:b].tobytes().decode() for part in parts for a, b in pairwise(part.offsets)]
    assert found == texts


def test_no_texts_give_no_shingles() -> None:
    found = shingle_column(pa.array([], pa.large_string()), "words", 5)
    assert found.offsets.tolist() == [0] and len(found.hashes) == len(found.tokens) == 0
    found = shingle_column(pa.array(["", ""], pa.large_string()), "words", 1)
    assert found.offsets.tolist() == [0, 0, 0] and found.tokens.tolist() == [0, 0]


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20))
def test_common_values_are_counted(a: list[int], b: list[int]) -> None:
    left, right = (np.array(sorted(set(x)), np.uint64) for x in (a, b))
    assert num_common(left, right) == len(set(a) & set(b))
