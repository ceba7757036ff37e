"""Texts to their units (lines, paragraphs, sentences) and a 64-bit hash of each, compiled; repeats.py uses them.

A text divides into *segments*: stretches that hold something but blanks, in order, with nothing but blanks between
them. A segment with a letter or a digit has a hash, any other (a row of dashes) the hash 0: it is never compared.
Compared is the folded text: each character by itself through a table, blanks at the ends left out, runs of blanks as
one.

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
from processors.filters.hashing import PRIME, SEED, decode, finish

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


def segments(data: np.ndarray, offsets: np.ndarray, kind: int, fold: str) -> tuple[np.ndarray, ...]:
    """The segments of each text.

    Args:
        data, offsets: the texts, see `processors.filters.measure.buffers`.
        kind: `LINES`, `PARAGRAPHS` or `SENTENCES`.
        fold: what is compared, see `fold_table`.

    Returns:
        bounds int64[n + 1]: the segments of text i are bounds[i] to bounds[i + 1]; places int64[m, 3]: start and end in
        bytes within the text, and bytes without the blanks at the ends; hashes uint64[m].
    """
    return _segments(data, offsets, kind, character_table(), fold_table(fold))


@njit(nogil=True, cache=True)
def _segments(data, offsets, kind, table, fold):
    bounds = np.zeros(offsets.size, np.int64)
    places, hashes, count = np.empty((1024, 3), np.int64), np.empty(1024, np.uint64), 0
    for text in range(offsets.size - 1):
        base, end = offsets[text], offsets[text + 1]
        begin, fresh = base, True  # fresh: the next line opens a paragraph
        value, known, opened = SEED, False, -1
        while begin < end:
            stop = begin
            while stop < end and data[stop] != _NEWLINE:
                stop += 1
            if kind == SENTENCES:
                places, hashes, count = _sentences(data, begin, stop, base, table, fold, places, hashes, count)
            else:
                if fresh:
                    value, known, opened = SEED, False, -1
                first, last, value, known, counts = _fold(data, begin, stop, table, fold, value, known, not fresh)
                if last > first:
                    if fresh:
                        places, hashes = _grown(places, hashes, count)
                        places[count, 0], hashes[count], opened = begin - base, _NONE, first
                        count += 1
                    places[count - 1, 1], places[count - 1, 2] = stop - base, last - opened
                    if known and (counts or hashes[count - 1] != _NONE):
                        hashes[count - 1] = finish(value)
                fresh = kind == LINES or last == first
            begin = stop + 1
        bounds[text + 1] = count
    return bounds, places[:count].copy(), hashes[:count].copy()


@njit(nogil=True, cache=True)
def _grown(places, hashes, count):
    if count < hashes.size:
        return places, hashes
    more_places, more_hashes = np.empty((2 * count, 3), np.int64), np.empty(2 * count, np.uint64)
    more_places[:count], more_hashes[:count] = places, hashes
    return more_places, more_hashes


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
            places, hashes = _grown(places, hashes, count)
            places[count, 0] = (begin if count == line else first) - base
            places[count, 1], places[count, 2] = last - base, last - first
            hashes[count] = finish(value) if known and counts else _NONE
            count += 1
        start = following
    if count > line:
        places[count - 1, 1] = stop - base
    return places, hashes, count


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
def cuts(data, offsets, bounds, places, cut):
    """Runs of cut segments as stretches of the texts: int64[k, 3] of text, start, end, sorted.

    Of the blanks before and after a run those with more newlines stay; where a run begins or ends its text, none do.
    """
    out, count = np.empty((1024, 3), np.int64), 0
    for text in range(offsets.size - 1):
        base, size = offsets[text], offsets[text + 1] - offsets[text]
        at, end = bounds[text], bounds[text + 1]
        while at < end:
            if not cut[at]:
                at += 1
                continue
            run = at
            while at < end and cut[at]:
                at += 1
            before, start = (places[run - 1, 1] if run > bounds[text] else 0), places[run, 0]
            stop, after = places[at - 1, 1], (places[at, 0] if at < end else size)
            if run == bounds[text]:
                first, last = 0, after
            elif at == end or _newlines(data, base + before, base + start) < _newlines(data, base + stop, base + after):
                first, last = before, stop if at < end else size
            else:
                first, last = start, after
            if count == out.shape[0]:
                more = np.empty((2 * count, 3), np.int64)
                more[:count] = out
                out = more
            out[count, 0], out[count, 1], out[count, 2] = text, first, last
            count += 1
    return out[:count].copy()


@njit(nogil=True, cache=True)
def _newlines(data, start, end):
    count = 0
    for i in range(start, end):
        count += data[i] == _NEWLINE
    return count


@njit(nogil=True, cache=True)
def joined(hashes, span):
    """The hashes of `span` units in a row: uint64[n - span + 1]."""
    out = np.empty(max(hashes.size - span + 1, 0), np.uint64)
    for i in range(out.size):
        value = SEED
        for k in range(span):
            value = (value ^ hashes[i + k]) * PRIME
        out[i] = finish(value)
    return out


@njit(nogil=True, cache=True)
def lost(hashes, heads, numbers, order, groups, ranks):
    """Of entries taken by hash, those that another one of their group precedes: positions in `order`."""
    out, count = np.empty(order.size, np.int64), 0
    best = np.full(groups.max() + 1 if groups.size else 0, -1, np.int64)
    start = 0
    while start < order.size:
        stop = start + 1
        while stop < order.size and hashes[order[stop]] == hashes[order[start]]:
            stop += 1
        for i in range(start, stop if stop - start > 1 else start):
            file = numbers[order[i]]
            held = best[groups[file]]
            if held < 0:
                best[groups[file]] = i
                continue
            other = numbers[order[held]]
            less = ranks[file] < ranks[other]
            if ranks[file] == ranks[other] and heads[order[i]] < heads[order[held]]:
                less = True
            if less:
                best[groups[file]], out[count] = i, held
            else:
                out[count] = i
            count += 1
        for i in range(start, stop):
            best[groups[numbers[order[i]]]] = -1
        start = stop
    return out[:count].copy()
