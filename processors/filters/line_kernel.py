"""Lines that a page's frame or a program wrote, compiled. What counts is told in boilerplate.py, machine_lists.py."""

import numpy as np
from numba import njit

from processors.filters.characters import ALPHA, SPACE, TABLE_SIZE, TERMINAL, WORD
from processors.filters.hashing import PRIME, SEED, decode, finish, place
from processors.filters.kernel import flags_of, line_at
from processors.filters.tally import new_tally, tally

FURNITURE = ("lines", "characters", "furniture", "menus", "bare", "bare_characters", "furniture_characters")
LISTS = ("lines", "same_start", "same_end", "same_shape", "numbered", "numbers")

PHRASE_WORDS = 4  # words of the longest navigation phrase
FURNITURE_WORDS = 12  # words of the longest line that can be furniture
MENU_PIECES, MENU_WORDS = 3, 3  # fewest pieces between bars, most words of one
BARE_LINE = 70  # characters; jusText's length_low
END_WORDS = 2  # of a line's beginning and end, which are compared
FEWEST_WORDS = 4  # of a line whose beginning, end and shape are compared


@njit(nogil=True, cache=True)
def _word(data, i, end, table, lowers):
    r"""The hash and the letters of the word (\w+) at `i`, and where it ends."""
    value, letters = SEED, 0
    while i < end:
        point, width = decode(data, i, end)
        flags = flags_of(table, point)
        if not flags & WORD:
            break
        value = (value ^ np.uint64(lowers[point] if point < TABLE_SIZE else point)) * PRIME
        letters += flags & ALPHA != 0
        i += width
    return finish(value), letters, i


@njit(nogil=True, cache=True)
def _next(data, i, end, table):
    """Where the next word begins, from `i` on."""
    while i < end:
        point, width = decode(data, i, end)
        if flags_of(table, point) & WORD:
            return i
        i += width
    return end


@njit(nogil=True, cache=True)
def _joined(values, first, last):
    """One hash for the words from `first` to `last`."""
    value = SEED
    for n in range(first, last):
        value = (value ^ values[n]) * PRIME
    return finish(value)


@njit(nogil=True, cache=True)
def phrase_set(data, offsets, table, lowers, bits):
    """The hashes of phrases, a column of texts, as a set of 2^bits places."""
    keys, values = np.zeros(1 << bits, np.uint64), np.zeros(PHRASE_WORDS, np.uint64)
    for n in range(offsets.size - 1):
        count, i, end = 0, offsets[n], offsets[n + 1]
        i = _next(data, i, end, table)
        while i < end and count < PHRASE_WORDS:
            values[count], _, i = _word(data, i, end, table, lowers)
            count += 1
            i = _next(data, i, end, table)
        value = _joined(values, 0, count)
        keys[place(keys, bits, value)] = value
    return keys


@njit(nogil=True, cache=True)
def _is_furniture(values, count, keys, bits):
    """Whether phrases cover at least half of a line's words, longer ones first."""
    covered, first = 0, 0
    while first < count:
        taken = 0
        for width in range(min(PHRASE_WORDS, count - first), 0, -1):
            value = _joined(values, first, first + width)
            if taken == 0 and keys[place(keys, bits, value)] == value:
                taken = width
        covered += taken
        first += max(taken, 1)
    return count > 0 and 2 * covered >= count


@njit(nogil=True, cache=True)
def _bar(point):
    """Signs that divide the pieces of a menu: | ¦ • · » › > → /."""
    if point == 0x7C or point == 0xA6 or point == 0x2022 or point == 0xB7 or point == 0xBB:
        return True
    return point == 0x203A or point == 0x3E or point == 0x2192


@njit(nogil=True, cache=True)
def _furniture(data, table, lowers, keys, bits, row):
    values = np.zeros(FURNITURE_WORDS + 1, np.uint64)
    start = 0
    while start < data.size:
        i, end, start = line_at(data, start, data.size, table)
        if i >= end:
            continue
        words, length, solid, pieces, piece, flags = 0, 0, 0, 1, 0, 0
        menu = True
        while i < end:
            point, width = decode(data, i, end)
            flags = flags_of(table, point)
            if flags & WORD:
                before = i
                value, _, i = _word(data, i, end, table, lowers)
                if words <= FURNITURE_WORDS:
                    values[words] = value
                words = min(words + 1, FURNITURE_WORDS + 1)
                piece += 1
                count = 0
                for at in range(before, i):
                    count += data[at] & 0xC0 != 0x80
                length, solid = length + count, solid + count
                continue
            length += 1
            solid += flags & SPACE == 0
            if _bar(point):
                menu = menu and piece <= MENU_WORDS
                pieces += piece > 0
                piece = 0
            i += width
        menu = menu and pieces >= MENU_PIECES and piece <= MENU_WORDS
        bare = length < BARE_LINE and not flags & TERMINAL
        row[0] += 1
        row[1] += solid
        furniture = words <= FURNITURE_WORDS and _is_furniture(values, words, keys, bits)
        row[2] += furniture
        row[3] += menu
        row[4] += bare
        row[5] += solid * bare
        row[6] += solid * furniture


@njit(nogil=True, cache=True)
def scan_furniture(data, offsets, table, lowers, keys, bits):
    """Counts of `FURNITURE` of each text: int64[len(FURNITURE), n]. `keys` comes from `phrase_set`."""
    counts = np.zeros((offsets.size - 1, len(FURNITURE)), np.int64)
    for d in range(offsets.size - 1):
        _furniture(data[offsets[d] : offsets[d + 1]], table, lowers, keys, bits, counts[d])
    return counts.T.copy()


@njit(nogil=True, cache=True)
def _shape(data, start, end, table):
    """A hash of the line with each run of letters, of digits and of blanks as one sign, and whether digits prevail."""
    value, last, letters, digits, runs, i = SEED, -1, 0, 0, 0, start
    while i < end:
        point, width = decode(data, i, end)
        flags = flags_of(table, point)
        sign = point
        if flags & SPACE:
            sign = 0x20
        elif 48 <= point <= 57:
            sign = 0x30
            digits += 1
            runs += last != sign
        elif flags & WORD:
            sign = 0x61
            letters += 1
        if sign != last or (sign != 0x61 and sign != 0x30 and sign != 0x20):
            value = (value ^ np.uint64(sign)) * PRIME
        last = sign
        i += width
    return finish(value), digits >= letters and runs >= 2


@njit(nogil=True, cache=True)
def _leading_number(data, start, end):
    """The number at a line's beginning, after signs, below a billion; -1 where there is none."""
    i, number, digits = start, 0, 0
    while i < end and not (48 <= data[i] <= 57 or data[i] >= 0x80 or 65 <= data[i] <= 90 or 97 <= data[i] <= 122):
        i += 1
    while i < end and 48 <= data[i] <= 57 and digits < 9:
        number, digits = 10 * number + int(data[i]) - 48, digits + 1
        i += 1
    return number if digits else -1


@njit(nogil=True, cache=True)
def _lists(data, table, lowers, row):
    keys, copies, bits, used = new_tally()
    heads, tails = np.zeros(END_WORDS, np.uint64), np.zeros(END_WORDS, np.uint64)
    salt_end, salt_shape = np.uint64(0x5BD1E9955BD1E995), np.uint64(0xC2B2AE3D27D4EB4F)
    start, before = 0, -1
    while start < data.size:
        first, last, start = line_at(data, start, data.size, table)
        if first >= last:
            continue
        row[0] += 1
        number = _leading_number(data, first, last)
        row[4] += number > 0 and number == before + 1
        before = number if number >= 0 else before
        words, i = 0, _next(data, first, last, table)
        while i < last:
            value, _, i = _word(data, i, last, table, lowers)
            if words < END_WORDS:
                heads[words] = value
            for n in range(END_WORDS - 1):
                tails[n] = tails[n + 1]
            tails[END_WORDS - 1] = value
            words += 1
            i = _next(data, i, last, table)
        shape, numbers = _shape(data, first, last, table)
        row[5] += numbers
        if words >= FEWEST_WORDS:
            head, tail = _joined(heads, 0, END_WORDS), finish(_joined(tails, 0, END_WORDS) ^ salt_end)
            keys, copies, bits, used, count = tally(keys, copies, bits, used, head)
            row[1] = max(row[1], count)
            keys, copies, bits, used, count = tally(keys, copies, bits, used, tail)
            row[2] = max(row[2], count)
            keys, copies, bits, used, count = tally(keys, copies, bits, used, finish(shape ^ salt_shape))
            row[3] = max(row[3], count)


@njit(nogil=True, cache=True)
def scan_lists(data, offsets, table, lowers):
    """Counts of `LISTS` of each text: int64[len(LISTS), n]."""
    counts = np.zeros((offsets.size - 1, 6), np.int64)
    for d in range(offsets.size - 1):
        _lists(data[offsets[d] : offsets[d + 1]], table, lowers, counts[d])
    return counts.T.copy()
