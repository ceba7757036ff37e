"""Text to tokens: the units that shingles are made of, each as a 64-bit number.

In: UTF-8. Out: for the unit "words" a hash of each ``\\w+`` of the lower-cased text (Unicode, as Python's `re` and
`str.lower` have them); for "segmented" the same, but every character of a script without blanks (`letters`) is a word
of its own; for "characters" the code points of the text, its runs of blanks folded to one, none at its ends.

ASCII is looked at 64 bytes at a time and a word hashed in lanes of 8 bytes. A run that holds another byte is read
character by character; both ways a word's hash is a function of its lower-cased UTF-8 bytes, "_" standing as 0x7F.
"""

import numpy as np
from numba import njit

from processors.dedupe.lanes import BLOCK, folded, load, lowest, masks
from processors.dedupe.letters import ALONE, BLANK, CASED, DOTTED_I, IGNORABLE, SIGMA, TAGS, WIDTH, WORD
from processors.filters.characters import TABLE_SIZE

SLACK = BLOCK + 16  # so many bytes behind a text are read, but count for nothing
CHUNK = 4096  # tokens handed on at once
WORDS, SEGMENTED, CHARACTERS = 0, 1, 2

_KEY_1, _KEY_2 = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)  # wyhash's
_CASE = np.uint64(0x2020202020202020)
_ONE, _EIGHT, _NO, _BYTES = np.uint64(1), np.uint64(8), np.uint64(0), np.uint64(0xFFFFFFFF)
_WORD, _ALONE, _BLANK, _CASED, _IGNORABLE = (np.uint64(flag) for flag in (WORD, ALONE, BLANK, CASED, IGNORABLE))
_SIGMA, _DOTTED_I = np.uint64(SIGMA), np.uint64(DOTTED_I)
_SIX = np.uint64(0x3F)
_WIDTH, _SEVEN, _LANE = np.uint64(WIDTH), np.uint64(7), np.uint64(64)
_LANES = np.array(  # of two lanes, the bytes that belong to a word of 0 to 16 bytes
    [[(1 << 8 * min(n, 8)) - 1, (1 << 8 * max(n - 8, 0)) - 1] for n in range(17)], np.uint64
)


@njit(nogil=True, cache=True)
def tokens(data, start, end, at, unit, table, out, some):
    """Writes the tokens of data[start:end] from byte `at` on until `out` is full: their number, and where to go on.

    `some`: whether the text gave tokens before. `SLACK` bytes behind `end` must be there, whatever they hold.
    """
    if unit == CHARACTERS:
        return _characters(data, end, at, table, out, some)
    return _words(data, start, end, at, table, unit == SEGMENTED, out)


@njit(nogil=True, cache=True)
def _words(data, start, end, at, table, alone, out):
    count = 0
    while at < end and count < len(out) - BLOCK:
        word, high = masks(data, at)
        if end - at < BLOCK:
            word &= (_ONE << np.uint64(end - at)) - _ONE
        step = BLOCK
        while word != _NO:
            beyond = word + (word & (~word + _ONE))  # the lowest run of bits becomes the bit after it
            first, length = lowest(word), lowest(beyond) - lowest(word)
            cut = beyond == _NO and at + BLOCK < end
            if cut and first > 0:
                step = first
                break
            if cut or high & word & ~beyond != _NO:
                count, place = _slow(data, start, end, at + first, table, alone, out, count)
                step = place - at
                break
            out[count] = _hash(data, at + first, length)
            count += 1
            word &= beyond
        at += step
    return count, at


@njit(nogil=True, cache=True)
def _hash(data, i, length):
    value = _NO
    while length > 16:
        value = folded(value ^ (load(data, i) | _CASE) ^ _KEY_1, (load(data, i + 8) | _CASE) ^ _KEY_2)
        i += 16
        length -= 16
    left = (load(data, i) | _CASE) & _LANES[length, 0]
    return folded(value ^ left ^ _KEY_1, (load(data, i + 8) | _CASE) & _LANES[length, 1] ^ _KEY_2)


@njit(nogil=True, cache=True)
def _slow(data, start, end, i, table, alone, out, count):
    """The words from byte `i` on, until `out` is full or two ASCII characters follow, the first of them in no word."""
    value, left, lane, bits, odd, inside = _NO, _NO, _NO, _NO, False, False
    while i < end and count < len(out) - 1:
        point, width = _read(data, i)
        entry = table[_index(point)]
        if entry & _WORD == _NO and data[i] < 0x80 and (i + 1 >= end or data[i + 1] < 0x80):
            break
        single = alone and entry & _ALONE != _NO
        if inside and (single or entry & _WORD == _NO):
            out[count] = _closed(value, left, lane, bits, odd)
            count += 1
            inside = False
        if entry & _WORD != _NO:
            if not inside:
                value, left, lane, bits, odd, inside = _NO, _NO, _NO, _NO, False, True
            character, more = entry & _BYTES, (entry >> _WIDTH & _SEVEN) * _EIGHT
            if point == _SIGMA and _final(data, start, end, i, table):
                character -= _ONE << _EIGHT  # σ is CF 83, ς is CF 82
            lane |= character << bits
            bits += more
            if bits >= _LANE:
                if odd:
                    value = folded(value ^ left ^ _KEY_1, lane ^ _KEY_2)
                left, odd, bits = lane, not odd, bits - _LANE
                lane = character >> (more - bits)
            if single or point == _DOTTED_I:
                out[count] = _closed(value, left, lane, bits, odd)
                count += 1
                inside = False
        i += width
    if inside:
        out[count] = _closed(value, left, lane, bits, odd)
        count += 1
    return count, i


@njit(nogil=True, cache=True)
def _closed(value, left, lane, bits, odd):
    if odd:
        return folded(value ^ left ^ _KEY_1, lane ^ _KEY_2)
    return folded(value ^ lane ^ _KEY_1, _KEY_2) if bits > _NO else value


@njit(nogil=True, cache=True)
def _read(data, i):
    """The code point at byte `i` and its width: uint64, int64."""
    bytes_ = load(data, i)
    last = bytes_ >> _EIGHT & _SIX
    if bytes_ & np.uint64(0x80) == _NO:
        return bytes_ & np.uint64(0x7F), 1
    if bytes_ & np.uint64(0x20) == _NO:
        return (bytes_ & np.uint64(0x1F)) << np.uint64(6) | last, 2
    last = last << np.uint64(6) | bytes_ >> np.uint64(16) & _SIX
    if bytes_ & np.uint64(0x10) == _NO:
        return (bytes_ & np.uint64(0x0F)) << np.uint64(12) | last, 3
    return (bytes_ & np.uint64(0x07)) << np.uint64(18) | last << np.uint64(6) | bytes_ >> np.uint64(24) & _SIX, 4


@njit(nogil=True, cache=True)
def _index(point):
    if point < np.uint64(TABLE_SIZE):
        return point
    tag = point - np.uint64(TAGS)  # wraps below
    return np.uint64(TABLE_SIZE) + tag if tag < np.uint64(512) else np.uint64(TABLE_SIZE - 1)  # a noncharacter


@njit(nogil=True, cache=True)
def _final(data, start, end, i, table):
    """Whether a "Σ" at byte `i` ends a word: Unicode's Final_Sigma, as `str.lower` reads it."""
    at, entry = i, _IGNORABLE
    while at > start and entry & _IGNORABLE != _NO:
        at -= 1
        while at > start and data[at] & 0xC0 == 0x80:
            at -= 1
        entry = table[_index(_read(data, at)[0])]
    if entry & _CASED == _NO:
        return False
    at = i + 2
    while at < end:
        point, width = _read(data, at)
        entry = table[_index(point)]
        if entry & _IGNORABLE == _NO:
            return entry & _CASED == _NO
        at += width
    return True


@njit(nogil=True, cache=True)
def _characters(data, end, at, table, out, some):
    count, blank = 0, False
    while at < end and count < len(out) - 1:
        point, width = _read(data, at)
        if table[_index(point)] & _BLANK != _NO:
            blank = True
        else:
            if blank and some:
                out[count] = np.uint64(0x20)
                count += 1
            out[count] = point
            count += 1
            blank, some = False, True
        at += width
    return count, at
