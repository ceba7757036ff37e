"""What stands around a number, and the groups of digits it is written in.

A number is up to `GROUPS` groups of digits with separators between them. A *window* is some of its first groups, told
by three numbers that rules compare with constants: how many digits, the *shape* (a hexadecimal digit for the length of
each group: 0x334 is 555-123-4567) and the separators (likewise: 0x22 is two hyphens).
"""

import numpy as np
from numba import njit

SPACE, HYPHEN, DOT, SLASH, OPEN, CLOSE, WIDE = range(1, 8)  # separators; WIDE is a dash or slash with blanks
GROUPS = 9
LIST = 10  # groups with blanks between, of three digits or fewer on average, are a list of numbers
SINGLES = 3  # groups of one digit in a number; more are a list
DIGITS = 20  # of a number; a longer one is none of ours

OTHER, DIGIT, UPPER, LOWER = range(4)
_CLASS = np.zeros(256, np.uint8)
_CLASS[48:58], _CLASS[65:91], _CLASS[97:123] = DIGIT, UPPER, LOWER
_BARRED_BEFORE = np.zeros(
    256, np.bool_
)  # marks that make a number something else: #12, $12, %12, \12, ^12, ~12, &12, *12
_BARRED_BEFORE[list(b"#$%\\^~&*@_")] = True
_BARRED_AFTER = np.zeros(256, np.bool_)
_BARRED_AFTER[list(b"%$_@\\^*=#")] = True


@njit(nogil=True, cache=True)
def wide(byte):
    """A byte as int64, to calculate with."""
    return np.int64(byte)


@njit(nogil=True, cache=True)
def is_digit(byte):
    """0 to 9."""
    return _CLASS[byte] == DIGIT


@njit(nogil=True, cache=True)
def past_digits(data, at, stop):
    """Where the digits end that begin at `at`."""
    while at < stop and is_digit(data[at]):
        at += 1
    return at


@njit(nogil=True, cache=True)
def is_upper(byte):
    """A to Z."""
    return _CLASS[byte] == UPPER


@njit(nogil=True, cache=True)
def is_alnum(byte):
    """An ASCII letter or digit."""
    return _CLASS[byte] != OTHER


@njit(nogil=True, cache=True)
def begins(data, at, start):
    """Whether a number or token may begin at `at`, the stretch beginning at `start`: not inside a word, a decimal, a
    path, a version or a longer number."""
    if at == start:
        return True
    before = data[at - 1]
    if is_alnum(before) or _BARRED_BEFORE[before]:
        return False
    if at - 1 == start:
        return True
    second = data[at - 2]
    if before == 0x2E or before == 0x2D or before == 0x2F or before == 0x27 or before == 0x2B:  # . - / ' +
        return not (is_alnum(second) or second == before or second == 0x29)
    if before == 0x2C or before == 0x3A:  # , :
        return not is_digit(second)
    if before == 0x93 or before == 0x91 or before == 0x90:  # en dash and other hyphens end so in UTF-8
        return not (second == 0x80 and at - 3 > start and is_alnum(data[at - 4]))
    return True


@njit(nogil=True, cache=True)
def ends(data, at, stop):
    """Whether a number or token may end before `at`: `begins` seen from the other side."""
    if at == stop:
        return True
    after = data[at]
    if is_alnum(after) or _BARRED_AFTER[after]:
        return False
    if after == 0xC2 and at + 1 < stop and data[at + 1] == 0xB0:  # a degree sign
        return False
    if at + 1 == stop:
        return True
    second = data[at + 1]
    if after == 0x2E or after == 0x2D or after == 0x2F or after == 0x27 or after == 0x2B:
        return not is_alnum(second)
    if after == 0x2C or after == 0x3A:
        return not is_digit(second)
    if after == 0xE2 and second == 0x80 and at + 3 < stop and 0x90 <= data[at + 2] <= 0x93:
        return not is_alnum(data[at + 3])
    return True


@njit(nogil=True, cache=True)
def _blank(data, at, stop):
    """Bytes of a blank at `at` that may stand inside a number: a space, or one that does not break; else 0."""
    if at < stop and data[at] == 0x20:
        return 1
    if at + 1 < stop and data[at] == 0xC2 and data[at + 1] == 0xA0:
        return 2
    if at + 2 < stop and data[at] == 0xE2 and data[at + 1] == 0x80 and (data[at + 2] == 0xAF or data[at + 2] == 0x89):
        return 3
    return 0


@njit(nogil=True, cache=True)
def _mark(data, at, stop):
    """Kind and bytes of a separating mark at `at`; 0 for none."""
    if at >= stop:
        return 0, 0
    byte = data[at]
    if byte == 0x2D:
        return HYPHEN, 1
    if byte == 0x2E:
        return DOT, 1
    if byte == 0x2F:
        return SLASH, 1
    if byte == 0x28:
        return OPEN, 1
    if byte == 0x29:
        return CLOSE, 1
    if (
        byte == 0xE2
        and at + 2 < stop
        and data[at + 1] == 0x80
        and 0x90 <= data[at + 2] <= 0x93
        and data[at + 2] != 0x92
    ):
        return HYPHEN, 3
    return 0, 0


@njit(nogil=True, cache=True)
def closes(data, at, stop):
    """Whether a bracket that opened before `at` closes behind one to five digits."""
    i = at
    while i < stop and i - at < 6 and is_digit(data[i]):
        i += 1
    return at < i < stop and data[i] == 0x29


@njit(nogil=True, cache=True)
def _separator(data, at, stop):
    """Kind and bytes of what stands between two groups: a blank, a mark, or a mark with a blank beside it; 0 for none.

    Brackets take a further mark along: ")-", ") (", "/(".
    """
    if at + 1 < stop and is_digit(data[at + 1]):  # what is common, first
        if data[at] == 0x20:
            return SPACE, 1
        if data[at] < 0x80 and data[at] != 0x28:
            return _mark(data, at, stop)
    if at < stop and data[at] == 0x28 and not closes(data, at + 1, stop):
        return 0, 0
    blank = _blank(data, at, stop)
    kind, width = _mark(data, at + blank, stop)
    if kind == 0:
        return (SPACE, blank) if blank else (0, 0)
    if kind == DOT and blank:
        return 0, 0
    width += blank
    spaced = blank > 0
    if kind == OPEN and not closes(data, at + width, stop):
        return 0, 0
    if kind != OPEN:
        blank = _blank(data, at + width, stop)
        spaced = spaced or blank > 0
        width += blank
        more, further = _mark(data, at + width, stop)
        if (kind == CLOSE and more in (HYPHEN, SLASH, DOT)) or (more == OPEN and kind != DOT):
            width += further
            kind = CLOSE if kind == CLOSE else more
            width += _blank(data, at + width, stop)
        elif more:
            return 0, 0
    if spaced and kind in (HYPHEN, SLASH):
        kind = WIDE
    return (0, 0) if spaced and kind == DOT else (kind, width)


@njit(nogil=True, cache=True)
def read_groups(data, at, stop, groups):
    """Reads a number that begins with a digit at `at`.

    Args:
        data, at, stop: bytes, where the number begins, and where the stretch ends.
        groups: int64[GROUPS, 3], filled with start, end and the separator that follows (0 after the last).

    Returns:
        How many groups there are; those that begin after `DIGITS` digits, or after more than `SINGLES` groups of one
        digit, do not count.
    """
    count, total, singles, i = 0, 0, 0, at
    while count < GROUPS:
        first = i
        while i < stop and is_digit(data[i]) and i - first <= DIGITS:
            i += 1
        total += i - first
        singles += i - first == 1
        groups[count, 0], groups[count, 1], groups[count, 2] = first, i, 0
        count += 1
        if singles > SINGLES:
            break
        kind, width = _separator(data, i, stop)
        if kind == 0 or total >= DIGITS or i + width >= stop or not is_digit(data[i + width]):
            break
        if count < GROUPS:
            groups[count - 1, 2] = kind
        i += width
    return count


@njit(nogil=True, cache=True)
def window(data, groups, count, digits):
    """Number of digits, shape and separators of the first groups; the digits go to `digits` (int64[DIGITS]).

    Groups beyond `DIGITS` digits are left out: the fourth number is how many are in.
    """
    total, shape, separators = 0, 0, 0
    for g in range(count):
        length = groups[g, 1] - groups[g, 0]
        if total + length > DIGITS:
            return total, shape, separators, g
        for i in range(groups[g, 0], groups[g, 1]):
            digits[total] = data[i] - 48
            total += 1
        shape = (shape << 4) | min(length, 15)
        if g:
            separators = (separators << 4) | groups[g - 1, 2]
    return total, shape, separators, count


@njit(nogil=True, cache=True)
def list_end(data, at, stop):
    """Where the run of groups with single blanks between ends that begins at `at`, and whether it is a list."""
    count, total, i = 0, 0, at
    while True:
        first = i
        while i < stop and is_digit(data[i]):
            i += 1
        total += i - first
        count += 1
        if i + 1 >= stop or data[i] != 0x20 or not is_digit(data[i + 1]):
            return i, count >= LIST and total <= 3 * count
        i += 1
