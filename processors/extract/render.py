"""Nodes to text that keeps the page's structure.

Paragraphs are parted by a blank line; headings, list items ("- ", "1. ", indented within each other) and table rows
(" | " between cells) stand on lines of their own; preformatted text is kept byte for byte; formulas are their TeX.
White space collapses as a browser does it: inline elements add none, blocks break the line.
"""

import numpy as np
from numba import njit

from processors.extract.elements import ACTIONS, enter, leave
from processors.extract.looks import DISPLAY_TEX, EMOJI, HIDDEN, PRE, TEX, TEX_SCRIPT, looks
from processors.extract.nodes import Nodes
from processors.extract.scan import find_attribute
from processors.extract.scripts import write_tex
from processors.extract.tables import LAYOUT
from processors.extract.tags import INDEX, OTHER, RAW, TEXT, flags, leaf, mask
from processors.extract.writer import (
    ACTION,
    AT,
    BARS,
    END,
    KEEP,
    LOOK,
    MARKERS,
    NODE,
    ROOM,
    SIZE,
    START,
    STOP,
    TAG,
    TOP,
    VERBATIM,
    WIDTH,
    grown,
    state,
    text,
    verbatim,
)  # fmt: skip


def render(nodes: Nodes, keep: np.ndarray) -> str:
    """The text of the kept nodes.

    Args:
        nodes: of the page.
        keep: bool[n]: text is written where its own node is kept (a formula or picture where its element is).
            Elements around it shape it, kept or not.
    """
    if not len(nodes):
        return ""
    node = np.empty((len(nodes), 7), np.int32)
    look = looks(nodes)
    node[:, TAG], node[:, END], node[:, START], node[:, STOP] = nodes.tag, nodes.end, nodes.start, nodes.stop
    node[:, LOOK], node[:, KEEP] = look, keep
    _set_actions(nodes.html, node, nodes.parent, ACTIONS, _RAWS, _FORMULAE)
    out = _render(nodes.html, node, int(nodes.depth.max()), LAYOUT)
    return out.tobytes().decode("utf-8", "replace")


@leaf
def _set_actions(html, node, parent, actions, raws, formulae):
    for i in range(len(node)):
        kind, above = node[i, TAG], parent[i]
        if kind == TEXT:
            node[i, ACTION] = (
                0 if above < 0 else 1 if raws[node[above, TAG]] else 2 if formulae[node[above, TAG]] else 0
            )
            if above >= 0 and node[above, LOOK] == PRE and node[above, TAG] == _DIV:
                node[i, ACTION] = 3  # between lines that are elements
        else:
            node[i, ACTION] = actions[kind]
            if kind == OTHER and _is_custom(html, node[i, START]):
                node[i, ACTION] = actions[_DIV]
            if node[i, LOOK] == PRE and not actions[kind]:
                node[i, LOOK] = 0  # an inline element breaks no line


@leaf
def _is_custom(html, stop):
    """Whether the element name that ends at `stop` holds a hyphen: a custom element, most often a block."""
    i = stop - 1
    while i > 0 and html[i] != 60:
        if html[i] == 45:
            return True
        i -= 1
    return False


@njit(nogil=True, cache=True)
def _render(html, node, depth, layout):
    out = np.empty(len(html) + 4096, np.uint8)
    s = state(depth)
    i = 0
    while i < len(node):
        while s[TOP] and node[s[SIZE + WIDTH * (s[TOP] - 1) + NODE], END] <= i:
            leave(s, out, node)
        need = s[AT] + len(html) - node[i, START] + ROOM + 12 * s[MARKERS] + 3 * s[BARS]
        if need > len(out):
            out = grown(out, need)
        look = node[i, LOOK]
        if node[i, TAG] == TEXT:
            if node[i, KEEP]:
                _text(s, out, html, node[i, START], node[i, STOP], node[i, ACTION])
            i += 1
        elif look == HIDDEN:
            i = node[i, END]
        elif look >= TEX:
            _picture(s, out, html, node, i)
            i = node[i, END]
        elif node[i, ACTION]:
            i = enter(s, out, html, node, layout, i)
        else:
            i += 1
    while s[TOP]:
        leave(s, out, node)
    return out[: s[AT]]


@leaf
def _text(s, out, html, start, stop, action):
    if s[VERBATIM] >= 0:
        while action == 3 and start < stop and html[start] <= 32:
            start += 1
        verbatim(s, out, html, start, stop)
    elif action != 2:
        text(s, out, html, start, stop, action == 1)


@leaf
def _picture(s, out, html, node, i):
    """Write a picture's or a script's formula, or an emoji."""
    look = node[i, LOOK]
    if not node[i, KEEP] or s[VERBATIM] >= 0:
        return
    if look in (TEX_SCRIPT, DISPLAY_TEX):
        if node[i, END] > i + 1:
            write_tex(s, out, html, node[i + 1, START], node[i + 1, STOP], True, look == DISPLAY_TEX)
        return
    first, last = find_attribute(html, node[i, START], node[i, STOP], _ALT)
    if look == TEX:
        write_tex(s, out, html, first, last, False, False)
    elif look == EMOJI:
        text(s, out, html, first, last, False)


_RAWS = flags() & RAW != 0
_FORMULAE = mask("math mrow mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd semantics")
_DIV, _P = INDEX["div"], INDEX["p"]
_PROSE = 32  # bytes of text right inside a <div> that make it a paragraph
_ALT = np.frombuffer(b"alt", np.uint8)
