"""International bank account numbers: a country's length, and ISO 7064 mod 97-10 (ISO 13616; SWIFT's registry).

In one piece any length from 14 to 34 will do, and any country of ISO 3166-1, if capitals and at least eight digits
hold out by mod 97: a number that is made up, or whose country has a length that is not listed here, is still meant as
one. Upper-case hashes pass so in one of some thousand.
"""

import numpy as np
from numba import njit

from processors.privacy.marks import is_alnum, is_digit, is_upper, wide

LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    # Not in the registry, but given out by banks there.
    "AO": 25, "BF": 28, "BJ": 28, "CF": 27, "CG": 27, "CI": 28, "CM": 27, "CV": 25, "DZ": 26, "GA": 27, "GQ": 27,
    "GW": 25, "IR": 26, "KM": 27, "MA": 28, "MG": 27, "ML": 28, "MZ": 25, "NE": 28, "SN": 28, "TD": 27, "TG": 28,
}  # fmt: skip

_OTHERS = """AF AG AI AM AQ AR AS AU AW AX BB BD BL BM BN BO BQ BS BT BV BW BZ CA CC CD CK CL CN CO CU CW CX DM EC EH ER
    ET FJ FM GD GF GG GH GM GN GP GS GU GY HK HM HT ID IM IN IO JE JM JP KE KG KH KI KN KP KR KY LA LK LR LS MF MH MM
    MO MP MQ MS MV MW MX MY NA NC NF NG NP NR NU NZ PA PE PF PG PH PM PN PR PW PY RE RW SB SG SH SJ SL SR SS SX SY SZ
    TC TF TH TJ TK TM TO TT TV TW TZ UG UM US UY UZ VC VE VI VN VU WF WS YE YT ZA ZM ZW"""

_LENGTH = np.zeros(26 * 26, np.int64)
for _country, _length in LENGTHS.items():
    _LENGTH[(ord(_country[0]) - 65) * 26 + ord(_country[1]) - 65] = _length
_COUNTRY = _LENGTH > 0
for _country in _OTHERS.split():
    _COUNTRY[(ord(_country[0]) - 65) * 26 + ord(_country[1]) - 65] = True
SHORTEST, LONGEST, LEAST = 14, 34, 8  # bytes, bytes, digits after the head, where the length is not the country's


@njit(nogil=True, cache=True)
def made_up_end(data, at, stop):
    """Where a run of capitals and digits ends that begins at `at` and holds out as an IBAN; 0 where none does."""
    if stop - at < SHORTEST or not is_upper(data[at]) or not is_upper(data[at + 1]):
        return 0
    if not is_digit(data[at + 2]) or not is_digit(data[at + 3]):
        return 0
    if not _COUNTRY[(wide(data[at]) - 65) * 26 + wide(data[at + 1]) - 65]:
        return 0
    i, rest, figures = at + 4, 0, 0
    while i < stop and i - at <= LONGEST and (is_digit(data[i]) or is_upper(data[i])):
        number = wide(data[i]) - 48 if is_digit(data[i]) else wide(data[i]) - 55
        rest = (rest * (10 if number < 10 else 100) + number) % 97
        figures += number < 10
        i += 1
    if not SHORTEST <= i - at <= LONGEST or figures < LEAST:
        return 0
    head = (wide(data[at]) - 55) * 10_000 + (wide(data[at + 1]) - 55) * 100 + (wide(data[at + 2]) - 48) * 10
    return i if (rest * 1_000_000 + head + wide(data[at + 3]) - 48) % 97 == 1 else 0


@njit(nogil=True, cache=True)
def iban_end(data, at, stop):
    """Where the IBAN that begins at `at` ends; 0 where none begins. Groups may be divided by one blank or hyphen."""
    if stop - at < 15 or not is_upper(data[at]) or not is_upper(data[at + 1]):
        return 0
    if not is_digit(data[at + 2]) or not is_digit(data[at + 3]):
        return 0
    length = _LENGTH[(wide(data[at]) - 65) * 26 + wide(data[at + 1]) - 65]
    seen, i, rest, head, divider = 0, at, 0, 0, 0
    while seen < length:
        if i >= stop:
            return 0
        byte = data[i]
        if (byte == 0x20 or byte == 0x2D) and seen % 4 == 0 and (divider == 0 or divider == byte) and seen > 0:
            divider = wide(byte)
            i += 1
            if i >= stop:
                return 0
            byte = data[i]
        elif (
            byte == 0xC2
            and i + 2 < stop
            and data[i + 1] == 0xA0
            and seen % 4 == 0
            and (divider == 0 or divider == 0xC2)
        ):
            divider = wide(0xC2)
            i += 2
            byte = data[i]
        if not is_alnum(byte) or (seen > 3 and byte > 90 and not (data[at + 4] > 90 or is_digit(data[at + 4]))):
            return 0
        number = wide(byte) - 48 if is_digit(byte) else (wide(byte) | 32) - 87
        if seen < 4:
            head = head * (10 if number < 10 else 100) + number
        else:
            rest = (rest * (10 if number < 10 else 100) + number) % 97
        seen += 1
        i += 1
    return i if length and (rest * 1_000_000 + head) % 97 == 1 else 0
