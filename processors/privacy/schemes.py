"""How national numbers of digits alone are checked: int64 digits in, whether they hold out.

Each function knows one register; dates are days of some year, centuries are not asked for. Sources are the registers'
own rules, as OECD's list of tax identification numbers and python-stdnum's documentation collect them.
"""

import numpy as np
from numba import njit

from processors.privacy.checks import is_day, luhn, product_sum, value, weighted

_BG = np.array([2, 4, 8, 5, 10, 9, 7, 3, 6])
_CN = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_EE = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 1])
_EE_AGAIN = np.array([3, 4, 5, 6, 7, 8, 9, 1, 2, 3])
_AT = np.array([3, 7, 9, 0, 5, 8, 4, 2, 1, 6])
_NO_FIRST = np.array([3, 7, 6, 1, 8, 9, 4, 5, 2, 1])
_NO_SECOND = np.array([5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1])
_UA = np.array([-1, 5, 7, 9, 4, 6, 10, 5, 7])
_PL = np.array([1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1])
_RO = np.array([2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9])
_RS = np.array([7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1])
_DOWN = np.array([13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2])


@njit(nogil=True, cache=True)
def born(digits, first, year_first):
    """Whether six digits are a day, as YYMMDD or DDMMYY."""
    middle = value(digits, first + 2, 2)
    day = value(digits, first + 4, 2) if year_first else value(digits, first, 2)
    return is_day(middle, day)


@njit(nogil=True, cache=True)
def social_security(digits):
    """US: no area 000, 666 or 900-999, no group 00, no serial 0000; nor the numbers printed on samples."""
    area, group, serial = value(digits, 0, 3), value(digits, 3, 2), value(digits, 5, 4)
    number = value(digits, 0, 9)
    if number == 78051120 or number == 219099999 or number == 123456789:
        return False
    return 0 < area < 900 and area != 666 and group > 0 and serial > 0


@njit(nogil=True, cache=True)
def dutch(digits):
    """BSN: the sum of 9…2 times the digits less the last one is divisible by 11."""
    total = -digits[8]
    for n in range(8):
        total += (9 - n) * digits[n]
    return total % 11 == 0


@njit(nogil=True, cache=True)
def portuguese(digits):
    """NIF of a person (first digit 1, 2, 3, or 45): 11 less the sum of 9…2 times the digits, 0 for 10 and 11."""
    if not (1 <= digits[0] <= 3 or (digits[0] == 4 and digits[1] == 5)):
        return False
    total = 0
    for n in range(8):
        total += (9 - n) * digits[n]
    return digits[8] == (0 if total % 11 < 2 else 11 - total % 11)


@njit(nogil=True, cache=True)
def swedish(digits, first):
    """Luhn over the last ten digits; day + 60 for a coordination number."""
    day = value(digits, first + 4, 2)
    return is_day(value(digits, first + 2, 2), day - 60 if day > 60 else day) and luhn(digits, first, 10)


@njit(nogil=True, cache=True)
def czech(digits):
    """Divisible by 11; months of women + 50, further ones + 20."""
    rest = value(digits, 0, 9) % 11 == 10 and digits[9] == 0  # some of before 1986
    return czech_day(digits) and (rest or value(digits, 0, 10) % 11 == 0)


@njit(nogil=True, cache=True)
def czech_day(digits):
    """Whether the first six digits are a day of a Czech or Slovak number."""
    month = value(digits, 2, 2)
    month -= 50 if month > 50 else 0
    month -= 20 if month > 20 else 0
    return is_day(month, value(digits, 4, 2))


@njit(nogil=True, cache=True)
def austrian(digits):
    """Serial number, check digit, DDMMYY."""
    check = weighted(digits, 10, _AT) % 11
    return digits[0] > 0 and check == digits[3] and is_day(value(digits, 6, 2), value(digits, 4, 2))


@njit(nogil=True, cache=True)
def bulgarian(digits):
    """YYMMDD, months + 20 before 1900 and + 40 from 2000."""
    month = value(digits, 2, 2)
    month -= 40 if month > 40 else 20 if month > 20 else 0
    return is_day(month, value(digits, 4, 2)) and weighted(digits, 9, _BG) % 11 % 10 == digits[9]


@njit(nogil=True, cache=True)
def ukrainian(digits):
    """RNOKPP: day of birth since 1900 (five digits), serial, a weighted sum modulo 11."""
    return 0 < value(digits, 0, 5) < 50_000 and weighted(digits, 9, _UA) % 11 % 10 == digits[9]


@njit(nogil=True, cache=True)
def brazilian(digits):
    """CPF: two check digits, each modulo 11."""
    for length in (9, 10):
        total = 0
        for n in range(length):
            total += (length + 1 - n) * digits[n]
        if total * 10 % 11 % 10 != digits[length]:
            return False
    return True


@njit(nogil=True, cache=True)
def russian(digits):
    """SNILS: the sum of 9…1 times the digits, modulo 101."""
    total = 0
    for n in range(9):
        total += (9 - n) * digits[n]
    return total % 101 % 100 == value(digits, 9, 2)


@njit(nogil=True, cache=True)
def belgian(digits):
    """YYMMDD, serial, 97 less the first nine digits modulo 97, with a 2 before them from the year 2000."""
    first, check = value(digits, 0, 9), value(digits, 9, 2)
    if not born(digits, 0, True) or value(digits, 6, 3) == 0:
        return False
    return 97 - first % 97 == check or 97 - (2_000_000_000 + first) % 97 == check


@njit(nogil=True, cache=True)
def german(digits):
    """Steuer-ID: ISO 7064 mod 11,10; of the first ten digits one stands twice or three times, the others once."""
    if digits[0] == 0 or not product_sum(digits, 11):
        return False
    often, missing = 0, 0
    for digit in range(10):
        times = 0
        for n in range(10):
            times += digits[n] == digit
        often += times > 1
        missing += times == 0
        if times > 3:
            return False
    return often == 1 and missing <= 2


@njit(nogil=True, cache=True)
def polish(digits):
    """PESEL: YYMMDD with 20, 40, 60 or 80 added to the month by century."""
    return is_day(value(digits, 2, 2) % 20, value(digits, 4, 2)) and weighted(digits, 11, _PL) % 10 == 0


@njit(nogil=True, cache=True)
def baltic(digits):
    """EE, LT: century and sex, YYMMDD, serial; a second row of weights where the first gives 10."""
    if not 1 <= digits[0] <= 8 or not is_day(value(digits, 3, 2), value(digits, 5, 2)):
        return False
    check = weighted(digits, 10, _EE) % 11
    if check == 10:
        check = weighted(digits, 10, _EE_AGAIN) % 11 % 10
    return check == digits[10]


@njit(nogil=True, cache=True)
def hungarian(digits):
    """Sex and century, YYMMDD, serial, check digit: places count upwards for those born before 1997, else downwards."""
    if not 1 <= digits[0] <= 8 or not is_day(value(digits, 3, 2), value(digits, 5, 2)):
        return False
    up, down = 0, 0
    for n in range(10):
        up += digits[n] * (n + 1)
        down += digits[n] * (10 - n)
    recent = digits[0] == 3 or digits[0] == 4 or (digits[0] < 3 and value(digits, 1, 2) >= 97)
    return (down if recent else up) % 11 == digits[10]


@njit(nogil=True, cache=True)
def norwegian(digits):
    """DDMMYY (day + 40 for a D number), serial, two check digits."""
    day = value(digits, 0, 2)
    if not is_day(value(digits, 2, 2), day - 40 if day > 40 else day):
        return False
    return weighted(digits, 10, _NO_FIRST) % 11 == 0 and weighted(digits, 11, _NO_SECOND) % 11 == 0


@njit(nogil=True, cache=True)
def turkish(digits):
    """Two check digits; no 0 in front."""
    odd = digits[0] + digits[2] + digits[4] + digits[6] + digits[8]
    even = digits[1] + digits[3] + digits[5] + digits[7]
    if digits[0] == 0 or (odd * 7 - even) % 10 != digits[9]:
        return False
    return (odd + even + digits[9]) % 10 == digits[10]


@njit(nogil=True, cache=True)
def romanian(digits):
    """CNP: sex and century, YYMMDD, county, serial."""
    if digits[0] == 0 or not is_day(value(digits, 3, 2), value(digits, 5, 2)):
        return False
    check = weighted(digits, 12, _RO) % 11
    return value(digits, 7, 2) <= 52 and (1 if check == 10 else check) == digits[12]


@njit(nogil=True, cache=True)
def korean(digits):
    """YYMMDD (month or day may be 00: not known) and a digit of century and sex; no check digit since October 2020."""
    month, day = value(digits, 2, 2), value(digits, 4, 2)
    return is_day(max(month, 1), max(day, 1)) and 1 <= digits[6] <= 8


@njit(nogil=True, cache=True)
def french(digits):
    """NIR: sex, year, month (20 and more where unknown), place, serial; 97 less the number modulo 97."""
    month = value(digits, 3, 2)
    if not (1 <= digits[0] <= 4 or digits[0] >= 7) or month == 0 or (12 < month < 20) or value(digits, 5, 2) == 0:
        return False
    return 97 - value(digits, 0, 13) % 97 == value(digits, 13, 2)


@njit(nogil=True, cache=True)
def chinese(digits, check):
    """GB 11643: region, YYYYMMDD, serial, ISO 7064 mod 11-2; `check` is 10 for an X."""
    if digits[0] == 0 or digits[0] == 9 or not 1800 <= value(digits, 6, 4) <= 2100:
        return False
    if not is_day(value(digits, 10, 2), value(digits, 12, 2)):
        return False
    return (12 - weighted(digits, 17, _CN) % 11) % 11 == check


@njit(nogil=True, cache=True)
def swiss(digits):
    """AHV: 756, nine digits, EAN's check digit."""
    total = 0
    for n in range(12):
        total += digits[n] * (3 if n & 1 else 1)
    return value(digits, 0, 3) == 756 and (10 - total % 10) % 10 == digits[12]


@njit(nogil=True, cache=True)
def thai(digits):
    """Places counted downwards from 13, modulo 11."""
    return (11 - weighted(digits, 12, _DOWN) % 11) % 10 == digits[12]


@njit(nogil=True, cache=True)
def serbian(digits):
    """JMBG of what was Yugoslavia: DDMMYYY, region, serial, a weighted sum divisible by 11."""
    return born(digits, 0, False) and digits[4] in (0, 9) and weighted(digits, 13, _RS) % 11 == 0


@njit(nogil=True, cache=True)
def south_african(digits):
    """YYMMDD, sex, citizenship, Luhn's check digit."""
    return born(digits, 0, True) and digits[10] < 2 and luhn(digits, 0, 13)
