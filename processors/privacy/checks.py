"""Check digits: digits as int64 in, whether they hold out. `first` is where a number begins, `count` its digits.

Sources: ISO/IEC 7812-1 annex B (Luhn), ISO/IEC 7064 (mod 97-10, mod 11,10), Verhoeff 1969 (the table of the dihedral
group D5), and the tax and registry offices of each country for weighted sums.
"""

import numpy as np
from numba import boolean, int64, njit, types

# Signatures for what is called with many constants: each of them would be a type of its own, and compiled anew.
VALUE = int64(int64[::1], int64, int64)
HOLDS = boolean(int64[::1], int64, int64)
WEIGHTED = int64(int64[::1], int64, types.Array(int64, 1, "C", readonly=True))

_TIMES = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ]
)  # fmt: skip
_TURN = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7], [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ]
)  # fmt: skip


@njit(HOLDS, nogil=True, cache=True)
def luhn(digits, first, count):
    """Luhn's sum: every second digit from the right is doubled."""
    total = 0
    for n in range(count):
        value = digits[first + count - 1 - n] << (n & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@njit(nogil=True, cache=True)
def verhoeff(digits, count):
    """Verhoeff's scheme, the check digit last."""
    state = 0
    for n in range(count):
        state = _TIMES[state, _TURN[n & 7, digits[count - 1 - n]]]
    return state == 0


@njit(nogil=True, cache=True)
def product_sum(digits, count):
    """ISO 7064 mod 11,10: `count` digits, the check digit last."""
    state = 10
    for n in range(count - 1):
        state = (state + digits[n]) % 10
        state = (10 if state == 0 else state) * 2 % 11
    return (11 - state) % 10 == digits[count - 1]


@njit(WEIGHTED, nogil=True, cache=True)
def weighted(digits, count, weights):
    """The sum of the first `count` digits, each times its weight."""
    total = 0
    for n in range(count):
        total += digits[n] * weights[n]
    return total


@njit(VALUE, nogil=True, cache=True)
def value(digits, first, count):
    """The digits as one integer."""
    total = 0
    for n in range(first, first + count):
        total = total * 10 + digits[n]
    return total


@njit(nogil=True, cache=True)
def is_day(month, day):
    """A month and a day that some year has."""
    if month < 1 or month > 12 or day < 1 or day > 31:
        return False
    if month == 2:
        return day <= 29
    return day <= 30 or not (month == 4 or month == 6 or month == 9 or month == 11)
