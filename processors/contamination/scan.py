"""Texts to n-grams, in one pass over their bytes: all of a benchmark's, or those of a corpus that a benchmark holds.

In: UTF-8 as Arrow holds it, a fold table (`letters`). A word is a stretch between blanks; its hash runs over its folded
characters. Hashes of n words in a row are differences of prefix hashes. A filter of one bit for each hash of the
last words of an n-gram, as many as the shortest has, tells nearly all places where no benchmark has one of any length;
what passes is looked up, and compared letter by letter with the benchmark's text: a hit is no accident of hashes.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from processors.contamination.letters import ALONE, BLANK, DIGIT, NEWLINE, POINT
from processors.contamination.pieces import LINE, PARAGRAPH, entry_at, same
from processors.filters.hashing import PRIME, SEED, finish

ROW, START, END, PLACE, VALUE, TAIL = range(6)  # the columns of what `scan` gives

_BASE = np.uint64(0x9E3779B97F4A7C15 | 1)
_WHOLE = np.uint64(1 << 40)
_ROOM = 1 << 16  # hits brought together at once
_SPECIAL = BLANK | ALONE | DIGIT
_ONE, _NONE, _SIX, _63 = np.uint64(1), np.uint64(0), np.uint64(6), np.uint64(63)


class Reach(NamedTuple):
    """Which stretches of words are looked at."""

    within: int  # TEXT | LINE | PARAGRAPH
    least: int  # lines or paragraphs of so many words up to `most` are one feature, compared whole
    most: int
    tail: int  # the filter knows n-grams by so many of their last words, as many as the shortest has; 0: there are none


class Lookup(NamedTuple):
    """A benchmark's n-grams, as the kernel looks them up."""

    bits: np.ndarray  # uint64[2^k]: the filter
    buckets: np.ndarray  # int64[2^b + 1]: where the keys with the same highest b bits stand
    keys: np.ndarray  # uint64[grams], sorted
    starts: np.ndarray  # int64[grams]: where each stands in `texts`, in bytes
    ends: np.ndarray  # int64[grams]
    texts: np.ndarray  # uint8: the benchmarks' texts


def scan(
    data: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    reach: Reach,
    lengths: np.ndarray,
    own: np.ndarray,
    lookup: Lookup | None,
) -> np.ndarray:
    """What is found in each text: int64[hits, 6] of row, first and last byte (of the text), word, value and tail.

    With an `own` length for each text (0: none), every n-gram of that length and every whole feature is given; its
    value is the key and its tail what the filter knows it by (as int64). Else those of the `lookup` are given, of all
    `lengths`, and the value is the gram.
    """
    bits = lookup.bits if lookup else np.zeros(1, np.uint64)
    row, out, kept = 0, np.empty((_ROOM, 6), np.int64), [np.zeros((0, 6), np.int64)]
    while row < len(offsets) - 1:
        stopped, found = _scan(data, offsets, row, table, reach, lengths, own, bits, out)
        if stopped == row:  # one text has more than there is room for
            out = np.empty((2 * len(out), 6), np.int64)
            continue
        held = out[: _confirmed(data, offsets, table, lookup, out, found) if lookup else found]
        kept.append(held.copy())
        row = stopped
    return np.concatenate(kept)


@njit(nogil=True, cache=True)
def _scan(data, offsets, begun, table, reach, lengths, own, bits, out):
    """Writes what may be a hit to `out`, from row `begun` on, until a text finds no room: its row, and how many so far.

    Nothing is called or made in the loop that the compiler cannot take in: else it runs at a quarter of its speed.
    """
    size, powers, tail_power = _room(lengths, reach.tail)
    prefix, firsts = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    found, mask, every = 0, size - 1, len(own) > 0
    within, least, most, tail = reach.within, reach.least, reach.most, reach.tail
    for row in range(begun, len(offsets) - 1):
        before = found
        begin, end = offsets[row], offsets[row + 1]
        count, place, opened, fresh = 0, 0, begin, True  # words of this stretch, of this text
        value, start, last, inside, alone, digit = SEED, begin, begin, False, False, False
        at = begin
        while at <= end:
            if inside and not alone and not digit:
                while at < end and data[at] < 0x80:  # the rest of a plain word
                    entry = table[data[at]]
                    if entry & _SPECIAL != 0:
                        break
                    if entry & POINT != 0:
                        value = (value ^ np.uint64(entry & POINT)) * PRIME
                        last = at + 1
                    at += 1
            entry, width = entry_at(data, at, end, table)
            if inside and (alone or entry & (BLANK | ALONE) != 0):  # a word has ended
                prefix[(count + 1) & mask] = prefix[count & mask] * _BASE + value
                firsts[count & mask] = start
                opened = start if count == 0 else opened
                count += 1
                place += 1
                inside = False
                if 0 < tail <= count:
                    known = prefix[count & mask] - prefix[(count - tail) & mask] * tail_power
                    known = finish(known ^ np.uint64(tail))
                    if every or _may_hold(bits, known):
                        for n in range(len(lengths)):
                            length = lengths[n]
                            if length > count or (every and own[row] != length):
                                continue
                            key = prefix[count & mask] - prefix[(count - length) & mask] * powers[n]
                            key = finish(key ^ np.uint64(length))
                            first = firsts[(count - length) & mask]
                            if found == len(out):
                                return row, before
                            out[found, ROW], out[found, START], out[found, END] = row, first - begin, last - begin
                            out[found, PLACE], out[found, VALUE] = place - length, np.int64(key)
                            out[found, TAIL] = np.int64(known)
                            found += 1
            if entry & BLANK == 0:
                fresh = False
                if entry & POINT != 0:
                    if not inside:
                        value, start, inside, digit = SEED, at, True, False
                    if not (digit and entry & DIGIT != 0):
                        value = (value ^ np.uint64(entry & POINT)) * PRIME
                    digit = entry & DIGIT != 0
                    alone = entry & ALONE != 0
                    last = at + width
            broken = at == end
            if entry & NEWLINE != 0:
                broken = broken or within == LINE or (within == PARAGRAPH and fresh)
                fresh = True
            if broken:
                if least <= count <= most:
                    key = finish(prefix[count & mask] ^ np.uint64(count) ^ _WHOLE)
                    if every or _may_hold(bits, key):
                        if found == len(out):
                            return row, before
                        out[found, ROW], out[found, START], out[found, END] = row, opened - begin, last - begin
                        out[found, PLACE], out[found, VALUE] = place - count, np.int64(key)
                        out[found, TAIL] = np.int64(key)
                        found += 1
                count, prefix[0] = 0, _NONE
            at += width
    return len(offsets) - 1, found


@njit(nogil=True, cache=True)
def _room(lengths, tail):
    """The size of the rings that hold what the longest n-gram needs, and the base to the power of each length."""
    size, powers, tail_power = 2, np.ones(len(lengths), np.uint64), _ONE
    while size <= tail:
        size *= 2
    for _ in range(tail):
        tail_power *= _BASE
    for n in range(len(lengths)):
        while size <= lengths[n]:
            size *= 2
        for _ in range(lengths[n]):
            powers[n] *= _BASE
    return size, powers, tail_power


@njit(nogil=True, cache=True)
def _may_hold(bits, key):
    place = key & np.uint64(64 * len(bits) - 1)
    return bits[place >> _SIX] >> (place & _63) & _ONE != _NONE


@njit(nogil=True, cache=True)
def _confirmed(data, offsets, table, lookup, out, found):
    """Leaves the hits at the front of what may be ones, with the gram in place of the key: their number."""
    count = 0
    for i in range(found):
        begin = offsets[out[i, ROW]]
        gram = _gram(data, begin + out[i, START], begin + out[i, END], table, lookup, np.uint64(out[i, VALUE]))
        if gram >= 0:
            out[count] = out[i]
            out[count, VALUE] = gram
            count += 1
    return count


@njit(nogil=True, cache=True)
def _gram(data, first, last, table, lookup, key):
    """The number of the gram that is this stretch, or -1."""
    bits = 0
    while 1 << bits < len(lookup.buckets) - 1:
        bits += 1
    bucket = np.int64(key >> np.uint64(64 - bits)) if bits else 0
    for gram in range(lookup.buckets[bucket], lookup.buckets[bucket + 1]):
        if lookup.keys[gram] == key and same(
            data, first, last, lookup.texts, lookup.starts[gram], lookup.ends[gram], table
        ):
            return gram
    return -1
