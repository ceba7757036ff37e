"""The same texts as other corpora read them, compiled: what the variants of Gopher's rules count otherwise.

    PAPER  words between blanks (or as another splitter gives them)
    DOLMA  the same words; lines as they stand, empty ones too
    DCLM   n-grams of words that begin with a letter or digit; all else of words between blanks

In PAPER and DCLM a line or paragraph is stripped, and an empty one is none. Every copy counts, the first as well. Each
column has its divisor beside it. DCLM's words are `\\w+` here; its own splitter (uniseg) keeps "don't" and "3.14" one.
"""

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, ALPHA, SPACE
from processors.filters.grams import longer, pairs_of, twice
from processors.filters.hashing import decode, place, room, stretch_hash
from processors.filters.kernel import characters_in, last_point, strip
from processors.filters.tokens import ellipses_in, flags_of, walk, words_before

PAPER, DOLMA, DCLM = range(3)

QUALITY = (
    "words", "length", "lengths", "hashes", "ellipses", "symbols", "blank_words", "bullet_lines", "ellipsis_lines",
    "lines", "alpha_words", "stop_words",
)  # fmt: skip
REPETITION = (
    "copied_lines", "lines", "copied_line_characters", "line_characters",
    "copied_paragraphs", "paragraphs", "copied_paragraph_characters", "paragraph_characters",
    *(f"gram_{n}" for n in range(2, 11)), *(f"gram_{n}_of" for n in range(2, 11)),
)  # fmt: skip
(
    WORDS, LENGTH, LENGTHS, HASHES, ELLIPSES, SYMBOLS, BLANK_WORDS, BULLET_LINES, ELLIPSIS_LINES,
    LINES, ALPHA_WORDS, STOP_WORDS,
) = range(len(QUALITY))  # fmt: skip
_GRAM, _GRAM_OF = 8, 17

_NEWLINE, _HASH, _ELLIPSIS, _DOT = 0x0A, 0x23, 0x2026, 0x2E
_SHORT = 8  # bytes; longer words are no stop words of English


@njit(nogil=True, cache=True)
def _blank_words(data, table, starts, stops):
    """Fills in the bounds of the words between blanks; gives their number."""
    count, inside, i = 0, False, 0
    while i < data.size:
        point, width = decode(data, i, data.size)
        full = not flags_of(table, point) & SPACE
        if full and not inside:
            starts[count] = i
            count += 1
        if full:
            stops[count - 1] = i + width
        inside = full
        i += width
    return count


@njit(nogil=True, cache=True)
def _words(data, table, d, given, reading, scratch):
    """Bounds of the words that a reading takes n-grams of."""
    starts, stops, before, newlines = scratch
    if given[0].size and given[0][d]:
        first, last = given[1][d], given[1][d + 1]
        return given[2][first:last], given[3][first:last]
    if reading != DCLM:
        count = _blank_words(data, table, starts, stops)
        return starts[:count], stops[:count]
    row = np.zeros(10, np.int64)
    words = walk(data, 0, data.size, table, row, starts, stops, before, newlines)[0]
    used = 0
    for n in range(words):
        starts[used], stops[used] = starts[n], stops[n]
        used += flags_of(table, decode(data, starts[n], stops[n])[0]) & ALNUM != 0
    return starts[:used], stops[:used]


@njit(nogil=True, cache=True)
def _twice_median(lengths, longest):
    """Twice the median of the lengths, of which there is one at least."""
    counts = np.zeros(longest + 1, np.int64)
    for length in lengths:
        counts[length] += 1
    low, high, met, found = -1, -1, 0, (lengths.size - 1) // 2
    for length in range(longest + 1):
        met += counts[length]
        if low < 0 and met > found:
            low = length
        if high < 0 and met > lengths.size // 2:
            high = length
    return low + high


@njit(nogil=True, cache=True)
def _is_stop(data, start, stop, stop_words, small, lower):
    """The bit of the stop word, 0 for another word; `lower`: capitals of ASCII count as small letters."""
    if stop - start > _SHORT:
        return np.uint64(0)
    for i in range(start, stop):
        small[i - start] = data[i] + (32 if lower and 65 <= data[i] <= 90 else 0)
    value = stretch_hash(small[: stop - start], 0, stop - start)
    at = np.int64(value & np.uint64(stop_words[0].size - 1))
    return stop_words[1][at] if stop_words[0][at] == value else np.uint64(0)


@njit(nogil=True, cache=True)
def _quality_words(data, table, starts, stops, stop_words, reading, row):
    """Counts words into `row`."""
    lengths = np.empty(starts.size, np.int64)
    small, bits, longest = np.empty(_SHORT, np.uint8), np.uint64(0), 0
    for n in range(starts.size):
        i, length, any_flags, sign, first = starts[n], 0, 0, False, 0
        while i < stops[n]:
            point, width = decode(data, i, stops[n])
            flags = flags_of(table, point)
            first = flags if length == 0 else first
            any_flags |= flags
            sign |= point in (_HASH, _ELLIPSIS)
            length += 1
            i += width
        lengths[n] = length
        longest = max(longest, length)
        row[LENGTH] += length
        row[ALPHA_WORDS] += (any_flags & ALPHA) != 0
        row[WORDS] += reading != DCLM or first & ALNUM != 0
        row[SYMBOLS] += sign
        bit = _is_stop(data, starts[n], stops[n], stop_words, small, reading == DCLM)
        row[STOP_WORDS] += bit != np.uint64(0) and (reading != PAPER or not bits & bit)
        bits |= bit
    row[BLANK_WORDS] = row[LENGTHS] = starts.size
    if reading == DOLMA and starts.size:
        row[LENGTH], row[LENGTHS] = _twice_median(lengths, longest), 2


@njit(nogil=True, cache=True)
def _bullet(point, reading):
    """Whether it is one of ● • * -, in Dolma one of * -."""
    return point == 0x2A or point == 0x2D or (reading != DOLMA and (point == 0x25CF or point == 0x2022))


@njit(nogil=True, cache=True)
def _ends_in_ellipsis(data, start, end, reading):
    """Whether it is "…" that ends the line, or outside of Dolma "..." or ". . ."."""
    if last_point(data, start, end)[0] == _ELLIPSIS:
        return True
    if reading == DOLMA or end - start < 3 or data[end - 1] != _DOT:
        return False
    if data[end - 2] == _DOT:
        return data[end - 3] == _DOT
    spaced = end - start >= 5 and data[end - 2] == 0x20 and data[end - 4] == 0x20
    return spaced and data[end - 3] == _DOT and data[end - 5] == _DOT


@njit(nogil=True, cache=True)
def _spaced_ellipses(data):
    """How many ". . ." str.count finds."""
    count, i = 0, 0
    while i + 5 <= data.size:
        spaced = data[i + 1] == 0x20 and data[i + 3] == 0x20
        if spaced and data[i] == _DOT and data[i + 2] == _DOT and data[i + 4] == _DOT:
            count += 1
            i += 4
        i += 1
    return count


@njit(nogil=True, cache=True)
def _pieces(data, table, reading, paragraphs, starts, stops):
    """Fills in the bounds of lines, or of paragraphs, as a reading divides the text; gives their number."""
    count, first = 0, 0
    for i in range(data.size + 1):
        if i < data.size and not (
            data[i] == _NEWLINE and (not paragraphs or (i + 1 < data.size and data[i + 1] == _NEWLINE))
        ):
            continue
        start, stop = (first, i) if reading == DOLMA else strip(data, first, i, table)
        starts[count], stops[count] = start, stop
        count += stop > start or reading == DOLMA
        first = i + 1
    return count


@njit(nogil=True, cache=True)
def read_quality(data, offsets, table, stop_words, reading, given):
    """int64[len(QUALITY), n], see `kernel.measure`; `reading` is one of the three."""
    counts = np.zeros((offsets.size - 1, len(QUALITY)), np.int64)
    longest = np.max(offsets[1:] - offsets[:-1]) + 1 if offsets.size > 1 else 0
    starts, stops = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for d in range(offsets.size - 1):
        text, row = data[offsets[d] : offsets[d + 1]], counts[d]
        for n in range(_pieces(text, table, reading, False, starts, stops)):
            row[LINES] += 1
            if stops[n] > starts[n]:
                row[BULLET_LINES] += _bullet(decode(text, starts[n], stops[n])[0], reading)
                row[ELLIPSIS_LINES] += _ends_in_ellipsis(text, starts[n], stops[n], reading)
        for byte in text:
            row[HASHES] += byte == _HASH
        row[ELLIPSES] = ellipses_in(text)
        if given[0].size and given[0][d]:
            first, last = given[1][d], given[1][d + 1]
            _quality_words(text, table, given[2][first:last], given[3][first:last], stop_words, reading, row)
        else:
            words = _blank_words(text, table, starts, stops)
            _quality_words(text, table, starts[:words], stops[:words], stop_words, reading, row)
        if reading == DCLM:
            row[SYMBOLS] = row[HASHES] + row[ELLIPSES] + _spaced_ellipses(text)
    return counts.T.copy()


@njit(nogil=True, cache=True)
def _copies(data, starts, stops, row):
    """Pieces that stand twice, the first as well; all; the characters of both."""
    bits = room(starts.size)
    table, counts = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int64)
    places, lengths = np.empty(starts.size, np.int64), np.empty(starts.size, np.int64)
    for n in range(starts.size):
        key = stretch_hash(data, starts[n], stops[n])
        places[n] = place(table, bits, key)
        table[places[n]] = key
        counts[places[n]] += 1
        lengths[n] = characters_in(data, starts[n], stops[n])
    for n in range(starts.size):
        again = counts[places[n]] > 1
        row[0] += again
        row[2] += lengths[n] * again
        row[3] += lengths[n]
    row[1] = starts.size


@njit(nogil=True, cache=True)
def _top(left, names, counts, best, where, ends, n, reading):
    """Characters of the most frequent n-gram: in Dolma the first met, even where all stand once; else the longest."""
    if reading == DOLMA:
        return best * (ends[where + n] - ends[where])
    longest = 0
    for i in left:
        if counts[names[i]] == best:
            longest = max(longest, ends[i + n] - ends[i])
    return best * longest


@njit(nogil=True, cache=True)
def _covered(left, ends, n, reading):
    """Characters of n-grams that stand twice: in Dolma of each, else no word counts again."""
    total, free = 0, 0
    for i in left:
        total += ends[i + n] - ends[i if reading == DOLMA else max(i, free)]
        free = i + n
    return total


@njit(nogil=True, cache=True)
def _grams(data, table, starts, stops, before, reading, row):
    """The n-gram columns."""
    words_before(data, starts, stops, table, before)
    hashes, ends = np.empty(starts.size, np.uint64), np.empty(starts.size + 1, np.int64)
    for n in range(starts.size):
        hashes[n] = stretch_hash(data, starts[n], stops[n])
        ends[n] = before[n] & 0xFFFFFFFF
    ends[starts.size] = before[starts.size] & 0xFFFFFFFF
    names, further = np.empty(starts.size, np.int32), np.empty(starts.size, np.int32)
    counts = np.empty(starts.size, np.int32)
    pairs_of(hashes, names, counts)
    left = np.arange(max(starts.size - 1, 0), dtype=np.int32)
    for n in range(2, min(10, starts.size) + 1):
        if n > 2:
            left = longer(left, names, further, counts)
            names, further = further, names
        left, best, where = twice(left, names, counts)
        if n < 5:
            row[_GRAM + n - 2] = _top(left, names, counts, best, where, ends, n, reading)
        else:
            row[_GRAM + n - 2] = _covered(left, ends, n, reading)
        row[_GRAM_OF + n - 2] = ends[starts.size]
        if reading == DOLMA and n >= 5:
            row[_GRAM_OF + n - 2] = np.sum(ends[n:]) - np.sum(ends[: starts.size - n + 1])


@njit(nogil=True, cache=True)
def read_repetition(data, offsets, table, reading, given):
    """int64[len(REPETITION), n], see `kernel.measure`; `reading` is one of the three."""
    counts = np.zeros((offsets.size - 1, len(REPETITION)), np.int64)
    longest = np.max(offsets[1:] - offsets[:-1]) + 1 if offsets.size > 1 else 0
    starts, stops = np.empty(longest, np.int64), np.empty(longest, np.int64)
    before, newlines = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for d in range(offsets.size - 1):
        text, row = data[offsets[d] : offsets[d + 1]], counts[d]
        for paragraphs in range(2):
            if paragraphs and reading == DOLMA:
                continue
            number = _pieces(text, table, reading, paragraphs, starts, stops)
            _copies(text, starts[:number], stops[:number], row[4 * paragraphs :])
        first, last = _words(text, table, d, given, reading, (starts, stops, before, newlines))
        words_room = before if first.size < longest else np.empty(first.size + 1, np.int64)
        _grams(text, table, first, last, words_room, reading, row)
        if reading == DOLMA:
            row[3] = 0
            for n in range(first.size):
                row[3] += characters_in(text, first[n], last[n])
    return counts.T.copy()
