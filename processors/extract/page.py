"""A page's bytes to its text and what it declares: decoded, parsed, chosen from, rendered.

Heavy imports stand in the functions, so that a recipe can be read without them.
"""

import re
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING

from corpus.errors import InputError, RecipeError
from processors.charset import decode
from processors.extract.limits import HtmlLimits, PageError
from processors.normalize import normalize

if TYPE_CHECKING:
    from processors.extract.nodes import Nodes

EXTRACTORS = ("main", "trafilatura", "whole", "none")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text, not yet normalised, and what it declares about itself."""

    text: str
    charset: str
    title: str | None = None
    language: str | None = None
    canonical: str | None = None
    date: str | None = None  # ISO 8601 where it can be read
    author: str | None = None
    licence: str | None = None  # an SPDX identifier for Creative Commons, else as stated
    robots: str | None = None  # lower case, sorted, ", " between


def html_to_text(html: bytes | str, *, content_type: str | None = None, extractor: str = "main") -> str:
    """The normalised text of a page. `content_type` is its HTTP header, from which a charset is taken.

    `main` is the content without navigation and the like, `whole` all that a browser shows, `trafilatura` the package's
    choice. Raises RecipeError for an unknown extractor and PageError (an InputError) for a page beyond the limits.
    """
    return normalize(_extract(html, content_type, extractor, HtmlLimits())[0])


def extract_page(
    html: bytes | str, *, content_type: str | None = None, extractor: str = "main", limits: HtmlLimits | None = None
) -> Page:
    """The text of a page by `extractor`, with its declarations. Raises as `html_to_text` does."""
    from processors.extract.declared import declared

    text, charset, nodes = _extract(html, content_type, extractor, limits or HtmlLimits())
    return Page(text, charset, **declared(nodes))


def check_extractor(name: str) -> None:
    """Raises RecipeError for an extractor that there is not, InputError for one whose package is not installed."""
    if name not in EXTRACTORS:
        raise RecipeError(f"unknown extractor `{name}`; there are {', '.join(EXTRACTORS)}")
    if name == "trafilatura" and find_spec("trafilatura") is None:
        raise InputError("the extractor `trafilatura` needs its package: pip install trafilatura, or take `main`")


def parse_content_type(header: str | None) -> tuple[str, str | None]:
    """The media type in lower case and the charset of a Content-Type header; "" and None where it has none.

    Of two headers that a server or a crawler has joined by a comma, the first.
    """
    media_type, _, rest = (header or "").partition(";")
    match = _CHARSET.search(rest)
    return media_type.partition(",")[0].strip().lower(), match[1] if match else None


def _extract(
    html: bytes | str, content_type: str | None, extractor: str, limits: HtmlLimits
) -> tuple[str, str, "Nodes"]:
    """The text by `extractor`, the charset of the page and its nodes."""
    check_extractor(extractor)
    if len(html) > limits.max_bytes:  # before anything is copied
        raise PageError("html_too_large", f"the page has {len(html)} bytes, at most {limits.max_bytes} are parsed")
    if extractor == "none":
        raise PageError("not_text", "the extractor `none` takes text records only; `main` and `whole` read HTML")
    import numpy as np

    from processors.extract.nodes import parse
    from processors.extract.render import render

    media_type, declared_charset = parse_content_type(content_type)
    text, charset = (html, "utf-8") if isinstance(html, str) else decode(html, declared_charset, markup=True)
    if media_type == "application/xhtml+xml":
        text = _SELF_CLOSED.sub(_close, _without_cdata(text))
    nodes = parse(text, limits)
    if extractor == "trafilatura":
        return _by_trafilatura(text), charset, nodes
    if extractor == "whole":
        return render(nodes, np.ones(len(nodes), np.bool_)), charset, nodes
    from processors.extract.main import content

    return render(nodes, content(nodes)), charset, nodes


def _by_trafilatura(text: str) -> str:
    from trafilatura import extract

    return extract(text) or ""


def _without_cdata(text: str) -> str:
    """XHTML with its CDATA sections as escaped text; an HTML parser takes them for comments."""
    parts = text.split("<![CDATA[")
    for i, part in enumerate(parts[1:], 1):
        inside, end, after = part.partition("]]>")
        parts[i] = escape(inside, quote=False) + after if end else f"<![CDATA[{part}"
    return "".join(parts)


def _close(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name.lower() in _VOID else f"<{name}{match[2] or ''}></{name}>"


_CHARSET = re.compile(r"charset\s{0,8}=\s{0,8}[\"']?([\w:.-]{1,40})", re.IGNORECASE)
# An XML parser reads <title/> as an empty element, an HTML parser as an open one that swallows the page.
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]{0,63})(\s[^<>]{0,4096})?/>")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
