"""What a number is: address, card, national number or phone, by its groups, its check digits and what stands around it.

Check digits go before form: card and national numbers are asked for first, each from the longest window of groups to
the shortest, then phones.
"""

import numpy as np
from numba import njit

from processors.privacy.address import is_address, is_quad
from processors.privacy.card import is_card
from processors.privacy.cues import ID_WORD, OTHER_WORD, PHONE_WORD, is_among_words, is_counted, word_before
from processors.privacy.letters import token_end
from processors.privacy.marks import (
    SPACE,
    WIDE,
    begins,
    closes,
    ends,
    is_digit,
    is_upper,
    past_digits,
    read_groups,
    window,
)
from processors.privacy.national import ALONE, SAID, UNSAID, is_croatian, is_national
from processors.privacy.phone import extension_end, is_phone, is_vague

KINDS = ("email", "phone", "ip", "iban", "card", "national_id", "secret")
EMAIL, PHONE, IP, IBAN, CARD, NATIONAL, SECRET = range(7)


@njit(nogil=True, cache=True)
def number_at(text, at, start, stop, groups, digits):
    """Start, end and kind of the number that begins at `at` (a digit, plus or bracket), and where to go on.

    The end is 0 where there is none.
    """
    first = at
    opened = text[first] == 0x28
    first += opened
    plus = first < stop and text[first] == 0x2B
    first += plus
    if plus and first + 1 < stop and text[first] == 0x28 and is_digit(text[first + 1]):  # +(370) 39150008
        first, opened = first + 1, True
    if first >= stop or not is_digit(text[first]):
        return 0, 0, -1, max(first, at + 1)
    past = past_digits(text, first, stop)
    if opened and not (past < stop and (text[past] == 0x29 or (plus and past - first < 4))):
        return 0, 0, -1, at + 1
    if first == at and past - at < 7 and past < stop and text[past] == 0x28 and not closes(text, past + 1, stop):
        return 0, 0, -1, past
    dotted = past < stop and text[past] == 0x2E and past - first < 4
    if not (begins(text, at, start) or (dotted and at > start and text[at - 1] == 0x2F)):
        return 0, 0, -1, past
    if first == at > start and past - at < 7 and past < stop and text[past] == 0x29 and text[at - 1] == 0x28:
        return 0, 0, -1, past  # (123), which was asked with its bracket
    count = read_groups(text, first, stop, groups)
    if opened and not plus and count > 1 and text[groups[1, 0] - 1] == 0x28:  # (123) (456)
        return 0, 0, -1, past
    if dotted and is_quad(text, groups, count):
        if first == at and is_address(text, groups, start, stop):
            return at, groups[3, 1], IP, past
        return 0, 0, -1, groups[3, 1]
    if not begins(text, at, start):
        return 0, 0, -1, past
    end, kind, word = 0, PHONE, np.int64(-1)
    if first == at:
        if past - at >= 6 and past < stop and (is_upper(text[past]) or _joins(text[past])):
            end = token_end(text, at, stop, digits)
            if end and ends(text, end, stop):
                return at, end, NATIONAL, past
        if groups[count - 1, 1] - at < 7:
            return 0, 0, -1, past
        end, kind, word = _checked_end(text, at, start, stop, groups, count, digits)
    if end == 0:
        end, kind = _phone_end(text, at, start, stop, groups, count, digits, plus, opened, word), PHONE
    return at, end, kind, at + 1 if opened else past


@njit(nogil=True, cache=True)
def _joins(byte):
    """A hyphen, plus or x: what may stand behind the digits of a number with letters."""
    return byte == 0x2D or byte == 0x2B or byte == 0x78


@njit(nogil=True, cache=True)
def _checked_end(text, at, start, stop, groups, count, digits):
    """End and kind of a card or national number, which have check digits; end 0 where there is none. And the word
    before it, -1 for not known yet."""
    word = np.int64(-1)
    total, shape, separators, n = window(text, groups, count, digits)
    while n > 0 and total >= 9:
        end = groups[n - 1, 1]
        if _may_end(text, groups, count, n, end, stop):
            late = total == 13 or total == 18  # cards of so many digits are rarer than national numbers with a date
            if not late and is_card(digits, total, shape, separators):
                return end, CARD, word
            if total <= 18:
                word = word_before(text, at, start) if word < 0 else word
                if _is_national(text, at, end, start, stop, digits, total, shape, separators, word):
                    return end, NATIONAL, word
                if late and is_card(digits, total, shape, separators):
                    return end, CARD, word
        total, shape, separators, n = total - end + groups[n - 1, 0], shape >> 4, separators >> 4, n - 1
    return 0, PHONE, word


@njit(nogil=True, cache=True)
def _is_national(text, at, end, start, stop, digits, count, shape, separators, word):
    """Whether a window is a national number, by what stands around it too."""
    if word == OTHER_WORD:
        return False
    known = UNSAID
    if word == ID_WORD:
        known = SAID
    elif shape <= 0xF and is_among_words(text, at, end, start, stop):
        known = ALONE
    counted = known != SAID and count < 10 and separators == 0 and is_counted(text, at, end, start, stop)
    if not counted and (word != PHONE_WORD or count >= 13) and is_national(digits, count, shape, separators, known):
        return True
    return is_croatian(digits, count, separators)


@njit(nogil=True, cache=True)
def _phone_end(text, at, start, stop, groups, count, digits, plus, opened, word):
    """Where the longest phone number ends that the first groups make, its extension included; 0 where none does.

    `word` is what stands before it, as `word_before` says it, or -1 for not known yet.
    """
    total, shape, separators, n = window(text, groups, count, digits)
    while n > 0 and total >= 7:
        last = groups[n - 1, 1]
        end = extension_end(text, last, stop) if n == count else last
        if total <= 15 and _may_end(text, groups, count, n, end, stop):
            word = word_before(text, at, start) if word < 0 else word
            said = word == PHONE_WORD
            if word == OTHER_WORD and not plus:
                return 0
            other = not said and _is_isbn(digits, total, shape)
            other = other or (not (said or plus) and separators == 0 and is_counted(text, at, end, start, stop))
            if not other and is_phone(digits, total, shape, separators, plus, opened, said):
                return end
            vague = n == count and not (other or plus) and is_vague(digits, total, shape, separators, opened)
            vague = vague and is_among_words(text, at, end, start, stop)
            if vague and not is_counted(text, at, end, start, stop):
                return end
        total, shape, separators, n = total - last + groups[n - 1, 0], shape >> 4, separators >> 4, n - 1
    return 0


@njit(nogil=True, cache=True)
def _is_isbn(digits, count, shape):
    """Whether it is an ISBN: 978 or 979 and ten digits, or ten digits in four groups, the last one of one."""
    if count == 13 and digits[0] == 9 and digits[1] == 7 and digits[2] >= 8:
        return True
    return count == 10 and shape & 0xF == 1 and 0xFFF < shape <= 0xFFFF


@njit(nogil=True, cache=True)
def _may_end(text, groups, count, n, end, stop):
    """Whether a number may end with group `n` of `count`, at `end`: between groups only before a blank."""
    if n < count:
        return groups[n - 1, 2] == SPACE or groups[n - 1, 2] == WIDE
    return ends(text, end, stop)
