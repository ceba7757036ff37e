"""A page of an EPUB made ready for text: markup in; markup without page numbers, contents and foreign frames out.

What a page is for (cover, contents, licence), the package, `epub:type` and the file's name announce and the page's own
length or links confirm: an announcement alone drops nothing but navigation documents.
"""

import re

_TYPE = r"(?:epub:type|role)\s{0,9}=\s{0,9}[\"'][^\"']{0,300}\b"
_CLASS = r"class\s{0,9}=\s{0,9}[\"'][^\"']{0,300}\b"
_ANCHOR = re.compile(r"<a\b([^<>]{0,1000})>((?:[^<]|<(?!/?a\b)){0,300}?)</a>", re.IGNORECASE)
_LINKED = re.compile(r"<a\b[^<>]{0,1000}href[^<>]{0,1000}>((?:[^<]|<(?!/?a\b)){0,1000}?)</a>", re.IGNORECASE)
_REFERENCE = re.compile(
    rf"{_TYPE}(?:doc-)?noteref\b|{_CLASS}(?:noteref|footnote-?ref\w*|footnote|fnref|fnanchor|footnoteref)\b",
    re.IGNORECASE,
)
_BACK = re.compile(rf"{_TYPE}(?:doc-)?backlink\b|{_CLASS}(?:footnote-?back\w*|backlink|fn-backref)\b", re.IGNORECASE)
_ARROWS = frozenset("↩↑^⏎↵←⤴")
_MARK = re.compile(r"\[?(\d{1,4}|[a-zA-Z]|[*†‡§¶‖]{1,3})\]?")
_RAISED = re.compile(r"<sup\b[^<>]{0,500}>\s*$", re.IGNORECASE)
_PAGE_NUMBER = re.compile(
    rf"<(span|a|div|p)\b[^<>]{{0,500}}(?:{_TYPE}(?:doc-)?pagebreak\b|{_CLASS}(?:pagenum|page-?number|pageno|newpage)\b)"
    r"[^<>]{0,500}>(?:[^<]|<(?!/?\1\b)){0,200}?</\1>",
    re.IGNORECASE,
)
_CONTENTS = re.compile(
    rf"<(nav|div|section|ul|ol)\b[^<>]{{0,500}}(?:{_TYPE}(?:doc-)?(?:toc|landmarks|page-list|loi|lot)\b"
    rf"|{_CLASS}(?:toc|toctree-wrapper|table-of-contents|list-of-(?:tables|figures|examples))(?=[\s\"']))[^<>]{{0,500}}>",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"<(section|div|pre|p)\b[^<>]{0,500}(?:\bid\s*=\s*[\"']pg-(?:header|footer|machine-header|start-separator|end-separator)"
    rf"|{_CLASS}(?:pg-boilerplate|pgheader|pgfooter))[^<>]{{0,500}}>",
    re.IGNORECASE,
)
_SUBSET = re.compile(r"<!DOCTYPE[^<>\[]{0,1000}\[.{0,20000}?\]\s{0,100}>", re.IGNORECASE | re.DOTALL)
_BODY = re.compile(r"<body\b[^<>]{0,2000}>(?:\s*<(?:section|div|article|nav)\b[^<>]{0,2000}>){0,3}", re.IGNORECASE)
_TYPES = re.compile(r"epub:type\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,5000}>")
_HEADING = re.compile(r"<h([1-4])\b[^<>]{0,500}>(.{1,2000}?)</h\1>", re.IGNORECASE | re.DOTALL)
_RIGHTS = re.compile(
    r"\bISBN\b|all rights reserved|©|\(c\)|\bcopyright\b|cataloging.in.publication|library of congress|no part of this"
    r"|\bfirst published\b|\bprinted in\b|published by",
    re.IGNORECASE,
)
_GUTENBERG = re.compile(r"\s*[\W_]*(?:THE )?FULL PROJECT GUTENBERG(?:-tm|™)? LICEN[SC]E", re.IGNORECASE)

_START = 4_000  # characters in which a page declares its type
_INDEX_MOST = 400  # characters of an index that holds little but links
_TITLE_MOST = 300  # characters that stay of a contents page without its contents
_COVER_MOST = 200  # characters of a cover, its image's description among them
_RIGHTS_MOST = 8_000  # of a page of copyright or licence that is announced as one
_RIGHTS_UNTOLD = 2_500  # and of one that is not
_SHARE_TOLD, _SHARE_UNTOLD, _LINKS = 0.4, 0.85, 4  # of the text that is links, and how many, to be a contents page


def ready(source: str) -> str:
    """`source` with note references as `[n]`, without page numbers, embedded contents and Project Gutenberg's frame."""
    doctype = source[:_START].upper().find("<!DOCTYPE")
    if doctype >= 0 and (subset := _SUBSET.match(source, doctype)):
        source = source[subset.end() :]
    source = _PAGE_NUMBER.sub("", source)
    source = _ANCHOR.sub(_reference, source)
    return _without(_FRAME, _without(_CONTENTS, source)) if "<" in source else source


def contents_share(source: str) -> float:
    """The share of a page's visible characters that are links; 0 where there are but few."""
    links = _LINKED.findall(source) if source.count("href") >= _LINKS else []
    if len(links) < _LINKS:
        return 0.0
    return sum(map(_visible, links)) / max(_visible(_body(source)), 1)


def only_images(source: str) -> bool:
    """Whether nothing but descriptions of images would come out of a page."""
    return "<img" in source and _visible(_body(source)) == 0


def _body(source: str) -> str:
    match = _BODY.search(source)
    return source[match.start() :] if match else source


def _visible(markup: str) -> int:
    return sum(map(len, _TAG.sub(" ", markup).split()))


def purpose(href: str, roles: frozenset[str], original: str, source: str, text: str) -> str | None:
    """Why a page is no part of the text: `contents_page`, `cover`, `image_page`, `licence_page`; None where it is.

    `source` is what `ready` gave for `original`, and `text` what is seen of it.
    """
    opening = _BODY.search(source)
    told = set(roles)
    for types in _TYPES.findall(opening[0]) if opening else ():
        told.update(types.lower().split())
    name = href.rpartition("/")[2].rpartition(".")[0].lower()
    share = contents_share(source)
    if "nav" in told or share >= _SHARE_UNTOLD:
        return "contents_page"
    if share >= _SHARE_TOLD and (
        told & {"toc", "landmarks", "index", "loi", "lot"} or re.search(r"toc|contents|index", name)
    ):
        return "contents_page"
    if ("index" in told or "genindex" in name) and (share > 0 or len(text) <= _INDEX_MOST):
        return "contents_page"
    left = _TITLE_MOST if "toc" in told or re.search(r"toc|contents", name) else 0
    if len(text) <= left and _CONTENTS.search(original):
        return "contents_page"
    if not text and _FRAME.search(original):
        return "licence_page"
    if (told & {"cover", "cover-page", "coverpage"} or "cover" in name) and len(text) <= _COVER_MOST:
        return "cover"
    if only_images(source):
        return "image_page"
    if _GUTENBERG.match(text):
        return "licence_page"
    named = re.search(r"copyright|licen[sc]e|legal-?notice|imprint\b|colophon", name)
    if (told & {"copyright-page", "copyright", "imprint"} or named) and len(text) <= _RIGHTS_MOST:
        return "licence_page"
    if len(text) > _RIGHTS_UNTOLD:
        return None
    return "licence_page" if len({sign.lower() for sign in _RIGHTS.findall(text)}) >= 3 else None


def heading(source: str) -> str | None:
    """The words of a page's first heading."""
    match = _HEADING.search(source[: 10 * _START])
    words = " ".join(_TAG.sub(" ", match[2]).split()) if match else ""
    return words[:300] or None


def _reference(match: re.Match[str]) -> str:
    """An anchor as it is, or its mark in brackets where it refers to a note; nothing where it leads back from one."""
    attributes, inside = match[1], match[2]
    words = _TAG.sub("", inside).strip()
    if _BACK.search(attributes) or (words and set(words) <= _ARROWS):
        return ""
    mark = _MARK.fullmatch(words)
    if not mark or "href" not in attributes:
        return match[0]
    raised = "<sup" in inside.lower() or _RAISED.search(match.string[max(0, match.start() - 500) : match.start()])
    return f"[{mark[1]}]" if _REFERENCE.search(attributes) or (raised and "#" in attributes) else match[0]


def _without(opening: re.Pattern[str], source: str) -> str:
    """`source` without the elements that begin as `opening` says, each up to the tag that closes it."""
    parts: list[str] = []
    at = 0
    while match := opening.search(source, at):
        end = _closed(source, match.end(), match[1])
        if end < 0:  # nor is any that follows
            break
        parts.append(source[at : match.start()])
        at = end
    return "".join(parts) + source[at:] if parts else source


def _closed(source: str, at: int, name: str) -> int:
    depth = 1
    for tag in re.compile(rf"<(/?){name}\b[^<>]*?(/?)>", re.IGNORECASE).finditer(source, at):
        depth += -1 if tag[1] else (0 if tag[2] else 1)
        if depth == 0:
            return tag.end()
    return -1
