"""C4's cuts of a batch, compiled: each line is read and judged (c4_lines.py), what goes is noted as spans."""

import numpy as np
from numba import njit

from processors.filters.c4_lines import (
    BLANK,
    CITATION,
    CURLY_BIT,
    FEW_WORDS,
    JAVASCRIPT,
    JAVASCRIPT_BIT,
    LONG_WORD,
    LOREM_BIT,
    NO_PUNCTUATION,
    POLICY,
    citation_at,
    events_of,
    has_long_word,
    has_words,
    punctuated,
    walk_line,
    without,
)
from processors.filters.kernel import strip
from processors.filters.sentences import count_sentences

_NEWLINE = 0x0A


@njit(nogil=True, cache=True)
def _put(spans, count, document, start, end, rule, newline):
    """Adds a span, or lengthens the last one where it is the same cut going on."""
    if start >= end:
        return count
    if count > 0:
        last = spans[count - 1]
        if last[0] == document and last[2] == start and last[3] == rule and last[4] == 0 and newline == 0:
            last[2] = end
            return count
    spans[count, 0], spans[count, 1], spans[count, 2] = document, start, end
    spans[count, 3], spans[count, 4] = rule, newline
    return count + 1


@njit(nogil=True, cache=True)
def _close(spans, used, mark, document, start, end):
    """Makes the stretch after the last kept line one whole cut, before the cuts of the lines that follow it."""
    if mark < used and spans[mark, 1] == start:
        spans[mark, 2], spans[mark, 4] = end, 0
        return used
    later = spans[mark:used].copy()
    used = _put(spans, mark, document, start, end, BLANK, 0)
    for i in range(later.shape[0]):
        row = later[i]
        used = _put(spans, used, row[0], row[1], row[2], row[3], row[4])
    return used


@njit(nogil=True, cache=True)
def _room_for(spans, used, more):
    if used + more <= spans.shape[0]:
        return spans
    larger = np.empty((2 * (used + more), 5), np.int64)
    larger[:used] = spans[:used]
    return larger


@njit(nogil=True, cache=True)
def cut_lines(data, offsets, table, phrases, limits, finals, which):
    """Applies the line rules to each text of a batch.

    Args:
        data, offsets: the texts, see `measure.buffers`.
        table: `character_table()`.
        phrases: what lines are searched for:
            `byte_kinds` and `pair_bits` of the needles;
            the needles, lower-case, one after another, where each begins, and `anchor_of` each;
            citation marks one after another, and where each begins; of none, int64[1].
        limits: int64[4]: fewest words, longest word, and whether to ask for punctuation, cut lines with phrases.
        finals, which: see `measure.final_marks`.

    Returns:
        spans int64[m, 5] (document, start, end, rule, whether a newline takes its place), bytes within the document,
        sorted; counts int64[3, n] of sentences, of lines with "lorem ipsum", and with "{".
    """
    spans, used = np.empty((1024, 5), np.int64), 0
    counts = np.zeros((offsets.size - 1, 3), np.int64)
    longest = np.max(offsets[1:] - offsets[:-1]) + 1 if offsets.size > 1 else 0
    events, places, cited = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64)
    for d in range(offsets.size - 1):
        text = data[offsets[d] : offsets[d + 1]]
        number = events_of(text, phrases[1], events)
        spans = _room_for(spans, used, 2 * number + 4)  # two a line, one a citation, and one to close
        these = finals[which[d]] if which[d] >= 0 else finals[0, :0]
        used = _cut_text(
            text, table, phrases, limits, these, (events[:number], places, cited), spans, used, d, counts[d]
        )
    return spans[:used], counts.T.copy()


@njit(nogil=True, cache=True)
def _rule(words, found, limits):
    """The rule that cuts a line because of its words, -1 where none does."""
    if not words:
        return FEW_WORDS
    if found & LOREM_BIT or not limits[3]:
        return -1
    if found & JAVASCRIPT_BIT:
        return JAVASCRIPT
    return POLICY if found >> 3 and not found & CURLY_BIT else -1


@njit(nogil=True, cache=True)
def _cut_text(text, table, phrases, limits, finals, scratch, spans, used, d, counts):
    """One text; gives the number of spans that there are then."""
    kinds, pairs, needles, citations = phrases
    events, places, cited = scratch
    kept_end, kept_next, mark = -1, 0, 0  # the last kept line, and how many spans there were before its end
    begin = at = 0
    while begin < text.size:
        stop, following, found, marks, number, at = walk_line(
            text, begin, table, kinds, events, at, needles, citations, places, cited
        )
        first, last = strip(text, begin, stop, table)
        line, line_first, line_last = text, first, last
        if number:
            line, line_first = without(text, first, last, cited[:number], citations), 0
            line_last = line.size
            again = np.empty(line.size + 1, np.int64)
            again = again[: events_of(line, pairs, again)]
            marks = walk_line(line, 0, table, kinds, again, 0, needles, citations, places, cited[number:])[3]
        asked = limits[2] and finals.size
        rule = NO_PUNCTUATION if asked and not punctuated(line, line_first, line_last, finals) else -1
        if has_long_word(text, first, last, table, limits[1]):
            rule = LONG_WORD
        elif rule < 0:
            rule = _rule(has_words(text, first, last, table, limits[0]), found, limits)
        if rule >= 0:
            used = _put(spans, used, d, begin, following, rule, 0)
        else:
            counts[0] += count_sentences(line, line_first, line_last, table, places[:marks])
            counts[1] += found & LOREM_BIT != 0
            counts[2] += found & (LOREM_BIT | CURLY_BIT) == CURLY_BIT
            used = _put(spans, used, d, begin, first, BLANK, 0)
            for i in cited[:number]:
                used = _put(spans, used, d, i, i + citation_at(text, i, last, citations), CITATION, 0)
            kept_end, kept_next, mark = last, following, used
            newline = np.int64(following > stop and text[following - 1] == _NEWLINE)
            instead = np.int64(following > stop) - newline  # of another line end
            used = _put(spans, used, d, last, following - newline, BLANK, instead)
        begin = following
    if kept_next > kept_end >= 0:  # the last kept line needs no newline
        used = _close(spans, used, mark, d, kept_end, kept_next)
    return used
