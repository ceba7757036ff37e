"""What betrays a bad scan, compiled: bytes in; lines, words and characters out. What counts is told in book_text.py."""

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, ALPHA, LOWER, SPACE, TERMINAL, WORD
from processors.filters.classes import CONSONANT, DECIMAL, MARK, PUNCTUATION, SYMBOL, UPPER, VOWEL
from processors.filters.hashing import PRIME, SEED, decode, finish, place
from processors.filters.kernel import flags_of, line_at
from processors.filters.tally import new_tally, tally

COLUMNS = (
    "lines", "hyphens", "broken", "tiny", "page_numbers", "running_heads", "characters", "letters", "words", "garbage",
    "odd",
)  # fmt: skip
LINES, HYPHENS, BROKEN, TINY, PAGE_NUMBERS, RUNNING_HEADS, CHARACTERS, LETTERS, WORDS, GARBAGE, ODD = range(11)

LONGEST_WORD, LONGEST_RUN, UNMIXED, FACTOR = 40, 4, 7, 10  # of characters; of letters of one kind; of one to the other
TINY_LINE, LONGEST_HEAD, SHORTEST_HEAD, COPIES = 3, 80, 4, 3
LONGEST_NUMBER = 12

_SIGNS = np.uint64(1)  # in place of a hash: a line without letters and digits

_DOT = 0x2E


@njit(nogil=True, cache=True)
def _is_garbage(data, start, end, table, classes, latin):
    """Whether a word, without signs at its ends, is a garbage string."""
    length, alnum, run, previous, signs, sign = 0, 0, 0, -1, 0, -1
    vowels, consonants, letters, upper, first, last = 0, 0, 0, 0, 0, 0
    i = start
    while i < end:
        point, width = decode(data, i, end)
        flags, kind = flags_of(table, point), flags_of(classes, point)
        length += 1
        run = run + 1 if point == previous else 1
        if run >= LONGEST_RUN and not kind & DECIMAL:
            return True
        previous = point
        alnum += flags & ALNUM != 0 or kind & MARK != 0
        if kind & (PUNCTUATION | SYMBOL) and point != sign:
            signs, sign = signs + 1, point
        if flags & ALPHA:
            letters += 1
            upper += kind & UPPER != 0
            if point < latin.size:
                vowels += latin[point] == VOWEL
                consonants += latin[point] == CONSONANT
        first = flags if i == start else first
        last = flags
        i += width
    if length > LONGEST_WORD or 2 * alnum < length or signs > 1:
        return True
    if upper and first & last & LOWER and letters == length:
        return True
    if vowels + consonants < length:
        return False
    if vowels == 0 or consonants == 0:
        return length > UNMIXED
    return consonants > FACTOR * vowels or vowels > FACTOR * consonants


@njit(nogil=True, cache=True)
def _is_odd(data, start, end, table, classes):
    """Whether a digit or an unusual sign stands between two letters, or an upper-case one after a lower-case one."""
    letters, between, lower, i = 0, False, False, start
    while i < end:
        point, width = decode(data, i, end)
        flags, kind = flags_of(table, point), flags_of(classes, point)
        i += width
        if flags & ALPHA:
            if between or (lower and kind & UPPER):
                return True
            letters += 1
        elif letters and not kind & MARK and not _joins(point):
            between = True
        lower = flags & LOWER != 0
    return False


@njit(nogil=True, cache=True)
def _joins(point):
    """Signs that stand inside of words and names: hyphens, dashes, apostrophes, dots, strokes and a soft hyphen."""
    if point == 0x27 or point == 0x2019 or point == 0x2D or point == 0x2E or point == 0x2F or point == 0x26:
        return True
    return 0x2010 <= point <= 0x2015 or point == 0xAD or point == 0xB7 or point == 0x2018


@njit(nogil=True, cache=True)
def _unspaced(point):
    """Letters of scripts that put no blanks between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese."""
    south = 0x0E00 <= point < 0x0F00 or 0x1000 <= point < 0x10A0 or 0x1780 <= point < 0x1800
    return south or 0x2E80 <= point < 0xA000 or 0xF900 <= point < 0xFB00 or 0xFF66 <= point < 0xFFA0 or point >= 0x20000


@njit(nogil=True, cache=True)
def _bare(data, start, end, table):
    """The bounds of a word without the signs at its ends; empty where nothing in it can be judged."""
    first, last = end, end
    i = start
    while i < end:
        point, width = decode(data, i, end)
        if flags_of(table, point) & ALNUM:
            if _unspaced(point):
                return end, end
            first = min(first, i)
            last = i + width
        i += width
    return first, last


@njit(nogil=True, cache=True)
def _words(data, start, end, table, classes, latin, row):
    i = start
    while i < end:
        point, width = decode(data, i, end)
        if flags_of(table, point) & SPACE:
            i += width
            continue
        begin = i
        while i < end and not flags_of(table, decode(data, i, end)[0]) & SPACE:
            i += decode(data, i, end)[1]
        first, last = _bare(data, begin, i, table)
        if first < last:
            row[WORDS] += 1
            row[GARBAGE] += _is_garbage(data, first, last, table, classes, latin)
            row[ODD] += _is_odd(data, first, last, table, classes)


@njit(nogil=True, cache=True)
def _roman(byte):
    """Whether a byte is one of ivxlcdm, in either case."""
    lower = byte | 32
    few = lower == 0x69 or lower == 0x76 or lower == 0x78 or lower == 0x6C
    return few or lower == 0x63 or lower == 0x64 or lower == 0x6D


@njit(nogil=True, cache=True)
def _line(data, start, end, table, classes, row):
    """Characters of a line; the hash of its letters where a number stands at an end, else 0 or `_SIGNS`."""
    length, letters, digits, romans, others, value = 0, 0, 0, 0, 0, SEED
    head, tail, i = False, False, start
    figure, dot, section = False, False, False  # a section's number has a dot between two figures: 10.7.4
    while i < end:
        point, width = decode(data, i, end)
        flags, kind = flags_of(table, point), flags_of(classes, point)
        length += 1
        figure, dot, section = (
            kind & DECIMAL != 0,
            figure and point == _DOT,
            section or (dot and kind & DECIMAL != 0),
        )
        if not flags & SPACE:
            row[CHARACTERS] += 1
            tail = figure
            head |= tail and digits + letters + others == 0
            digits += tail
            if flags & ALPHA or kind & MARK:
                letters += 1
                romans += point < 0x80 and _roman(point)
                value = (value ^ np.uint64(point)) * PRIME
            elif not tail:
                others += 1
        i += width
    row[LETTERS] += letters
    number = (digits > 0 and letters == 0) or (digits == 0 and letters > 0 and romans == letters)
    row[PAGE_NUMBERS] += number and not section and length <= LONGEST_NUMBER and digits + letters > others - 4
    if (head or tail) and letters >= SHORTEST_HEAD and length <= LONGEST_HEAD:
        return length, finish(value)
    return length, np.uint64(0) if digits + letters else _SIGNS


@njit(nogil=True, cache=True)
def _ends_open(data, start, end, table, classes):
    """0: a line that ends closed; 1: in a letter or comma; 2: in a hyphen after a letter. The last sign decides."""
    before, last, i = 0, 0, start
    while i < end:
        point, width = decode(data, i, end)
        before, last = last, point
        i += width
    if last == 0x2D or last == 0xAD or last == 0x2010 or last == 0xAC:
        return 2 if flags_of(table, before) & ALPHA else 0
    open_ = flags_of(table, last) & ALPHA or flags_of(classes, last) & MARK or last == 0x2C
    return 1 if open_ and not flags_of(table, last) & TERMINAL else 0


@njit(nogil=True, cache=True)
def _lines(data, start, end, table, classes, row):
    """Counts what newlines divide, blank lines left out."""
    keys, copies, bits, used = new_tally()
    open_ = 0  # how the line before ended; 0 after a blank line
    while start < end:
        first, last, start = line_at(data, start, end, table)
        if first >= last:
            open_ = 0
            continue
        row[LINES] += 1
        row[BROKEN] += open_ > 0 and flags_of(table, decode(data, first, last)[0]) & LOWER != 0
        length, key = _line(data, first, last, table, classes, row)
        row[TINY] += length <= TINY_LINE and key != _SIGNS
        open_ = _ends_open(data, first, last, table, classes)
        row[HYPHENS] += open_ == 2
        if key > _SIGNS:
            keys, copies, bits, used, _ = tally(keys, copies, bits, used, key)
    for at in range(copies.size):
        row[RUNNING_HEADS] += copies[at] if copies[at] >= COPIES else 0


@njit(nogil=True, cache=True)
def scan_books(data, offsets, table, classes, latin):
    """All counts of a batch: int64[len(COLUMNS), n].

    Args:
        data, offsets: the texts, see `measure.buffers`.
        table, classes, latin: `character_table()`, `class_table()` and `latin_table()`.
    """
    counts = np.zeros((offsets.size - 1, len(COLUMNS)), np.int64)
    for d in range(offsets.size - 1):
        _lines(data, offsets[d], offsets[d + 1], table, classes, counts[d])
        _words(data, offsets[d], offsets[d + 1], table, classes, latin, counts[d])
    return counts.T.copy()


@njit(nogil=True, cache=True)
def known_words(data, offsets, table, keys, bits):
    r"""Words of the pattern \w+ that hold only letters, and those of them that are known: int64[2, n].

    `keys` is a set of 2^bits places with the hashes of the known words, see hashing.py.
    """
    counts = np.zeros((2, offsets.size - 1), np.int64)
    for d in range(offsets.size - 1):
        i, end = offsets[d], offsets[d + 1]
        while i < end:
            point, width = decode(data, i, end)
            flags = flags_of(table, point)
            value, letters, whole = SEED, 0, True
            while flags & WORD and i < end:
                value = (value ^ np.uint64(point)) * PRIME
                letters += 1
                whole &= flags & ALPHA != 0
                i += width
                if i < end:
                    point, width = decode(data, i, end)
                    flags = flags_of(table, point)
            if letters == 0:
                i += width
            elif whole:
                value = finish(value)
                counts[0, d] += 1
                counts[1, d] += keys[place(keys, bits, value)] == value
    return counts


@njit(nogil=True, cache=True)
def set_of(data, offsets, bits):
    """The hashes of the words of a column, as a set of 2^bits places."""
    keys = np.zeros(1 << bits, np.uint64)
    for n in range(offsets.size - 1):
        i, value = offsets[n], SEED
        while i < offsets[n + 1]:
            point, width = decode(data, i, offsets[n + 1])
            value = (value ^ np.uint64(point)) * PRIME
            i += width
        value = finish(value)
        keys[place(keys, bits, value)] = value
    return keys
