"""Floods of signs and of words, compiled: bytes in, counts out. What counts is told in floods.py and stuffing.py."""

import numpy as np
from numba import njit

from processors.filters.characters import ALPHA, SPACE, TABLE_SIZE, WORD
from processors.filters.classes import EMOJI, SYMBOL, UNPRINTED
from processors.filters.hashing import PRIME, SEED, decode, finish
from processors.filters.kernel import flags_of
from processors.filters.tally import new_tally, tally

SIGNS = ("characters", "emoji", "ornaments", "repeated", "unprinted")
STUFFING = ("words", "top_word", "distinct", "listed")

LONGEST_RUN = 10  # of one character: more are a flood
SHORTEST_WORD = 4  # letters of a word that can be a keyword
PIECE_WORDS, FEWEST_PIECES = 4, 10  # of a list: words of a piece, and pieces

_COMMA, _SEMICOLON, _NEWLINE = 0x2C, 0x3B, 0x0A


@njit(nogil=True, cache=True)
def _signs(data, table, classes, row):
    previous, run, i = -1, 0, 0
    while i < data.size:
        point, width = decode(data, i, data.size)
        i += width
        if flags_of(table, point) & SPACE:
            continue
        kind = flags_of(classes, point)
        row[0] += 1
        if kind & EMOJI:
            row[1] += 1
        elif kind & SYMBOL and point >= 0x80 and not kind & UNPRINTED:
            row[2] += 1
        run = run + 1 if point == previous else 1
        previous = point
        row[3] += 1 if run > LONGEST_RUN else 0
        row[4] += kind & UNPRINTED != 0 or TABLE_SIZE <= point < 0xE0000 or point >= 0xF0000


@njit(nogil=True, cache=True)
def scan_signs(data, offsets, table, classes):
    """Counts of `SIGNS` of each text: int64[len(SIGNS), n]; blanks count for nothing and end no run."""
    counts = np.zeros((offsets.size - 1, 5), np.int64)
    for d in range(offsets.size - 1):
        _signs(data[offsets[d] : offsets[d + 1]], table, classes, counts[d])
    return counts.T.copy()


@njit(nogil=True, cache=True)
def _stuffing(data, table, lowers, row):
    keys, copies, bits, used = new_tally()
    pieces, piece, listed, i = 0, 0, 0, 0  # pieces of the list so far, words of this piece, words of the list
    while i < data.size:
        point, width = decode(data, i, data.size)
        flags = flags_of(table, point)
        if not flags & WORD:
            i += width
            if point in (_COMMA, _SEMICOLON, 0x3001, 0xFF0C):
                if 0 < piece <= PIECE_WORDS:
                    pieces, listed = pieces + 1, listed + piece
                else:
                    row[3] += listed if pieces >= FEWEST_PIECES else 0
                    pieces, listed = 0, 0
                piece = 0
            elif not flags & SPACE and not (point == 0x2D or point == 0x27 or point == 0x2019 or point == 0x26):
                piece = PIECE_WORDS + 1  # other signs are not of lists of keywords
            continue
        value, letters = SEED, 0
        while flags & WORD:
            value = (value ^ np.uint64(lowers[point] if point < TABLE_SIZE else point)) * PRIME
            letters += flags & ALPHA != 0
            i += width
            if i >= data.size:
                break
            point, width = decode(data, i, data.size)
            flags = flags_of(table, point)
        row[0] += 1
        piece += 1
        keys, copies, bits, used, count = tally(keys, copies, bits, used, finish(value))
        if letters >= SHORTEST_WORD:
            row[1] = max(row[1], count)
    row[2] = used
    pieces, listed = (pieces + 1, listed + piece) if piece <= PIECE_WORDS else (pieces, listed)
    row[3] += listed if pieces >= FEWEST_PIECES else 0


@njit(nogil=True, cache=True)
def scan_stuffing(data, offsets, table, lowers):
    r"""Counts of `STUFFING` of each text: int64[len(STUFFING), n]; words are \w+, case does not count."""
    counts = np.zeros((offsets.size - 1, 4), np.int64)
    for d in range(offsets.size - 1):
        _stuffing(data[offsets[d] : offsets[d + 1]], table, lowers, counts[d])
    return counts.T.copy()
