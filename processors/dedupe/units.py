"""Texts to their units (lines, paragraphs, spans of sentences), and which of them stood before; compiled.

A text divides into *segments*: stretches that hold something but blanks, in order, with nothing but blanks between
them. A segment with a letter or a digit has a hash, any other (a row of dashes) the hash 0: it is never compared.
Compared is the folded text: each character by itself through a table, blanks at the ends left out, runs of blanks as
one. A *unit* is a segment that has a hash, or several of one text in a row with whatever lies between them.

    lines       whole lines, indentation and all; only a newline ends one
    paragraphs  lines up to a blank line
    sentences   stretches of a line. One ends at . ! ? or … (with closing quotation marks or brackets) before a blank,
                unless the next letter or digit is a lower-case letter; after 。！？｡ anywhere; and with its line: the
                rule of filters/c4.py
"""

import unicodedata
from functools import cache

import numpy as np
from numba import njit

from processors.filters.characters import ALNUM, LOWER, SPACE, TABLE_SIZE, character_table
from processors.filters.hashing import PRIME, SEED, decode, finish, place, room
from processors.filters.kernel import newlines_in

LINES, PARAGRAPHS, SENTENCES = range(3)
_NEWLINE = 0x0A
_BLANK = np.uint64(0x20)
_NONE = np.uint64(0)


@cache
def fold_table(how: str) -> np.ndarray:
    """What each character counts as: int32[TABLE_SIZE] of code points, 0 where it does not count.

    "exact"; "lower": lower-case; "plain": lower-case, digits as 0, accents, punctuation and control characters left
    out (CCNet, 1911.00359 section 3.1). A character that becomes several counts as its lower-case form, or itself.
    """
    table = np.arange(TABLE_SIZE, dtype=np.int32)
    for point in range(TABLE_SIZE if how != "exact" else 0):
        character = chr(point)
        folded = _plain(character) if how == "plain" else character.lower()
        table[point] = ord(folded) if len(folded) == 1 else point if folded else 0
    table.flags.writeable = False
    return table


def _plain(character: str) -> str:
    lower = character.lower()
    lower = lower if len(lower) == 1 else character
    kind = unicodedata.category(lower)
    if kind == "Nd":
        return "0"
    if kind[0] == "P" or kind in ("Cc", "Mn"):
        return ""
    bare = "".join(c for c in unicodedata.normalize("NFD", lower) if unicodedata.category(c) != "Mn")
    whole = unicodedata.normalize("NFC", bare)
    return whole if len(whole) == 1 else lower


def repeated(
    data: np.ndarray, offsets: np.ndarray, kind: int, fold: str, span: int, least: int, lost: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What of texts stood before: in an earlier one, earlier in the same one, or elsewhere.

    Memory is 10 bytes for each byte of the longest text at worst (one character a line), and up to 40 for each unit
    that differs from all others.

    Args:
        data, offsets: texts of less than 2 GiB each, see `processors.filters.measure.buffers`.
        kind: `LINES`, `PARAGRAPHS` or `SENTENCES`.
        fold: what is compared, see `fold_table`.
        span: segments in a row that are one unit.
        least: bytes, blanks at the ends not counted, below which a unit is left alone.
        lost: uint64, different ones: hashes of units that are to be cut wherever they stand.

    Returns:
        hashes uint64[n], holders int32[n]: every other unit, once, and the first text that holds it; stretches
        int64[k, 3]: what is to be cut, as text, start and end in bytes, sorted; left bool[texts]: whether that leaves a
        segment, or there was none.
    """
    longest = int(np.diff(offsets).max(initial=0)) // 2 + 1  # a segment is a character and what divides it from others
    places, hashes = np.empty((longest, 3), np.int32), np.empty(longest, np.uint64)  # pages not written to cost nothing
    return _repeated(data, offsets, kind, span, least, character_table(), fold_table(fold), lost, places, hashes)


@njit(nogil=True, cache=True)
def _repeated(data, offsets, kind, span, least, table, fold, lost, places, hashes):
    met, holders, index, bits = _larger(lost, np.zeros(lost.size, np.int32), lost.size)
    count = lost.size
    cuts, runs = np.empty((64, 3), np.int64), 0
    left = np.zeros(offsets.size - 1, np.bool_)
    for text in range(left.size):
        base, end = offsets[text], offsets[text + 1]
        size = _segments(data, base, end, kind, table, fold, places, hashes)
        until, begin = -1, -1  # the last segment to be cut so far, the first one of this run
        for at in range(size + 1):
            last, value = _unit(places, hashes, at, size, span, least)
            if last >= 0:
                if count == met.size:
                    index = met[:0]  # let go of the table before there is a larger one
                    met, holders, index, bits = _larger(met, holders, count)
                free = place(index, bits, value)
                if index[free] == value:
                    until = max(until, last)
                else:
                    index[free] = met[count] = value
                    holders[count] = text
                    count += 1
            if at <= until and begin < 0:
                begin = at
            elif at > until and begin >= 0:
                cuts = _grown(cuts, runs)
                cuts[runs, 0] = text
                cuts[runs, 1], cuts[runs, 2] = _stretch(data[base:end], places[:size], begin, at)
                runs, begin = runs + 1, -1
            left[text] = left[text] or until < at < size or size == 0
    return met[lost.size : count], holders[lost.size : count], cuts[:runs], left


@njit(nogil=True, cache=True)
def _larger(met, holders, count):
    """Room for twice as many: both columns, a table of what is met, and its bits."""
    bits = room(max(count, 512))
    size = 3 << (bits - 2)
    more, beside, index = np.empty(size, np.uint64), np.empty(size, np.int32), np.zeros(1 << bits, np.uint64)
    more[:count], beside[:count] = met[:count], holders[:count]
    for value in more[:count]:
        index[place(index, bits, value)] = value
    return more, beside, index, bits


@njit(nogil=True, cache=True)
def _unit(places, hashes, at, size, span, least):
    """The last segment and the hash of the unit that begins with a segment; -1 where none does."""
    if at >= size or hashes[at] == _NONE:
        return -1, _NONE
    last, value = at, hashes[at]
    if span > 1:
        value = (SEED ^ value) * PRIME
        for _ in range(span - 1):
            last += 1
            while last < size and hashes[last] == _NONE:
                last += 1
            if last >= size:
                return -1, _NONE
            value = (value ^ hashes[last]) * PRIME
        value = finish(value)
    return (last if places[last, 0] - places[at, 0] + places[last, 2] >= least else -1), value


@njit(nogil=True, cache=True)
def _segments(data, base, end, kind, table, fold, places, hashes):
    """A text's segments: their number; start and end in bytes, and bytes without the blanks at the ends; hashes."""
    count, begin, fresh = 0, base, True  # fresh: the next line opens a paragraph
    value, known, opened = SEED, False, -1
    while begin < end:
        stop = begin
        while stop < end and data[stop] != _NEWLINE:
            stop += 1
        if kind == SENTENCES:
            count = _sentences(data, begin, stop, base, table, fold, places, hashes, count)
        else:
            if fresh:
                value, known, opened = SEED, False, -1
            first, last, value, known, counts = _fold(data, begin, stop, table, fold, value, known, not fresh)
            if last > first:
                if fresh:
                    places[count, 0], hashes[count], opened = begin - base, _NONE, first
                    count += 1
                places[count - 1, 1], places[count - 1, 2] = stop - base, last - opened
                if known and (counts or hashes[count - 1] != _NONE):
                    hashes[count - 1] = finish(value)
            fresh = kind == LINES or last == first
        begin = stop + 1
    return count


@njit(nogil=True, cache=True)
def _fold(data, start, end, table, fold, value, known, gap):
    """Goes on hashing: what is left without the blanks at the ends, the hash, and whether a letter or digit was met.

    `known`: something was hashed before; `gap`: a blank lies between that and this.
    """
    first, last, counts = end, end, False
    gap = gap and known
    i = start
    while i < end:
        point, width = decode(data, i, end)
        flags, folded = (table[point], fold[point]) if point < TABLE_SIZE else (0, point)
        if flags & SPACE:
            gap = known
        else:
            if first == end:
                first = i
            last = i + width
            counts = counts or flags & ALNUM != 0
            if folded != 0:
                if gap:
                    value = (value ^ _BLANK) * PRIME
                value, known, gap = (value ^ np.uint64(folded)) * PRIME, True, False
        i += width
    return first, last, value, known, counts


@njit(nogil=True, cache=True)
def _sentences(data, begin, stop, base, table, fold, places, hashes, count):
    """The sentences of a line, the first from its beginning and the last to its end."""
    start, line = begin, count
    while start < stop:
        end, following = _sentence_end(data, start, stop, table)
        first, last, value, known, counts = _fold(data, start, end, table, fold, SEED, False, False)
        if last > first:
            places[count, 0] = (begin if count == line else first) - base
            places[count, 1], places[count, 2] = last - base, last - first
            hashes[count] = finish(value) if known and counts else _NONE
            count += 1
        start = following
    if count > line:
        places[count - 1, 1] = stop - base
    return count


@njit(nogil=True, cache=True)
def _sentence_end(data, start, stop, table):
    """Where the sentence that begins at `start` ends, and where the next one begins."""
    open_, ended, wide, after = False, False, False, -1  # after: the first character behind the mark and a blank
    i = start
    while i < stop:
        if 97 <= data[i] <= 122 and not wide:  # a to z, which most are: no sentence begins with one
            open_, ended, after = True, False, -1
            i += 1
            continue
        point, width = decode(data, i, stop)
        flags = table[point] if point < TABLE_SIZE else 0
        if wide and not _closes(point):
            return i, i
        if flags & SPACE:
            after = -2 if ended and after == -1 else after
        else:
            after = i if after == -2 else after
            if flags & ALNUM:
                if after >= 0 and not flags & LOWER:
                    return after, after
                open_, ended, after = True, False, -1
            elif point == 0x3002 or point == 0xFF01 or point == 0xFF1F or point == 0xFF61:
                wide = True
            elif point == 0x2E or point == 0x21 or point == 0x3F or point == 0x2026:
                ended, after = open_, -1
            elif after == -1 and not _closes(point):
                ended = False
        i += width
    return stop, stop


@njit(nogil=True, cache=True)
def _closes(point):
    """Closing quotation marks and brackets: " ' ) ] } » ’ ” 」 』 ）."""
    if point == 0x22 or point == 0x27 or point == 0x29 or point == 0x5D or point == 0x7D:
        return True
    if point == 0x300D or point == 0x300F or point == 0xFF09:
        return True
    return point == 0xBB or point == 0x2019 or point == 0x201D


@njit(nogil=True, cache=True)
def _stretch(data, places, begin, end):
    """Start and end of what goes with the segments from `begin` up to `end`.

    Of the blanks before and after those with more newlines stay; where the text begins or ends, none do.
    """
    before, start = (places[begin - 1, 1] if begin else 0), places[begin, 0]
    stop, after = places[end - 1, 1], (places[end, 0] if end < len(places) else data.size)
    if begin == 0:
        return 0, after
    if end == len(places):
        return before, after
    return (before, stop) if newlines_in(data, before, start) < newlines_in(data, stop, after) else (start, after)


@njit(nogil=True, cache=True)
def _grown(rows, count):
    if count < len(rows):
        return rows
    more = np.empty((2 * count, rows.shape[1]), rows.dtype)
    more[:count] = rows
    return more
