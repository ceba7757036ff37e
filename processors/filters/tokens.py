"""The walk over a text's characters that the kernels share, compiled: bytes in; words, counts and line feeds out.

A word is `\\w+` or `[^\\w\\s]+`. Where a text's words are given by another splitter (`words_before`), that splitter's
stand in their place; everything else is still read from the characters.
"""

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, ALPHA, BREAK, MARK, SPACE, TABLE_SIZE, WORD
from processors.filters.hashing import decode, stretch_hash

COUNTS = (
    "characters", "alnum_characters", "hashes", "ellipses",
    "words", "plain_words", "unmarked_words", "unmarked_word_characters", "alpha_words", "stop_words", "newlines",
)  # fmt: skip
(
    CHARACTERS, ALNUM_CHARACTERS, HASHES, ELLIPSES,
    WORDS, PLAIN_WORDS, UNMARKED_WORDS, UNMARKED_WORD_CHARACTERS, ALPHA_WORDS, STOP_WORDS, NEWLINES,
) = range(len(COUNTS))  # fmt: skip
STOP_PLACES = 1024  # of the table of stop words: a word's place is the lowest bits of its hash

_NEWLINE, _HASH, _DOT, _ELLIPSIS = 0x0A, 0x23, 0x2E, 0x2026
_LETTER_BITS = 32
LETTER, _CHARACTERS = 1 << _LETTER_BITS, (1 << _LETTER_BITS) - 1
_PLACES = np.uint64(STOP_PLACES - 1)


@njit(nogil=True, cache=True)
def flags_of(table, point):
    """The flags of a code point, see characters.py."""
    return np.int64(table[point]) if point < TABLE_SIZE else 0


@njit(nogil=True, cache=True)
def walk(data, start, end, table, row, starts, stops, before, newlines):
    """Finds words and line feeds, counts characters into `row`.

    No branch of it hangs on what a character is, but for its width: a place is written at every character, and kept
    where a word or line begins or ends.

    Args:
        data, start, end, table: the text and `character_table()`.
        row: int64, of which it fills the counts of characters.
        starts, stops, before, newlines: int64, with room for one more than there are bytes: each word's place, its
            end, what stands before it (characters that are no blanks, and times `LETTER` those that are letters; one
            more for all), and each line feed's place.

    Returns:
        how many words and line feeds there are, and whether there are line ends of another kind.
    """
    words, ended, lines, characters, alnum, hashes, breaks, sum_, last = 0, 0, 0, 0, 0, 0, 0, 0, SPACE
    i = start
    while i < end:
        point, width = decode(data, i, end)
        flags = flags_of(table, point)
        kind = flags & (SPACE | WORD)
        full, new = kind != SPACE, kind != last
        starts[words], before[words], stops[ended], newlines[lines] = i, sum_, i, i
        words += new & full
        ended += new & (last != SPACE)
        lines += point == _NEWLINE
        breaks += (flags & BREAK) != 0
        hashes += point == _HASH
        alnum += (flags & ALNUM) != 0
        sum_ += full + LETTER * ((flags & ALPHA) != 0)
        characters += 1
        last = kind
        i += width
    stops[ended], before[words] = end, sum_
    row[CHARACTERS], row[ALNUM_CHARACTERS], row[HASHES], row[NEWLINES] = characters, alnum, hashes, lines
    return words, lines, breaks > lines


@njit(nogil=True, cache=True)
def count_words(data, starts, stops, before, table, stops_, row, hashes, ends):
    """Counts the words into `row`, and fills in their hashes and the characters of the words before each.

    Args:
        data, table: the bytes that `starts` and `stops` are places in, and `character_table()`.
        starts, stops, before: int64[n], int64[n] and int64[n + 1], see `walk`.
        stops_: stop words' hashes and bits, see `kernel.measure`.
        row: int64, of which it fills the counts of words and ellipses.
        hashes, ends: uint64 and int32, to be filled for n words, `ends` for one more.
    """
    plain, full, characters, alpha, stopped = 0, 0, 0, 0, np.uint64(0)
    for n in range(starts.size):
        start, stop = starts[n], stops[n]
        value = stretch_hash(data, start, stop)
        hashes[n] = value
        ends[n] = before[n] & _CHARACTERS
        letters = before[n + 1] >> _LETTER_BITS != before[n] >> _LETTER_BITS
        alpha += letters
        digits, unmarked = (True, True) if letters else _has(data, start, stop, table)
        plain += digits
        if unmarked:
            full += 1
            characters += (before[n + 1] - before[n]) & _CHARACTERS
        if not digits and stop - start >= 3:
            row[ELLIPSES] += ellipses_in(data[start:stop])
        at = np.int64(value & _PLACES)
        stopped |= stops_[1][at] * np.uint64(stops_[0][at] == value)
    ends[starts.size] = before[starts.size] & _CHARACTERS
    row[WORDS], row[PLAIN_WORDS] = starts.size, plain
    row[UNMARKED_WORDS], row[UNMARKED_WORD_CHARACTERS] = full, characters
    row[ALPHA_WORDS], row[STOP_WORDS] = alpha, _bits(stopped)


@njit(nogil=True, cache=True)
def _has(data, start, end, table):
    """Whether the word has a letter or digit, and a character that is no punctuation."""
    some, unmarked = 0, False
    while start < end:
        point, width = decode(data, start, end)
        flags = flags_of(table, point)
        some |= flags
        unmarked |= not flags & MARK
        start += width
    return some & ALNUM != 0, unmarked


@njit(nogil=True, cache=True)
def ellipses_in(data):
    """How many "…" there are, and "..." as str.count finds it."""
    count, dots, start = 0, 0, 0
    while start < data.size:
        point, width = decode(data, start, data.size)
        count += point == _ELLIPSIS
        dots = dots + 1 if point == _DOT else 0
        if dots == 3:
            count += 1
            dots = 0
        start += width
    return count


@njit(nogil=True, cache=True)
def _bits(value):
    count = 0
    while value:
        count += 1
        value &= value - np.uint64(1)
    return count


@njit(nogil=True, cache=True)
def words_before(data, starts, stops, table, before):
    """Fills in `before`, see `walk`, for words that another splitter found."""
    sum_ = 0
    for n in range(starts.size):
        before[n] = sum_
        i = starts[n]
        while i < stops[n]:
            point, width = decode(data, i, stops[n])
            sum_ += 1 + LETTER * ((flags_of(table, point) & ALPHA) != 0)
            i += width
    before[starts.size] = sum_
