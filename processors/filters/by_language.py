"""What goes by a text's language, compiled: stop words and the marks that end a line."""

import numpy as np
from numba import njit

from processors.filters.characters import SPACE
from processors.filters.hashing import place, stretch_hash
from processors.filters.kernel import last_point, strip
from processors.filters.tokens import flags_of, walk

_NEWLINE = 0x0A


@njit(nogil=True, cache=True)
def count_stop_words(data, offsets, table, sets, bits, which, given):
    """int64[n]: how many of its language's stop words a text holds.

    Args:
        data, offsets, table, given: see `kernel.measure`.
        sets, bits: uint64[m, 2^bits], a table of `word_hash` for each language, as `hashing.place` looks them up.
        which: int64[n], the row of `sets` that a text goes by, or -1.
    """
    counts = np.zeros(offsets.size - 1, np.int64)
    longest = np.max(offsets[1:] - offsets[:-1]) + 1 if offsets.size > 1 else 0
    starts, stops = np.empty(longest, np.int64), np.empty(longest, np.int64)
    before, newlines, row = np.empty(longest, np.int64), np.empty(longest, np.int64), np.zeros(10, np.int64)
    met = np.empty(1 << bits, np.bool_)
    for d in range(offsets.size - 1):
        if which[d] < 0:
            continue
        text, known = data[offsets[d] : offsets[d + 1]], sets[which[d]]
        met[:] = False
        if given[0].size and given[0][d]:
            first, last = given[1][d], given[1][d + 1]
            counts[d] = _met(text, given[2][first:last], given[3][first:last], known, bits, met)
        else:
            words = walk(text, 0, text.size, table, row, starts, stops, before, newlines)[0]
            counts[d] = _met(text, starts[:words], stops[:words], known, bits, met)
    return counts


@njit(nogil=True, cache=True)
def _met(data, starts, stops, known, bits, met):
    count = 0
    for n in range(starts.size):
        value = stretch_hash(data, starts[n], stops[n])
        at = place(known, bits, value)
        if known[at] == value and not met[at]:
            met[at] = True
            count += 1
    return count


@njit(nogil=True, cache=True)
def count_terminal_lines(data, offsets, table, finals, which):
    """int64[n]: lines that are not blank and end in one of the final marks `finals[which]`."""
    counts = np.zeros(offsets.size - 1, np.int64)
    for d in range(offsets.size - 1):
        first = offsets[d]
        for i in range(offsets[d], offsets[d + 1] + 1):
            if i < offsets[d + 1] and data[i] != _NEWLINE:
                continue
            if which[d] >= 0 and first < i:
                start, stop = strip(data, first, i, table)
                point = last_point(data, first, i)[0]
                if start < stop and not flags_of(table, point) & SPACE:
                    for final in finals[which[d]]:
                        counts[d] += final == point
            first = i + 1
    return counts
