"""One compiled walk over a batch's UTF-8 bytes: characters, words, lines and paragraphs, counted for every document.

    bytes ──decode──> characters ──> words     `\\w+` or `[^\\w\\s]+`, by hash and length ──> n-grams (grams.py)
                                 ├─> lines     by "\\n": copies, blank, short, ending in punctuation
                                 ├─> rows      by str.splitlines: bullets, ellipses, longest
                                 └─> paragraphs by two or more "\\n" of the stripped text: copies

Every number is an integer; `Measures` (measure.py) names the columns and `tests/` hold each against plain Python.
"""

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, ALPHA, BREAK, SPACE, TABLE_SIZE, TERMINAL, WORD
from processors.filters.grams import measure_grams
from processors.filters.hashing import PRIME, SEED, decode, finish, room, seen

COLUMNS = (
    "characters", "alnum_characters", "hashes", "ellipses",
    "words", "plain_words", "plain_word_characters", "alpha_words", "stop_words",
    "newlines", "lines", "copied_lines", "copied_line_characters",
    "full_lines", "full_terminal", "full_short", "full_copied_characters",
    "rows", "row_characters", "longest_row", "bullet_rows", "ellipsis_rows",
    "paragraphs", "copied_paragraphs", "copied_paragraph_characters",
    "gram_2", "gram_3", "gram_4", "gram_5", "gram_6", "gram_7", "gram_8", "gram_9", "gram_10",
)  # fmt: skip
(
    CHARACTERS, ALNUM_CHARACTERS, HASHES, ELLIPSES,
    WORDS, PLAIN_WORDS, PLAIN_WORD_CHARACTERS, ALPHA_WORDS, STOP_WORDS,
    NEWLINES, LINES, COPIED_LINES, COPIED_LINE_CHARACTERS,
    FULL_LINES, FULL_TERMINAL, FULL_SHORT, FULL_COPIED_CHARACTERS,
    ROWS, ROW_CHARACTERS, LONGEST_ROW, BULLET_ROWS, ELLIPSIS_ROWS,
    PARAGRAPHS, COPIED_PARAGRAPHS, COPIED_PARAGRAPH_CHARACTERS,
    FIRST_GRAM,
) = range(26)  # fmt: skip

SHORT_LINE = 30  # characters; FineWeb
STOP_PLACES = 1024  # of the table of stop words: a word's place is the lowest bits of its hash

_NEWLINE, _RETURN, _HASH, _DOT, _DASH = 0x0A, 0x0D, 0x23, 0x2E, 0x2D
_BULLET, _ELLIPSIS = 0x2022, 0x2026


@njit(nogil=True, cache=True)
def flags_of(table, point):
    """The flags of a code point, see characters.py."""
    return np.int64(table[point]) if point < TABLE_SIZE else 0


@njit(nogil=True, cache=True)
def _characters(data, start, end, table, row):
    """Counts characters, "#" and ellipses: "…", and "..." as str.count finds it."""
    characters, alnum, hashes, ellipses, dots = 0, 0, 0, 0, 0
    i = start
    while i < end:
        point, width = decode(data, i, end)
        characters += 1
        alnum += (flags_of(table, point) & ALNUM) != 0
        hashes += point == _HASH
        ellipses += point == _ELLIPSIS
        dots = dots + 1 if point == _DOT else 0
        if dots == 3:
            ellipses += 1
            dots = 0
        i += width
    row[CHARACTERS], row[ALNUM_CHARACTERS], row[HASHES], row[ELLIPSES] = characters, alnum, hashes, ellipses


@njit(nogil=True, cache=True)
def _words(data, start, end, table, stops, stop_bits, row):
    """Counts words into `row`; gives their hashes and the characters of the words before each."""
    hashes = np.empty((end - start) // 4 + 8, np.uint64)
    ends = np.empty(hashes.size + 1, np.int64)
    ends[0] = 0
    count, plain, plain_characters, alpha, stopped = 0, 0, 0, 0, 0
    i = start
    while i < end:
        point, width = decode(data, i, end)
        flags = flags_of(table, point)
        if flags & SPACE:
            i += width
            continue
        kind, length, any_flags, value = flags & WORD, 0, 0, SEED
        while not flags & SPACE and flags & WORD == kind:
            value = (value ^ np.uint64(point)) * PRIME
            any_flags |= flags
            length += 1
            i += width
            if i >= end:
                break
            point, width = decode(data, i, end)
            flags = flags_of(table, point)
        value = finish(value)
        if count == hashes.size:
            hashes, ends = _doubled(hashes), _doubled(ends)
        hashes[count] = value
        ends[count + 1] = ends[count] + length
        count += 1
        alpha += (any_flags & ALPHA) != 0
        if any_flags & ALNUM:
            plain += 1
            plain_characters += length
            at = np.int64(value & np.uint64(STOP_PLACES - 1))
            stopped |= np.int64(stop_bits[at]) * (stops[at] == value)
    row[WORDS], row[PLAIN_WORDS], row[PLAIN_WORD_CHARACTERS], row[ALPHA_WORDS] = count, plain, plain_characters, alpha
    while stopped:
        row[STOP_WORDS] += stopped & 1
        stopped >>= 1
    return hashes[:count], ends[: count + 1]


@njit(nogil=True, cache=True)
def _doubled(array):
    larger = np.empty(2 * array.size, array.dtype)
    larger[: array.size] = array
    return larger


@njit(nogil=True, cache=True)
def newlines_in(data, start, end):
    """Line feeds among the bytes from `start` to `end`."""
    count = 0
    for i in range(start, end):
        count += data[i] == _NEWLINE
    return count


@njit(nogil=True, cache=True)
def _lines(data, start, end, table, row):
    """Counts what "\n" divides. `lines` are the pieces of `\n+`, `full` lines those that are not blank."""
    row[NEWLINES] = newlines_in(data, start, end)
    bits = room(row[NEWLINES] + 1)
    known = np.zeros(1 << bits, np.uint64)
    length, last, full, value = 0, 0, False, SEED
    i = start
    while i <= end:
        point, width = decode(data, i, end) if i < end else (_NEWLINE, 1)
        if point != _NEWLINE:
            last = flags_of(table, point)
            full |= (last & SPACE) == 0
            length += 1
            value = (value ^ np.uint64(point)) * PRIME
        elif length > 0 or i == start or i == end:  # noqa: SIM109 # between newlines nothing is no line; at either end it is
            copied = seen(known, bits, finish(value))
            row[LINES] += 1
            row[COPIED_LINES] += copied
            row[COPIED_LINE_CHARACTERS] += length * copied
            if full:
                row[FULL_LINES] += 1
                row[FULL_TERMINAL] += (last & TERMINAL) != 0
                row[FULL_SHORT] += length <= SHORT_LINE
                row[FULL_COPIED_CHARACTERS] += length * copied
            length, full, value = 0, False, SEED
        i += width


@njit(nogil=True, cache=True)
def _rows(data, start, end, table, row):
    """Counts what str.splitlines divides: a final line break opens no further row."""
    length, dots, first, gap = 0, 0, -1, False  # dots: of the run that ends the row so far, -1 for "…"
    i = start
    while i < end or length > 0:
        point, width = decode(data, i, end) if i < end else (_NEWLINE, 1)
        flags = flags_of(table, point)
        if flags & BREAK:
            if point == _RETURN and i + 1 < end and data[i + 1] == _NEWLINE:
                width = 2
            row[ROWS] += 1
            row[ROW_CHARACTERS] += length
            row[LONGEST_ROW] = max(row[LONGEST_ROW], length)
            row[BULLET_ROWS] += first in (_BULLET, _DASH)
            row[ELLIPSIS_ROWS] += dots >= 3 or dots == -1
            length, dots, first, gap = 0, 0, -1, False
        else:
            length += 1
            if flags & SPACE:
                gap = True
            else:
                first = point if first == -1 else first
                if point == _DOT:
                    dots = 1 if gap or dots < 0 else dots + 1
                else:
                    dots = -1 if point == _ELLIPSIS else 0
                gap = False
        i += width


@njit(nogil=True, cache=True)
def strip(data, start, end, table):
    """The bounds of the text between `start` and `end` without blanks at either end, as str.strip has them."""
    while start < end:
        point, width = decode(data, start, end)
        if not flags_of(table, point) & SPACE:
            break
        start += width
    while end > start:
        i = end - 1
        while i > start and data[i] & 0xC0 == 0x80:
            i -= 1
        if not flags_of(table, decode(data, i, end)[0]) & SPACE:
            break
        end = i
    return start, end


@njit(nogil=True, cache=True)
def _paragraphs(data, start, end, table, row):
    """Counts what two or more newlines divide in the stripped text; one newline belongs to its paragraph."""
    bits = room(row[NEWLINES] // 2 + 1)
    known = np.zeros(1 << bits, np.uint64)
    length, newlines, value = 0, 0, SEED
    i, end = strip(data, start, end, table)
    while i <= end:
        point, width = decode(data, i, end) if i < end else (0, 1)
        if point == _NEWLINE:
            newlines += 1
        else:
            if newlines >= 2 or i == end:
                copied = seen(known, bits, finish(value))
                row[PARAGRAPHS] += 1
                row[COPIED_PARAGRAPHS] += copied
                row[COPIED_PARAGRAPH_CHARACTERS] += length * copied
                length, value = 0, SEED
            elif newlines == 1:
                length += 1
                value = (value ^ np.uint64(_NEWLINE)) * PRIME
            newlines = 0
            length += 1
            value = (value ^ np.uint64(point)) * PRIME
        i += width


@njit(nogil=True, cache=True)
def measure(data, offsets, table, stops, stop_bits, grams):
    """All counts of a batch.

    Args:
        data: uint8[bytes], the texts one after another, UTF-8, read-only.
        offsets: int64[n + 1], where each text begins in `data`.
        table: `character_table()`.
        stops: uint64[STOP_PLACES], `word_hash` of each stop word at its place.
        stop_bits: int64[STOP_PLACES], one bit of its own for each.
        grams: whether to fill the n-gram columns, which take most of the time; else they stay 0.

    Returns:
        int64[len(COLUMNS), n]
    """
    counts = np.zeros((offsets.size - 1, len(COLUMNS)), np.int64)
    for d in range(offsets.size - 1):
        start, end, row = offsets[d], offsets[d + 1], counts[d]
        _characters(data, start, end, table, row)
        words, ends = _words(data, start, end, table, stops, stop_bits, row)
        _lines(data, start, end, table, row)
        _rows(data, start, end, table, row)
        _paragraphs(data, start, end, table, row)
        if grams:
            measure_grams(words, ends, row[FIRST_GRAM:])
    return counts.T.copy()
