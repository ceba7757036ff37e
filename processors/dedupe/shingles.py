"""Texts to the sets of their shingles.

In: texts as Arrow holds them. Out: of each text the 64-bit hashes of its shingles, every one once; hashes that are
equal count as equal shingles. A shingle is `size` consecutive tokens; what a token is says the unit (`words`, and
`simplified`). A text with fewer tokens than `size` has none.

Shingles of a long text are first parted by their highest bits, so that sets are made of some thousands at a time.
Those of a very long one are made a set whenever there are eight million of them: memory goes by different shingles.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from processors.dedupe.letters import letter_table
from processors.dedupe.words import CHARACTERS, CHUNK, SEGMENTED, SLACK, WORDS, tokens
from processors.filters.hashing import SEED, finish

UNITS = {"words": WORDS, "segmented": SEGMENTED, "characters": CHARACTERS}

_FACTOR = np.uint64(0xD6E8FEB86659FD93)  # of Pelle Evensen's mixers
_HALF, _BITS, _NONE = np.uint64(32), np.uint64(64), np.uint64(0)
_PLACES = 1 << 15  # of the table that tells hashes seen from new ones
_GROUP = _PLACES >> 2  # hashes put into it at once, when parted about half so many
_HELD = 1 << 23  # hashes held before equal ones are dropped


class Shingled(NamedTuple):
    """The shingles of n texts: those of text i are hashes[offsets[i] : offsets[i + 1]], sorted, each once."""

    offsets: np.ndarray  # int64[n + 1]
    hashes: np.ndarray  # uint64
    tokens: np.ndarray  # int64[n]: of each text


class Texts(NamedTuple):
    """Texts side by side: text i is data[offsets[i] : offsets[i + 1]]; `SLACK` bytes lie behind the last."""

    data: np.ndarray  # uint8, read-only
    offsets: np.ndarray  # int64[n + 1], read-only


def laid_out(texts: pa.Array) -> list[Texts]:
    """An array of strings without nulls as `Texts`, in order; the few that end too near the buffer's end are copied."""
    texts = texts.cast(pa.large_string())
    if not len(texts):
        return []
    _, ends, held = texts.buffers()
    offsets = np.frombuffer(ends, np.int64, len(texts) + 1, texts.offset * 8)
    data = np.frombuffer(held if held is not None else b"", np.uint8)
    near = int(np.searchsorted(offsets[1:], len(data) - SLACK, side="right"))
    copy = np.zeros(offsets[-1] - offsets[near] + SLACK, np.uint8)
    copy[:-SLACK] = data[offsets[near] : offsets[-1]]
    moved = offsets[near:] - offsets[near]
    for array in (data, offsets, copy, moved):
        array.flags.writeable = False  # one type for all: kernels are compiled once
    return [each for each in (Texts(data, offsets[: near + 1]), Texts(copy, moved)) if len(each.offsets) > 1]


def shingle_column(texts: pa.Array, unit: str, size: int) -> Shingled:
    """The shingles of an array of strings without nulls, for any unit."""
    if unit == "simplified":
        from processors.dedupe.simplified import simplified_shingles

        return Shingled(*simplified_shingles(texts.to_pylist(), size))
    found = [shingled(*part, UNITS[unit], size, letter_table()) for part in laid_out(texts)]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.concatenate([np.zeros(0, np.int64), *(lengths for _, lengths, _ in found)]), out=offsets[1:])
    if len(found) == 1:  # no copy
        return Shingled(offsets, found[0][0], found[0][2])
    hashes = np.concatenate([np.zeros(0, np.uint64), *(hashes for hashes, _, _ in found)])
    return Shingled(offsets, hashes, np.concatenate([np.zeros(0, np.int64), *(count for _, _, count in found)]))


def shingle_set(text: str, size: int, unit: str = "words") -> tuple[int, np.ndarray]:
    """The number of tokens, and the sorted distinct shingle hashes (uint64)."""
    found = shingle_column(pa.array([text], pa.large_string()), unit, size)
    return int(found.tokens[0]), found.hashes


@njit(nogil=True, cache=True)
def shingled(data, offsets, unit, size, table):
    """Hashes of all texts one after another, how many of each text, how many tokens of each."""
    n = len(offsets) - 1
    lengths, counts = np.empty(n, np.int64), np.empty(n, np.int64)
    work = workspace(offsets, unit, size)
    out = np.empty(room_for(offsets[n] - offsets[0], unit) + n, np.uint64)  # what is not written takes no memory
    total = 0
    for i in range(n):
        counts[i], found = distinct(data, offsets[i], offsets[i + 1], unit, size, table, work)
        _sort(found)
        lengths[i] = len(found)
        out[total : total + len(found)] = found
        total += len(found)
    return out[:total], lengths, counts


@njit(nogil=True, cache=True)
def room_for(count, unit):
    """The most tokens that `count` bytes can hold."""
    return count if unit == CHARACTERS else count // 2 + 1


@njit(nogil=True, cache=True)
def workspace(offsets, unit, size):
    """What `distinct` works in: room for hashes, an empty table, room for tokens."""
    longest = np.int64(0)
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    room = min(room_for(longest, unit), _HELD) + CHUNK
    return np.empty(room, np.uint64), np.zeros(2 * _PLACES, np.uint64), np.empty(size + CHUNK, np.uint64)


@njit(nogil=True, cache=True)
def distinct(data, start, end, unit, size, table, work):
    """The number of the text's tokens, and its different shingles, in order but for neighbours.

    These stand in work[0] as a rule: copy what is to stay.
    """
    hashes, places, buffer = work
    count, at, some, held = 0, start, 0, 0
    while at < end:
        new, at = tokens(data, start, end, at, unit, table, buffer[held:], some > 0)
        some += new
        held += new
        made = max(held - size + 1, 0)
        if count + made > len(hashes):
            count = _unique(hashes, count, places)
            if 2 * count > len(hashes):
                longer = np.empty(2 * len(hashes), np.uint64)  # what is not written takes no memory
                longer[:count] = hashes[:count]
                hashes = longer
        _hash_runs(buffer, size, hashes[count : count + made])
        count += made
        for i in range(held - made):
            buffer[i] = buffer[made + i]
        held -= made
    return some, hashes[: _unique(hashes, count, places)]


@njit(nogil=True, cache=True)
def _hash_runs(words, size, out):
    """The hash of the run of `size` words from each place on."""
    out[:] = SEED
    for k in range(size):
        for i in range(len(out)):
            value = (out[i] ^ words[i + k]) * _FACTOR
            out[i] = value ^ (value >> _HALF)
    for i in range(len(out)):
        out[i] = finish(out[i])


@njit(nogil=True, cache=True)
def _unique(hashes, count, places):
    """Leaves the different ones of the first `count` hashes at the front: their number."""
    if count <= _GROUP:
        return _unique_of_few(hashes, 0, count, 0, hashes, 0, places)
    bits = 1
    while count >> bits > _GROUP // 2:
        bits += 1
    shift = _BITS - np.uint64(bits)
    ends = np.zeros((1 << bits) + 1, np.int64)
    for i in range(count):
        ends[np.int64(hashes[i] >> shift) + 1] += 1
    for part in range(1 << bits):
        ends[part + 1] += ends[part]
    parted = np.empty(count, np.uint64)
    for i in range(count):
        own = np.int64(hashes[i] >> shift)
        parted[ends[own]] = hashes[i]
        ends[own] += 1
    kept, start = 0, 0
    for part in range(1 << bits):
        kept += _unique_of_few(parted, start, ends[part], bits, hashes, kept, places)
        start = ends[part]
    return kept


@njit(nogil=True, cache=True)
def _unique_of_few(hashes, start, end, known, out, to, places):
    """Writes the different ones of hashes[start:end] to `out` from `to` on: their number.

    The place of a hash in the table is given by its bits below the `known` highest, which are the same for all.
    `places` is empty before and after.
    """
    bits = 6
    while bits < 15 and 1 << bits < 4 * (end - start):
        bits += 1
    known, shift = np.uint64(known), _BITS - np.uint64(bits)
    last = np.int64(-1)
    for i in range(start, end):
        value = hashes[i]
        at = np.int64(value << known >> shift)
        while places[at] != _NONE and places[at] != value:
            at += 1
        places[at] = value
        last = max(last, at)
    count = 0
    for place in range(last + 1):
        out[to + count] = places[place]
        count += places[place] != _NONE
        places[place] = _NONE
    return count


@njit(nogil=True, cache=True)
def _sort(hashes):
    """Puts neighbours in order."""
    for i in range(1, len(hashes)):
        value, at = hashes[i], i
        while at > 0 and hashes[at - 1] > value:
            hashes[at] = hashes[at - 1]
            at -= 1
        hashes[at] = value


@njit(nogil=True, cache=True)
def num_common(left, right):
    """How many values two sorted arrays of distinct uint64 share."""
    i, j, both = 0, 0, 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            both += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return both
