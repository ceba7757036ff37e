"""What attributes and names make of an element: nodes go in, one small number for each comes out.

Hidden is what a browser would not show (`hidden`, `display: none`, what is never rendered) and what it shows beside the
text rather than in it: gutters of line numbers, permalinks, the second copy of a formula that KaTeX and MathJax draw.
"""

import numpy as np
from numba import njit

from processors.extract.nodes import Nodes
from processors.extract.tags import INDEX, TAGS, TEXT, find_tag, leaf, mask, name_hash, table

PLAIN, HIDDEN, PRE, TEX, EMOJI, BLOCK, TEX_SCRIPT, DISPLAY_TEX = range(8)

_HIDE, _PERMALINK, _GUTTER, _PRE, _TEX, _EMOJI, _DRAWN, _FALLBACK, _HIDDEN_MATH = range(2, 11)
_CLASSES = {
    "katex-html": _HIDE, "MathJax_Preview": _DRAWN, "MathJax": _DRAWN, "MathJax_Display": _DRAWN,
    "MathJax_SVG": _DRAWN, "MathJax_CHTML": _DRAWN, "MathJax_SVG_Display": _DRAWN, "mw-editsection": _HIDE,
    "sr-only": _HIDE, "visually-hidden": _HIDE, "visuallyhidden": _HIDE, "screen-reader-text": _HIDE,
    "headerlink": _PERMALINK, "hash-link": _PERMALINK, "anchor-link": _PERMALINK, "anchorjs-link": _PERMALINK,
    "header-anchor": _PERMALINK, "heading-anchor": _PERMALINK, "heading-link": _PERMALINK, "permalink": _PERMALINK,
    "anchor": _PERMALINK, "headeranchor-link": _PERMALINK,
    "linenos": _GUTTER, "lineno": _GUTTER, "linenumber": _GUTTER, "linenumbers": _GUTTER, "line-number": _GUTTER,
    "line-numbers": _GUTTER, "gutter": _GUTTER, "rouge-gutter": _GUTTER, "blob-num": _GUTTER, "lnt": _GUTTER,
    "ln": _GUTTER, "hljs-ln-numbers": _GUTTER, "code-line-number": _GUTTER, "lineNumber": _GUTTER,
    "blob-code": _PRE, "fragment": _PRE,
    "tex": _TEX, "latex": _TEX, "mwe-math-fallback-image-inline": _FALLBACK,
    "mwe-math-fallback-image-display": _FALLBACK, "mwe-math-mathml-inline": _HIDDEN_MATH,
    "mwe-math-mathml-display": _HIDDEN_MATH,
    "emoji": _EMOJI, "wp-smiley": _EMOJI,
}  # fmt: skip
_CLASS, _STYLE, _HIDDEN_NAME, _ARIA, _TYPE, _ALT, _HREF, _OPEN = range(2, 10)
_NAMES = {
    "class": _CLASS, "style": _STYLE, "hidden": _HIDDEN_NAME, "aria-hidden": _ARIA, "type": _TYPE, "alt": _ALT,
    "href": _HREF, "open": _OPEN,
}  # fmt: skip

_NEVER, _SMALL, _CELL, _LARGE = 1, 2, 4, 8
_TRAIT_NAMES = {
    _NEVER: (
        "head title meta link base style script noscript template svg iframe noembed noframes frameset object applet"
        " audio video canvas embed select datalist textarea progress meter rp param source track area"
    ),
    _SMALL: "span a i b em svg small nobr sup sub img",
    _CELL: "td th",
    _LARGE: "html body main article",
}
_TRAITS = np.zeros(len(TAGS), np.uint8)
for _trait, _names in _TRAIT_NAMES.items():
    _TRAITS |= mask(_names).astype(np.uint8) * np.uint8(_trait)


def looks(nodes: Nodes) -> np.ndarray:
    """uint8[n]: what is told above of each node, PLAIN for most. What stands inside a hidden element is not marked."""
    node = np.empty((len(nodes), 4), np.int32)
    node[:, _TAG], node[:, _END], node[:, _START], node[:, _STOP] = nodes.tag, nodes.end, nodes.start, nodes.stop
    return _looks(nodes.html, node, _PLACES, _TRAITS)


def visible(nodes: Nodes) -> np.ndarray:
    """bool[n]: false for hidden elements and everything inside them."""
    return _visible(looks(nodes), nodes.end)


@njit(nogil=True, cache=True)
def _visible(look, end):
    out = np.ones(len(look), np.bool_)
    i = 0
    while i < len(look):
        if look[i] == HIDDEN or look[i] == TEX_SCRIPT or look[i] == DISPLAY_TEX:
            out[i : end[i]] = False
            i = end[i]
        else:
            i += 1
    return out


@leaf
def _classes(html, start, stop, places):
    """One bit for each kind of class in _CLASSES that the value html[start:stop] holds."""
    found, i = 0, start
    while i < stop:
        while i < stop and (html[i] == 32 or 9 <= html[i] <= 13):
            i += 1
        first = i
        while i < stop and not (html[i] == 32 or 9 <= html[i] <= 13):
            i += 1
        if i > first:
            found |= 1 << (find_tag(places, name_hash(html, first, i)) & 0xFF)
    return found


@leaf
def has_word(html, start, stop, word):
    """Whether html[start:stop] without blanks holds `word` (lower case, without blanks), in either case."""
    k, i = 0, start
    while i < stop:
        byte = html[i]
        if byte != 32 and byte != 9 and byte != 10:
            if byte == word[k] or (65 <= byte <= 90 and byte + 32 == word[k]):
                k += 1
                if k == len(word):
                    return True
            elif k > 0:
                k = 1 if byte == word[0] else 0
        i += 1
    return False


@leaf
def _style(html, start, stop, cell):
    if has_word(html, start, stop, _DISPLAY_NONE) or has_word(html, start, stop, _INVISIBLE):
        return HIDDEN
    if not cell and has_word(html, start, stop, _SPACE_PRE):
        return PRE
    return PLAIN


@leaf
def _is_permalink(html, node, i, local):
    """Whether the text inside is a mark for a link (or nothing); `local` says that the link leads into the page."""
    letters, marks = 0, 0
    for j in range(i + 1, node[i, _END]):
        if node[j, _TAG] != TEXT:
            continue
        k = node[j, _START]
        while k < node[j, _STOP]:
            byte = html[k]
            if byte > 32:
                letters += 1
                if byte == 35 or (
                    byte == 0xC2 and k + 1 < node[j, _STOP] and (html[k + 1] == 0xB6 or html[k + 1] == 0xA7)
                ):
                    marks += 1 if byte == 35 else 2  # "#", "¶", "§"
            k += 1
            if letters > 8:
                return False
    return letters <= 4 if not local else letters == marks and 0 < letters <= 2


@leaf
def _look(html, node, places, trait, i, inside):
    """The look of one element with attributes. `inside` says whether it stands in preformatted text."""
    kind, look, classes, local, alt, alt_stop, at = node[i, _TAG], PLAIN, 0, False, 0, 0, node[i, _START]
    stop = node[i, _STOP]
    while at < stop:
        first = at + 1
        at = first + 1
        while at < stop and html[at] != 61:
            at += 1
        name = find_tag(places, name_hash(html, first, min(at, stop))) >> 8
        at += 2
        value = at
        while at < stop and html[at] != 34:
            at += 1
        if name == _CLASS:
            classes = _classes(html, value, at, places)
        elif name == _STYLE and look != HIDDEN and not trait & _LARGE:
            look = max(look, _style(html, value, at, trait & _CELL))
        elif name == _HIDDEN_NAME and not trait & _LARGE:
            look = PLAIN if at - value == 11 else HIDDEN  # "until-found" is text for readers
        elif name == _ARIA and trait & _SMALL and at - value == 4:
            look = HIDDEN
        elif name == _HREF:
            local = at > value and html[value] == 35
        elif name == _ALT:
            alt, alt_stop = value, at
        elif name == _TYPE and kind == _SCRIPT and has_word(html, value, at, _MATH_TEX):
            return DISPLAY_TEX if has_word(html, value, at, _MODE_DISPLAY) else TEX_SCRIPT
        at += 1
    if kind == _IMG:
        tex = classes & (1 << _TEX | 1 << _FALLBACK) or (alt_stop - alt > 2 and html[alt] == 36 == html[alt_stop - 1])
        emoji = classes & 1 << _EMOJI and alt_stop - alt <= 16
        return TEX if tex and alt_stop > alt else EMOJI if emoji else HIDDEN if look == HIDDEN else PLAIN
    if classes & (1 << _HIDE | 1 << _DRAWN) and not trait & _LARGE:
        return HIDDEN
    if kind == _A and node[i, _END] - i <= 6 and (classes & 1 << _PERMALINK or local):
        named = classes & 1 << _PERMALINK != 0
        if _is_permalink(html, node, i, not named) and (named or local):
            return HIDDEN
    if classes & 1 << _GUTTER and (trait & _CELL or (inside and trait & _SMALL)):
        return HIDDEN
    if classes & 1 << _PRE and (trait & _CELL or kind == _DIV):
        return PRE
    return PLAIN if classes & 1 << _HIDDEN_MATH else look


@njit(nogil=True, cache=True)
def _looks(html, node, places, traits):
    look = np.zeros(len(node), np.uint8)
    inside = 0  # the end of the preformatted element that we are in
    for i in range(len(node)):
        kind = node[i, _TAG]
        if kind == TEXT:
            continue
        trait = traits[kind]
        if node[i, _STOP] > node[i, _START]:
            look[i] = _look(html, node, places, trait, i, i < inside)
        if kind == _PRE_TAG and look[i] == PLAIN:
            look[i] = PRE
        if trait & _NEVER and look[i] < TEX:
            look[i] = HIDDEN
        if look[i] == PRE:
            inside = max(inside, node[i, _END])
    return look


_TAG, _END, _START, _STOP = range(4)
_A, _IMG, _SCRIPT, _DIV, _PRE_TAG = (INDEX[name] for name in ("a", "img", "script", "div", "pre"))
_DISPLAY_NONE, _INVISIBLE, _SPACE_PRE, _MATH_TEX, _MODE_DISPLAY = (
    np.frombuffer(word, np.uint8)
    for word in (b"display:none", b"visibility:hidden", b"white-space:pre", b"math/tex", b"mode=display")
)
_PLACES = table(_CLASSES | {name: index << 8 | _CLASSES.get(name, 0) for name, index in _NAMES.items()})
