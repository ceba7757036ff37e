"""How much of a text its repeated word n-grams make up: the n-gram half of Gopher's repetition rules, compiled.

Words come in as 64-bit hashes and lengths; out come characters: of the most frequent 2-, 3- and 4-gram, and of all
repeated 5- to 10-grams. Semantics are datatrove's (`gopher_repetition_filter.py`, Apache-2.0), see `gopher_repetition`.

An (n + 1)-gram can stand twice only where the n-gram there and the one behind it both do. So only pairs of words go
through a table whole; each further n looks at the places that are left, few in natural text. An n-gram is called by the
place where it stands first, so a longer one is the pair of two such names, and no further hashing can confuse two.
"""

import numpy as np
from numba import njit

from processors.filters.hashing import place_of, room

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)

_FIRST_REPEATED = REPEATED[0]
_LAST = REPEATED[-1]
_STEP = np.uint64(0xD6E8FEB86659FD93)  # odd, so that no bit of an earlier word is lost
_32 = np.uint64(32)


@njit(nogil=True, cache=True)
def _first(table, bits, key, left, i):
    """Where the pair of `left` that stands at `i` stands first: `i` itself, which is noted, where it is new."""
    at = place_of(key, bits)
    first = table[at] - 1
    while first >= 0 and (left[first] != left[i] or left[first + 1] != left[i + 1]):
        at = (at + 1) & ((1 << bits) - 1)
        first = table[at] - 1
    if first < 0:
        table[at] = i + 1
        return i
    return first


@njit(nogil=True, cache=True)
def pairs_of(words, names, counts):
    """Names each pair of neighbours by its first place, and counts it there.

    Args:
        words: uint64[n], the words' hashes.
        names, counts: int32[n], to be filled; counts only where a pair stands first.
    """
    bits = room(words.size)
    table = np.zeros(1 << bits, np.int32)  # a place + 1
    for i in range(words.size - 1):
        first = _first(table, bits, words[i] * _STEP + words[i + 1], words, i)
        if first == i:
            counts[i] = 0
        names[i] = first
        counts[first] += 1


@njit(nogil=True, cache=True)
def longer(left, names, further, counts):
    """The n-grams one word longer, at the places `left` where the one there and the one behind it stand twice.

    Args:
        left: int32[m], places, ascending: those of all n-grams that stand twice.
        names: int32[n], what the n-gram at each of these places is called.
        further, counts: int32[n], to be filled as `pairs_of` does, at the places that are given back.

    Returns:
        int32[k]: places where the longer n-gram may stand twice.
    """
    places = np.empty(left.size + 1, np.int32)
    used = 0
    for k in range(left.size - 1):  # no branch: which way it went could not be foretold
        places[used] = left[k]
        used += left[k + 1] == left[k] + 1
    bits = room(used)
    table = np.zeros(1 << bits, np.int32)
    for i in places[:used]:
        key = (np.uint64(names[i]) << _32 | np.uint64(names[i + 1])) * _STEP
        first = _first(table, bits, key, names, i)
        if first == i:
            counts[i] = 0
        further[i] = first
        counts[first] += 1
    return places[:used]


@njit(nogil=True, cache=True)
def twice(places, names, counts):
    """Those of the places where an n-gram stands that stands twice; the most frequent, of equals the first met."""
    left = np.empty(places.size + 1, np.int32)
    used, best, where = 0, 1, 0
    for i in places:
        count = counts[names[i]]
        left[used] = i
        used += count > 1
        if count > best:
            best, where = count, i
    return left[:used], best, where


@njit(nogil=True, cache=True)
def _repeated(left, names, counts, ends, n):
    """Characters (of words, blanks not counted) in n-grams met before; after one, the next n-gram starts behind it.

    Uses up `counts`: -1 says that an n-gram was met.
    """
    total, free = 0, 0
    for i in left:
        if i < free:
            continue
        if counts[names[i]] == -1:
            total += ends[i + n] - ends[i]
            free = i + n
        counts[names[i]] = -1
    return total


@njit(nogil=True, cache=True)
def measure_grams(words, ends, row):
    """Fills `row` with the characters for n = 2 … 10.

    Args:
        words: uint64[n], the words' hashes.
        ends: int32[n + 1], characters of the words before each word.
        row: int64[9].
    """
    names, further = np.empty(words.size, np.int32), np.empty(words.size, np.int32)
    counts = np.empty(words.size, np.int32)
    pairs_of(words, names, counts)
    left = np.arange(max(words.size - 1, 0), dtype=np.int32)
    for n in range(2, min(_LAST, words.size) + 1):
        if n > 2:
            left = longer(left, names, further, counts)
            names, further = further, names
        left, best, where = twice(left, names, counts)
        if n < _FIRST_REPEATED:  # its words and the blanks between them, even when it stands once
            row[n - 2] = best * (ends[where + n] - ends[where] + n - 1)
        elif left.size == 0:
            break
        else:
            row[n - 2] = _repeated(left, names, counts, ends, n)
