"""A page's element tree as flat arrays: HTML goes in, `Nodes` in document order come out.

    text ──Resiliparse (Lexbor, a conformant HTML parser)──> tree ──> its serialisation, well-formed
         ──one compiled walk over those bytes──> tag, parent, end, depth, start, stop of each node

Serialised HTML can be scanned without a parser's rules: every element is closed but the void ones, attribute values
stand in double quotes and hold no ">" (HTML Standard, "Serializing HTML fragments"), text holds no "<". Resiliparse is
due to Bevendorff et al., "Elastic ChatNoir", ECIR 2018. It holds Python's lock while it works, so pages run side by
side in processes only.
"""

import re
from dataclasses import dataclass

import numpy as np

from processors.extract.cost import refuse_costly
from processors.extract.limits import HtmlLimits, PageError
from processors.extract.scan import find_attribute, find_attributes, scan_nodes
from processors.extract.tags import INDEX, OTHER, TAGS, TEXT, flags, table


@dataclass(frozen=True, slots=True)
class Nodes:
    """The elements and texts of a page in document order; node 0 is the root element. Comments are left out.

    The subtree of node i is the nodes [i, end[i]). The bytes html[start[i]:stop[i]] are the text of a text node, with
    the references `&amp;`, `&lt;`, `&gt;` and `&nbsp;` (none in a script, style and the like), and the attributes of an
    element, each ` name="value"` with `&amp;`, `&quot;`, `&lt;`, `&gt;`, `&nbsp;`.
    """

    source: bytes
    html: np.ndarray  # uint8[bytes] over `source`, read-only
    tag: np.ndarray  # int16[n], index in TAGS; 0 for a text, 1 for an element that TAGS lacks
    parent: np.ndarray  # int32[n], -1 for a node without one
    end: np.ndarray  # int32[n], one past the last descendant
    depth: np.ndarray  # int16[n], 0 for the root
    start: np.ndarray  # int32[n]
    stop: np.ndarray  # int32[n]

    def __len__(self) -> int:
        return len(self.tag)

    def attribute(self, node: int, name: bytes) -> bytes | None:
        """The value of an element's attribute with its references resolved, UTF-8; None where it has none."""
        if self.tag[node] == TEXT:
            return None
        start, stop = find_attribute(self.html, self.start[node], self.stop[node], np.frombuffer(name, np.uint8))
        return unescape(self.source[start:stop]) if start >= 0 else None

    def attributes_of(self, node: int) -> dict[bytes, bytes]:
        """All attributes of an element, references resolved, UTF-8."""
        found = _ATTRIBUTE.findall(self.source, self.start[node], self.stop[node])
        return {name: unescape(value) for name, value in found}

    def attributes(self, *names: bytes) -> np.ndarray:
        """int32[len(names), n, 2]: where in `html` each element's attribute value begins and ends; -1 where none."""
        data, offsets = _packed(names)
        return find_attributes(self.html, self.tag, self.start, self.stop, data, offsets)

    def text(self, node: int) -> str:
        """All text inside a node, as it stands."""
        if self.end[node] <= node + 2:  # one text or none: a title, most often
            texts = list(range(node + (self.tag[node] != TEXT), self.end[node]))
        else:
            texts = (np.flatnonzero(self.tag[node : self.end[node]] == TEXT) + node).tolist()
        return b"".join(unescape(self.source[self.start[i] : self.stop[i]]) for i in texts).decode("utf-8", "replace")

    def find(self, name: str) -> np.ndarray:
        """int64[k]: the elements of a name that `TAGS` holds, in document order."""
        return np.flatnonzero(self.tag == INDEX[name])


def parse(text: str, limits: HtmlLimits | None = None) -> Nodes:
    """The nodes of a page. Any text is HTML; raises PageError for a page beyond the limits."""
    from resiliparse.parse.html import HTMLTree

    limits = limits or HtmlLimits()
    text, data = _clean(text)
    _refuse(data, limits)
    source = str(HTMLTree.parse(text)).encode()
    return scan(source, limits.max_depth)


def scan(source: bytes, max_depth: int = 512) -> Nodes:
    """The nodes of serialised HTML. Raises PageError where elements are nested deeper than `max_depth`."""
    html = np.frombuffer(source, np.uint8)
    if html.size == 0:
        html = np.zeros(0, np.uint8)
    count, *arrays = scan_nodes(html, source.count(b"<"), max_depth, _NAMES, _FLAGS)
    if count < 0:
        raise PageError("html_too_deep", f"elements are nested deeper than {max_depth}; such a page is not read")
    return Nodes(source, html, *(array[:count] for array in arrays))


def unescape(data: bytes) -> bytes:
    """`data` with the five references resolved that serialised HTML holds."""
    if b"&" not in data:
        return data
    for reference, character in _REFERENCES:
        data = data.replace(reference, character)
    return data


def _clean(text: str) -> tuple[str, bytes]:
    """The text and its UTF-8 with U+FFFD for NUL, which a parser would drop, and for lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        return text, text.encode()
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
        return text, text.encode()


def _refuse(data: bytes, limits: HtmlLimits) -> None:
    if len(data) > limits.max_bytes:
        raise PageError("html_too_large", f"the page has {len(data)} bytes, at most {limits.max_bytes} are parsed")
    tags = data.count(b"<")
    if tags > limits.max_tags:
        raise PageError("html_too_many_tags", f"the page has {tags} tags, at most {limits.max_tags} are parsed")
    refuse_costly(data, tags)


def _packed(names: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, names)])
    return np.frombuffer(b"".join(names), np.uint8), offsets


_NAMES = table({name: index for name, index in INDEX.items() if index > OTHER})
_FLAGS = flags()
_ATTRIBUTE = re.compile(rb' ([^ ][^=]*)="([^"]*)"')
_SURROGATES = re.compile("[\ud800-\udfff]")
_REFERENCES = (
    (b"&nbsp;", "\u00a0".encode()), (b"&quot;", b'"'), (b"&lt;", b"<"), (b"&gt;", b">"), (b"&amp;", b"&"),
)  # fmt: skip

__all__ = ["OTHER", "TAGS", "TEXT", "HtmlLimits", "Nodes", "PageError", "parse", "scan", "unescape"]
