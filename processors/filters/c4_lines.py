"""C4's line rules, compiled: bytes in; cuts, sentences and forbidden lines out. The rules are told in c4.py."""

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, BREAK, LOWER, SPACE
from processors.filters.hashing import decode
from processors.filters.kernel import flags_of, strip

BLANK, LONG_WORD, NO_PUNCTUATION, FEW_WORDS, JAVASCRIPT, POLICY, CITATION = range(7)
LOREM_BIT, CURLY_BIT, JAVASCRIPT_BIT = 1, 2, 4  # the first three needles; all that follow are policy phrases

_NEWLINE, _RETURN, _DOT, _OPEN, _CLOSE = 0x0A, 0x0D, 0x2E, 0x5B, 0x5D


@njit(nogil=True, cache=True)
def _matches(data, at, end, needles, first, last):
    if at + last - first > end:
        return False
    for i in range(first, last):
        byte = data[at + i - first]
        if byte != needles[i] and not (65 <= byte <= 90 and byte + 32 == needles[i]):
            return False
    return True


@njit(nogil=True, cache=True)
def _found(data, start, end, needles, bounds, firsts):
    """A bit for each needle in the line; ASCII letters match in either case."""
    found = 0
    for i in range(start, end):
        if firsts[data[i]]:
            for n in range(bounds.size - 1):
                if data[i] | 32 == needles[bounds[n]] | 32 and _matches(
                    data, i, end, needles, bounds[n], bounds[n + 1]
                ):
                    found |= 1 << n
    return found


@njit(nogil=True, cache=True)
def _citation(data, at, end, marks, bounds):
    """Bytes of the citation mark that the bracket at `at` opens, [], [12], [edit], [citation needed]; else 0."""
    i = at + 1
    while i < end and 48 <= data[i] <= 57:
        i += 1
    if i < end and data[i] == _CLOSE:
        return i + 1 - at
    for n in range(bounds.size - 1):
        if _matches(data, at, end, marks, bounds[n], bounds[n + 1]) and data[at + 1] >= 97:
            return bounds[n + 1] - bounds[n]
    return 0


@njit(nogil=True, cache=True)
def _words(data, start, end, table):
    """How many pieces blanks divide the line into, and the characters of the longest."""
    count, longest, length = 0, 0, 0
    while start < end:
        point, width = decode(data, start, end)
        length = 0 if flags_of(table, point) & SPACE else length + 1
        count += length == 1
        longest = max(longest, length)
        start += width
    return count, longest


@njit(nogil=True, cache=True)
def _sentences(data, start, end, table, marks, bounds):
    """Sentences of a line without its citations, and whether it ends in . ? ! " ' but not in "..."."""
    count, open_, ended, gap, dots, last = 0, False, False, False, 0, 0
    while start < end:
        skip = _citation(data, start, end, marks, bounds) if data[start] == _OPEN else 0
        if skip:
            start += skip
            continue
        point, width = decode(data, start, end)
        start += width
        flags = flags_of(table, point)
        last = point
        dots = dots + 1 if point == _DOT else 0
        if point == 0x3002 or point == 0xFF01 or point == 0xFF1F or point == 0xFF61:  # 。！？｡ need no blank after them
            count += open_
            open_ = ended = gap = False
        elif point == _DOT or point == 0x21 or point == 0x3F or point == 0x2026:
            ended, gap = True, False
        elif flags & SPACE:
            gap = ended
        elif flags & ALNUM:
            if gap and not flags & LOWER:
                count += open_
            open_, ended, gap = True, False, False
        elif not _closes(point) and not gap:
            ended = False
    punctuated = last == _DOT or last == 0x3F or last == 0x21 or last == 0x22 or last == 0x27
    return count + open_, punctuated and dots < 3


@njit(nogil=True, cache=True)
def _closes(point):
    """Closing quotation marks and brackets: " ' ) ] } » ’ ”."""
    if point == 0x22 or point == 0x27 or point == 0x29 or point == 0x5D or point == 0x7D:
        return True
    return point == 0xBB or point == 0x2019 or point == 0x201D


@njit(nogil=True, cache=True)
def _line_end(data, start, end, table):
    """Where the line that begins at `start` ends, and where the next one begins."""
    i = start
    while i < end:
        point, width = decode(data, i, end)
        if flags_of(table, point) & BREAK:
            if point == _RETURN and i + 1 < end and data[i + 1] == _NEWLINE:
                width = 2
            return i, i + width
        i += width
    return end, end


@njit(nogil=True, cache=True)
def _put(spans, count, document, start, end, rule, newline):
    """Adds a span, or lengthens the last one where it is the same cut going on."""
    if start >= end:
        return spans, count
    if count > 0:
        last = spans[count - 1]
        if last[0] == document and last[2] == start and last[3] == rule and last[4] == 0 and newline == 0:
            last[2] = end
            return spans, count
    if count == spans.shape[0]:
        more = np.empty((2 * count, 5), np.int64)
        more[:count] = spans
        spans = more
    spans[count, 0], spans[count, 1], spans[count, 2] = document, start, end
    spans[count, 3], spans[count, 4] = rule, newline
    return spans, count + 1


@njit(nogil=True, cache=True)
def cut_lines(data, offsets, table, needles, bounds, firsts, marks, mark_bounds, limits):
    """Applies the line rules to each text of a batch.

    Args:
        data, offsets: the texts, see `measure.buffers`.
        table: `character_table()`.
        needles, bounds, firsts: lower-case phrases one after another, where each begins, and whether a byte begins one.
        marks, mark_bounds: citation marks, the same way.
        limits: int64[5]: fewest words, longest word, and whether to ask for punctuation, cut citations, cut phrases.

    Returns:
        spans int64[m, 5] (document, start, end, rule, whether a newline takes its place), bytes within the document,
        sorted; counts int64[3, n] of sentences, of lines with "lorem ipsum", and with "{".
    """
    spans = np.empty((1024, 5), np.int64)
    counts = np.zeros((3, offsets.size - 1), np.int64)
    used = 0
    for d in range(offsets.size - 1):
        text = data[offsets[d] : offsets[d + 1]]
        kept_end, kept_next, mark = -1, 0, 0  # the last kept line, and how many spans there were before its end
        begin = 0
        while begin < text.size:
            stop, following = _line_end(text, begin, text.size, table)
            first, last = strip(text, begin, stop, table)
            words, longest = _words(text, first, last, table)
            found = _found(text, first, last, needles, bounds, firsts)
            sentences, punctuated = _sentences(text, first, last, table, marks, mark_bounds)
            rule = _rule(words, longest, punctuated, found, limits)
            if rule >= 0:
                spans, used = _put(spans, used, d, begin, following, rule, 0)
            else:
                counts[0, d] += sentences
                counts[1, d] += found & LOREM_BIT != 0
                counts[2, d] += found & (LOREM_BIT | CURLY_BIT) == CURLY_BIT
                spans, used = _put(spans, used, d, begin, first, BLANK, 0)
                if limits[3]:
                    spans, used = _cut_citations(spans, used, d, text, first, last, marks, mark_bounds)
                kept_end, kept_next, mark = last, following, used
                newline = np.int64(following > stop and text[following - 1] == _NEWLINE)
                instead = np.int64(following > stop) - newline  # of another line end
                spans, used = _put(spans, used, d, last, following - newline, BLANK, instead)
            begin = following
        if kept_next > kept_end >= 0:  # the last kept line needs no newline
            spans, used = _close(spans, used, mark, d, kept_end, kept_next)
    return spans[:used], counts


@njit(nogil=True, cache=True)
def _rule(words, longest, punctuated, found, limits):
    """The rule that cuts a line, -1 where none does."""
    if longest > limits[1]:
        return LONG_WORD
    if limits[2] and not punctuated:
        return NO_PUNCTUATION
    if words < limits[0]:
        return FEW_WORDS
    if found & LOREM_BIT or not limits[4]:
        return -1
    if found & JAVASCRIPT_BIT:
        return JAVASCRIPT
    return POLICY if found >> 3 and not found & CURLY_BIT else -1


@njit(nogil=True, cache=True)
def _cut_citations(spans, used, document, text, first, last, marks, bounds):
    i = first
    while i < last:
        skip = _citation(text, i, last, marks, bounds) if text[i] == _OPEN else 0
        if skip:
            spans, used = _put(spans, used, document, i, i + skip, CITATION, 0)
        i += max(skip, 1)
    return spans, used


@njit(nogil=True, cache=True)
def _close(spans, used, mark, document, start, end):
    """Makes the stretch after the last kept line one whole cut, before the cuts of the lines that follow it."""
    if mark < used and spans[mark, 1] == start:
        spans[mark, 2], spans[mark, 4] = end, 0
        return spans, used
    later = spans[mark:used].copy()
    spans, used = _put(spans, mark, document, start, end, BLANK, 0)
    for i in range(later.shape[0]):
        row = later[i]
        spans, used = _put(spans, used, row[0], row[1], row[2], row[3], row[4])
    return spans, used
