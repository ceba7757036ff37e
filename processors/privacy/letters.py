"""National numbers with letters in them.

    CN resident id ending in X   DE Rentenversicherungsnummer, Krankenversichertennummer   ES DNI, NIE   FI HETU
    FR NIR of Corsica   GB NINO   IT codice fiscale   MX CURP   SG NRIC   TW id

Letters are capitals, as on the documents. Hong Kong's and India's (PAN) have too little form of their own.
"""

import numpy as np
from numba import njit

from processors.privacy.checks import is_day, value
from processors.privacy.marks import is_alnum, is_digit, is_upper, wide
from processors.privacy.schemes import chinese

_LETTER, _FIGURE, _EITHER = 65, 48, 63  # in forms: any capital, any digit, either
_DNI = np.frombuffer(b"TRWAGMYFPDXBNJZSQVHLCKE", np.uint8)
_HETU = np.frombuffer(b"0123456789ABCDEFHJKLMNPRSTUVWXY", np.uint8)
_ODD = np.array([1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23])
_MONTHS = np.frombuffer(b"ABCDEHLMPRST", np.uint8)
_RENTE = np.array([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
_NRIC = np.array([2, 7, 6, 5, 4, 3, 2])
_NRIC_ST = np.frombuffer(b"JZIHGFEDCBA", np.uint8)
_NRIC_FG = np.frombuffer(b"XWUTRQPNMLK", np.uint8)
_TAIWAN = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVXYWZIO", np.uint8)  # 10, 11, … 35
_NO_NINO = (0x4247, 0x4742, 0x4B4E, 0x4E4B, 0x4E54, 0x544E)  # BG GB KN NK NT TN


@njit(nogil=True, cache=True)
def token_end(data, at, stop, digits):
    """Where the number that begins at `at` ends, 0 where none does; `digits` (int64[20]) is room to work in."""
    run = 0  # letters and digits without a break
    while run < 19 and at + run < stop and is_alnum(data[at + run]):
        run += 1
    if is_digit(data[at]):
        return _after_digits(data, at, stop, run, digits)
    end = _insurance_end(data, at, stop)
    if end:
        return end
    if run == 16:
        return at + 16 if codice_fiscale(data, at) else 0
    if run == 18:
        return at + 18 if curp(data, at) else 0
    if run == 10:
        return at + 10 if taiwanese(data, at) or german_health(data, at) else 0
    if run == 9:
        return at + 9 if nie(data, at) or singaporean(data, at) else 0
    if run == 8 and at + 10 <= stop and data[at + 8] == 0x2D and is_digit(data[at + 1]) and is_digit(data[at + 7]):
        return at + 10 if _nie(data, at, data[at + 9]) else 0  # X1234567-L
    return 0


@njit(nogil=True, cache=True)
def _after_digits(data, at, stop, run, digits):
    if run == 6 and at + 11 <= stop and is_alnum(data[at + 10]):
        return at + 11 if hetu(data, at, digits) else 0
    if run == 9 and dni(data, at, data[at + 8]):
        return at + 9
    if run == 8 and at + 10 <= stop and data[at + 8] == 0x2D and dni(data, at, data[at + 9]):
        return at + 10
    if run == 15 and _figures(data, at, 6) and (data[at + 6] == 65 or data[at + 6] == 66):
        return at + 15 if corsican(data, at) else 0
    if run == 12 and is_upper(data[at + 8]):
        return at + 12 if german_pension(data, at) else 0
    if run == 11 and is_upper(data[at + 6]):  # HETU with a letter for the century
        return at + 11 if hetu(data, at, digits) else 0
    if run == 18 and data[at + 17] | 32 == 0x78 and _figures(data, at, 17):
        for n in range(17):
            digits[n] = data[at + n] - 48
        return at + 18 if chinese(digits, 10) else 0
    return 0


@njit(nogil=True, cache=True)
def _figures(data, at, count):
    i = at
    while i < at + count and is_digit(data[i]):
        i += 1
    return i == at + count


@njit(nogil=True, cache=True)
def _number(data, at, count):
    total = 0
    for i in range(at, at + count):
        total = total * 10 + data[i] - 48
    return total


@njit(nogil=True, cache=True)
def _insurance_end(data, at, stop):
    """GB NINO: two letters (not D F I Q U V, O as the second, nor withdrawn pairs), six digits in pairs, A to D.

    ZZ and T, which no number has, are taken as well: what looks like one is meant as one.
    """
    if at + 9 > stop or not is_upper(data[at]) or not is_upper(data[at + 1]):
        return 0
    for i in range(at, at + 2):
        if data[i] in (68, 70, 73, 81, 85, 86):
            return 0
    pair = (wide(data[at]) << 8) | data[at + 1]
    if data[at + 1] == 79 or pair in _NO_NINO:
        return 0
    i, blanks = at + 2, 0
    for n in range(6):
        if i < stop and data[i] == 0x20 and n % 2 == 0:
            i += 1
            blanks += 1
        if i >= stop or not is_digit(data[i]):
            return 0
        i += 1
    if i < stop and data[i] == 0x20:
        i += 1
    if i >= stop or not (65 <= data[i] <= 68 or data[i] == 84):
        return 0
    return i + 1 if pair != 0x5A5A or data[i] == 84 else 0


@njit(nogil=True, cache=True)
def dni(data, at, letter):
    """ES: eight digits and a letter by their remainder modulo 23."""
    return is_upper(letter) and _figures(data, at, 8) and _DNI[_number(data, at, 8) % 23] == letter


@njit(nogil=True, cache=True)
def nie(data, at):
    """ES, foreigners: X, Y, Z for 0, 1, 2, seven digits, the letter as in a DNI; K, L, M for some nationals."""
    return _nie(data, at, data[at + 8])


@njit(nogil=True, cache=True)
def _nie(data, at, letter):
    first = data[at]
    if not (88 <= first <= 90 or 75 <= first <= 77) or not is_upper(letter) or not _figures(data, at + 1, 7):
        return False
    lead = wide(first) - 88 if first >= 88 else 0
    return _DNI[(lead * 10_000_000 + _number(data, at + 1, 7)) % 23] == letter


@njit(nogil=True, cache=True)
def hetu(data, at, digits):
    """FI: DDMMYY, a sign for the century, serial, a character by the remainder of the nine digits modulo 31."""
    sign, check = data[at + 6], data[at + 10]
    century = sign == 0x2B or sign == 0x2D or 65 <= sign <= 70 or 85 <= sign <= 89
    if not century or not _figures(data, at, 6) or not _figures(data, at + 7, 3):
        return False
    for n in range(4):
        digits[n] = data[at + n] - 48
    if not is_day(value(digits, 2, 2), value(digits, 0, 2)):
        return False
    return _HETU[(_number(data, at, 6) * 1000 + _number(data, at + 7, 3)) % 31] == check


@njit(nogil=True, cache=True)
def codice_fiscale(data, at):
    """IT: six letters, year, month's letter, day (women + 40), place, a letter by weights of odd and even places.

    Digits may be letters (L M N P Q R S T U V for 0 to 9) where two people would have the same.
    """
    for n in range(16):
        figure = is_digit(data[at + n])
        letter = is_upper(data[at + n])
        if n < 6 or n == 8 or n == 11 or n == 15:
            if not letter:
                return False
        elif not figure and not (letter and 76 <= data[at + n] <= 86 and data[at + n] != 79):
            return False
    month = False
    for known in _MONTHS:
        month = month or data[at + 8] == known
    if is_digit(data[at + 9]) and is_digit(data[at + 10]):
        day = _number(data, at + 9, 2)
        month = month and (1 <= day <= 31 or 41 <= day <= 71)
    total = 0
    for n in range(15):
        byte = wide(data[at + n])
        place = byte - 48 if byte < 65 else byte - 65
        total += place if n & 1 else _ODD[place]
    return month and total % 26 == wide(data[at + 15]) - 65


@njit(nogil=True, cache=True)
def curp(data, at):
    """MX: four letters, YYMMDD, H or M or X, five letters, a letter or digit, a check digit modulo 10 (Ñ counts)."""
    for n in range(16):
        if not (is_digit(data[at + n]) if 4 <= n < 10 else is_upper(data[at + n])):
            return False
    if not is_digit(data[at + 17]) or data[at + 10] not in (72, 77, 88):
        return False
    if not is_day(_number(data, at + 6, 2), _number(data, at + 8, 2)):
        return False
    total = 0
    for n in range(17):
        byte = wide(data[at + n])
        place = byte - 48 if byte < 65 else byte - 55
        if byte > 78:  # letters behind the Ñ
            place += 1
        total += place * (18 - n)
    return (10 - total % 10) % 10 == wide(data[at + 17]) - 48


@njit(nogil=True, cache=True)
def corsican(data, at):
    """FR NIR of Corsica: 2A and 2B for the department, which count as 19 and 18."""
    if data[at + 5] != 50 or not _figures(data, at + 7, 8) or not 1 <= _number(data, at + 3, 2) <= 12:
        return False
    number = (_number(data, at, 5) * 100 + (19 if data[at + 6] == 65 else 18)) * 1_000_000 + _number(data, at + 7, 6)
    return 97 - number % 97 == _number(data, at + 13, 2)


@njit(nogil=True, cache=True)
def german_pension(data, at):
    """DE: area, DDMMYY, a letter, serial, check digit: the sum of digits of weighted figures modulo 10."""
    if not _figures(data, at, 8) or not is_upper(data[at + 8]) or not _figures(data, at + 9, 3):
        return False
    day, month = _number(data, at + 2, 2), _number(data, at + 4, 2)
    if not is_day(month, day - 50 if day > 50 else day):
        return False
    total, place = 0, 0
    letter = wide(data[at + 8]) - 64
    for n in range(11):
        if n == 8:
            for figure in (letter // 10, letter % 10):
                weight = figure * _RENTE[place]
                total += weight // 10 + weight % 10
                place += 1
        else:
            weight = (wide(data[at + n]) - 48) * _RENTE[place]
            total += weight // 10 + weight % 10
            place += 1
    return total % 10 == wide(data[at + 11]) - 48


@njit(nogil=True, cache=True)
def german_health(data, at):
    """DE: a letter and nine digits; Luhn-like over the letter's two figures and eight digits."""
    if not is_upper(data[at]) or not _figures(data, at + 1, 9):
        return False
    letter = wide(data[at]) - 64
    total = letter // 10 + _folded(letter % 10 * 2)
    for n in range(8):
        figure = wide(data[at + 1 + n]) - 48
        total += _folded(figure * (1 + (n & 1)))
    return total % 10 == wide(data[at + 9]) - 48


@njit(nogil=True, cache=True)
def _folded(number):
    return number // 10 + number % 10


@njit(nogil=True, cache=True)
def taiwanese(data, at):
    """TW: a letter for the place, 1 or 2 (8, 9 for foreigners), eight digits, the last one a check digit."""
    if not is_upper(data[at]) or data[at + 1] not in (49, 50, 56, 57) or not _figures(data, at + 1, 9):
        return False
    place = 0
    while _TAIWAN[place] != data[at]:
        place += 1
    place += 10
    total = place // 10 + place % 10 * 9
    for n in range(8):
        total += (wide(data[at + 1 + n]) - 48) * (8 - n)
    return (total + wide(data[at + 9]) - 48) % 10 == 0


@njit(nogil=True, cache=True)
def singaporean(data, at):
    """SG: S, T, F or G, seven digits, a letter by their weighted sum modulo 11."""
    first = data[at]
    if first not in (83, 84, 70, 71) or not _figures(data, at + 1, 7):
        return False
    total = 4 if first == 84 or first == 71 else 0
    for n in range(7):
        total += (wide(data[at + 1 + n]) - 48) * _NRIC[n]
    letters = _NRIC_ST if first >= 83 else _NRIC_FG
    return letters[total % 11] == data[at + 8]
