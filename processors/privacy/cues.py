"""Words that stand before a number and say what it is: they allow what would be too vague alone, or forbid it.

Words are looked for in the 32 bytes before a number, on its line, not further back than the value before it; ASCII
letters match in either case. The nearest word counts.
"""

import numpy as np
from numba import njit

from processors.privacy.marks import is_alnum, is_digit

PHONE_WORD, ID_WORD, IP_WORD, OTHER_WORD = 1, 2, 3, 4
REACH = 32  # bytes
WORD = 24  # bytes of a word that are looked at beside a number
GAP = 7  # bytes between a word that forbids and the number, without letters and full stops

_LISTS = {
    PHONE_WORD: """tel phone telephone fax telefax mobile cell cellular handy call dial whatsapp sms hotline gsm pager
        telefon téléphone telefono teléfono telefone móvil movil celular cellulare portable natel mobil komórka kom. tlf
        puh puhelin matkapuhelin тел Тел телефон Телефон факс Факс моб Моб τηλ 電話 携帯 电话 手机 手機 传真 傳真 전화
        휴대 핸드폰 팩스 هاتف تلفن טלפון โทร""",
    ID_WORD: """ssn social security tin nino insurance bsn sofi burgerservicenummer sofinummer nif nie dni contribuinte
        pesel cpf personnummer hetu henkilötunnus idnr steuer steuernummer steueridentifikationsnummer codice fiscale
        aadhaar uidai sin oib taj cnp egn rodné rijksregister rijksregisternummer insee nir sécurité ahv avs cpr
        fødselsnummer personnr kimlik rut jmbg снилс инн 身份证 身分證 주민등록 identity identification taxpayer""",
    IP_WORD: "ip ipv4 address addresses host hosts server dns nameserver gateway ping inet subnet from",
    OTHER_WORD: """isbn issn ean upc doi pmid arxiv rfc cve cwe bug issue ticket version ver v release build
        revision rev commit section sect chapter table figure fig
        asn port pid tid uid gid oid size epoch timestamp firmware kernel
        serial sku order""",
}
_UNITS = "hz khz mhz byte bit kb mb gb kib mib b sec s ms msec us usec ns row block px usd eur"
_WORDS = [(word.encode(), kind) for kind, words in _LISTS.items() for word in words.split()]
_LETTERS = np.frombuffer(b"".join(word for word, _ in _WORDS), np.uint8)
_BOUNDS = np.cumsum([0, *(len(word) for word, _ in _WORDS)])
_KINDS = np.array([kind for _, kind in _WORDS])
_FIRSTS = np.zeros(256, np.bool_)
for _word, _ in _WORDS:
    _FIRSTS[[_word[0], _word[:1].upper()[0]]] = True
_WALLS = np.zeros(256, np.bool_)  # ends of a line and of a mask: what stands behind them says nothing of the number
_WALLS[list(b"\n\r<>|@")] = True

_UNIT_LETTERS = np.frombuffer("".join(_UNITS.split()).encode(), np.uint8)
_UNIT_BOUNDS = np.cumsum([0, *map(len, _UNITS.split())])
_BARRED = np.zeros(256, np.bool_)  # not in a word of prose: digits, and marks of code and masks
_BARRED[list(b"0123456789<>|=@{}[]#$%*+/\\_~^`&")] = True
_CLOSING = np.zeros(256, np.bool_)
_CLOSING[list(b'.,;!?)"')] = True


@njit(nogil=True, cache=True)
def is_counted(data, at, end, start, stop):
    """Whether a bare number is one of several or counts something: a number before it, a unit behind it."""
    if at - start >= 2 and is_digit(data[at - 2]) and (data[at - 1] == 0x20 or data[at - 1] == 0x09):
        first = at - 2
        while first > start and at - first < 20 and is_digit(data[first - 1]):
            first -= 1
        if first == start or not (is_alnum(data[first - 1]) or data[first - 1] == 0x2E):
            return True
    if end + 1 >= stop or data[end] != 0x20:
        return False
    last = end + 1
    while last < stop and last < end + 8 and is_alnum(data[last]):
        last += 1
    for n in range(_UNIT_BOUNDS.size - 1):
        length = _UNIT_BOUNDS[n + 1] - _UNIT_BOUNDS[n]
        exact = last - end - 1 == length or (length > 2 and last - end - 1 > length)
        same = exact
        for i in range(length):
            same = same and _lower(data[end + 1 + i]) == _UNIT_LETTERS[_UNIT_BOUNDS[n] + i]
        if same:
            return True
    return False


@njit(nogil=True, cache=True)
def _lower(byte):
    return byte | 32 if 65 <= byte <= 90 else byte


@njit(nogil=True, cache=True)
def _word_at(data, at, stop):
    for n in range(_KINDS.size):
        first, last = _BOUNDS[n], _BOUNDS[n + 1]
        if at + last - first > stop or _lower(data[at]) != _LETTERS[first]:
            continue
        same = True
        for i in range(first + 1, last):
            if _lower(data[at + i - first]) != _LETTERS[i]:
                same = False
                break
        after = at + last - first
        whole = after >= stop or not is_alnum(data[after]) or _LETTERS[first] >= 0x80
        if same and whole:
            return _KINDS[n], after
    return 0, 0


@njit(nogil=True, cache=True)
def _adjoins(data, after, at):
    near = at - after <= GAP
    i = after
    while near and i < at:
        near = data[i] != 0x2E and (is_digit(data[i]) or not is_alnum(data[i]))
        i += 1
    return near


@njit(nogil=True, cache=True)
def word_before(data, at, start):
    """What the nearest known word says that stands before `at`: PHONE_WORD, ID_WORD, IP_WORD, OTHER_WORD, or 0."""
    last = max(start, at - REACH)
    i = at - 1
    while i >= last and not _WALLS[data[i]]:
        byte = data[i]
        if _FIRSTS[byte] and (i == last or not is_alnum(data[i - 1]) or byte >= 0x80):
            word, after = _word_at(data, i, at)
            if word == OTHER_WORD and not _adjoins(data, after, at):
                word = 0
            if word:
                return word
        i -= 1
    return 0


@njit(nogil=True, cache=True)
def is_among_words(data, at, end, start, stop):
    """Whether a number stands by itself in prose: the words before and behind it are of letters, and one is there.

    What stands beside another value, a mask, a mark or a number is none.
    """
    before = _word_back(data, at, start)
    return before >= 0 and before + _word_on(data, end, stop) > 0


@njit(nogil=True, cache=True)
def _word_back(data, at, start):
    """1 where a word stands before `at`, 0 where the line begins there, -1 where it is neither."""
    i = at
    while i > start and data[i - 1] == 0x20:
        i -= 1
    if i == at and i > start and data[i - 1] < 0x80 and data[i - 1] != 0x0A:
        return -1
    letters, first = 0, i
    while i > start and data[i - 1] > 0x20 and first - i < WORD:
        i -= 1
        if _BARRED[data[i]]:
            return -1
        letters += data[i] >= 0x80 or (is_alnum(data[i]) and not is_digit(data[i]))
    if i == start and start > 0:
        return -1
    return 1 if letters else 0 if i == first else -1


@njit(nogil=True, cache=True)
def _word_on(data, end, stop):
    """1 where a word stands behind `end`, 0 where the line ends there; less than -1 where it is neither."""
    i = end
    while i < stop and i - end < 2 and _CLOSING[data[i]]:
        i += 1
    mark = i
    while i < stop and data[i] == 0x20:
        i += 1
    if i == mark and i < stop and data[i] < 0x80 and data[i] != 0x0A and data[i] != 0x0D:
        return -2
    letters, first = 0, i
    while i < stop and data[i] > 0x20 and i - first < WORD:
        if _BARRED[data[i]]:
            return -2
        letters += data[i] >= 0x80 or (is_alnum(data[i]) and not is_digit(data[i]))
        i += 1
    if i == stop and stop < data.size:
        return -2
    return 1 if letters else 0 if i == first else -2
