"""How much of a text its repeated word n-grams make up: the n-gram half of Gopher's repetition rules, compiled.

Words come in as 64-bit hashes and lengths; out come characters: of the most frequent 2-, 3- and 4-gram, and of all
repeated 5- to 10-grams. Semantics are datatrove's (`gopher_repetition_filter.py`, Apache-2.0), see `gopher_repetition`.
"""

import numpy as np
from numba import njit

from processors.filters.hashing import place, room, seen

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)

_FIRST_REPEATED = REPEATED[0]
_LAST = REPEATED[-1]
_STEP = np.uint64(0xD6E8FEB86659FD93)  # odd, so that no bit of an earlier word is lost


@njit(nogil=True, cache=True)
def _key(value):
    return value if value != np.uint64(0) else np.uint64(1)


@njit(nogil=True, cache=True)
def _top(grams, ends, n, table, bits, counts, firsts):
    """Length of the most frequent n-gram (words and blanks between) times its count; of equals, the first met."""
    best, where = 0, 0
    for i in range(grams.size):
        key = _key(grams[i])
        at = place(table, bits, key)
        if table[at] != key:
            table[at] = key
            counts[at] = 0
            firsts[at] = i
        counts[at] += 1
        if counts[at] > best or (counts[at] == best and firsts[at] < where):
            best, where = counts[at], firsts[at]
    return best * (ends[where + n] - ends[where] + n - 1)


@njit(nogil=True, cache=True)
def _repeated(grams, ends, n, table, bits):
    """Characters (of words, blanks not counted) in n-grams met before; after one, the next n-gram starts behind it."""
    total, i = 0, 0
    while i < grams.size:
        if seen(table, bits, _key(grams[i])):
            total += ends[i + n] - ends[i]
            i += n
        else:
            i += 1
    return total


@njit(nogil=True, cache=True)
def measure_grams(words, ends, row):
    """Fills `row` with the characters for n = 2 … 10.

    Args:
        words: uint64[n], the words' hashes.
        ends: int64[n + 1], characters of the words before each word.
        row: int64[9].
    """
    bits = room(words.size)
    table = np.empty(1 << bits, np.uint64)
    counts = np.empty(1 << bits, np.int32)
    firsts = np.empty(1 << bits, np.int64)
    grams = words.copy()
    for n in range(2, _LAST + 1):
        size = words.size - n + 1
        if size < 1:
            break
        for i in range(size):
            grams[i] = grams[i] * _STEP + words[i + n - 1]
        table[:] = 0
        if n < _FIRST_REPEATED:
            row[n - 2] = _top(grams[:size], ends, n, table, bits, counts, firsts)
        else:
            row[n - 2] = _repeated(grams[:size], ends, n, table, bits)
            if row[n - 2] == 0:  # no n-gram twice: no longer one either
                break
