"""The compiled walk over a column's texts: units found, looked up, merged where they are new, and remembered.

`tokenizer.bpe` says what a unit is and how it is merged.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from tokenizer.bpe import (
    JOINED,
    LOOK,
    leaves_of,
    merge,
    put_bytes,
    unit_end,
    user_symbol,
    word_at,
)

SCRATCH = 4_096  # characters of a unit that is merged in memory kept for it
UNITS = 1_024  # that are found before they are looked up
SHORT_WORDS, LONG_WORDS = 4, 16  # of eight bytes in an entry
_SHORT_BYTES, _LONG_BYTES = 16, 64
_WORD_BYTES = 8
_SIZE_SHIFT, _COUNT = 8, 0xFF
_ASCII = 0x80
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)


class Cache(NamedTuple):
    """Ids of units. An entry is a row: half of it the unit's bytes, then `bytes << 8 | ids`, then the ids.

    Two rows side by side are one place: what comes in pushes the first one to the second.
    """

    short: np.ndarray  # uint64[2^k, 4]: units of up to 16 bytes
    short_ids: np.ndarray  # uint16|uint32: the same memory
    long: np.ndarray  # uint64[2^k, 16]: units of up to 64 bytes
    long_ids: np.ndarray


@njit(nogil=True, cache=True)
def word_of(data, i, end):
    """Up to eight bytes from `i` on as one number; those from `end` on are 0."""
    if end - i >= _WORD_BYTES:
        return word_at(data, i)
    if end <= i:
        return np.uint64(0)
    if i + _WORD_BYTES <= data.size:
        return word_at(data, i) & (_ALL >> np.uint64(64 - 8 * (end - i)))
    word = np.uint64(0)
    for k in range(i, end):
        word |= np.uint64(data[k]) << np.uint64(8 * (k - i))
    return word


@njit(nogil=True, cache=True)
def merge_unit(data, i, j, tables, scratch, out, to):
    """Merges the unit from `i` to `j` and writes its ids; returns where the next id goes."""
    held, sizes, pairs, tree = scratch
    if j - i > SCRATCH:
        held, sizes, pairs = np.empty(j - i, np.int32), np.empty(j - i, np.int16), np.empty(j - i, np.int32)
    if j - i > SCRATCH:
        tree = np.empty(2 * leaves_of(j - i), np.int32)
    n = merge(data, i, j, held, sizes, pairs, tree, tables)
    k = 0
    while k < n:
        found = tables.ids[held[k]] if held[k] > 0 else held[k] - 1
        if found >= 0:
            out[to] = found
            to += 1
        else:
            to = put_bytes(-2 - found, out, to, tables)
        k += sizes[k]
    return to


@njit(nogil=True, cache=True)
def remember(words, ids, place, data, i, j, out, start, to):
    """Puts the unit from `i` to `j` at a place of the cache, if its ids fit an entry."""
    half = ids.shape[1] // 2
    if to - start >= half:
        return
    for k in range(words.shape[1]):
        words[place + 1, k] = words[place, k]
    for k in range(words.shape[1] // 2):
        words[place, k] = word_of(data, i + _WORD_BYTES * k, j)
    ids[place, half] = (j - i) << _SIZE_SHIFT | (to - start)
    for k in range(to - start):
        ids[place, half + 1 + k] = out[start + k]


@njit(nogil=True, cache=True)
def put_new(data, i, j, tables, words, ids, place, scratch, out, to):
    """Merges a unit, writes its ids and remembers them; returns where the next id goes."""
    start = to
    to = merge_unit(data, i, j, tables, scratch, out, to)
    remember(words, ids, place, data, i, j, out, start, to)
    return to


@njit(nogil=True, cache=True)
def entry_of(words, ids, place, data, i, j):
    """The entry of the unit from `i` to `j` at its place, -1 where there is none."""
    half = ids.shape[1] // 2
    for entry in range(place, place + 2):
        if ids[entry, half] >> _SIZE_SHIFT == j - i:
            k = 0
            while i + _WORD_BYTES * k < j and words[entry, k] == word_of(data, i + _WORD_BYTES * k, j):
                k += 1
            if i + _WORD_BYTES * k >= j:
                return entry
    return -1


@njit(nogil=True, cache=True)
def place_of(words, data, i, j):
    """Where the unit from `i` to `j` belongs in the cache."""
    value = np.uint64(j - i)
    for at in range(i, j, _WORD_BYTES):
        value = (value ^ word_of(data, at, j)) * _MULTIPLY
        value ^= value >> np.uint64(32)
    value *= _MULTIPLY
    return np.int64(value >> np.uint64(33)) & (words.shape[0] - 2)


@njit(nogil=True, cache=True)
def cut(data, i, end, tables, stops, known):
    """Finds the next units of a text: where each stops, and its id where that is known at once, else -1.

    Returns how many it found, as many as there is room for in `stops`.
    """
    flags, joined, ones = tables.flags, tables.joined, tables.ones
    user, user_ids, starts = tables.user, tables.user_ids, tables.user_starts
    n = 0
    while i < end and n < stops.size:
        byte = data[i]
        if starts[byte]:
            size, found = user_symbol(data, i, end, user, user_ids)
            if size:
                i += size
                stops[n], known[n] = i, found
                n += 1
                continue
        j, flag = i, np.uint8(LOOK)
        if byte < _ASCII:  # most of what follows is settled by one table
            j, flag = i + 1, np.uint8(0)
            while j < end:
                flag = flags[np.int64(data[j - 1]) << 8 | data[j]]
                if flag != JOINED:
                    break
                j += 1
        if flag & LOOK:
            j = unit_end(data, max(i, j - 1), end, flags, joined, user, user_ids, starts)
        stops[n], known[n] = j, ones[byte] if j - i == 1 else -1
        n += 1
        i = j
    return n


@njit(nogil=True, cache=True)
def put(data, i, stops, known, n, tables, cache, scratch, out, to):
    """Writes the ids of the n units that follow `i`; returns where the next id goes."""
    short, ids = cache.short, cache.short_ids
    half, mask = ids.shape[1] // 2, short.shape[0] - 2
    for k in range(n):
        j = stops[k]
        if known[k] >= 0:
            out[to] = known[k]
            to += 1
            i = j
            continue
        if j - i > _SHORT_BYTES:
            to = put_long(data, i, j, tables, cache, scratch, out, to)
            i = j
            continue
        first, second = word_of(data, i, j), word_of(data, i + _WORD_BYTES, j)
        value = (first ^ (second * _MULTIPLY)) * _MULTIPLY
        value = (value ^ (value >> np.uint64(32))) * _MULTIPLY
        place = np.int64(value >> np.uint64(33)) & mask
        for entry in range(place, place + 2):
            head = np.int64(ids[entry, half])
            if short[entry, 0] == first and short[entry, 1] == second and head >> _SIZE_SHIFT == j - i:
                for at in range(head & _COUNT):
                    out[to + at] = ids[entry, half + 1 + at]
                to += head & _COUNT
                break
        else:
            to = put_new(data, i, j, tables, short, ids, place, scratch, out, to)
        i = j
    return to


@njit(nogil=True, cache=True)
def put_long(data, i, j, tables, cache, scratch, out, to):
    """Writes the ids of a unit of more than 16 bytes; returns where the next id goes."""
    words, ids = cache.long, cache.long_ids
    if j - i > _LONG_BYTES:
        return merge_unit(data, i, j, tables, scratch, out, to)
    place = place_of(words, data, i, j)
    entry = entry_of(words, ids, place, data, i, j)
    if entry < 0:
        return put_new(data, i, j, tables, words, ids, place, scratch, out, to)
    return put_known(ids, entry, out, to)


@njit(nogil=True, cache=True)
def put_known(ids, entry, out, to):
    """Writes the ids of an entry; returns where the next id goes."""
    half = ids.shape[1] // 2
    count = np.int64(ids[entry, half]) & _COUNT
    for k in range(count):
        out[to + k] = ids[entry, half + 1 + k]
    return to + count


@njit(nogil=True, cache=True)
def encode_rows(data, offsets, tables, cache, out, ends):
    """Writes the ids of every text.

    Args:
        data: uint8[bytes], read-only, UTF-8.
        offsets: int64[rows + 1], where each text begins in `data`.
        tables: the model.
        cache: what is remembered from call to call.
        out: uint16|uint32, room for as many ids as there are bytes, three for a blank that no piece holds.
        ends: int64[rows + 1], is filled: where each text's ids begin in `out`.
    """
    held, sizes, pairs = np.empty(SCRATCH, np.int32), np.empty(SCRATCH, np.int16), np.empty(SCRATCH, np.int32)
    scratch = held, sizes, pairs, np.empty(2 * leaves_of(SCRATCH), np.int32)
    stops, known = np.empty(UNITS, np.int64), np.empty(UNITS, np.int32)
    to = 0
    ends[0] = 0
    for row in range(offsets.size - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            n = cut(data, i, end, tables, stops, known)
            to = put(data, i, stops, known, n, tables, cache, scratch, out, to)
            i = stops[n - 1]
        ends[row + 1] = to
