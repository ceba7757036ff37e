"""The element names that extraction tells apart, each an index in `TAGS`, and the table where a kernel finds it."""

import numpy as np
from numba import njit

TEXT, OTHER = 0, 1
TAGS = (
    "#text", "#other",
    # metadata and what is never shown
    "html", "head", "body", "title", "meta", "link", "base", "style", "script", "noscript", "template",
    # sections
    "article", "section", "nav", "aside", "header", "footer", "main", "address", "search", "hgroup",
    "h1", "h2", "h3", "h4", "h5", "h6",
    # blocks
    "p", "div", "center", "blockquote", "figure", "figcaption", "details", "summary", "dialog", "fieldset", "legend",
    "form", "hr", "pre", "listing", "xmp", "plaintext", "marquee",
    "ul", "ol", "menu", "dir", "li", "dl", "dt", "dd",
    "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th",
    "frameset", "frame", "noframes", "noembed",
    # inline
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "ins", "kbd", "label", "mark", "nobr", "output", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "small", "span",
    "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "image",
    # embedded, forms
    "img", "picture", "source", "track", "map", "area", "audio", "video", "canvas", "embed", "object", "param",
    "applet", "iframe", "button", "input", "select", "datalist", "optgroup", "option", "textarea", "progress", "meter",
    "slot", "selectedcontent", "keygen", "basefont", "bgsound",
    # foreign
    "svg", "foreignObject", "math", "semantics", "annotation", "annotation-xml", "mi", "mn", "mo", "ms", "mtext",
    "mrow", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr",
    "mtd", "mspace", "mphantom",
)  # fmt: skip
INDEX = {name: index for index, name in enumerate(TAGS)}

VOID = 1  # has no end tag
RAW = 2  # its content is text without character references
_FLAGS = {
    VOID: "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr",
    RAW: "iframe noembed noframes plaintext script style xmp",
}


def mask(names: str, num: int = len(TAGS)) -> np.ndarray:
    """bool[len(TAGS)]: true for each of the blank-separated `names`."""
    out = np.zeros(num, np.bool_)
    out[[INDEX[name] for name in names.split()]] = True
    return out


def flags() -> np.ndarray:
    """uint8[len(TAGS)]: `VOID` and `RAW`."""
    return sum((mask(names).astype(np.uint8) * flag for flag, names in _FLAGS.items()), np.zeros(len(TAGS), np.uint8))


# For kernels that allocate nothing: numba counts references to each array at each call, which costs more than most of
# these functions do.
leaf = njit(nogil=True, cache=True, _nrt=False)

_BITS = 10
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - _BITS)
_ROLL = np.uint64(7)
_BACK = np.uint64(57)


@leaf
def name_hash(data, start, stop):
    """A 64-bit hash of the bytes of a name."""
    value = np.uint64(0)
    for i in range(start, stop):
        value = ((value << _ROLL) | (value >> _BACK)) ^ np.uint64(data[i])
    return value * _PRIME


@leaf
def find_tag(places, value):
    """The index of the name that hashes to `value`, OTHER for one that is not in the table."""
    at = 2 * np.int64(value >> _SHIFT)
    while places[at + 1] != 0:
        if places[at] == value:
            return np.int64(places[at + 1])
        at = (at + 2) & (len(places) - 1)
    return OTHER


def table(indices: dict[str, int]) -> np.ndarray:
    """The open-addressed table of `find_tag`: uint64, a hash and an index (above 0) in turns, 0 where it is free."""
    places = np.zeros(2 << _BITS, np.uint64)
    for name, index in indices.items():
        data = np.frombuffer(name.encode(), np.uint8)
        value = name_hash(data, 0, len(data))
        at = 2 * int(value >> _SHIFT)
        while places[at + 1]:
            at = (at + 2) % len(places)
        places[at : at + 2] = value, index
    return places
