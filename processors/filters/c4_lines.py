"""C4's line rules, compiled: bytes in; cuts, sentences and forbidden lines out. The rules are told in c4.py.

One walk over a text finds the bytes worth a look: line ends, end marks, citations, and the rarest pair of letters of
each needle. Lines are read from these few places.
"""

import numpy as np
from numba import njit

from processors.filters.characters import BREAK, SPACE
from processors.filters.hashing import decode
from processors.filters.kernel import last_point
from processors.filters.sentences import is_wide
from processors.filters.tokens import flags_of

BLANK, LONG_WORD, NO_PUNCTUATION, FEW_WORDS, JAVASCRIPT, POLICY, CITATION = range(7)
LOREM_BIT, CURLY_BIT, JAVASCRIPT_BIT = 1, 2, 4  # the first three needles; all that follow are policy phrases

# What a byte may begin; the others are quiet.
K_BREAK, K_ANCHOR, K_MARK, K_OPEN, K_HIGH = 1, 2, 4, 8, 16

_FREQUENCY = b" etaoinshrdlcumwfgypbvkjxqz"  # letters of English, the most frequent first
_NEWLINE, _RETURN, _DOT, _CLOSE = 0x0A, 0x0D, 0x2E, 0x5D


def byte_kinds(needles: tuple[bytes, ...]) -> np.ndarray:
    """uint8[256]: what each byte may begin; `K_ANCHOR`: the rarest pair of letters of a needle (lower-case ASCII)."""
    kinds = np.zeros(256, np.uint8)
    kinds[[0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E]] = K_BREAK
    for needle in needles:
        first = needle[anchor_of(needle) :][:1]
        kinds[[ord(first), ord(first.upper())]] = K_ANCHOR
    kinds[[0x21, 0x2E, 0x3F]] = K_MARK
    kinds[0x5B] = K_OPEN
    kinds[[0xC2, 0xE0, 0xE2, 0xE3, 0xEF]] = K_HIGH  # first bytes of the other line ends and of the wide marks
    return kinds


def pair_bits(needles: tuple[bytes, ...], kinds: np.ndarray) -> np.ndarray:
    """int64[256]: which second bytes, by their lowest five bits, make a byte worth a look; none for quiet ones."""
    bits = np.where(kinds == 0, 0, -1)
    bits[kinds == K_ANCHOR] = 0
    for needle in needles:
        at = anchor_of(needle)
        second = 1 << (needle[at + 1] & 31) if at + 1 < len(needle) else -1
        bits[[needle[at], needle[at : at + 1].upper()[0]]] |= second
    return bits


def anchor_of(needle: bytes) -> int:
    """Where the pair of letters begins that is rarest in English, above all by its first; of equals the first."""
    ranks = [_FREQUENCY.find(letter) for letter in needle] + [0]
    return max(range(len(needle)), key=lambda at: 3 * ranks[at] + ranks[at + 1])


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
def _found(data, i, start, end, needles_):
    """A bit for each needle whose rarest pair stands at `i`; ASCII letters match in either case."""
    needles, bounds, anchors = needles_
    found, byte = 0, np.int64(data[i])
    byte += 32 if 65 <= byte <= 90 else 0
    for n in range(bounds.size - 1):
        at = anchors[n]
        if (
            byte == needles[bounds[n] + at]
            and i - at >= start
            and _matches(data, i - at, end, needles, bounds[n], bounds[n + 1])
        ):
            found |= 1 << n
    return found


@njit(nogil=True, cache=True)
def citation_at(data, at, end, citations):
    """Bytes of the citation mark that the bracket at `at` opens, [], [12], [edit], [citation needed]; else 0."""
    marks, bounds = citations
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
def events_of(data, pairs, events):
    """The places of the bytes worth a look, into `events` (int64, with room for all and one more); gives their number.

    Written at every byte and kept where it counts: a branch could not be foretold.
    """
    count, last = 0, data.size - 1
    for i in range(last):
        events[count] = i
        count += pairs[data[i]] >> (data[i + 1] & 31) & 1
    if last >= 0 and pairs[data[last]]:
        events[count] = last
        count += 1
    return count


@njit(nogil=True, cache=True)
def walk_line(data, begin, table, kinds, events, at, needles, citations, places, cited):
    """Reads the line that begins at `begin`.

    Args:
        data, table, kinds: the text, `character_table()` and `byte_kinds`.
        events, at: what `events_of` gave, and how many of these lie before the line.
        needles, citations: see `cuts.cut_lines`.
        places, cited: int64 with room for as many as there are bytes: fills places of end marks, and of citations.

    Returns:
        where the line ends and the next begins; needles as bits; number of end marks; of citations; of events so far.
    """
    found, marks, number = 0, 0, 0
    while at < events.size:
        i = events[at]
        at += 1
        kind = np.int64(kinds[data[i]])
        width = 1
        if kind == K_HIGH:
            point, width = decode(data, i, data.size)
            kind = np.int64(K_BREAK if flags_of(table, point) & BREAK else K_MARK if is_wide(point) else 0)
        if kind == K_BREAK:
            if data[i] == _RETURN and i + 1 < data.size and data[i + 1] == _NEWLINE:
                width, at = 2, at + 1
            return i, i + width, found, marks, number, at
        if kind == K_ANCHOR:
            found |= _found(data, i, begin, data.size, needles)
        elif kind == K_MARK:
            places[marks] = i
            marks += 1
        elif kind == K_OPEN and citations[1].size > 1 and citation_at(data, i, data.size, citations):
            cited[number] = i
            number += 1
    return data.size, data.size, found, marks, number, at


@njit(nogil=True, cache=True)
def has_words(data, start, end, table, number):
    """Whether blanks divide the line into that many pieces at least."""
    count, inside = 0, False
    while start < end and count < number:
        point, width = decode(data, start, end)
        full = not flags_of(table, point) & SPACE
        count += full and not inside
        inside = full
        start += width
    return count >= number


@njit(nogil=True, cache=True)
def has_long_word(data, start, end, table, most):
    """Whether a piece between blanks has more than `most` characters; reads few bytes where blanks are many."""
    while end - start > most:
        i = start + most  # a blank among this and the bytes before it: no long piece begins before that blank
        while i >= start and not flags_of(table, decode(data, i, end)[0]) & SPACE:
            i -= 1
        if i >= start:
            start = i + decode(data, i, end)[1]
            continue
        length = 0
        while start < end:
            point, width = decode(data, start, end)
            start += width
            if flags_of(table, point) & SPACE:
                break
            length += 1
        if length > most:
            return True
    return False


@njit(nogil=True, cache=True)
def without(data, first, last, cited, citations):
    """The stretch without its citations."""
    bare = np.empty(last - first, np.uint8)
    used, at = 0, first
    for start in cited:
        bare[used : used + start - at] = data[at:start]
        used += start - at
        at = start + citation_at(data, start, last, citations)
    bare[used : used + last - at] = data[at:last]
    return bare[: used + last - at]


@njit(nogil=True, cache=True)
def punctuated(data, first, last, finals):
    """Whether the stretch ends in one of `finals`, but not in "..."."""
    if first == last:
        return False
    point = last_point(data, first, last)[0]
    if point == _DOT and last - first >= 3 and data[last - 2] == _DOT and data[last - 3] == _DOT:
        return False
    ends = False
    for final in finals:
        ends |= point == final
    return ends
