"""The walk over a batch: bytes in, spans and counts out.

Addresses of e-mail come first, then whatever the caller found by other means (`taken`); between them lie stretches that
have nothing to do with each other, and in each the numbers are found from left to right. Where kinds overlap the first
wins in the order email, ip, iban, card, national_id, phone.
"""

import numpy as np
from numba import njit

from processors.privacy.address import is_address, is_quad, v6_at
from processors.privacy.card import is_card
from processors.privacy.cues import ID_WORD, OTHER_WORD, PHONE_WORD, is_counted, word_before
from processors.privacy.email import email_at
from processors.privacy.iban import iban_end
from processors.privacy.letters import token_end
from processors.privacy.marks import (
    DIGITS,
    GROUPS,
    SPACE,
    WIDE,
    begins,
    closes,
    ends,
    is_alnum,
    is_digit,
    is_upper,
    list_end,
    read_groups,
    window,
)  # fmt: skip
from processors.privacy.national import is_croatian, is_national
from processors.privacy.phone import extension_end, is_phone

KINDS = ("email", "phone", "ip", "iban", "card", "national_id", "secret")
EMAIL, PHONE, IP, IBAN, CARD, NATIONAL, SECRET = range(7)

_AT, _COLON, _PLUS, _OPEN, _DIGIT, _CAPITAL = range(1, 7)
_STOPS = np.zeros(256, np.uint8)  # bytes at which something may begin
_STOPS[48:58], _STOPS[65:91] = _DIGIT, _CAPITAL
_STOPS[list(b":+(")] = (_COLON, _PLUS, _OPEN)


@njit(nogil=True, cache=True)
def find(data, offsets, taken, taken_bounds):
    """Finds all kinds but secrets in each text of a batch.

    Args:
        data, offsets: the texts, see `measure.buffers`.
        taken, taken_bounds: int64[t, 2] stretches (bytes within the text) that hold something else, sorted and apart,
            and where those of each text begin among them, int64[n + 1].

    Returns:
        int64[m, 4]: text, start, end (bytes within the text), kind; sorted, without overlap.
    """
    spans, used = np.empty((256, 4), np.int64), 0
    groups, digits = np.empty((GROUPS, 3), np.int64), np.empty(DIGITS, np.int64)
    for d in range(offsets.size - 1):
        text = data[offsets[d] : offsets[d + 1]]
        at = 0
        for t in range(taken_bounds[d], taken_bounds[d + 1] + 1):  # one call in one place: it is compiled once for each
            last = t == taken_bounds[d + 1]
            spans, used = _stretch(text, at, text.size if last else taken[t, 0], d, spans, used, groups, digits)
            at = text.size if last else taken[t, 1]
    return spans[:used]


@njit(nogil=True, cache=True)
def _put(spans, used, document, start, end, kind):
    if used == spans.shape[0]:
        more = np.empty((2 * used, 4), np.int64)
        more[:used] = spans
        spans = more
    spans[used, 0], spans[used, 1], spans[used, 2], spans[used, 3] = document, start, end, kind
    return spans, used + 1


@njit(nogil=True, cache=True)
def _next_sign(text, at, stop):
    while at < stop and text[at] != 0x40:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _next_stop(text, at, stop):
    while at < stop and _STOPS[text[at]] == 0:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _stretch(text, start, stop, document, spans, used, groups, digits):
    """Divides a stretch by its e-mail addresses and looks for numbers in what is between them."""
    at, last = start, start
    while at <= stop:
        first, last = stop, 0
        sign = _next_sign(text, at, stop)
        while sign < stop and last == 0:
            first, last = email_at(text, sign, at, stop)
            first = first if last else stop
            sign = _next_sign(text, sign + 1, stop)
        spans, used = _numbers(text, at, first, document, spans, used, groups, digits)
        if last == 0:
            break
        spans, used = _put(spans, used, document, first, last, EMAIL)
        at = last
    return spans, used


@njit(nogil=True, cache=True)
def _numbers(text, start, stop, document, spans, used, groups, digits):
    run = start  # up to where runs of groups are known to be no lists
    i = _next_stop(text, start, stop)
    while i < stop:
        if i >= run and is_digit(text[i]) and (i == start or not is_alnum(text[i - 1])):
            run, is_list = list_end(text, i, stop)
            if is_list:
                i = _next_stop(text, run, stop)
                continue
        first, last, kind, following = _one(text, i, start, stop, groups, digits)
        if last:
            spans, used = _put(spans, used, document, first, last, kind)
            start = following = last
        i = _next_stop(text, following, stop)
    return spans, used


@njit(nogil=True, cache=True)
def _one(text, at, start, stop, groups, digits):
    """Start, end (0 where there is none) and kind of what begins at `at` or has its first colon there, and where to go
    on."""
    sign = _STOPS[text[at]]
    if sign == _COLON:
        if at > start and at + 4 < stop and is_alnum(text[at - 1]) and (is_alnum(text[at + 1]) or text[at + 1] == 0x3A):
            first, last = v6_at(text, at, start, stop)
            return first, last, IP, at + 1
    elif at == start or not is_alnum(text[at - 1]):
        if sign in (_PLUS, _OPEN):
            following = text[at + 1] if at + 1 < stop else 0
            if not is_digit(following) and following != (0x28 if sign == _PLUS else 0x2B):
                return 0, 0, -1, at + 1
        if sign != _CAPITAL:
            return _number(text, at, start, stop, groups, digits)
        if at + 8 < stop:
            last, kind = _capital(text, at, start, stop, digits)
            return at, last, kind, at + 1
    return 0, 0, -1, at + 1


@njit(nogil=True, cache=True)
def _capital(text, at, start, stop, digits):
    """End and kind of an IBAN or a national number that begins with the capital at `at`; end 0 where none does."""
    near = is_digit(text[at + 1]) or is_digit(text[at + 2]) or is_digit(text[at + 3])
    if not near and not (is_upper(text[at + 1]) and (is_digit(text[at + 4]) or is_digit(text[at + 6]))):
        return 0, -1
    if not begins(text, at, start):
        return 0, -1
    end = iban_end(text, at, stop)
    if end and ends(text, end, stop):
        return end, IBAN
    end = token_end(text, at, stop, digits)
    if end and ends(text, end, stop):
        return end, NATIONAL
    return 0, -1


@njit(nogil=True, cache=True)
def _number(text, at, start, stop, groups, digits):
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
    past = first + 1
    while past < stop and is_digit(text[past]):
        past += 1
    if opened and not (past < stop and (text[past] == 0x29 or (plus and past - first < 4))):
        return 0, 0, -1, at + 1
    if first == at and past - at < 7 and past < stop and text[past] == 0x28 and not closes(text, past + 1, stop):
        return 0, 0, -1, past
    dotted = past < stop and text[past] == 0x2E and past - first < 4
    if not (begins(text, at, start) or (dotted and at > start and text[at - 1] == 0x2F)):
        return 0, 0, -1, past
    count = read_groups(text, first, stop, groups)
    if dotted and is_quad(text, groups, count):
        if first == at and is_address(text, groups, start, stop):
            return at, groups[3, 1], IP, past
        return 0, 0, -1, groups[3, 1]
    if not begins(text, at, start):
        return 0, 0, -1, past
    if first > at:
        end = _phone_end(text, at, start, stop, groups, count, digits, plus, opened, -1)
        return at, end, PHONE, at + 1 if opened else past
    if (
        past - at >= 6
        and past < stop
        and (is_upper(text[past]) or text[past] == 0x2D or text[past] == 0x2B or text[past] == 0x78)
    ):
        end = token_end(text, at, stop, digits)
        if end and ends(text, end, stop):
            return at, end, NATIONAL, past
    if groups[count - 1, 1] - at < 7:
        return 0, 0, -1, past
    end, kind = _digits_end(text, at, start, stop, groups, count, digits)
    return at, end, kind, past


@njit(nogil=True, cache=True)
def _digits_end(text, at, start, stop, groups, count, digits):
    """End and kind of a number that begins with a digit: card and national numbers first, they have check digits."""
    word = -1
    total, shape, separators, n = window(text, groups, count, digits)
    while n > 0 and total >= 9:
        end = groups[n - 1, 1]
        if _may_end(text, groups, count, n, end, stop):
            if total != 13 and is_card(digits, total, shape, separators):
                return end, CARD
            if total <= 18:
                word = word_before(text, at, start) if word < 0 else word
                said = word == ID_WORD
                vague = not said and total < 10 and separators == 0 and is_counted(text, at, end, start, stop)
                other = word == OTHER_WORD or (word == PHONE_WORD and total < 13)
                known = not (vague or other) and is_national(digits, total, shape, separators, said)
                if known or (not other and is_croatian(digits, total, separators)):
                    return end, NATIONAL
                if total == 13 and is_card(
                    digits, total, shape, separators
                ):  # rarer than numbers of 13 digits with a date
                    return end, CARD
        total, shape, separators, n = total - end + groups[n - 1, 0], shape >> 4, separators >> 4, n - 1
    end = _phone_end(text, at, start, stop, groups, count, digits, False, False, word)
    return end, PHONE


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
