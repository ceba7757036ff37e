"""The walk over a batch: bytes in, spans and counts out.

Addresses of e-mail come first, then whatever the caller found by other means (`taken`); between them lie stretches that
have nothing to do with each other, and in each the numbers are found from left to right. Where kinds overlap the first
wins in the order email, ip, iban, card, national_id, phone.
"""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from processors.privacy.address import v6_at
from processors.privacy.email import email_at
from processors.privacy.iban import iban_end, made_up_end
from processors.privacy.letters import token_end
from processors.privacy.marks import DIGITS, GROUPS, begins, ends, is_alnum, is_digit, is_upper, list_end, past_digits
from processors.privacy.number import EMAIL, IBAN, IP, NATIONAL, number_at

_AT, _COLON, _PLUS, _OPEN, _DIGIT, _CAPITAL = range(1, 7)
_STOPS = np.zeros(256, np.uint8)  # bytes at which something may begin
_STOPS[48:58], _STOPS[65:91] = _DIGIT, _CAPITAL
_STOPS[list(b":+(")] = (_COLON, _PLUS, _OPEN)


@intrinsic
def _unowned(typing, array):
    """The array as a view that has no owner.

    Numba counts an owner's references, atomically, wherever an array is handed on; that took half of the time.
    """

    def build(context, builder, signature, values):
        view = context.make_array(array)(context, builder, values[0])
        view.meminfo = context.get_constant_null(types.MemInfoPointer(types.voidptr))
        return view._getvalue()

    return array(array), build


def find(data: np.ndarray, offsets: np.ndarray, taken: np.ndarray, taken_bounds: np.ndarray) -> np.ndarray:
    """Finds all kinds but secrets in each text of a batch.

    Args:
        data, offsets: the texts, see `measure.buffers`.
        taken, taken_bounds: int64[t, 2] stretches (bytes within the text) that hold something else, sorted and apart,
            and where those of each text begin among them, int64[n + 1].

    Returns:
        int64[m, 4]: text, start, end (bytes within the text), kind; sorted, without overlap.
    """
    groups, digits = np.empty((GROUPS, 3), np.int64), np.empty(DIGITS, np.int64)  # room to work in, owned here
    found: np.ndarray = _find(data, offsets, taken, taken_bounds, groups, digits)
    return found


@njit(nogil=True, cache=True)
def _find(data, offsets, taken, taken_bounds, groups, digits):
    spans, used = np.empty((256, 4), np.int64), np.int64(0)  # a literal 0 is a type of its own: all compiled once more
    whole, groups_view, digits_view = _unowned(data), _unowned(groups), _unowned(digits)
    for d in range(offsets.size - 1):
        text = whole[offsets[d] : offsets[d + 1]]
        at = np.int64(0)
        for t in range(taken_bounds[d], taken_bounds[d + 1] + 1):  # one call in one place: it is compiled once for each
            last = t == taken_bounds[d + 1]
            stop = text.size if last else taken[t, 0]
            spans, used = _stretch(text, at, stop, d, spans, used, groups_view, digits_view)
            at = text.size if last else taken[t, 1]
    return spans[:used]


@njit(nogil=True, cache=True)
def _put(spans, used, document, start, end, kind):
    if used == spans.shape[0]:
        more = np.empty((2 * used, 4), np.int64)
        for n in range(used):  # more[:used] = spans takes seconds to compile
            for column in range(4):
                more[n, column] = spans[n, column]
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
        inside = i > start and (is_alnum(text[i - 1]) or (text[i - 1] == 0x3A and not begins(text, i, start)))
        if inside and is_digit(text[i]):
            i = _next_stop(text, past_digits(text, i, stop), stop)
            continue
        if i >= run and is_digit(text[i]):
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
            return number_at(text, at, start, stop, groups, digits)
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
    end = made_up_end(text, at, stop)
    if end and ends(text, end, stop):
        return end, IBAN
    end = token_end(text, at, stop, digits)
    if end and ends(text, end, stop):
        return end, NATIONAL
    return 0, -1
