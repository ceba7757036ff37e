"""Phone numbers, by how they are written: E.164 with a plus or 00, and national forms.

A number alone says little, so the form must: a plus and a country code, a trunk 0, an area code in brackets, groups as
some numbering plan writes them. What could as well be another number (8 digits in a row, 12 34 56 78) asks for a word
such as "Tel." before it, or, as Danes and Norwegians write theirs, for words of prose on either side: no list, table,
unit, version or date. Whether a prefix is in use is not asked: plans change.
"""

import numpy as np
from numba import njit

from processors.privacy.checks import is_day, value
from processors.privacy.marks import CLOSE, DOT, HYPHEN, OPEN, SPACE, is_digit

# ITU-T E.164's list of country codes (2016-11-15 and later notes): one digit, two digits; all others have three.
_ONE = np.array([1, 7])
_TWO = np.zeros(100, np.bool_)
_TWO[[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62,
    63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
]] = True  # fmt: skip
_NO_THREE = np.zeros(1000, np.bool_)  # not assigned
_NO_THREE[[*range(800), 801, 802, 803, 804, 805, 806, 807, 809, *range(810, 850), 851, 854, 857, 858, 859]] = True
for _start, _end in ((210, 214), (215, 220), (220, 270), (290, 300), (350, 360), (370, 390), (420, 430), (500, 510)):
    _NO_THREE[_start:_end] = False
for _start, _end in ((590, 600), (670, 693)):
    _NO_THREE[_start:_end] = False
_NO_THREE[[211, 212, 213, 214, 271]] = [False, False, False, False, True]

# Forms that stand for themselves, with blanks, dots or hyphens: 555-123-4567 and those that are no thousands.
_PLAIN = np.array([0x334, 0x1334, 0x13322, 0x3222, 0x2322, 0x3322, 0x323, 0x244, 0x254, 0x344])
_KNOWN = (2147483647, 2147483648, 4294967295, 4294967296, 1234567890, 9876543210)  # of computing


@njit(nogil=True, cache=True)
def country_code(digits, first):
    """How many digits the country code has that begins at `first`; 0 where none does."""
    if digits[first] == _ONE[0] or digits[first] == _ONE[1]:
        return 1
    if _TWO[value(digits, first, 2)]:
        return 2
    return 0 if _NO_THREE[value(digits, first, 3)] else 3


@njit(nogil=True, cache=True)
def is_phone(digits, count, shape, separators, plus, opened, said):
    """Whether a window is a phone number.

    Args:
        digits, count, shape, separators: the window, see `marks`.
        plus, opened: whether a plus, an opening bracket stands before it.
        said: whether a word says so.
    """
    if count < 7 or count > 15 or not _closed(separators, opened):
        return False
    if plus or (count > 10 and digits[0] == 0 and digits[1] == 0):
        return _international(digits, count, shape, separators, plus)
    if opened and not (said or _bracketed(digits, count, shape)):
        return False
    if _uniform(digits, count) or _is_date(digits, count, shape, separators):
        return False
    if said:
        return count <= 13 and _plausible(shape)
    if opened:
        return True
    if separators == 0:
        return _bare(digits, count)
    if digits[0] == 0:
        return _trunk(digits, count, shape, separators) if digits[1] else shape == 0x322 and separators == 0x22
    return _grouped(digits, shape, separators)


@njit(nogil=True, cache=True)
def is_vague(digits, count, shape, separators, opened):
    """Whether a window may be a phone number where it stands by itself in prose.

    Eight or nine digits in one piece that are not round, 4512 3899, 45 12 38 99, 966 47 37, (266) 47378.
    """
    if opened:
        known = (shape == 0x35 or shape == 0x26) and separators == CLOSE
    elif shape == 0x8 or shape == 0x9:
        known = digits[0] > 1 and value(digits, count - 3, 3) > 0
    elif shape == 0x44:
        known = digits[0] > 1 and separators == SPACE
    else:
        known = (shape == 0x2222 and separators == 0x111) or (shape == 0x322 and separators == 0x11 and digits[0] > 1)
    return known and not (_uniform(digits, count) or _is_date(digits, count, shape, separators))


@njit(nogil=True, cache=True)
def _closed(separators, opened):
    """Whether each bracket that opens is closed before the next."""
    depth = np.int64(opened)
    places = 0
    while separators >> (4 * places):
        places += 1
    for n in range(places):
        mark = (separators >> (4 * (places - 1 - n))) & 0xF
        depth += (mark == OPEN) - (mark == CLOSE)
        if depth < 0 or depth > 1:
            return False
    return depth == 0


@njit(nogil=True, cache=True)
def _international(digits, count, shape, separators, plus):
    first = 0 if plus else 2
    code = country_code(digits, first)
    if code == 0 or count - first < 8:
        return False
    if not plus:
        return shape >> 4 > 0 or (count >= 12 and digits[2] != 0)
    if shape < 16:  # in one piece
        return count <= 13 or (count <= 15 and code > 1)
    if code == 1:
        return count == 11 or (count == 12 and digits[1] == 0)
    single = 0  # groups of one digit: +1 2 3 4 is a list
    rest = shape
    while rest:
        single += rest & 0xF == 1
        rest >>= 4
    return single <= 2 and not _decimal(shape, separators) and (code > 1 or count <= 12)


@njit(nogil=True, cache=True)
def _decimal(shape, separators):
    """Whether it is +40.7128 or +40.7128 -74.0060: a phone number with one dot has dots only, and more of them."""
    if shape < 256:
        return separators == DOT
    dots, others = 0, 0
    while separators:
        dots += separators & 0xF == DOT
        others += separators & 0xF != DOT
        separators >>= 4
    return dots > 0 and others > 0


@njit(nogil=True, cache=True)
def _uniform(digits, count):
    """Whether the digits are of two values at most, or count up: an example, a mask of bits."""
    seen, rising = 0, True
    for n in range(count):
        seen |= 1 << digits[n]
        rising = rising and (n == 0 or digits[n] == (digits[n - 1] + 1) % 10)
    return rising or seen & (seen - 1) & ((seen & (seen - 1)) - 1) == 0


@njit(nogil=True, cache=True)
def _is_date(digits, count, shape, separators):
    """Whether it begins like a date: 31.12.1999, 12/31/99, 1999-12-31, 19991231 or 1999-2003."""
    length = 0
    while shape >> (4 * length):
        length += 1
    lead = shape >> (4 * max(length - 3, 0))
    mark = separators >> (4 * max(length - 3, 0)) & 0xFF
    same = length >= 3 and mark >> 4 == mark & 0xF and mark >> 4 != SPACE
    a, b = value(digits, 0, 2), value(digits, 2, 2)
    if same and (lead == 0x224 or (lead == 0x222 and shape != 0x22222 and shape != 0x2222)):
        return is_day(a, b) or is_day(b, a)
    year = 1000 <= value(digits, 0, 4) <= 2100
    if same and lead == 0x422:
        return year
    if shape == 0x8 or (length >= 2 and shape >> (4 * (length - 1)) == 0x8):
        return (year and is_day(value(digits, 4, 2), value(digits, 6, 2))) or (
            is_day(a, b) and 1900 <= value(digits, 4, 4) <= 2100
        )
    return shape == 0x44 and year and 1000 <= value(digits, 4, 4) <= 2100


@njit(nogil=True, cache=True)
def _plausible(shape):
    """Whether the groups are those of one number: five or less of two digits or more, but for the first."""
    groups = 0
    while shape:
        if shape & 0xF == 1 and shape > 0xF:
            return False
        groups += 1
        shape >>= 4
    return groups <= 6


@njit(nogil=True, cache=True)
def _bracketed(digits, count, shape):
    """(555) 123-4567, (030) 1234567, (11) 91234-5678, (351) 912345678; no year."""
    area = shape
    while area > 0xF:
        area >>= 4
    if area > 5 or shape < 16 or (area == 4 and 1800 <= value(digits, 0, 4) <= 2100) or not _plausible(shape):
        return False
    if digits[0] == 0:
        return 8 <= count <= 13
    return (count == 10 and area >= 2) or (9 <= count <= 13 and area <= 3)


@njit(nogil=True, cache=True)
def _bare(digits, count):
    """Digits in one piece: with a trunk 0, a Chinese or Russian mobile, or ten of them that are no time in seconds."""
    if digits[0] == 0:
        return digits[1] != 0 and 9 <= count <= 11
    if count == 11:
        return (digits[0] == 1 and digits[1] >= 3) or (digits[0] == 8 and digits[1] >= 2)
    if count != 10 or digits[0] == 1:
        return False
    number = value(digits, 0, 10)
    return number not in _KNOWN


@njit(nogil=True, cache=True)
def _trunk(digits, count, shape, separators):
    """Groups that begin with a trunk 0."""
    octal, rest, groups, single = True, shape, 0, False
    while rest:
        octal = octal and rest & 0xF == 4
        single = single or rest & 0xF == 1
        groups += 1
        rest >>= 4
    if groups > 6 or (octal and digits[4] == 0) or shape == 0x54:  # 02110-1301 is a postal code
        return False
    if single and not (shape == 0x144 and digits[1] > 0) and shape != 0x2134:
        return False
    if count == 8 and shape == 0x2222:
        return separators == 0x211
    return 9 <= count <= 13 if groups > 1 else 9 <= count <= 11


@njit(nogil=True, cache=True)
def _grouped(digits, shape, separators):
    """Groups without a trunk 0, as numbering plans write them."""
    first = separators
    while first > 0xF:
        first >>= 4
    for form in _PLAIN:
        if shape == form:
            if shape == 0x334 or shape == 0x344:
                return digits[0] > 1 or (first == HYPHEN or shape == 0x344)
            if shape == 0x1334 or shape == 0x13322:
                return digits[0] == 1 or digits[0] == 8
            if shape == 0x244 or shape == 0x254:
                return (separators == 0x12 or (separators == 0x22 and shape == 0x244)) and digits[0] > 0
            return digits[0] > 1 and separators & 0xF != 3
    if shape == 0x234:
        return separators == 0x42 or separators == 0x41
    if shape == 0x322:
        return separators == 0x22
    if shape == 0x46 or shape == 0x37 or shape == 0x433:
        return digits[0] > 1 and (separators == 1 or separators == 0x11)
    if shape == 0x523:  # Greece
        return separators == 0x11 and digits[0] == 2
    if shape == 0x333:
        return digits[0] > 4 and (separators == 0x11 or separators == 0x22)
    return False


@njit(nogil=True, cache=True)
def extension_end(data, end, stop):
    """Where an extension ends that follows a number at `end`: x123, ext. 123, доб. 123; `end` where none does."""
    i = end
    while i < stop and i - end < 2 and (data[i] == 0x20 or data[i] == 0x2C):
        i += 1
    if i >= stop:
        return end
    if data[i] | 32 == 0x65:  # ext
        if i + 3 >= stop or data[i + 1] | 32 != 0x78 or data[i + 2] | 32 != 0x74:
            return end
        i += 3
    elif data[i] | 32 == 0x78:
        i += 1
    elif i + 6 <= stop and data[i] == 0xD0 and data[i + 1] == 0xB4 and data[i + 2] == 0xD0 and data[i + 3] == 0xBE:
        i += 6
    else:
        return end
    while i < stop and (data[i] == 0x2E or data[i] == 0x20) and i - end < 10:
        i += 1
    first = i
    while i < stop and is_digit(data[i]) and i - first < 7:
        i += 1
    return i if 0 < i - first < 7 else end
