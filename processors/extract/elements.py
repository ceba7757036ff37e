"""Where elements begin and end: what each owes, writes and remembers."""

import numpy as np

from processors.extract.looks import PRE
from processors.extract.scan import find_attribute
from processors.extract.scripts import NOTE, attached, formula, is_display, script_sign, write_note, write_tex
from processors.extract.tables import is_data
from processors.extract.tags import INDEX, TAGS, TEXT, leaf
from processors.extract.writer import (
    ACTION,
    AT,
    BARS,
    BLANK,
    BREAKS,
    CELLS,
    COUNTER,
    DATA,
    END,
    FIRST,
    FLOOR,
    FRESH,
    HARD,
    INDENT,
    KEEP,
    LINE,
    LISTS,
    LOOK,
    LOOSE,
    MARKED,
    MARKER,
    MARKERS,
    NODE,
    OWED,
    PARAGRAPH,
    ROW,
    SECOND,
    SIZE,
    START,
    STOP,
    TAG,
    TERM,
    TOP,
    VERBATIM,
    WIDTH,
    flush,
    owe,
    put,
    trim,
)  # fmt: skip


@leaf
def edge(s, out, kind):
    """Owe a break; within preformatted text, break the line."""
    if s[VERBATIM] < 0:
        owe(s, kind)
    elif s[AT] > s[VERBATIM] and out[s[AT] - 1] != 10:
        put(s, out, 10)


@leaf
def _push(s, node, first, second):
    """Remember an element whose end does something, with two numbers for then."""
    level = SIZE + WIDTH * s[TOP]
    s[level + NODE], s[level + FIRST], s[level + SECOND] = node, first, second
    s[TOP] += 1


@leaf
def enter(s, out, html, node, layout, i):
    """Begin an element; gives the node to go on with."""
    action = node[i, ACTION]
    if node[i, LOOK] == PRE and s[VERBATIM] < 0:
        return _enter_pre(s, out, html, node, i)
    if action in (_LINE, _BLOCK):
        edge(s, out, LINE if action == _LINE else PARAGRAPH)
        _push(s, i, 0, 0)
    elif action == _BREAK:
        _break(s, out)
    elif action >= _SCRIPT:
        return _enter_inline(s, out, html, node, action, i)
    elif s[VERBATIM] >= 0:
        if action != _CELL:
            edge(s, out, LINE)
    elif action in (_LIST, _NUMBERED):
        owe(s, LINE if s[LISTS] else PARAGRAPH)
        if s[LISTS] and s[AT] != s[FLOOR]:
            s[OWED] = LINE  # also after a paragraph of the item
        first, last = find_attribute(html, node[i, START], node[i, STOP], _START)
        level = SIZE + WIDTH * s[LISTS]
        s[level + COUNTER] = -1 if action == _LIST else _integer(html, first, last, 1)
        s[level + LOOSE] = 0
        s[LISTS] += 1
        _push(s, i, 0, 0)
    elif action == _ITEM:
        _enter_item(s, html, node, i)
    elif action in (_DEFINITION, _NAME):
        _enter_definition(s, action, i)
    else:
        _enter_table(s, html, node, layout, action, i)
    return i + 1


@leaf
def _enter_inline(s, out, html, node, action, i):
    if node[i, END] == i + 1 or not node[i + 1, KEEP]:
        if action == _BOX and s[VERBATIM] < 0:
            s[OWED] = max(s[OWED], BLANK)
    elif action == _BOX:
        if s[VERBATIM] < 0:
            s[OWED] = max(s[OWED], BLANK)
            _push(s, i, 0, 0)
    elif action == _SCRIPT:
        sign = script_sign(html, node, i) if s[VERBATIM] < 0 else 0
        if sign == NOTE:
            write_note(s, out, html, node, i)
            return node[i, END]
        if sign and attached(s, out):
            put(s, out, sign)
    elif action == _MATH:
        first, last = formula(html, node, i)
        if last > first and node[i, KEEP]:
            write_tex(s, out, html, first, last, False, is_display(html, node[i, START], node[i, STOP]))
            return node[i, END]
    else:
        if s[VERBATIM] < 0:
            flush(s, out)
        put(s, out, 34 if action == _QUOTE else 40)
        _push(s, i, 0, 0)
    return i + 1


@leaf
def _enter_pre(s, out, html, node, i):
    """Begin preformatted text, or pass it over where nothing of it is kept."""
    seen = False
    for j in range(i + 1, node[i, END]):
        if node[j, TAG] == TEXT and node[j, KEEP]:
            for k in range(node[j, START], node[j, STOP]):
                seen |= html[k] > 32
        if seen:
            break
    if not seen:
        return node[i, END]
    owe(s, LINE if node[i, ACTION] == _CELL else PARAGRAPH)
    indent, marked = s[INDENT], s[MARKERS] > 0
    s[INDENT] = 0
    flush(s, out)
    if marked:
        put(s, out, 10)
    s[VERBATIM] = s[AT]
    _push(s, i, indent, _OUTER)
    return i + 1


@leaf
def _break(s, out):
    if s[VERBATIM] >= 0:
        put(s, out, 10)
    elif s[ROW]:
        s[OWED] = max(s[OWED], BLANK)
    else:
        s[BREAKS] += 1
        s[OWED], s[HARD] = max(s[OWED], LINE if s[BREAKS] == 1 else PARAGRAPH), 0


@leaf
def _integer(html, start, stop, otherwise):
    """The number without a sign that html[start:stop] begins with."""
    value, i = 0, start
    while 0 <= start <= i < stop and 48 <= html[i] <= 57 and value < 10**8:
        value = value * 10 + html[i] - 48
        i += 1
    return value if i > start >= 0 else otherwise


@leaf
def _enter_item(s, html, node, i):
    """Owe an item's marker, and indent what follows by its width."""
    counter, marker, width = SIZE + WIDTH * (s[LISTS] - 1) + COUNTER, -1, 2
    if s[LISTS] and s[counter] >= 0:
        first, last = find_attribute(html, node[i, START], node[i, STOP], _VALUE)
        marker = _integer(html, first, last, s[counter])
        s[counter], width, rest = marker + 1, 3, marker
        while rest >= 10:
            width, rest = width + 1, rest // 10
    if s[ROW]:
        s[OWED] = max(s[OWED], BLANK)
        return
    _push(s, i, width, s[MARKERS])
    s[OWED], s[HARD], s[FLOOR] = max(s[OWED], LINE), 0, s[AT]
    level = SIZE + WIDTH * s[MARKERS]
    s[level + MARKER], s[level + MARKED] = marker, s[INDENT]
    s[MARKERS] += 1
    s[INDENT] += width


@leaf
def _enter_definition(s, action, i):
    """Part the entries of a definition list by blank lines, the name and its definition by a line break."""
    if action == _NAME:
        owe(s, LINE if s[TERM] == s[AT] else PARAGRAPH)
    else:
        s[OWED] = LINE if s[TERM] == s[AT] else max(s[OWED], LINE)
        s[FLOOR] = s[AT]
    s[HARD] = 0
    _push(s, i, 0, 0)


@leaf
def _enter_table(s, html, node, layout, action, i):
    if action == _TABLE:
        owe(s, PARAGRAPH)
        _push(s, i, s[DATA], 0)
        s[DATA] = s[ROW] == 0 and is_data(node, layout, i)
    elif not s[DATA]:
        owe(s, LINE)
        _push(s, i, 0, 0)
    elif action == _ROW:
        s[FRESH], s[OWED], s[HARD], s[ROW], s[CELLS], s[BARS] = max(s[OWED], LINE), 0, 0, 1, 0, 0
        _push(s, i, 1, 0)
    else:
        if s[CELLS]:
            s[BARS] += 1
        s[OWED], s[HARD] = 0, 0
        s[CELLS] += 1
        _push(s, i, 1, 0)


@leaf
def leave(s, out, node):
    """End the innermost open element."""
    s[TOP] -= 1
    level = SIZE + WIDTH * s[TOP]
    i, first, second = s[level + NODE], s[level + FIRST], s[level + SECOND]
    action = node[i, ACTION]
    if node[i, LOOK] == PRE and second == _OUTER:
        trim(s, out, s[VERBATIM])
        s[VERBATIM], s[INDENT], s[FLOOR] = -1, first, -1
        owe(s, LINE if action == _CELL else PARAGRAPH)
    elif action in (_LINE, _BLOCK):
        edge(s, out, LINE if action == _LINE else PARAGRAPH)
    elif action == _BOX:
        s[OWED] = max(s[OWED], BLANK)
    elif action in (_QUOTE, _READING):
        put(s, out, 34 if action == _QUOTE else 41)
    elif action in (_LIST, _NUMBERED):
        s[LISTS] -= 1
        owe(s, LINE if s[LISTS] else PARAGRAPH)
    elif action == _ITEM:
        empty = s[MARKERS] > second
        s[MARKERS], s[INDENT], s[FLOOR] = min(s[MARKERS], second), s[INDENT] - first, -1
        if not empty:
            s[OWED], s[HARD] = PARAGRAPH if s[LISTS] and s[SIZE + WIDTH * (s[LISTS] - 1) + LOOSE] else LINE, 0
    elif action == _NAME:
        s[OWED], s[TERM] = max(s[OWED], LINE), s[AT]
    elif action == _DEFINITION:
        s[FLOOR] = -1
        owe(s, PARAGRAPH)
    else:
        _leave_table(s, action, first)


@leaf
def _leave_table(s, action, first):
    if action == _TABLE:
        s[DATA] = first
        owe(s, PARAGRAPH)
    elif not first:
        owe(s, LINE)
    elif action == _ROW:
        s[OWED] = s[FRESH] if s[FRESH] else LINE
        s[ROW], s[FRESH], s[BARS], s[HARD] = 0, 0, 0, 0
    else:
        s[OWED], s[HARD] = 0, 0


_OUTER = 1  # the element that makes its content preformatted, not one within
(
    _LINE, _BLOCK, _LIST, _NUMBERED, _ITEM, _NAME, _DEFINITION, _TABLE, _ROW, _CELL, _BREAK,
    _SCRIPT, _BOX, _MATH, _QUOTE, _READING,
) = range(1, 17)  # fmt: skip
_NAMES = {
    _LINE: "div center summary legend option caption figcaption frameset",
    _BLOCK: (
        "html body article section nav aside header footer main address search hgroup h1 h2 h3 h4 h5 h6 p blockquote"
        " figure details dialog fieldset form hr pre listing xmp plaintext dl"
    ),
    _LIST: "ul menu dir", _NUMBERED: "ol", _ITEM: "li", _NAME: "dt", _DEFINITION: "dd",
    _TABLE: "table", _ROW: "tr", _CELL: "td th", _BREAK: "br",
    _SCRIPT: "sup sub", _BOX: "button label input img image", _MATH: "math", _QUOTE: "q", _READING: "rt",
}  # fmt: skip
ACTIONS = np.zeros(len(TAGS), np.uint8)
for _action, _tags in _NAMES.items():
    for _tag in _tags.split():
        ACTIONS[INDEX[_tag]] = _action
_START, _VALUE = (np.frombuffer(word, np.uint8) for word in (b"start", b"value"))
