"""The text under construction: a byte buffer, and what is owed before the next visible character.

Blanks and breaks are not written where they occur but owed (`OWED`), so that neighbouring ones merge, none stands at an
edge, and what turns out empty leaves no trace. Every function takes `s`, the int64 state of the walk, and `out`.
Few arrays are handed on, as numba counts references to each at every call.
"""

import numpy as np
from numba import njit

from processors.extract.tags import leaf

# Columns of the matrix int32[n, 7] that the walk takes for the nodes of a page. What is done about an element is its
# action; that of a text is 1 where references in it are none, 2 where it is left out.
TAG, END, START, STOP, LOOK, KEEP, ACTION = range(7)

(
    AT,  # bytes written
    OWED,  # 0 nothing, 1 a blank, 2 a line break, 3 a blank line
    HARD,  # no-break spaces owed
    INDENT,  # blanks before a line, of the list item that we are in
    MARKERS,  # list markers owed
    FLOOR,  # AT where the innermost item or definition began: a block that begins there owes no break
    ROW,  # whether a table's row is written on one line
    FRESH,  # the break owed before that row, 0 once it has begun
    CELLS,  # cells of the row so far
    BARS,  # cell separators owed
    VERBATIM,  # where the preformatted text that we are in begins; -1 outside
    LISTS,  # open lists
    TERM,  # AT where the last <dt> ended
    BREAKS,  # <br> since the last visible character
    DATA,  # whether the table that we are in is written a row a line
    TOP,  # open elements whose end does something
    SIZE,
) = range(17)
# After these, WIDTH numbers for each level: k-th marker owed, k-th open list, k-th open element.
(
    MARKER,  # an item's number, -1 for a bullet
    MARKED,  # the indentation before that marker
    LOOSE,  # whether the list's items are parted by blank lines
    COUNTER,  # the list's next number, -1 for bullets
    NODE,  # the open element
    FIRST,  # two numbers kept for its end
    SECOND,
    WIDTH,
) = range(8)
BLANK, LINE, PARAGRAPH = 1, 2, 3
MAX_INDENT = 40
ROOM = 128  # bytes that a flush may take besides markers and bars


@njit(nogil=True, cache=True)
def state(depth):
    """The state before the first node of a page whose elements are nested `depth` deep."""
    s = np.zeros(SIZE + WIDTH * (depth + 2), np.int64)
    s[FLOOR], s[VERBATIM], s[TERM] = -1, -1, -1
    return s


@njit(nogil=True, cache=True)
def grown(out, need):
    """`out`, or a copy of at least twice its size that holds `need` bytes."""
    if need <= len(out):
        return out
    larger = np.empty(max(2 * len(out), need), np.uint8)
    larger[: len(out)] = out
    return larger


@leaf
def owe(s, kind):
    """Owe a break, but none before the first block of a list item or a definition."""
    if s[AT] != s[FLOOR]:
        s[OWED] = max(s[OWED], kind)
    s[HARD] = 0


@leaf
def _blanks(s, out, count):
    for _ in range(count):
        out[s[AT]] = 32
        s[AT] += 1


@leaf
def put(s, out, byte):
    """Write one byte."""
    out[s[AT]] = byte
    s[AT] += 1


@leaf
def _number(s, out, number):
    power = 1
    while number // power >= 10:
        power *= 10
    while power:
        put(s, out, 48 + number // power % 10)
        power //= 10


@leaf
def _mark(s, out, marker):
    if marker < 0:
        put(s, out, 45)
    else:
        _number(s, out, marker)
        put(s, out, 46)
    put(s, out, 32)


@leaf
def _bars(s, out):
    """The separators owed: " | " within a line, "| " for empty cells at its start."""
    for _ in range(s[BARS]):
        if s[AT] and out[s[AT] - 1] > 32:
            put(s, out, 32)
        put(s, out, 124)
        put(s, out, 32)
    s[BARS] = 0


@leaf
def flush(s, out):
    """Write what is owed. `out` has room for it."""
    if s[OWED] + s[HARD] + s[BARS] + s[MARKERS] + s[FRESH] == 0 and s[AT]:
        s[BREAKS] = 0
        return
    if s[ROW]:
        if s[FRESH]:
            _line(s, out, s[FRESH])
            s[FRESH] = 0
        elif s[OWED] and not s[BARS]:
            put(s, out, 32)
        _bars(s, out)
    elif s[OWED] >= LINE or s[AT] == 0 or s[MARKERS]:
        _line(s, out, s[OWED])
        if s[OWED] == LINE and s[HARD]:
            _blanks(s, out, min(s[HARD], MAX_INDENT))
    elif s[OWED] or s[HARD]:
        put(s, out, 32)
    s[OWED], s[HARD], s[BREAKS] = 0, 0, 0


@leaf
def _line(s, out, owed):
    if s[AT]:
        for _ in range(max(owed, LINE) - 1):
            put(s, out, 10)
        if owed == PARAGRAPH and s[LISTS] and not s[MARKERS]:
            s[SIZE + WIDTH * (s[LISTS] - 1) + LOOSE] = 1
    if s[MARKERS] == 0:
        _blanks(s, out, min(s[INDENT], MAX_INDENT))
        return
    _blanks(s, out, min(s[SIZE + MARKED], MAX_INDENT))
    for k in range(s[MARKERS]):
        _mark(s, out, s[SIZE + WIDTH * k + MARKER])
    s[MARKERS] = 0


@leaf
def text(s, out, html, start, stop, raw):
    """Write text with its white space collapsed and, unless `raw`, its references resolved."""
    i, fresh, blank, at = start, True, False, s[AT]
    while i < stop:
        byte = html[i]
        if byte > 38 and byte != 0xC2 and not (fresh or blank):
            out[at] = byte
            at += 1
            i += 1
            continue
        i += 1
        if byte == 32 or 9 <= byte <= 13:
            blank = True
            continue
        if byte == 38 and not raw:
            if html[i] == 110:  # &nbsp;
                i += 5
                if fresh:
                    s[HARD] += 1
                else:
                    blank = True
                continue
            byte, i = reference(html, i - 1)
        elif byte == 0xC2 and i < stop and html[i] == 0xAD:  # a soft hyphen
            i += 1
            continue
        if fresh:
            if blank and s[OWED] == 0:
                s[OWED] = BLANK
            flush(s, out)
            at, fresh = s[AT], False
        elif blank:
            out[at] = 32
            at += 1
        blank = False
        out[at] = byte
        at += 1
    s[AT] = at
    if blank and s[OWED] == 0:
        s[OWED] = BLANK


@leaf
def reference(html, i):
    """The character of the reference at i (one of &amp; &lt; &gt; &quot;) and one past it."""
    letter = html[i + 1]
    if letter == 108:
        return np.uint8(60), i + 4
    if letter == 103:
        return np.uint8(62), i + 4
    if letter == 113:
        return np.uint8(34), i + 6
    return np.uint8(38), i + 5


@leaf
def verbatim(s, out, html, start, stop):
    """Write preformatted text as it stands, no-break spaces as blanks."""
    i, at = start, s[AT]
    while i < stop:
        byte = html[i]
        if byte == 38:
            if html[i + 1] == 110:
                byte = np.uint8(32)
                i += 6
            else:
                byte, i = reference(html, i)
        else:
            i += 1
        out[at] = byte
        at += 1
    s[AT] = at


@leaf
def trim(s, out, begin):
    """Take blank lines off the start of out[begin:AT] and white space off its end."""
    at, first, line = s[AT], begin, begin
    while at > begin and (out[at - 1] == 32 or 9 <= out[at - 1] <= 13):
        at -= 1
    while first < at and (out[first] == 32 or 9 <= out[first] <= 13):
        if out[first] == 10:
            line = first + 1
        first += 1
    if line > begin and at > line:
        for k in range(at - line):
            out[begin + k] = out[line + k]
        at -= line - begin
    s[AT] = at
