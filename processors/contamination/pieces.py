"""Compiled pieces over folded characters: words counted and compared, lines and paragraphs, windows around hits.

In: UTF-8 and a fold table (`letters`). The kernels agree with `scan` on what a word is.
"""

import numpy as np
from numba import njit

from processors.contamination.letters import ALONE, BLANK, DIGIT, LETTER, NEWLINE, POINT
from processors.filters.characters import TABLE_SIZE
from processors.filters.hashing import decode

TEXT, LINE, PARAGRAPH = 0, 1, 2  # what no n-gram reaches over the end of


@njit(nogil=True, cache=True)
def entry_at(data, at, end, table):
    """What the character at a byte is, and its width; the end of the text is a blank."""
    if at >= end:
        return np.uint32(BLANK), 1
    first = data[at]
    if first < 0x80:
        return table[first], 1
    point, width = decode(data, at, end)
    return table[point] if point < TABLE_SIZE else np.uint32(point), width


@njit(nogil=True, cache=True)
def folded(data, start, end, table):
    """The folded characters of a stretch, one blank between words: uint32."""
    out, count, blank, digit = np.empty(2 * (end - start), np.uint32), 0, False, False
    at = start
    while at < end:
        entry, width = entry_at(data, at, end, table)
        at += width
        point = entry & POINT
        if entry & BLANK != 0:
            blank, digit = True, False
        elif point != 0:
            if (blank or entry & ALONE != 0) and count > 0:
                out[count] = 0x20
                count += 1
                digit = False
            blank = entry & ALONE != 0
            if digit and entry & DIGIT != 0:
                continue
            digit = entry & DIGIT != 0
            out[count] = point
            count += 1
    return out[:count]


@njit(nogil=True, cache=True)
def same(left, first, last, right, start, end, table):
    """Whether two stretches hold the same words."""
    one, other = folded(left, first, last, table), folded(right, start, end, table)
    if len(one) != len(other):
        return False
    return (one == other).all()


@njit(nogil=True, cache=True)
def has_letter(data, start, end, table):
    """Whether a stretch holds a letter of any script."""
    at = start
    while at < end:
        entry, width = entry_at(data, at, end, table)
        if entry & LETTER != 0:
            return True
        at += width
    return False


@njit(nogil=True, cache=True)
def num_words(data, offsets, table):
    """How many words each text has: int64[n]."""
    out = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(out)):
        inside = alone = False
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            entry, width = entry_at(data, at, end, table)
            if entry & BLANK != 0:
                inside = False
            elif entry & POINT != 0:
                if not inside or alone or entry & ALONE != 0:
                    out[row] += 1
                inside, alone = True, entry & ALONE != 0
            at += width
    return out


@njit(nogil=True, cache=True)
def measured(data, starts, ends, table):
    """Of each stretch: its words, and whether it holds a letter."""
    words, lettered = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.bool_)
    for i in range(len(starts)):
        words[i] = num_words(data, np.array([starts[i], ends[i]]), table)[0]
        lettered[i] = has_letter(data, starts[i], ends[i], table)
    return words, lettered


@njit(nogil=True, cache=True)
def numbered(data, keys, starts, ends, table):
    """Numbers from 0 on for stretches sorted by key: the same one where the words are the same."""
    out, head, count = np.zeros(len(keys), np.int64), 0, 0
    for i in range(len(keys)):
        if keys[i] != keys[head]:
            head = i
        for j in range(head, i):
            if same(data, starts[i], ends[i], data, starts[j], ends[j], table):
                out[i] = out[j]
                break
        else:
            out[i] = count
            count += 1
    return out


@njit(nogil=True, cache=True)
def filter_of(keys, bits):
    """A bit for each key."""
    out = np.zeros(1 << (bits - 6), np.uint64)
    for key in keys:
        place = key & np.uint64((1 << bits) - 1)
        out[place >> np.uint64(6)] |= np.uint64(1) << (place & np.uint64(63))
    return out


@njit(nogil=True, cache=True)
def stretches(data, start, end, within, table):
    """The lines or paragraphs of a text that hold words: int64[m, 3] of first and last byte, and number of words."""
    out, count = np.empty((16, 3), np.int64), 0
    opened, words, fresh, inside, alone = -1, 0, True, False, False
    at, last = start, start
    while at <= end:
        entry, width = entry_at(data, at, end, table)
        if entry & BLANK != 0:
            inside = False
            broken = at == end or (entry & NEWLINE != 0 and (within == LINE or (within == PARAGRAPH and fresh)))
            fresh = fresh or entry & NEWLINE != 0
            if broken and opened >= 0:
                if count == len(out):
                    longer = np.empty((2 * count, 3), np.int64)
                    longer[:count] = out
                    out = longer
                out[count] = opened - start, last - start, words
                count += 1
                opened, words = -1, 0
        else:
            fresh = False
            opened = at if opened < 0 else opened
            last = at + width
            if entry & POINT != 0:
                words += not inside or alone or entry & ALONE != 0
                inside, alone = True, entry & ALONE != 0
        at += width
    return out[:count]


@njit(nogil=True, cache=True)
def windows(data, starts, ends, window, piece):
    """What windows around hits (sorted by start) cut, small pieces between them included, and how many they leave."""
    out, count, pieces, at = np.empty((len(starts) + 1, 2), np.int64), 0, 0, 0
    for i in range(len(starts) + 1):
        first = last = len(data)
        if i < len(starts):
            first, last = _moved(data, starts[i], -window), _moved(data, ends[i], window)
        if first > at:  # a piece lies between the windows
            pieces += 1
            if _characters(data, at, first) < piece:
                first = at
        if count > 0 and first <= at:
            out[count - 1, 1] = max(at, last)
        elif last > first:
            out[count] = first, last
            count += 1
        at = max(at, last)
    return out[:count], pieces


@njit(nogil=True, cache=True)
def _characters(data, start, end):
    count = 0
    for at in range(start, end):
        count += data[at] & 0xC0 != 0x80
    return count


@njit(nogil=True, cache=True)
def _moved(data, at, characters):
    """So many characters further on or back, within the text."""
    while characters > 0 and at < len(data):
        at += 1
        while at < len(data) and data[at] & 0xC0 == 0x80:
            at += 1
        characters -= 1
    while characters < 0 and at > 0:
        at -= 1
        while at > 0 and data[at] & 0xC0 == 0x80:
            at -= 1
        characters += 1
    return at
