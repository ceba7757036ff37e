"""Settle: which of many sets of shingles are alike, where comparing each with each would take too long.

A set is compared with kept ones only, and of those with the ones that can be alike:

- two sets with Jaccard >= t, their shingles in any one order, share a shingle among the first n - ceil(t n) + 1 of each
  (prefix filtering: Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007). Rare ones come first, so that
  what all pages of a site have in common brings nobody together;
- shingles that no other set has are in nobody's intersection, which bounds the size of what can be alike;
- two bitmaps that note of each bit whether an odd number of shingles fell on it differ in no more bits than the sets
  in shingles (Sandes, Teodoro and Melo 2020).

Nothing is missed. Shingles lie in a temporary file; memory holds the bitmaps and the rare ones of kept sets.
"""

import mmap
import tempfile
from collections.abc import Iterable

import numpy as np
from numba import njit

from processors.dedupe.pairs import fraction
from processors.filters.hashing import place, room

_COUNTERS = 1 << 25  # shingles are counted by the low bits of their hashes: close enough to tell the rare ones
_READ_AT_ONCE = 1 << 24  # shingles, 128 MB
_BITS = range(8, 14)  # of a place in a bitmap: it has 256 bits to 8192
_LEAP = 8  # following a posting takes as long as looking at so many kept sets in turn
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
        self.note(last - first)
        return self.hashes[first:last]

    def note(self, read: int) -> None:
        """So many shingles were read."""
        self._read += read
        if self._read > _READ_AT_ONCE:  # or the whole file would count as this process's memory in the end
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0


@njit(nogil=True, cache=True)
def _count(hashes, seen):
    for value in hashes:
        at = value & np.uint64(_COUNTERS - 1)
        if seen[at] < 255:
            seen[at] += 1


class Kept:
    """The kept sets of one component, found by the rare shingles that they share with another."""

    def __init__(self, sets: Spilled, threshold: float) -> None:
        self._limit = fraction(threshold)
        self._sets = sets
        shingles = 8 * int(sets.starts[-1]) // max(len(sets.starts) - 1, 1)  # a bitmap has eight bits for each
        self._bits = min(max(shingles.bit_length(), _BITS[0]), _BITS[-1])
        self._facts = np.zeros((8, 4), np.int64)  # of a set: name, number, size, the largest that can be alike
        self._bitmaps = np.zeros((8, 1 << self._bits - 6), np.uint64)
        self._asked = np.zeros(8, np.int64)
        self._table = np.zeros(8, np.uint64)
        self._head = np.full((8, 2), (_NONE, 0), np.int64)  # the last posting under a shingle, how many there are
        self._postings = np.zeros((8, 2), np.int64)  # the one before under the same shingle, a place among the kept
        self._kept = self._posted = self._distinct = self._questions = 0
        self._smallest = 1 << 62  # size of a kept set

    def nearest(self, number: int) -> tuple[int, int, int] | None:
        """Of kept sets whose Jaccard with set `number` reaches the threshold, the most alike: its name, both, either.

        Of equally alike ones, the one with the lowest name.
        """
        own = self._sets[number]
        outline, most = self._outline(own)
        if most < self._smallest:
            return None
        self._questions += 1
        name, both, either, read = _nearest(
            own, outline, (self._table, self._head, self._postings), (self._facts[: self._kept], self._bitmaps),
            (self._asked, self._questions), (self._sets.starts, self._sets.hashes), *self._limit,
        )  # fmt: skip
        self._sets.note(read)
        return (name, both, either) if both else None

    def add(self, number: int, name: int) -> None:
        """From now on, set `number` is kept, and called `name`."""
        own = self._sets[number]
        (prefix, _, bitmap), most = self._outline(own)
        if not most:
            return
        self._smallest = min(self._smallest, len(own))
        self._facts, self._bitmaps = _fit(self._facts, self._kept + 1), _fit(self._bitmaps, self._kept + 1)
        self._asked = _fit(self._asked, self._kept + 1)
        self._facts[self._kept], self._bitmaps[self._kept] = (name, number, len(own), most), bitmap
        self._postings = _fit(self._postings, self._posted + len(prefix))
        if 2 * (self._distinct + len(prefix)) > len(self._table):
            self._table, self._head = _rehash(self._table, self._head, room(2 * (self._distinct + len(prefix))))
        self._distinct += _post(prefix, self._kept, self._posted, self._table, self._head, self._postings)
        self._posted += len(prefix)
        self._kept += 1

    def _outline(self, own: np.ndarray) -> tuple[tuple[np.ndarray, int, np.ndarray], int]:
        """What `_outline` says of a set, and the largest size of one that can be alike; 0 where none can."""
        over, under = self._limit
        outline = _outline(own, self._sets.seen, self._bits, over, under)
        most = _most(outline[1], len(own), over, under)
        return outline, most if most * under >= over * len(own) else 0


def _fit(array: np.ndarray, size: int) -> np.ndarray:
    """The array, or one of twice the size with the same beginning."""
    if size <= len(array):
        return array
    return np.concatenate([array, np.zeros((2 * size - len(array), *array.shape[1:]), array.dtype)])


@njit(nogil=True, cache=True)
def _outline(own, seen, bits, over, under):
    """What tells from afar that a set cannot be alike: its prefix, how many shingles others may have, its bitmap.

    Shingles of the prefix that occur once are left out: nobody shares them.
    """
    times, counts = np.empty(len(own), np.uint8), np.zeros(256, np.int64)
    bitmap, shift = np.zeros(1 << (bits - 6), np.uint64), np.uint64(64 - bits)
    for i in range(len(own)):
        times[i] = seen[own[i] & np.uint64(_COUNTERS - 1)]
        counts[times[i]] += 1
        bit = own[i] >> shift
        bitmap[bit >> np.uint64(6)] ^= np.uint64(1) << (bit & np.uint64(63))
    left = min(len(own) + (-over * len(own)) // under + 1, len(own))
    last = 0  # shingles that occur more often than so are not in the prefix
    while left > counts[last]:
        left -= counts[last]
        last += 1
    prefix, count = np.empty(len(own), np.uint64), 0
    for i in range(len(own)):
        if times[i] < last or (times[i] == last and left > 0):
            left -= times[i] == last
            if times[i] > 1:
                prefix[count] = own[i]
                count += 1
    return prefix[:count].copy(), len(own) - counts[1], bitmap


@njit(nogil=True, cache=True)
def _most(shared, size, over, under):
    """The largest size that goes with both <= shared and both >= t either, where either = both sizes - both."""
    return shared * (over + under) // over - size


@njit(nogil=True, cache=True)
def _nearest(own, outline, index, known, asking, sets, over, under):
    """The kept set most like `own`: its name, both, either, all 0 where none is alike; how many shingles were read."""
    prefix, shared, bitmap = outline
    facts, bitmaps = known
    starts, hashes = sets
    everywhere, places = _where(prefix, index, asking, len(facts))
    found, common, read, most = 0, 0, 0, _most(shared, len(own), over, under)
    for i in range(len(facts) if everywhere else len(places)):
        kept = len(facts) - 1 - i if everywhere else places[i]  # the last ones first: as a rule, the nearest in size
        name, number, size, largest = facts[kept]
        if size > most or largest < len(own):
            continue
        total = len(own) + size  # both >= t either, where either = total - both and total - 2 both is in one of them
        spare = total * (under - over) - _differ(bitmap, bitmaps[kept]) * (over + under)
        if spare < 0 or (spare == 0 and common and name > found):
            continue
        read += size
        both = _common(own, hashes[starts[number] : starts[number + 1]], -(-over * total // (over + under)))
        better = both * under - over * (total - both)
        if better > 0 or (better == 0 and (not common or name < found)):
            found, common, over, under = name, both, both, total - both  # from here on, only what is as much alike
            most = _most(shared, len(own), over, under)
    return found, common, under if common else 0, read


@njit(nogil=True, cache=True)
def _where(prefix, index, asking, kept):
    """Which kept sets to look at: whether all, else their places."""
    table, head, postings = index
    asked, question = asking
    bits, listed = room(len(table) // 2), 0
    slots = np.empty(len(prefix), np.int64)
    for i in range(len(prefix)):
        slots[i] = place(table, bits, prefix[i])
        listed += head[slots[i], 1]
    everywhere = _LEAP * listed > kept
    places, count = np.empty(0 if everywhere else listed, np.int64), 0
    for slot in slots[: 0 if everywhere else len(slots)]:
        posting = head[slot, 0]
        while posting >= 0:
            posting, at = postings[posting]
            if asked[at] != question:
                asked[at] = question
                places[count] = at
                count += 1
    return everywhere, places[:count]


@njit(nogil=True, cache=True)
def _differ(left, right):
    """In how many bits two bitmaps differ. LLVM knows this way to count bits and does many words at once."""
    total = np.uint64(0)
    for i in range(len(left)):
        bits = left[i] ^ right[i]
        bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
        bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
        bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        total += bits * np.uint64(0x0101010101010101) >> np.uint64(56)
    return np.int64(total)


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
def _post(prefix, kept, at, table, head, postings):
    """Enters a kept set under every shingle of its prefix; returns how many of them are new."""
    bits = room(len(table) // 2)
    new = 0
    for value in prefix:
        slot = place(table, bits, value)
        new += table[slot] != value
        table[slot] = value
        postings[at, 0], postings[at, 1] = head[slot, 0], kept
        head[slot, 0] = at
        head[slot, 1] += 1
        at += 1
    return new


@njit(nogil=True, cache=True)
def _rehash(table, head, bits):
    larger, heads = np.zeros(1 << bits, np.uint64), np.empty((1 << bits, 2), np.int64)
    heads[:, 0], heads[:, 1] = _NONE, 0
    for i in range(len(table)):
        if head[i, 1]:
            slot = place(larger, bits, table[i])
            larger[slot], heads[slot] = table[i], head[i]
    return larger, heads
