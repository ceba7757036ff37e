"""What each line of a plain text looks like: bytes go in, one row of integers a line comes out.

    bytes ──decode──> characters ──flags──> row   where it begins and ends, its columns, its first word, its kind

Columns are those of a terminal: wide characters of East Asia take two, combining marks none, a tab goes on to the next
eighth. `breaks.py` decides by these rows which line ends are a typist's and which are the author's.
"""

import functools
import unicodedata

import numpy as np
from numba import njit

from processors.filters.hashing import PRIME, SEED, decode

# columns of a row
BEGIN, END, INDENT, RIGHT, FIRST, KIND, NUMBER, BREAK = range(
    8
)  # byte offsets; columns; flags; a number in it; outcome

# bits of KIND
LOWER, UPPER, DIGIT = 1, 2, 4  # what the first letter or digit is, quotes and brackets before it passed over
TABULAR, GAPS = 8, 16  # a wide gap or a tab inside; gaps as justified lines have them too
MARKER, SYMBOL, THIN = 32, 64, 128  # a list item; begins as no prose does; hardly a letter in it
TERMINAL, COMMA, HYPHEN, DASH = 256, 512, 1024, 2048  # what it ends with
TIGHT_START, TIGHT_END = 4096, 8192  # begins, ends with a character of a script that has no blanks
FEED = 16384  # it begins with a form feed
LABEL = 131072  # one tab inside, after a short beginning: a speaker's name
DASH_START, CJK_END = 32768, 65536  # begins with a dash that a word follows; ends with wide punctuation

# flags of a character
_WIDE, _TIGHT, _LOW, _UP, _ALNUM, _SPACE, _ZERO, _CLOSE = 1, 2, 4, 8, 16, 32, 64, 128
_BMP = 0x10000

_TAB_GAP = 64  # what a tab counts as a gap
_LABEL = 24  # columns before the tab of a label
_TAB, _FEED, _NEWLINE, _BLANK, _HYPHEN, _SOFT = 9, 12, 10, 32, 0x2D, 0xAD
_TERMINALS = np.array([ord(c) for c in ".!?:;…。！？；：．؟।"], np.int64)
_COMMAS = np.array([ord(c) for c in ",、，،"], np.int64)
_CLOSERS = np.array([ord(c) for c in "\"'”’»)]*_」』）》"], np.int64)
_SYMBOLS = np.array([ord(c) for c in ">|#%"], np.int64)
_BULLETS = np.array([ord(c) for c in "-*+•·‣◦▪–—"], np.int64)
_HYPHENS = np.array([_HYPHEN, _SOFT, 0x2010], np.int64)
_DASHES = np.array([0x2014, 0x2015, 0x2013], np.int64)


@functools.cache
def flags() -> np.ndarray:
    """uint8[65536]: the flags of each character of the Basic Multilingual Plane."""
    table = np.zeros(_BMP, np.uint8)
    for point in range(_BMP):
        character = chr(point)
        category = unicodedata.category(character)
        flag = 0
        if unicodedata.east_asian_width(character) in "WF":
            flag |= _WIDE
            if not 0xAC00 <= point < 0xD7B0:  # Hangul is written with blanks
                flag |= _TIGHT
        elif 0x0E00 <= point < 0x0F00 or 0x1000 <= point < 0x10A0 or 0x1780 <= point < 0x1800:
            flag |= _TIGHT  # Thai, Lao, Myanmar, Khmer
        flag |= {"Ll": _LOW, "Lu": _UP, "Lt": _UP}.get(category, 0)
        if category[0] in "LN":
            flag |= _ALNUM
        if character.isspace():
            flag |= _SPACE
        if category in ("Mn", "Me", "Cf") and point != _SOFT:
            flag |= _ZERO
        if category in ("Pe", "Pf") or character in "、。，．！？：；":
            flag |= _CLOSE
        table[point] = flag
    return table


@njit(nogil=True, cache=True)
def _flags_of(table, point):
    if point < _BMP:
        return np.int64(table[point])
    return np.int64(_WIDE | _TIGHT | _ALNUM) if 0x20000 <= point < 0x40000 else np.int64(_ALNUM)


@njit(nogil=True, cache=True)
def _among(points, point):
    for one in points:  # noqa: SIM110 (numba compiles no generator)
        if one == point:
            return True
    return False


@njit(nogil=True, cache=True)
def read_lines(data, table):
    """int32[lines, 8]: rows of the lines in `data` (uint8, UTF-8)."""
    count = 1
    for byte in data:
        count += byte == _NEWLINE
    rows = np.zeros((count, 8), np.int32)
    at = 0
    for line in range(count):
        end = at
        while end < len(data) and data[end] != _NEWLINE:
            end += 1
        _read_line(data, at, end, table, rows[line])
        at = end + 1
    return rows


@njit(nogil=True, cache=True)
def letters_of(data, rows, lines, table):
    """uint64[lines]: a hash of the letters in each of the `lines`; SEED where it has none."""
    hashes = np.zeros(len(lines), np.uint64)
    for k in range(len(lines)):
        i, end = rows[lines[k], BEGIN], rows[lines[k], END]
        value = SEED
        while i < end:
            point, width = decode(data, i, end)
            i += width
            if _flags_of(table, point) & _ALNUM and not 48 <= point < 58:
                value = (value ^ np.uint64(point)) * PRIME
        hashes[k] = value
    return hashes


@njit(nogil=True, cache=True)
def _read_line(data, start, stop, table, row):
    begin, end, indent, right, first, number, kind, before, earlier = _scan(data, start, stop, table)
    if begin >= 0:
        kind |= _ending(data, begin, end, table, before, earlier)
        if _is_marker(data, begin, end, table):
            kind |= MARKER
    row[BEGIN], row[END] = (begin, end) if begin >= 0 else (start, start)
    row[INDENT], row[RIGHT], row[FIRST], row[NUMBER], row[KIND] = indent, right, first, number, kind


@njit(nogil=True, cache=True)
def _scan(data, start, stop, table):
    """The columns of a row but for BREAK, without what KIND says of the line's end, and its last two characters."""
    column, begin, end, indent, right, first, kind, number, numbers = 0, -1, start, 0, 0, -1, 0, -1, 0
    letters, shown, gap, narrow_gaps = 0, 0, 0, 0
    before = earlier = np.int64(0)  # the last character that is no blank; the one before it, blanks counted
    i = start
    while i < stop:
        point, width = decode(data, i, stop)
        flag = _flags_of(table, point)
        i += width
        if flag & _SPACE:
            step = 0 if point == _FEED else (8 - column % 8 if point == _TAB else 1)
            column += step
            if begin < 0:
                kind |= FEED if point == _FEED else 0
            elif step:
                gap += _TAB_GAP if point == _TAB else step
                first = right - indent if first < 0 else first
            continue
        if begin < 0:
            begin, indent = i - width, column
            kind |= _opening(data, begin, stop, point, flag)
        elif gap >= 3:
            kind |= _gap_kind(gap, not kind & LABEL and right <= indent + _LABEL)
        elif gap == 2 and _flags_of(table, before) & _ALNUM:
            narrow_gaps += 1
        earlier = before if gap == 0 else np.int64(_BLANK)
        gap = 0
        shown += 1
        if flag & _ALNUM:
            kind |= _head_kind(flag, point) if letters == 0 and shown <= 4 else 0
            letters += 1
            if 48 <= point < 58:
                goes_on = 48 <= earlier < 58
                number = min(number * 10 + point - 48, 10**6) if goes_on else point - 48
                numbers += not goes_on
        if flag & _WIDE:
            first = max(column - indent, 2) if first < 0 else first  # a line may break after any of them
            column += 2
        elif not flag & _ZERO and point != _SOFT:
            column += 1
        elif flag & _ZERO:
            point = before  # a mark belongs to its letter
        while i < stop and (97 <= data[i] <= 122 or 65 <= data[i] <= 90):  # most of most texts, the short way
            earlier, point, i = point, np.int64(data[i]), i + 1
            column, shown, letters = column + 1, shown + 1, letters + 1
        right, end, before = column, i, point
    kind = _whole_kind(kind, narrow_gaps, letters, shown)
    first, number = first if first >= 0 else right - indent, number if numbers == 1 else -1
    return begin, end, indent, right, first, number, kind, before, earlier


@njit(nogil=True, cache=True)
def _gap_kind(gap, may_be_label):
    if gap >= _TAB_GAP and may_be_label:
        return LABEL
    return TABULAR if gap >= 5 else (GAPS if gap >= 3 else 0)


@njit(nogil=True, cache=True)
def _head_kind(flag, point):
    """By the first letter or digit."""
    if flag & (_LOW | _UP):
        return LOWER if flag & _LOW else UPPER
    return DIGIT if not flag & _TIGHT and 48 <= point < 58 else 0


@njit(nogil=True, cache=True)
def _whole_kind(kind, narrow_gaps, letters, shown):
    """`kind` with what only the whole line tells."""
    if kind & TABULAR:
        kind &= ~LABEL
    if narrow_gaps >= 2:
        kind |= GAPS
    thin = shown > 0 and (letters == 0 or (shown >= 12 and letters * 2 < shown))
    return kind | THIN if thin else kind


@njit(nogil=True, cache=True)
def _opening(data, begin, stop, point, flag):
    """By the first character."""
    kind = TIGHT_START if flag & _TIGHT else 0
    if _among(_SYMBOLS, point) or 0x2500 <= point < 0x2580:
        kind |= SYMBOL
    return kind | DASH_START if _opens_with_dash(data, begin, stop, point) else kind


@njit(nogil=True, cache=True)
def _ending(data, begin, end, table, last, earlier):
    kind = 0
    flag = _flags_of(table, last)
    if flag & _TIGHT:
        kind |= TIGHT_END
    if flag & _CLOSE and flag & _WIDE:
        kind |= CJK_END
    if _among(_HYPHENS, last) and _flags_of(table, earlier) & _ALNUM:
        return kind | HYPHEN
    if _among(_DASHES, last) or (last == _HYPHEN and earlier == _HYPHEN):
        size = 2 if last == _HYPHEN else 3
        return kind | DASH if end - size > begin and data[end - size - 1] != _BLANK else kind
    i = end
    for _ in range(4):  # over quotes and brackets that close
        j = i - 1
        while j > begin and 0x80 <= data[j] < 0xC0:
            j -= 1
        point, _ = decode(data, j, end)
        if _among(_TERMINALS, point):
            return kind | TERMINAL
        if _among(_COMMAS, point):
            return kind | COMMA
        if j == begin or not _among(_CLOSERS, point):
            return kind
        i = j
    return kind


@njit(nogil=True, cache=True)
def _opens_with_dash(data, begin, stop, point):
    if point == _HYPHEN:
        after = begin + 2 if begin + 1 < stop and data[begin + 1] == _HYPHEN else stop
    else:
        after = begin + 3 if _among(_DASHES, point) else stop
    return after < stop and data[after] != _BLANK and data[after] != _HYPHEN


@njit(nogil=True, cache=True)
def _is_marker(data, begin, end, table):
    """Whether the line begins as a list item: a bullet, or a letter or up to four digits and `.` or `)`."""
    point, width = decode(data, begin, end)
    i = begin + width
    if _among(_BULLETS, point):
        return i < end and (data[i] == _BLANK or data[i] == _TAB)
    bracket = point == 0x28 or point == 0x5B
    if not bracket:
        i = begin
    count, figures = 0, 0
    while i < end and count < 5:
        point, width = decode(data, i, end)
        if not _flags_of(table, point) & _ALNUM or _flags_of(table, point) & _TIGHT:
            break
        figures += 48 <= point < 58
        count += 1
        i += width
    if i + 1 >= end or count == 0 or count > 4 or not (figures == count or count == 1 or bracket):
        return False
    closes = data[i] == 0x29 or data[i] == 0x5D or (data[i] == 0x2E and not bracket)
    return closes and (data[i + 1] == _BLANK or data[i + 1] == _TAB)
