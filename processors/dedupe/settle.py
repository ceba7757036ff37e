"""Settle: which of many sets of shingles are alike, where comparing each with each would take too long.

A set is compared with kept ones only, and of those with the ones that can be alike: two sets with Jaccard >= t, their
shingles in any one order, share a shingle among the first n - ceil(t n) + 1 of each (prefix filtering: Chaudhuri,
Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007), and the places of the first shared one tell how many can follow
(PPJoin: Xiao et al. 2008). Rare shingles come first, so that what all pages of a site have in common brings nobody
together. Nothing is missed. Shingles lie in a temporary file; memory holds the rare ones of kept sets.
"""

import mmap
import tempfile
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numba import njit

from processors.filters.hashing import place, room

_COUNTERS = 1 << 24  # shingles are counted by the low bits of their hashes: close enough to tell the rare ones
_READ_AT_ONCE = 1 << 24  # shingles, 128 MB
_NONE = -1


class Spilled:
    """Sets of shingles in a temporary file, mapped into memory, numbered as they came."""

    def __init__(self, parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        self.seen = np.zeros(_COUNTERS, np.uint8)
        starts = [np.zeros(1, np.int64)]
        with tempfile.TemporaryFile() as file:
            for offsets, hashes in parts:
                _count(hashes, self.seen)
                file.write(hashes.tobytes())
                starts.append(starts[-1][-1] + offsets[1:])
            file.write(bytes(8))  # an empty file cannot be mapped
            file.flush()
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.starts = np.concatenate(starts)
        self.hashes = np.frombuffer(self._map, np.uint64)
        self._read = 0

    def __getitem__(self, number: int) -> np.ndarray:
        first, last = self.starts[number : number + 2].tolist()
        self._read += last - first
        if self._read > _READ_AT_ONCE:  # or the whole file would count as this process's memory in the end
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0
        return self.hashes[first:last]


@njit(nogil=True, cache=True)
def _count(hashes, seen):
    for value in hashes:
        at = value & np.uint64(_COUNTERS - 1)
        if seen[at] < 255:
            seen[at] += 1


class Kept:
    """The kept sets of one component, found by the rare shingles that they share with another."""

    def __init__(self, sets: Spilled, threshold: float) -> None:
        limit = Fraction(str(threshold))
        self._over, self._under = limit.numerator, limit.denominator
        self._sets = sets
        self._numbers = np.zeros(8, np.int64)
        self._asked = np.zeros(8, np.int64)
        self._table, self._head = np.zeros(8, np.uint64), np.full(8, _NONE, np.int64)
        self._postings = np.zeros((8, 3), np.int64)  # the next one under the same shingle, a kept set, the place in it
        self._kept = self._posted = self._distinct = self._questions = 0

    def alike(self, number: int) -> list[tuple[int, int, int]]:
        """Every kept set whose Jaccard with set `number` reaches the threshold: its number, both, either."""
        own = self._sets[number]
        self._questions += 1
        found: np.ndarray = _alike(
            own, *self._prefix(own), (self._table, self._head, self._postings, self._numbers),
            (self._asked, self._questions), self._sets.starts, self._sets.hashes, self._over, self._under,
        )  # fmt: skip
        return [(int(other), int(both), int(either)) for other, both, either in found.tolist()]

    def add(self, number: int) -> None:
        """From now on, set `number` is kept."""
        prefix, places = self._prefix(self._sets[number])
        self._numbers, self._asked = _fit(self._numbers, self._kept + 1), _fit(self._asked, self._kept + 1)
        self._numbers[self._kept] = number
        self._postings = _fit(self._postings, self._posted + len(prefix))
        if 2 * (self._distinct + len(prefix)) > len(self._table):
            self._table, self._head = _rehash(self._table, self._head, room(2 * (self._distinct + len(prefix))))
        self._distinct += _post(prefix, places, self._kept, self._posted, self._table, self._head, self._postings)
        self._posted += len(prefix)
        self._kept += 1

    def _prefix(self, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found: tuple[np.ndarray, np.ndarray] = _rarest(
            own, self._sets.seen, len(own) - -(-self._over * len(own) // self._under) + 1
        )
        return found


def _fit(array: np.ndarray, size: int) -> np.ndarray:
    """The array, or one of twice the size with the same beginning."""
    if size <= len(array):
        return array
    return np.concatenate([array, np.zeros((2 * size - len(array), *array.shape[1:]), array.dtype)])


@njit(nogil=True, cache=True)
def _rarest(hashes, seen, count):
    """The first `count` shingles of a set in the order that all sets share, rare ones first, and their places in it.

    Those that occur once are left out: nobody shares them.
    """
    times = np.empty(len(hashes), np.int64)
    for i in range(len(hashes)):
        times[i] = seen[hashes[i] & np.uint64(_COUNTERS - 1)]
    order = np.argsort(times, kind="mergesort")[:count]
    out, places = np.empty(len(order), np.uint64), np.empty(len(order), np.int64)
    kept = 0
    for at in range(len(order)):
        if times[order[at]] > 1:
            out[kept], places[kept] = hashes[order[at]], at
            kept += 1
    return out[:kept].copy(), places[:kept].copy()


@njit(nogil=True, cache=True)
def _alike(own, prefix, places, index, asking, starts, hashes, over, under):
    """Kept sets alike to `own`: int64[m, 3] = number, both, either.

    A kept set first met at place i of `own` and j of its own shares nothing before: at most 1 + what follows both.
    """
    table, head, postings, numbers = index
    asked, question = asking
    out = np.empty((4, 3), np.int64)
    count = 0
    bits = room(len(table) // 2)
    for at in range(len(prefix)):
        posting = head[place(table, bits, prefix[at])]
        while posting >= 0:
            following, kept, there = postings[posting]
            posting = following
            if asked[kept] == question:
                continue
            asked[kept] = question
            first, last = starts[numbers[kept]], starts[numbers[kept] + 1]
            size = last - first
            least = -(-over * (len(own) + size) // (over + under))  # both >= t either, either = sizes - both
            if min(len(own) - places[at], size - there) < least:
                continue
            both = _common(own, hashes[first:last], least)
            if both >= least:
                if count == len(out):
                    out = np.concatenate((out, np.empty_like(out)))
                out[count, 0], out[count, 1], out[count, 2] = numbers[kept], both, len(own) + size - both
                count += 1
    return out[:count]


@njit(nogil=True, cache=True)
def _common(left, right, least):
    """How many values two sorted arrays of distinct ones share; less than `least` as soon as it cannot be so many."""
    i, j, both = 0, 0, 0
    while i < len(left) and j < len(right):
        if both + min(len(left) - i, len(right) - j) < least:
            return -1
        a, b = left[i], right[j]
        both += a == b
        i += a <= b
        j += b <= a
    return both


@njit(nogil=True, cache=True)
def _post(prefix, places, kept, at, table, head, postings):
    """Enters a kept set under every shingle of its prefix; returns how many of them are new."""
    bits = room(len(table) // 2)
    new = 0
    for i in range(len(prefix)):
        slot = place(table, bits, prefix[i])
        new += table[slot] != prefix[i]
        table[slot] = prefix[i]
        postings[at, 0], postings[at, 1], postings[at, 2] = head[slot], kept, places[i]
        head[slot] = at
        at += 1
    return new


@njit(nogil=True, cache=True)
def _rehash(table, head, bits):
    larger, heads = np.zeros(1 << bits, np.uint64), np.full(1 << bits, _NONE, np.int64)
    for i in range(len(table)):
        if head[i] >= 0:
            slot = place(larger, bits, table[i])
            larger[slot], heads[slot] = table[i], head[i]
    return larger, heads
