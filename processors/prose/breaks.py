"""Which line ends are a typist's: rows of lines go in, for each line what is to follow it comes out.

A typist, or a program, ends a line where the next word would not have fitted. So a line end is *full* at width W if
the line and the next line's first word together pass W; in prose wrapped at W nearly all are, in verse few. Stretches
of lines of one indentation are judged as a whole, by full line ends above all, then by what lines end and begin with
(verse ends in punctuation and begins with capitals), in integer points. W is the width that explains most line
ends of the text, or the stretch's own longest line.
"""

import numpy as np
from numba import njit

from processors.prose.lines import (
    BEGIN,
    BREAK,
    CJK_END,
    COMMA,
    DASH,
    DASH_START,
    END,
    FIRST,
    GAPS,
    HYPHEN,
    INDENT,
    KIND,
    LABEL,
    LOWER,
    MARKER,
    RIGHT,
    SYMBOL,
    TABULAR,
    TERMINAL,
    THIN,
    TIGHT_END,
    TIGHT_START,
    UPPER,
)  # fmt: skip

# What follows a line, in column BREAK of its row: its own line end, a blank line more, a blank, nothing, or nothing
# with the hyphen dropped. HYPHENATED waits for `hyphens.py` to choose among the last three.
KEPT, PARTED, BLANK, NOTHING, MENDED, HYPHENATED = range(6)

_NARROWEST, _WIDEST = 45, 160  # columns that a text's width is looked for in
_OWN_NARROWEST = 60  # of a short stretch that stands for itself
_DOUBT = -2  # points that are enough for two lines of such a width
_STEP = 12  # columns a first line may be indented
_HANG = 24  # and hang out
_LONG = 30  # columns of a first word (an address) that says little of the line before
_NEVER = TABULAR | SYMBOL | THIN


@njit(nogil=True, cache=True)
def decide(rows, tight_dashes):
    """Fills BREAK of every row; gives the text's width (0 where it has none).

    `tight_dashes`: the text's dashes have no blanks around them, so one at a line's start goes on the word before.
    """
    count = len(rows)
    if not tight_dashes:
        for i in range(count):
            rows[i, KIND] &= ~DASH_START
    _spare_justified(rows)
    soft = np.zeros(count, np.bool_)
    _possible(rows, soft)
    width = _width_of(rows, soft)
    start = 0
    while start < count:
        stop = start
        while stop + 1 < count and soft[stop]:
            stop += 1
        if stop > start:
            _judge(rows, start, stop, width)
        start = stop + 1
    _part_paragraphs(rows)
    return width


@njit(nogil=True, cache=True)
def _empty(row):
    return row[BEGIN] == row[END]


@njit(nogil=True, cache=True)
def _spare_justified(rows):
    """Takes the flag GAPS from blocks whose lines are filled up to one width by such gaps."""
    start = 0
    while start < len(rows):
        stop, right = start, 0
        while stop < len(rows) and not _empty(rows[stop]):
            right = max(right, rows[stop, RIGHT])
            stop += 1
        even = 0
        for i in range(start, stop):
            even += rows[i, RIGHT] == right
        if stop - start >= 3 and 10 * even >= 7 * (stop - start - 1):
            for i in range(start, stop):
                rows[i, KIND] &= ~GAPS
        start = stop + 1


@njit(nogil=True, cache=True)
def _possible(rows, soft):
    """Line ends inside a stretch of one indentation, its first line apart."""
    marked = False  # a list item stands in this block
    for i in range(len(rows) - 1):
        this, that = rows[i], rows[i + 1]
        if _empty(this) or _empty(that) or this[BREAK] != KEPT:
            marked = False
            continue
        marked |= this[KIND] & MARKER != 0
        if (this[KIND] | that[KIND]) & (_NEVER | GAPS) or (that[KIND] & MARKER and marked):
            continue
        if that[KIND] & LABEL:
            continue
        last = i + 2 >= len(rows) or _empty(rows[i + 2])
        after = that[INDENT] if last else rows[i + 2, INDENT]
        opens = i == 0 or not soft[i - 1] or this[INDENT] > rows[i - 1, INDENT]
        soft[i] = _goes_on(this, that, after, last, opens)


@njit(nogil=True, cache=True)
def _goes_on(this, that, after, last, opens):
    """Whether by their indentation `that` can go on the paragraph of `this`; `after` indents the line after."""
    step = that[INDENT] - this[INDENT]
    if that[KIND] & MARKER:
        return step == 0 and not this[KIND] & (TERMINAL | COMMA) and after == that[INDENT]
    if step == 0:
        first = 0 < that[INDENT] - after <= _STEP  # an indented first line follows a paragraph of one line
        return not first or (this[RIGHT] + 1 + that[FIRST] > that[RIGHT] and not this[KIND] & TERMINAL)
    if step < 0:
        return opens and -step <= _STEP and not this[KIND] & MARKER
    if this[KIND] & LABEL:
        return opens
    return opens and step <= _HANG and (after == that[INDENT] or (this[KIND] & MARKER != 0 and after < that[INDENT]))


@njit(nogil=True, cache=True)
def _width_of(rows, soft):
    """The width at which most possible line ends are full and hardly a line is longer; 0 where none explains enough."""
    full = np.zeros(_WIDEST + 2, np.int64)
    longer = np.zeros(_WIDEST + 2, np.int64)
    ends = 0
    for i in range(len(rows) - 1):
        if soft[i]:
            right = min(rows[i, RIGHT], _WIDEST + 1)
            ends += 1
            full[right] += 1
            past = min(rows[i, RIGHT] + rows[i + 1, FIRST] + 1, _WIDEST + 1)
            full[past] -= 1
            longer[right] += 1
    best, width, explained, over = 0, 0, 0, ends
    for w in range(_WIDEST + 1):
        explained += full[w]
        over -= longer[w]
        if w >= _NARROWEST and explained - 3 * over > best:
            best, width = explained - 3 * over, w
    return width if 20 * best >= 7 * ends and ends >= 4 else 0


@njit(nogil=True, cache=True)
def _judge(rows, start, stop, width):
    """Decides the line ends of a stretch: as a whole at its own width, or piece by piece at the text's."""
    own = _own_width(rows, start, stop)
    over = 0
    for i in range(start, stop + 1):
        over += rows[i, RIGHT] > width + 3
    fits = width > 0 and 4 * over <= stop - start
    if fits and own >= width - 4 and _points(rows, start, stop, width, True) >= 0:
        _join(rows, start, stop, width)
        return
    if stop - start >= 5 and _points(rows, start, stop, own, False) >= 6 and own >= _NARROWEST:
        _join(rows, start, stop, own)
        return
    limit = width if fits else own
    first = start
    for i in range(start, stop):
        if _ends_paragraph(rows[i], rows[i + 1], limit):
            _judge_piece(rows, first, i, width if fits else 0)
            first = i + 1
    _judge_piece(rows, first, stop, width if fits else 0)


@njit(nogil=True, cache=True)
def _judge_piece(rows, start, stop, width):
    if stop == start:
        return
    if width > 0 and _points(rows, start, stop, width, True) >= 0:
        _join(rows, start, stop, width)
        return
    own = _own_width(rows, start, stop)
    least = _DOUBT if stop - start == 1 else 0
    if own >= _OWN_NARROWEST and own <= _WIDEST and _points(rows, start, stop, own, False) >= least:
        _join(rows, start, stop, own)


@njit(nogil=True, cache=True)
def _own_width(rows, start, stop):
    own = 0
    for i in range(start, stop + 1):
        own = max(own, rows[i, RIGHT])
    return own


@njit(nogil=True, cache=True)
def _room(this, that, width):
    """Columns left over had the next line's first word stood on this line; negative where the line is full."""
    return width - this[RIGHT] - 1 - that[FIRST]


@njit(nogil=True, cache=True)
def _ends_paragraph(this, that, width):
    room = _room(this, that, width)
    if that[KIND] & LOWER and not this[KIND] & TERMINAL:
        return 2 * room >= width
    return 6 * room >= width


@njit(nogil=True, cache=True)
def _points(rows, start, stop, width, shared):
    """Points for prose of the lines' stretch [start, stop]; `shared`: the width is the text's, not the stretch's."""
    points = 1 if shared else -4
    free = not shared  # the longest line is full by itself
    for i in range(start, stop):
        this, that = rows[i], rows[i + 1]
        room = _room(this, that, width)
        if free and this[RIGHT] == width:
            free = False
        elif room < 0 and that[FIRST] >= _LONG and 2 * this[RIGHT] < width:
            points -= 2
        elif room < 0:
            points += 6 if shared else 3
        elif 8 * room < width:
            points -= 1 if shared else 2
        else:
            points -= 8 if shared else 6
        if that[KIND] & LOWER:
            points += 2
        elif that[KIND] & UPPER:
            points -= 3
        if this[KIND] & HYPHEN:
            points += 6
        elif this[KIND] & (TERMINAL | COMMA | DASH):
            points -= 3
        else:
            points += 4 if this[KIND] & TIGHT_END else 2
    return points


@njit(nogil=True, cache=True)
def _join(rows, start, stop, width):
    for i in range(start, stop):
        this, that = rows[i], rows[i + 1]
        room = _room(this, that, width)
        if this[KIND] & TERMINAL and not that[KIND] & LOWER:
            wrapped = room < 3
        elif that[KIND] & LOWER:
            wrapped = 2 * room < width
        else:
            wrapped = 8 * room < width
        if that[KIND] & MARKER:
            wrapped = room < 0
        if that[FIRST] >= _LONG and 2 * this[RIGHT] < width:
            wrapped = False
        if wrapped:
            this[BREAK] = _glue(this[KIND], that[KIND])


@njit(nogil=True, cache=True)
def _glue(this, that):
    if this & HYPHEN:
        return HYPHENATED
    if this & DASH or that & DASH_START:
        return NOTHING
    if this & CJK_END or (this & TIGHT_END and that & TIGHT_START):
        return NOTHING
    return BLANK


@njit(nogil=True, cache=True)
def _part_paragraphs(rows):
    """A blank line where a joined paragraph ends or begins without one."""
    for i in range(len(rows) - 1):
        this, that = rows[i], rows[i + 1]
        if this[BREAK] != KEPT or _empty(this) or _empty(that) or not this[KIND] & TERMINAL:
            continue
        joined = (i > 0 and rows[i - 1, BREAK] > PARTED) or that[BREAK] > PARTED
        near = that[INDENT] - this[INDENT] <= _STEP and not this[KIND] & MARKER
        if joined and near and not that[KIND] & (MARKER | _NEVER):
            this[BREAK] = PARTED
