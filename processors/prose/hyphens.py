"""Hyphens at line ends: `under-` + `stand` is one word, `daisy-` + `chain` is two, and the text itself says which.

The forms that each such end could have are looked for in the text, as hashes; the halves themselves are not counted.
A soft hyphen always goes. Else the hyphen stays before capitals and digits and where the compound stands elsewhere in
the text, and goes where the joined word does. What the text does not tell follows its habit: a text that breaks words
has such ends on many lines.
"""

import functools
import unicodedata

import numpy as np
from numba import njit

from processors.filters.hashing import PRIME, SEED, decode, finish, place, room, seen
from processors.prose.breaks import BLANK, HYPHENATED, MENDED, NOTHING
from processors.prose.lines import BEGIN, BREAK, END, KIND, LOWER

_FILTER = 14  # bits of a word's hash by which most words are known not to be wanted
_HABIT = 40  # one such end in so many joined lines
_HYPHEN, _SOFT, _LONG = 0x2D, 0xAD, 0x2010
# "pre- and postwar": after a hyphen these mean that the word's other half follows later
_LINKS = ("and", "or", "to", "und", "oder", "bis", "et", "ou", "e", "o", "y", "en", "of", "och", "i", "и", "или")


@functools.cache
def letters() -> np.ndarray:
    """uint16[65536]: letters and digits of the Basic Multilingual Plane in lower case, 0 for other characters."""
    points = np.zeros(0x10000, np.uint16)
    for point in range(0x10000):
        if unicodedata.category(chr(point))[0] in "LNM":
            low = chr(point).lower()
            points[point] = ord(low) if len(low) == 1 and ord(low) < 0x10000 else point
    return points


def mend(data: np.ndarray, rows: np.ndarray) -> None:
    """Replaces HYPHENATED in the rows by MENDED, NOTHING or BLANK. `data` uint8 UTF-8."""
    if (rows[:, BREAK] == HYPHENATED).any():
        _mend(data, rows, letters(), _LINK_HASHES)


@njit(nogil=True, cache=True)
def _mend(data, rows, lower, links):
    asked = 0
    for i in range(len(rows)):
        asked += rows[i, BREAK] == HYPHENATED
    bits = room(4 * asked + 4)
    wanted = np.zeros(1 << bits, np.uint64)
    likely = np.zeros(1 << _FILTER, np.bool_)
    for i in range(len(rows) - 1):
        if rows[i, BREAK] == HYPHENATED:
            for value in _forms(data, rows[i], rows[i + 1], lower):
                seen(wanted, bits, finish(value))
                likely[_sieve(value)] = True
    known = np.zeros(len(wanted), np.bool_)
    _look_for(data, rows, lower, wanted, bits, known, likely)
    mended, kept, joined, unsure = 0, 0, 0, 0
    for i in range(len(rows) - 1):
        joined += rows[i, BREAK] >= BLANK
        if rows[i, BREAK] != HYPHENATED:
            continue
        if hyphen_bytes(data, rows[i, END]) == 2:
            rows[i, BREAK] = MENDED
        elif not rows[i + 1, KIND] & LOWER:
            rows[i, BREAK] = NOTHING
        else:
            rows[i, BREAK] = _choose(data, rows[i], rows[i + 1], lower, wanted, bits, known, links)
            mended += rows[i, BREAK] == MENDED
            kept += rows[i, BREAK] == NOTHING
            unsure += rows[i, BREAK] == HYPHENATED
    breaks_words = mended > kept or (mended == kept and _HABIT * (mended + kept + unsure) > joined)
    for i in range(len(rows) - 1):
        if rows[i, BREAK] == HYPHENATED:
            rows[i, BREAK] = MENDED if breaks_words else NOTHING


@njit(nogil=True, cache=True)
def hyphen_bytes(data, end):
    """Bytes of the hyphen that ends at byte `end`."""
    return 1 if data[end - 1] == _HYPHEN else (2 if data[end - 1] == _SOFT else 3)


@njit(nogil=True, cache=True)
def _forms(data, this, that, lower):
    """Hashes of the first half, the second, both joined, and both with a hyphen between."""
    begin, end = this[BEGIN], this[END] - hyphen_bytes(data, this[END])
    at = end
    while at > begin:  # back to where the first half begins
        j = at - 1
        while j > begin and 0x80 <= data[j] < 0xC0:
            j -= 1
        point, _ = decode(data, j, end)
        if point < len(lower) and lower[point] == 0:
            break
        at = j
    head, _, _ = _word(data, at, end, lower, SEED)
    tail, _, _ = _word(data, that[BEGIN], that[END], lower, SEED)
    joined, _, _ = _word(data, that[BEGIN], that[END], lower, head)
    compound, _, _ = _word(data, that[BEGIN], that[END], lower, (head ^ np.uint64(_HYPHEN)) * PRIME)
    return head, tail, joined, compound


@njit(nogil=True, cache=True)
def _choose(data, this, that, lower, wanted, bits, known, links):
    head, tail, joined, compound = _forms(data, this, that, lower)
    _, after, _ = _word(data, that[BEGIN], that[END], lower, SEED)
    ends = after >= that[END] or data[after] == 0x20
    for link in links:
        if link == tail and ends:
            return BLANK
    if known[place(wanted, bits, finish(compound))]:
        return NOTHING
    if known[place(wanted, bits, finish(joined))]:
        return MENDED
    return (
        NOTHING if known[place(wanted, bits, finish(head))] and known[place(wanted, bits, finish(tail))] else HYPHENATED
    )


@njit(nogil=True, cache=True)
def _look_for(data, rows, lower, wanted, bits, known, likely):
    """Marks the wanted forms that stand in the text, line by line, without the fragments in question."""
    for i in range(len(rows)):
        at, end = rows[i, BEGIN], rows[i, END]
        if i > 0 and rows[i - 1, BREAK] == HYPHENATED:
            _, at, _ = _word(data, at, end, lower, SEED)
        cut = rows[i, BREAK] == HYPHENATED
        chain, linked = SEED, False
        while at < end:
            value, after, letters = _word(data, at, end, lower, SEED)
            if not letters:
                at += 1 if data[at] < 0x80 else decode(data, at, end)[1]
                linked = False
                continue
            if cut and _is_hyphen(data, after, end):
                break
            if likely[_sieve(value)]:
                found = place(wanted, bits, finish(value))
                known[found] |= wanted[found] != np.uint64(0)
            if linked:
                whole, _, _ = _word(data, at, end, lower, (chain ^ np.uint64(_HYPHEN)) * PRIME)
                if likely[_sieve(whole)]:
                    found = place(wanted, bits, finish(whole))
                    known[found] |= wanted[found] != np.uint64(0)
            chain, at = value, after
            linked = after < end and data[after] == _HYPHEN
            at += linked


@njit(nogil=True, cache=True)
def _sieve(value):
    return np.int64(value >> np.uint64(64 - _FILTER))


@njit(nogil=True, cache=True)
def _is_hyphen(data, at, end):
    """Whether a hyphen is all that is left from byte `at` on."""
    if at >= end:
        return False
    point, width = decode(data, at, end)
    return at + width == end and point in (_HYPHEN, _SOFT, _LONG)


@njit(nogil=True, cache=True)
def _word(data, at, end, lower, value):
    """The hash, going on from `value`, of the letters from byte `at`; the byte after them; whether there are any."""
    begin = at
    while at < end:
        point, width = np.int64(data[at]), 1
        if point >= 0x80:
            point, width = decode(data, at, end)
        letter = np.int64(lower[point]) if point < len(lower) else point
        if letter == 0:
            break
        value = (value ^ np.uint64(letter)) * PRIME
        at += width
    return value, at, at > begin


def _hash(word: str) -> int:
    value = int(SEED)
    for character in word:
        value = (value ^ ord(character)) * int(PRIME) % 2**64
    return value


_LINK_HASHES = np.array([_hash(word) for word in _LINKS], np.uint64)
