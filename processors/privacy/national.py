"""National identity, insurance and tax numbers of digits alone.

    AT SVNR  BE rijksregister  BG EGN  BR CPF  CA SIN  CH AHV  CN resident id  CZ/SK rodné číslo  DE Steuer-ID  DK CPR
    EE/LT isikukood, asmens kodas  FR NIR  GR AMKA  HR OIB  HU személyi szám  IL teudat zehut  IN Aadhaar
    KR resident registration  LV personas kods  MX NSS  NL BSN  NO fødselsnummer  PH CRN  PL PESEL  PT NIF  RO CNP
    RS/MK JMBG
    RU SNILS  SE personnummer  TH citizen id  TR kimlik  UA RNOKPP  US SSN, ITIN  ZA id

What has a date of birth and a check digit, or two check digits, or a form of its own stands for itself. One check digit
alone is right in every tenth number: such numbers of the Netherlands, Portugal and Croatia are taken where they stand
alone in one piece, those of Israel, Mexico and Ukraine only among words of prose, others only after a word such as
"SIN". Twelve digits in prose are India's also by Luhn's check digit, which is not theirs: made-up ones have it. How
each is checked: schemes.py; numbers with letters: letters.py.
"""

from numba import njit

from processors.privacy.checks import is_day, luhn, product_sum, value, verhoeff
from processors.privacy.schemes import (
    austrian,
    baltic,
    belgian,
    born,
    brazilian,
    bulgarian,
    chinese,
    czech,
    czech_day,
    dutch,
    french,
    german,
    hungarian,
    korean,
    norwegian,
    polish,
    portuguese,
    romanian,
    russian,
    serbian,
    social_security,
    south_african,
    swedish,
    swiss,
    thai,
    turkish,
    ukrainian,
)

UNSAID, ALONE, SAID = range(3)  # what stands around a number: nothing known, words of prose, a word that says it


@njit(nogil=True, cache=True)
def is_national(digits, count, shape, separators, said):
    """Whether a window is such a number; `said`: UNSAID, ALONE or SAID. The window's terms: marks.py."""
    if count < 9 or count > 18 or _same(digits, count):
        return False
    whole = separators == 0
    if count == 9:
        return _nine(digits, shape, separators, said)
    if count == 10:
        return _ten(digits, shape, separators, said)
    if count == 11:
        return _eleven(digits, shape, separators, said)
    if count == 12:
        if shape == 0x471:
            return separators == 0x22  # Philippines
        if shape == 0x84 and separators == 2:
            return swedish(digits, 2)
        if whole or (shape == 0x444 and (separators == 0x11 or separators == 0x22)):
            date = 1900 <= value(digits, 0, 4) <= 2100 and is_day(value(digits, 4, 2), value(digits, 6, 2))
            if not date and ((digits[0] > 1 and verhoeff(digits, 12)) or (said > UNSAID and luhn(digits, 0, 12))):
                return True
            return whole and date and swedish(digits, 2)
        return False
    if count == 13:
        return _thirteen(digits, shape, separators)
    if count == 15:
        formed = shape == 0x1222332 and separators == 0x111111
        return (whole or formed) and french(digits)
    if count == 18 and whole:
        return chinese(digits, digits[17])
    return False


@njit(nogil=True, cache=True)
def is_croatian(digits, count, separators):
    """HR: OIB, one check digit alone, so asked for when it is nothing else."""
    return (
        count == 11
        and separators == 0
        and digits[0] not in (0, 8)
        and (digits[0] > 1 or digits[1] < 3)
        and product_sum(digits, 11)
    )


@njit(nogil=True, cache=True)
def _same(digits, count):
    same = True
    for n in range(1, count):
        same = same and digits[n] == digits[0]
    return same


@njit(nogil=True, cache=True)
def _nine(digits, shape, separators, said):
    if shape == 0x324 and (separators == 0x22 or separators == 0x11):
        return social_security(digits) or (digits[0] == 9 and digits[3] >= 5)  # a tax number, without security
    if shape == 0x333 and (separators == 0x11 or separators == 0x22):
        return digits[0] != 0 and digits[0] != 8 and luhn(digits, 0, 9)  # Canada
    if shape == 0x63:
        return separators == 4 and czech_day(digits)  # born before 1954
    if shape != 0x9 and not (shape == 0x432 and separators == 0x33):
        return False
    if dutch(digits) or portuguese(digits):
        return True
    if said == ALONE:
        return (digits[0] > 0 or digits[1] == 0) and luhn(digits, 0, 9)  # Israel; others begin as phone numbers do
    return said == SAID and (luhn(digits, 0, 9) or social_security(digits))  # and Canada, United States


@njit(nogil=True, cache=True)
def _ten(digits, shape, separators, said):
    if shape == 0x64:
        if separators == 2 and (swedish(digits, 0) or born(digits, 0, False)):
            return True  # Sweden; Denmark, whose numbers have had no check digit since 2007
        return separators == 4 and czech(digits)
    if shape == 0x46 and separators == 1:
        return austrian(digits)
    if shape != 0xA:
        return False
    return (
        bulgarian(digits)
        or austrian(digits)
        or (said > UNSAID and digits[0] > 0 and ukrainian(digits))
        or (said == SAID and (czech(digits) or swedish(digits, 0)))
    )


@njit(nogil=True, cache=True)
def _eleven(digits, shape, separators, said):
    if shape == 0x3332 and separators == 0x332:
        return brazilian(digits)
    if shape == 0x3332 and (separators == 0x221 or separators == 0x222):
        return russian(digits)
    if shape == 0x65 and separators == 2:
        return born(digits, 0, False) and digits[6] <= 2  # Latvia
    if shape == 0x22232 and (separators == 0x3323 or separators == 0x3333 or separators == 0x3322):
        return belgian(digits)
    if shape == 0x2333 and separators == 0x111:
        return german(digits)
    if shape != 0xB and not (shape == 0x65 and separators == 1):
        return False
    if polish(digits) or baltic(digits) or belgian(digits) or norwegian(digits) or turkish(digits) or german(digits):
        return True
    if hungarian(digits) or brazilian(digits) or (born(digits, 0, False) and luhn(digits, 0, 11)):  # Greece
        return True
    if said == ALONE and (digits[0] == 0 or digits[0] == 1 or digits[0] == 8):  # as soon a phone number
        return False
    return said > UNSAID and (luhn(digits, 0, 11) or product_sum(digits, 11))  # Mexico, Croatia


@njit(nogil=True, cache=True)
def _thirteen(digits, shape, separators):
    if shape == 0x67 and (separators == 2 or separators == 7):
        return korean(digits)
    if shape == 0x14521 and (separators == 0x2222 or separators == 0x1111):
        return thai(digits)
    if shape == 0x3442 and (separators == 0x333 or separators == 0x111):
        return swiss(digits)
    if shape != 0xD:
        return False
    return romanian(digits) or serbian(digits) or south_african(digits)
