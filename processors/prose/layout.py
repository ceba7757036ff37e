"""Decided lines to text: rows with what follows each line go in, bytes come out.

All lines lose the margin that the text's paragraphs have, if they have one; a joined paragraph loses its first line's
indentation too, a centred title all of it. Where there is no margin, every other line is written as it was.
"""

import numpy as np
from numba import njit

from processors.prose.breaks import BLANK, KEPT, MENDED, PARTED
from processors.prose.hyphens import hyphen_bytes
from processors.prose.lines import BEGIN, BREAK, END, INDENT, KIND, MARKER, RIGHT, SYMBOL, TABULAR

_MOST = 64  # columns of a margin that are told apart
_TITLE = 4  # most lines of a title


@njit(nogil=True, cache=True)
def write(data, rows, width):
    """uint8 UTF-8 of the text. `width` is what `decide` gave."""
    margin, first = _habits(rows)
    size = 0
    for i in range(len(rows)):
        size += rows[i, END] - rows[i, BEGIN] + rows[i, INDENT] + 3  # a tab may come out as eight blanks
    out = np.empty(size, np.uint8)
    at, fresh, centred = 0, True, False
    for i in range(len(rows)):
        begin, end = rows[i, BEGIN], rows[i, END]
        if i == 0 or rows[i - 1, BEGIN] == rows[i - 1, END]:
            centred = _is_centred(rows, i, width)
        if fresh and begin < end:
            columns = 0 if centred else _columns(rows, i, margin, first)
            if columns == rows[i, INDENT]:  # as it stands, tabs too
                while begin > 0 and (data[begin - 1] == 0x20 or data[begin - 1] == 0x09):
                    begin -= 1
            else:
                for _ in range(min(columns, begin)):
                    out[at] = 0x20
                    at += 1
        follows = rows[i, BREAK]
        if follows == MENDED:
            end -= hyphen_bytes(data, end)
        for j in range(begin, end):
            out[at] = data[j]
            at += 1
        fresh = follows in (KEPT, PARTED)
        if follows == BLANK:
            out[at] = 0x20
            at += 1
        elif fresh and i + 1 < len(rows):
            out[at] = 0x0A
            at += 1
            if follows == PARTED:
                out[at] = 0x0A
                at += 1
    return out[:at]


@njit(nogil=True, cache=True)
def _empty(row):
    return row[BEGIN] == row[END]


@njit(nogil=True, cache=True)
def _joined(row):
    return BLANK <= row[BREAK] <= MENDED


@njit(nogil=True, cache=True)
def _habits(rows):
    """The least margin that many joined lines have, and by how much most first lines are indented beyond theirs."""
    margins, firsts = np.zeros(_MOST, np.int64), np.zeros(_MOST, np.int64)
    for i in range(len(rows) - 1):
        if _joined(rows[i]):
            margins[min(rows[i + 1, INDENT], _MOST - 1)] += 1
            opens = i == 0 or rows[i - 1, BREAK] < BLANK
            if opens and rows[i, INDENT] > rows[i + 1, INDENT]:
                firsts[min(rows[i, INDENT] - rows[i + 1, INDENT], _MOST - 1)] += 1
    margin = 0
    while margin < _MOST - 1 and 8 * margins[margin] < margins.sum():
        margin += 1
    return margin, np.argmax(firsts)


@njit(nogil=True, cache=True)
def _columns(rows, i, margin, first):
    """Columns before line i, which begins a line of the output."""
    indent = rows[i, INDENT]
    joined = _joined(rows[i])
    if joined and not rows[i, KIND] & MARKER:
        indent = min(indent, rows[i + 1, INDENT])
    elif not joined and first > 0 and indent == margin + first and not rows[i, KIND] & (SYMBOL | TABULAR | MARKER):
        before = i == 0 or _empty(rows[i - 1]) or rows[i - 1, BREAK] == PARTED or (i > 1 and _joined(rows[i - 2]))
        after = i + 1 == len(rows) or _empty(rows[i + 1]) or rows[i, BREAK] == PARTED or _joined(rows[i + 1])
        indent = margin if before and after else indent  # a paragraph of one line
    return max(indent - margin, 0)


@njit(nogil=True, cache=True)
def _is_centred(rows, i, width):
    """Whether a block of few lines that begins at line i is centred: a title, whose indentation says nothing."""
    most = max(3, width // 12)
    even = True
    for j in range(i, min(i + _TITLE + 1, len(rows))):
        if rows[j, BEGIN] == rows[j, END]:
            return j > i and (not even or j == i + 1)
        indent = rows[j, INDENT]
        even = even and indent == rows[i, INDENT]
        if j == i + _TITLE or width == 0 or indent < 8 or abs(indent - (width - rows[j, RIGHT])) > most:
            return False
    return False
