"""HTML to text: pages go in as bytes or text, plain text and what the page says of itself come out.

The parsing and the choice of the main content are Resiliparse's (Bevendorff et al., "Elastic ChatNoir", ECIR 2018). It
holds Python's lock while it works, so pages run side by side in processes only. Its cost grows with depth times nodes,
so both are counted before: what is beyond the limits raises `PageError` instead of holding a worker for minutes.
"""

import re
from dataclasses import dataclass
from typing import Any

from corpus.errors import InputError, RecipeError
from processors.charset import decode
from processors.normalize import normalize

EXTRACTORS = ("main", "whole")


class PageError(InputError):
    """A page beyond a counted limit; `reason` is its name in snake_case."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class HtmlLimits:
    """What a page may cost: UTF-8 bytes, elements within elements, tags."""

    max_bytes: int = 16 * 2**20
    max_depth: int = 512
    max_tags: int = 250_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text, not yet normalised, and what it declares about itself."""

    text: str
    charset: str
    title: str | None = None
    language: str | None = None
    canonical: str | None = None
    date: str | None = None
    author: str | None = None


def html_to_text(html: bytes | str, *, content_type: str | None = None, extractor: str = "main") -> str:
    """The normalised text of a page. `content_type` is its HTTP header, from which a charset is taken.

    Raises RecipeError for an unknown extractor and PageError (an InputError) for a page beyond the limits.
    """
    return normalize(extract_page(html, content_type=content_type, extractor=extractor).text)


def extract_page(
    html: bytes | str, *, content_type: str | None = None, extractor: str = "main", limits: HtmlLimits | None = None
) -> Page:
    """The text of a page by `extractor` (`main` or `whole`) with its declarations. Raises as `html_to_text` does."""
    if extractor not in EXTRACTORS:
        raise RecipeError(f"unknown extractor `{extractor}`; there are {', '.join(EXTRACTORS)}")
    limits = limits or HtmlLimits()
    if len(html) > limits.max_bytes:  # before anything is copied
        raise PageError("html_too_large", f"the page has {len(html)} bytes, at most {limits.max_bytes} are parsed")
    media_type, declared = parse_content_type(content_type)
    text, charset = (html, "utf-8") if isinstance(html, str) else decode(html, declared, markup=True)
    if media_type == "application/xhtml+xml":
        text = _SELF_CLOSED.sub(_close, text)
    return _extract(text, charset, extractor, limits)


def parse_content_type(header: str | None) -> tuple[str, str | None]:
    """The media type in lower case and the charset of a Content-Type header; "" and None where it has none."""
    media_type, _, rest = (header or "").partition(";")
    match = _CHARSET.search(rest)
    return media_type.strip().lower(), match[1] if match else None


def _extract(text: str, charset: str, extractor: str, limits: HtmlLimits) -> Page:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    deep = _may_be_deep(text, limits)
    tree = HTMLTree.parse(text.replace("\x00", "\ufffd"))
    if deep and _depth_exceeds(tree, limits.max_depth):
        raise PageError("html_too_deep", f"elements are nested deeper than {limits.max_depth}; such a page is not read")
    main = extractor == "main"
    plain = extract_plain_text(
        tree, main_content=main, post_meta=False, alt_texts=not main, skip_elements=_THREADS if main else None
    )
    return Page(plain, charset, **_declarations(tree))


def _may_be_deep(text: str, limits: HtmlLimits) -> bool:
    """Whether the tags could nest too deeply; a page of few tags costs little however they nest.

    The bound is the sum over names of the most that were open at once. It can fall short by a small factor where a
    closing tag is ignored (inside a table cell, say), as the element that shields is open and counted itself.
    """
    size = len(text.encode("utf-8", "replace")) if 4 * len(text) > limits.max_bytes else 0
    if size > limits.max_bytes:
        raise PageError("html_too_large", f"the page has {size} bytes, at most {limits.max_bytes} are parsed")
    tags = text.count("<")
    if tags > limits.max_tags:
        raise PageError("html_too_many_tags", f"the page has {tags} tags, at most {limits.max_tags} are parsed")
    if tags <= 8 * limits.max_depth:
        return False
    unclosed: dict[str, int] = {}
    most: dict[str, int] = {}
    for closing, name in _TAG.findall(text):
        now = unclosed.get(name, 0)
        if closing:
            unclosed[name] = now - 1 if now else 0
        elif name not in _VOID:
            unclosed[name] = now = now + 1
            if now > most.get(name, 0):
                most[name] = now
    return sum(most.values()) > limits.max_depth


def _depth_exceeds(tree: Any, limit: int) -> bool:
    node, depth = tree.document.document_element, 1
    root = node
    while node is not None:
        child = node.first_element_child
        if child is not None:
            node, depth = child, depth + 1
            if depth > limit:
                return True
            continue
        while node is not None and node != root and node.next_element is None:
            node, depth = node.parent_element, depth - 1
        node = None if node is None or node == root else node.next_element
    return False


def _declarations(tree: Any) -> dict[str, str | None]:
    root, head = tree.document.document_element, tree.head
    found: dict[str, str | None] = {
        "title": _tidy(tree.title),
        "language": _tidy(root.getattr("lang")) if root else None,
    }
    if head is None:
        return found
    for meta in head.query_selector_all(_META):
        keys = [(meta.getattr(key) or "").lower() for key in ("name", "property")]
        field = next(_META_FIELDS[key] for key in keys if key in _META_FIELDS)
        found[field] = found.get(field) or _tidy(meta.getattr("content"))
    if link := head.query_selector('link[rel="canonical" i]'):
        found["canonical"] = _tidy(link.getattr("href"))
    return found


def _tidy(value: str | None) -> str | None:
    return " ".join(normalize(value[:4096]).split())[:1024] or None if value else None


def _close(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name.lower() in _VOID else f"<{name}{match[2] or ''}></{name}>"


_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]{0,63})")
_CHARSET = re.compile(r"charset\s{0,8}=\s{0,8}[\"']?([\w:.-]{1,40})", re.IGNORECASE)
# An XML parser reads <title/> as an empty element, an HTML parser as an open one that swallows the page.
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]{0,63})(\s[^<>]{0,4096})?/>")
# Where readers' comments stand on common blog systems. Resiliparse's own rule (`comments=False`) also takes
# a manual's section that is named so.
_THREADS = ["#disqus_thread", ".comment-list", ".commentlist", "ol.comments", "#respond"]
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_META_FIELDS = {
    "article:published_time": "date", "dc.date": "date", "dcterms.created": "date", "date": "date",
    "author": "author", "dc.creator": "author",
}  # fmt: skip
_META = ",".join(f'meta[{key}="{name}" i]' for name in _META_FIELDS for key in ("name", "property"))
