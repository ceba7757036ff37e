"""RefinedWeb's line rules, compiled: bytes in; cuts and counts out. The rules are told in refinedweb_lines.py."""

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, SPACE, WORD
from processors.filters.classes import DECIMAL, DIGIT, UPPER
from processors.filters.hashing import decode
from processors.filters.kernel import flags_of, strip

BLANK, UPPER_CASE, NUMERIC, COUNTER, FEW_WORDS, PHRASE = range(6)
WORDS, CUT, FLAGGED, CUT_LINES = range(4)
ANYWHERE, AT_END, AT_START = range(3)  # the phrases, in the order in which they are cut

_NEWLINE, _COMMA, _DOT, _ELLIPSIS = 0x0A, 0x2C, 0x2E, 0x2026


@njit(nogil=True, cache=True)
def _line(data, start, end, table, classes):
    """Characters, upper-case letters and digits of a line; pieces between blanks, and those that begin alphanumeric."""
    characters, upper, digits, pieces, words, gap = 0, 0, 0, 0, 0, True
    i = start
    while i < end:
        point, width = decode(data, i, end)
        flags = flags_of(table, point)
        kind = flags_of(classes, point)
        characters += 1
        upper += kind & UPPER != 0
        digits += kind & DIGIT != 0
        if flags & SPACE:
            gap = True
        elif gap:
            pieces += 1
            words += flags & ALNUM != 0
            gap = False
        i += width
    return characters, upper, digits, pieces, words


@njit(nogil=True, cache=True)
def _begins(data, at, end, phrases, first, last):
    """Whether the phrase stands at `at`; ASCII letters match in either case."""
    if at < 0 or at + last - first > end:
        return False
    for i in range(first, last):
        byte = data[at + i - first]
        if byte != phrases[i] and not (65 <= byte <= 90 and byte + 32 == phrases[i]):
            return False
    return True


@njit(nogil=True, cache=True)
def _counts(data, start, end, table, classes, words, bounds):
    """Whether a line is a counter: a number, perhaps k, m or b, blanks, one of the words; else only signs."""
    i, state = start, 0  # 0: signs before, 1: the number, 2: its letter, 3: blanks, 4: signs after
    while i < end:
        point, width = decode(data, i, end)
        flags, kind = flags_of(table, point), flags_of(classes, point)
        if state == 0 and kind & DECIMAL:
            state = 1
        elif state == 0 or state == 4:
            if flags & WORD:
                return False
        elif flags & SPACE:
            state = 3
        elif state == 1 and (point | 32 == 0x6B or point | 32 == 0x6D or point | 32 == 0x62):
            state = 2
        elif state == 1:
            if not (kind & DECIMAL or point in (_COMMA, _DOT)):
                return False
        elif state == 2:
            return False
        else:
            found = 0
            for n in range(bounds.size - 1):
                if _begins(data, i, end, words, bounds[n], bounds[n + 1]):
                    found = bounds[n + 1] - bounds[n]
            if not found:
                return False
            width, state = found, 4
        i += width
    return state == 4


@njit(nogil=True, cache=True)
def _before(data, start, at):
    """Where the character that ends at `at` begins, not before `start`."""
    at -= 1
    while at > start and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


@njit(nogil=True, cache=True)
def _blank_before(data, start, at, table):
    """`at`, or where the blank before it begins."""
    if at <= start:
        return at
    before = _before(data, start, at)
    return before if flags_of(table, decode(data, before, at)[0]) & SPACE else at


@njit(nogil=True, cache=True)
def _find(data, start, end, which, table, phrases, bounds):
    """Where a phrase to be cut begins and ends, with one blank before it (after it at a line's start); else -1."""
    first, last = bounds[which], bounds[which + 1]
    if which == AT_START:
        if not _begins(data, start, end, phrases, first, last):
            return -1, -1
        after = start + last - first
        point, width = decode(data, after, end) if after < end else (0, 0)
        return start, after + (width if width and flags_of(table, point) & SPACE else 0)
    if which == AT_END:
        at = end
        for n in range(3):
            if at <= start:
                return -1, -1
            at = _before(data, start, at)
            found = at - (last - first)
            whole = n == 2 or (n == 0 and decode(data, at, end)[0] == _ELLIPSIS)
            if whole and found >= start and _begins(data, found, at, phrases, first, last):
                return _blank_before(data, start, found, table), end
        return -1, -1
    for i in range(start, end - (last - first) + 1):
        if _begins(data, i, end, phrases, first, last):
            return _blank_before(data, start, i, table), i + last - first
    return -1, -1


@njit(nogil=True, cache=True)
def _edit(line, origin, table, phrases, bounds):
    """The line's bytes and their places without the phrases; nothing where no letter is left of a line that was cut."""
    for which in range(bounds.size - 1):
        at, cut = 0, False
        kept = np.ones(line.size, np.bool_)
        while True:
            start, end = _find(line, at, line.size, which, table, phrases, bounds)
            if start < 0:
                break
            kept[start:end] = False
            cut, at = True, end
            if which != ANYWHERE:
                break
        if cut:
            line, origin = line[kept], origin[kept]
            start, end = strip(line, 0, line.size, table)
            if start >= end:
                return line[:0], origin[:0]
    return line, origin


@njit(nogil=True, cache=True)
def _holds(data, start, end, phrases, bounds):
    """Whether some phrase, without its end, stands in the line."""
    for i in range(start, end):
        for n in range(bounds.size - 1):
            if data[i] | 32 == phrases[bounds[n]] and _begins(data, i, end, phrases, bounds[n], bounds[n + 1]):
                return True
    return False


@njit(nogil=True, cache=True)
def _put(spans, count, document, start, end, rule):
    if start >= end:
        return spans, count
    if count > 0 and spans[count - 1, 0] == document and spans[count - 1, 2] == start and spans[count - 1, 3] == rule:
        spans[count - 1, 2] = end
        return spans, count
    if count == spans.shape[0]:
        more = np.empty((2 * count, 4), np.int64)
        more[:count] = spans
        spans = more
    spans[count, 0], spans[count, 1], spans[count, 2], spans[count, 3] = document, start, end, rule
    return spans, count + 1


@njit(nogil=True, cache=True)
def _trim(spans, mark, count, document, start, end, size):
    """Cuts all that stands before `start` and from `end` on as well; the document's spans are those from `mark`."""
    known = spans[mark:count].copy()
    count, at = mark, 0
    for n in range(known.shape[0]):
        first = known[n, 1]
        spans, count = _put(spans, count, document, at, min(first, start), BLANK)
        spans, count = _put(spans, count, document, max(at, end), first, BLANK)
        spans, count = _put(spans, count, document, first, known[n, 2], known[n, 3])
        at = known[n, 2]
    spans, count = _put(spans, count, document, at, start, BLANK)
    return _put(spans, count, document, max(at, end), size, BLANK)


@njit(nogil=True, cache=True)
def _put_edits(spans, count, document, start, end, origin):
    """Cuts the bytes of a line that are not among `origin`."""
    at = start
    for n in range(origin.size):
        spans, count = _put(spans, count, document, at, origin[n], PHRASE)
        at = origin[n] + 1
    return _put(spans, count, document, at, end, PHRASE)


@njit(nogil=True, cache=True)
def _rule(text, start, end, found, table, classes, words, word_bounds, limits):
    """The rule that cuts a line, -1 where none does."""
    characters, upper, digits, pieces, _ = found
    if upper > limits[0] * characters:
        return UPPER_CASE
    if digits > limits[1] * characters:
        return NUMERIC
    if limits[2] and _counts(text, start, end, table, classes, words, word_bounds):
        return COUNTER
    return FEW_WORDS if pieces < limits[3] else -1


@njit(nogil=True, cache=True)
def _edit_line(text, start, stop, found, table, phrases, bounds, limits):
    """The bytes that are left of a short line and their places in the text; all of them where it holds no phrase."""
    if found[3] > limits[4] or not _holds(text, start, stop, phrases, bounds):
        return text[start:stop], np.empty(0, np.int64)
    return _edit(text[start:stop], np.arange(start, stop), table, phrases, bounds)


@njit(nogil=True, cache=True)
def _edit_text(text, document, spans, used, row, table, classes, words, word_bounds, phrases, phrase_bounds, limits):
    """Adds the spans of one text and counts into `row`."""
    begin, close = strip(text, 0, text.size, table)
    mark, kept_start, kept_end = used, -1, text.size
    while begin < close:
        stop = begin
        while stop < close and text[stop] != _NEWLINE:
            stop += 1
        following = min(stop + 1, close)
        found = _line(text, begin, stop, table, classes)
        row[WORDS] += found[4]
        rule = -1  # an empty line stays, but for the ends of the text
        if stop > begin:
            rule = _rule(text, begin, stop, found, table, classes, words, word_bounds, limits)
        line, origin = text[:0], np.empty(0, np.int64)
        if rule < 0:
            line, origin = _edit_line(text, begin, stop, found, table, phrases, phrase_bounds, limits)
            if line.size < stop - begin:
                row[FLAGGED] += found[4]
                row[CUT_LINES] += 1
                if line.size == 0 or limits[5]:
                    rule = PHRASE
                else:
                    row[CUT] += found[4] - _line(line, 0, line.size, table, classes)[4]
                    spans, used = _put_edits(spans, used, document, begin, stop, origin)
        else:
            row[FLAGGED] += found[4]
            row[CUT_LINES] += 1
        if rule >= 0:
            row[CUT] += found[4]
            spans, used = _put(spans, used, document, begin, following, rule)
        elif line.size > 0:
            first, last = strip(line, 0, line.size, table)
            if origin.size > 0:
                first, last = origin[first], origin[last - 1] + 1
            else:
                first, last = begin + first, begin + last
            kept_start = first if kept_start < 0 else kept_start
            kept_end = last
        begin = following
    kept_start = text.size if kept_start < 0 else kept_start
    return _trim(spans, mark, used, document, kept_start, kept_end, text.size)


@njit(nogil=True, cache=True)
def edit_lines(data, offsets, table, classes, words, word_bounds, phrases, phrase_bounds, limits):
    """Applies the line rules to each text of a batch.

    Args:
        data, offsets: the texts, see `measure.buffers`.
        table, classes: `character_table()` and `class_table()`.
        words, word_bounds: what a counter counts, lower case, one after another, and where each begins.
        phrases, phrase_bounds: the three phrases, the same way; of the second without its dots.
        limits: float64[6]: highest share of upper case, of digits, whether counters fall, fewest words, most words of
            a line that is searched for phrases, whether such a line falls whole.

    Returns:
        spans int64[m, 4] (document, start, end, rule), bytes within the document, sorted; counts int64[4, n] of words,
        words cut, words in the lines that were cut or edited, and lines that were.
    """
    spans = np.empty((1024, 4), np.int64)
    counts = np.zeros((offsets.size - 1, 4), np.int64)
    used = 0
    for d in range(offsets.size - 1):
        text = data[offsets[d] : offsets[d + 1]]
        spans, used = _edit_text(
            text, d, spans, used, counts[d], table, classes, words, word_bounds, phrases, phrase_bounds, limits
        )
    return spans[:used], counts.T.copy()
