"""One compiled walk over a batch's UTF-8 bytes: characters, words, lines and paragraphs, counted for every document.

    bytes ──tokens.py──> words        `\\w+` or `[^\\w\\s]+`, by hash and length ──> n-grams (grams.py)
                     └─> line feeds ──> lines       by "\\n": copies, blank, short, ending in punctuation
                                    ├─> rows        by str.splitlines: bullets, ellipses, longest
                                    └─> paragraphs  by two or more "\\n" of the stripped text: copies

Every number is an integer; `Measures` (measure.py) names the columns and `tests/` hold each against plain Python.
"""

import numpy as np
from numba import njit

from processors.filters import tokens
from processors.filters.characters import BREAK, SPACE, TERMINAL
from processors.filters.grams import measure_grams
from processors.filters.hashing import decode, room, seen, stretch_hash
from processors.filters.tokens import (
    CHARACTERS,
    ELLIPSES,
    WORDS,
    count_words,
    ellipses_in,
    walk,
    words_before,
)
from processors.filters.tokens import (
    flags_of as flags_of,
)

COLUMNS = (
    *tokens.COUNTS,
    "lines", "copied_lines", "copied_line_characters",
    "full_lines", "full_terminal", "full_short", "full_copied_characters",
    "rows", "row_characters", "longest_row", "bullet_rows", "ellipsis_rows",
    "paragraphs", "copied_paragraphs", "copied_paragraph_characters",
    "gram_2", "gram_3", "gram_4", "gram_5", "gram_6", "gram_7", "gram_8", "gram_9", "gram_10",
)  # fmt: skip
(
    LINES, COPIED_LINES, COPIED_LINE_CHARACTERS,
    FULL_LINES, FULL_TERMINAL, FULL_SHORT, FULL_COPIED_CHARACTERS,
    ROWS, ROW_CHARACTERS, LONGEST_ROW, BULLET_ROWS, ELLIPSIS_ROWS,
    PARAGRAPHS, COPIED_PARAGRAPHS, COPIED_PARAGRAPH_CHARACTERS,
    FIRST_GRAM,
) = range(len(tokens.COUNTS), len(tokens.COUNTS) + 16)  # fmt: skip

SHORT_LINE = 30  # characters; FineWeb

_NEWLINE, _RETURN, _DOT, _DASH = 0x0A, 0x0D, 0x2E, 0x2D
_BULLET, _ELLIPSIS = 0x2022, 0x2026


@njit(nogil=True, cache=True)
def newlines_in(data, start, end):
    """Line feeds among the bytes from `start` to `end`."""
    count = 0
    for i in range(start, end):
        count += data[i] == _NEWLINE
    return count


@njit(nogil=True, cache=True)
def characters_in(data, start, end):
    """Characters among the bytes from `start` to `end`."""
    count = 0
    for i in range(start, end):
        count += data[i] & 0xC0 != 0x80
    return count


@njit(nogil=True, cache=True)
def last_point(data, start, end):
    """The last character of the bytes from `start` to `end`, of which there is one at least, and where it begins."""
    i = end - 1
    while i > start and data[i] & 0xC0 == 0x80:
        i -= 1
    return decode(data, i, end)[0], i


@njit(nogil=True, cache=True)
def strip(data, start, end, table):
    """The bounds of the text between `start` and `end` without blanks at either end, as str.strip has them."""
    while start < end:
        point, width = decode(data, start, end)
        if not flags_of(table, point) & SPACE:
            break
        start += width
    while end > start:
        point, i = last_point(data, start, end)
        if not flags_of(table, point) & SPACE:
            break
        end = i
    return start, end


@njit(nogil=True, cache=True)
def line_at(data, start, end, table):
    """Of the line that begins at `start`: its bounds without blanks at either end, and where the next one begins."""
    stop = start
    while stop < end and data[stop] != _NEWLINE:
        stop += 1
    first, last = strip(data, start, stop, table)
    return first, last, stop + 1


@njit(nogil=True, cache=True)
def _apart(newlines):
    """How many line feeds follow another one, but not at once: so many lines between two of them are not empty."""
    count = 0
    for n in range(1, newlines.size):
        count += newlines[n] > newlines[n - 1] + 1
    return count


@njit(nogil=True, cache=True)
def _lines(data, start, end, table, newlines, others, row):
    """Counts what "\n" divides. `lines` are the pieces of `\n+`, `full` lines those that are not blank."""
    bits = room(_apart(newlines) + 2)
    known = np.zeros(1 << bits, np.uint64)
    ascii = row[CHARACTERS] == end - start
    first = start
    for n in range(newlines.size + 1):
        stop = newlines[n] if n < newlines.size else end
        length = stop - first if ascii else characters_in(data, first, stop)
        full, full_end = strip(data, first, stop, table)
        if stop > first or n == 0 or n == newlines.size:  # between newlines nothing is no line; at either end it is
            copied = newlines.size > 0 and seen(known, bits, stretch_hash(data, first, stop))
            row[LINES] += 1
            row[COPIED_LINES] += copied
            row[COPIED_LINE_CHARACTERS] += length * copied
            if full < full_end:
                row[FULL_LINES] += 1
                row[FULL_TERMINAL] += (flags_of(table, last_point(data, first, stop)[0]) & TERMINAL) != 0
                row[FULL_SHORT] += length <= SHORT_LINE
                row[FULL_COPIED_CHARACTERS] += length * copied
        if not others and (n < newlines.size or stop > first):
            _row(data, full, full_end, length, row)
        first = stop + 1


@njit(nogil=True, cache=True)
def _row(data, start, end, length, row):
    """Counts one row of `length` characters; from `start` to `end` it lies without blanks at its ends."""
    row[ROWS] += 1
    row[ROW_CHARACTERS] += length
    row[LONGEST_ROW] = max(row[LONGEST_ROW], length)
    if start < end:
        first, last = decode(data, start, end)[0], last_point(data, start, end)[0]
        row[BULLET_ROWS] += first in (_BULLET, _DASH)
        dots = end - start >= 3 and last == _DOT and data[end - 2] == _DOT and data[end - 3] == _DOT
        row[ELLIPSIS_ROWS] += dots or last == _ELLIPSIS


@njit(nogil=True, cache=True)
def _rows(data, start, end, table, row):
    """Counts what str.splitlines divides, where not only "\n" does: a final line break opens no further row."""
    i = first = start
    while i < end:
        point, width = decode(data, i, end)
        if flags_of(table, point) & BREAK:
            _row(data, *strip(data, first, i, table), characters_in(data, first, i), row)
            i += 1 if point == _RETURN and i + 1 < end and data[i + 1] == _NEWLINE else 0
            first = i + width
        i += width
    if first < end:
        _row(data, *strip(data, first, end, table), characters_in(data, first, end), row)


@njit(nogil=True, cache=True)
def _paragraphs(data, start, end, table, newlines, row):
    """Counts what two or more newlines divide in the stripped text; one newline belongs to its paragraph."""
    first, last = strip(data, start, end, table)
    bits = room(_apart(newlines) + 2)
    known = np.zeros(1 << bits, np.uint64)
    for n in range(newlines.size + 1):
        stop = newlines[n] if n < newlines.size else last
        if n < newlines.size and (stop < first or stop >= last):
            continue
        if n < newlines.size and stop == first:  # one more of those before this paragraph
            first += 1
            continue
        if n < newlines.size and (n + 1 == newlines.size or newlines[n + 1] != stop + 1):
            continue
        row[PARAGRAPHS] += 1
        if row[PARAGRAPHS] > 1 or n < newlines.size:
            copied = seen(known, bits, stretch_hash(data, first, stop))
            if copied:
                row[COPIED_PARAGRAPHS] += 1
                row[COPIED_PARAGRAPH_CHARACTERS] += characters_in(data, first, stop)
        first = stop + 1


@njit(nogil=True, cache=True)
def _given_words(text, starts, stops, depth, table, stop_words, row):
    """Counts the words that another splitter found, which may lie over each other."""
    before, ends = np.empty(starts.size + 1, np.int64), np.empty(starts.size + 1, np.int32)
    hashes = np.empty(starts.size, np.uint64)
    words_before(text, starts, stops, table, before)
    count_words(text, starts, stops, before, table, stop_words, row, hashes, ends)
    if depth > 1:
        measure_grams(hashes, ends, row[FIRST_GRAM:])


@njit(nogil=True, cache=True)
def measure(data, offsets, table, stop_words, depth, given):
    """All counts of a batch.

    Args:
        data: uint8[bytes], the texts one after another, UTF-8, read-only.
        offsets: int64[n + 1], where each text begins in `data`.
        table: `character_table()`.
        stop_words: uint64[STOP_PLACES], `word_hash` of each stop word at its place; uint64[STOP_PLACES], one bit of
            its own for each.
        depth: 0 for lines and the number of words, 1 for what words are made of as well, 2 for n-grams as well; the
            columns of what is not asked for stay 0.
        given: for texts whose words another splitter gives: bool[n], which these are, bool[0] for none; int64[n + 1],
            int64[m], int64[m]: their words, see `segment.Bounds`.

    Returns:
        int64[len(COLUMNS), n]
    """
    counts = np.zeros((offsets.size - 1, len(COLUMNS)), np.int64)
    longest = np.max(offsets[1:] - offsets[:-1]) + 1 if offsets.size > 1 else 0
    starts, stops, before = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64)
    newlines, hashes, ends = np.empty(longest, np.int64), np.empty(longest, np.uint64), np.empty(longest, np.int32)
    for d in range(offsets.size - 1):
        text, row = data[offsets[d] : offsets[d + 1]], counts[d]
        words, lines, others = walk(text, 0, text.size, table, row, starts, stops, before, newlines)
        _lines(text, 0, text.size, table, newlines[:lines], others, row)
        if others:
            _rows(text, 0, text.size, table, row)
        _paragraphs(text, 0, text.size, table, newlines[:lines], row)
        row[WORDS] = words
        if given[0].size and given[0][d]:
            first, last = given[1][d], given[1][d + 1]
            row[WORDS] = last - first
            if depth:
                _given_words(text, given[2][first:last], given[3][first:last], depth, table, stop_words, row)
                row[ELLIPSES] = ellipses_in(text)
        elif depth:
            count_words(text, starts[:words], stops[:words], before, table, stop_words, row, hashes, ends)
            if depth > 1:
                measure_grams(hashes[:words], ends[: words + 1], row[FIRST_GRAM:])
    return counts.T.copy()
