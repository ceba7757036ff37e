"""The web: WARC and WET archives and HTML files to documents.

An HTML response of status 200 or an HTML `resource` record becomes a document through `processors.extract`; a WET
`conversion` record holds its text already, and with the extractor `none` plain text from the web is taken as it is too.
Every other record is skipped, every unreadable one quarantined, with a reason.

What a crawl has cut (`WARC-Truncated`, a body that ends within its chunks or its compression, the first segment of a
record) is a document of what there is, with `truncated` in its `meta`: the page will not get longer. What a *file* has
cut or damaged is quarantined, as the file can be fetched again; so is what a digest contradicts. A record whose length
lies is taken where a digest proves what lies before the next record.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from processors.charset import decode
from processors.extract import extract_page, parse_content_type
from processors.extract.values import licence_of_url
from sources.containers.compression import chunks
from sources.containers.wholefile import whole_file
from sources.containers.window import Window
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, refuse_blocked, skip
from sources.settings import ReadSettings
from sources.web.digest import judge
from sources.web.header import absolute, links, robots
from sources.web.response import Body, Response, decoded_body, parse_response
from sources.web.warc import Record, looks_like_warc, read_warc

_HTML = ("text/html", "application/xhtml+xml")
_HTML_NAME = re.compile(r"\.x?html?(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)
_WARC_NAME = re.compile(r"\.(warc|wet|wat)\b", re.IGNORECASE)
_MARKUP = re.compile(rb"<!doctype\s+html|<html|<head|<body|<title|<p[\s>]|<div|<table|<h[1-6]|<!--", re.IGNORECASE)


class _Given(NamedTuple):
    """A record on its way to a document."""

    record: Record
    fields: dict[str, str]
    url: str | None
    settings: ReadSettings


def read_web(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of a WARC, WET or HTML file. What the file is, its name says, and its first bytes where it does not."""
    if _is_page(path):
        yield whole_file(path, settings, settings.max_html_bytes, lambda data: _page(data, None, None, settings, {}))
        return
    unit, records = read_warc(path, settings)
    for record in records:
        fields = record.fields()
        url = fields.get("warc-target-uri", "").strip("<>") or None
        make = partial(_document, _Given(record, fields, url, settings))
        yield attempt(make, settings, record.start, record.end, unit, url, record.ordinal)


def _is_page(path: Path) -> bool:
    if _WARC_NAME.search(path.name):
        return False
    head = Window(chunks(path, 2**20)).peek(2048)
    return not looks_like_warc(head) and bool(_HTML_NAME.search(path.name) or _MARKUP.search(head))


def _document(given: _Given) -> Document:
    """The document of a record; of one with a problem, if digests prove it."""
    record = given.record
    if record.problem in _EMPTY:
        raise skip(record.problem, record.detail)
    if not record.problem:
        return _by_type(given)
    try:
        if record.block_end:
            return _by_type(given)
    except UnreadError as unproven:
        raise UnreadError(record.problem, record.detail) from unproven
    raise UnreadError(record.problem, record.detail)


def _by_type(given: _Given) -> Document:
    record, fields, url, settings = given
    kind = fields.get("warc-type", "").lower()
    if kind not in ("response", "resource", "conversion"):
        raise skip(f"{kind}_record" if kind in _OTHERS else "other_record", kind[:80])
    refuse_blocked(url, settings)
    block = record.block
    content_type = fields.get("content-type")
    media_type = parse_content_type(content_type)[0]
    if kind == "conversion":
        if not media_type.startswith("text/"):
            raise skip("not_text", media_type[:80])
        languages = fields.get("warc-identified-content-language") or fields.get("content-language")
        return _text(given, block, content_type, _meta(given, block, [block]), languages)
    if kind == "response" and (media_type in ("", "application/http") or block.startswith(b"HTTP/")):
        return _response(given, block)
    # no head stored (a resource, or what came by DNS or FTP): the record's type is the page's
    return _by_media_type(given, content_type, block, Body(block, "", [block]))


def _response(given: _Given, block: bytes) -> Document:
    response = parse_response(block, given.settings)
    if response.status != 200:
        raise skip("http_status", str(response.status))
    content_type = response.first("content-type") or given.fields.get("warc-identified-payload-type")
    _refuse_type(parse_content_type(content_type)[0], given.settings)
    return _by_media_type(given, content_type, block, decoded_body(response, given.settings), response)


def _refuse_type(media_type: str, settings: ReadSettings) -> None:
    if settings.extractor == "none":
        if media_type != "text/plain":
            raise skip("not_text", media_type[:80])
    elif media_type and media_type not in _HTML:
        raise skip("not_html", media_type[:80])


def _by_media_type(
    given: _Given, content_type: str | None, block: bytes, body: Body, response: Response | None = None
) -> Document:
    """The document of a body whose encodings are undone."""
    media_type = parse_content_type(content_type)[0]
    _refuse_type(media_type, given.settings)
    data = body.data
    if not data:
        raise skip("empty_body")
    if not media_type and not _MARKUP.search(data[:2048]):
        raise skip("not_html", "no Content-Type and no markup")
    meta = _meta(given, block, body.forms, body.cut)
    if media_type == "text/plain":
        return _text(given, data, content_type, meta, response.first("content-language") if response else None)
    return _page(data, content_type, given.url, given.settings, meta, response)


def _meta(given: _Given, block: bytes, forms: list[bytes], cut: str = "") -> dict[str, object]:
    """What the record says of itself, once its digests are asked; `forms` are what the payload's may be of.

    Raises UnreadError: `digest_mismatch`, or the record's own problem where no digest proves it.
    """
    record, fields, _, settings = given
    verdict = judge(fields, block, forms) if settings.check_digests or record.problem else "none"
    if record.problem and verdict != "holds":
        raise UnreadError(record.problem, record.detail)
    if verdict == "mismatch":
        stated = fields.get("warc-payload-digest") or fields.get("warc-block-digest", "")
        raise UnreadError("digest_mismatch", f"the bytes are not those of {stated[:120]}")
    meta: dict[str, object] = {"warc_id": fields.get("warc-record-id"), "crawled": fields.get("warc-date")}
    if verdict == "unknown":
        meta["digest"] = "unknown algorithm"
    if record.problem:
        meta["mended"] = record.problem
    segment = "segment" if "warc-segment-number" in fields else ""
    if truncated := fields.get("warc-truncated") or cut or segment:
        meta["truncated"] = truncated
    return meta


def _text(
    given: _Given, body: bytes, content_type: str | None, meta: dict[str, object], language: str | None
) -> Document:
    """A document of text that stands there as it is."""
    limit = given.settings.max_html_bytes
    if len(body) > limit:
        raise UnreadError("too_large", f"a text of {len(body)} bytes, at most {limit} are taken (max_html_bytes)")
    media_type, declared = parse_content_type(content_type)
    text, charset = decode(body, declared)
    return Document(text, url=given.url, language=language, media_type=media_type, charset=charset, meta=meta)


def _page(
    body: bytes,
    content_type: str | None,
    url: str | None,
    settings: ReadSettings,
    meta: dict[str, object],
    response: Response | None = None,
) -> Document:
    """A document of HTML; what its HTTP head says fills in where the page itself is silent, and adds to its robots."""
    if magic := next((name for name, head in _BINARY.items() if body.startswith(head)), None):
        raise skip("not_html", f"the body is {magic}")
    page = extract_page(body, content_type=content_type, extractor=settings.extractor, limits=settings.html_limits)
    linked = links(response.every("link")) if response else {}
    reserved = response.every("tdm-reservation") if response else []
    tags = [*(response.every("x-robots-tag") if response else []), *(f"tdm-reservation: {value}" for value in reserved)]
    licence = absolute(linked.get("license"), url)
    return Document(
        page.text, url=url, canonical=absolute(page.canonical or linked.get("canonical"), url), title=page.title,
        author=page.author, date=page.date,
        language=page.language or (response.first("content-language") if response else None),
        licence=page.licence or (licence_of_url(licence) or licence if licence else None),
        robots=robots(tags, page.robots),
        media_type=parse_content_type(content_type)[0] or "text/html", charset=page.charset, meta=meta,
    )  # fmt: skip


_OTHERS = ("warcinfo", "request", "metadata", "revisit", "continuation")
_EMPTY = ("empty_member", "padding", "dictionary")  # stretches that hold nothing, none of them damaged
_BINARY = {
    "PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8", "PDF": b"%PDF-", "zip": b"PK\x03\x04",
    "gzip": b"\x1f\x8b",
}  # fmt: skip
