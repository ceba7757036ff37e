"""The web: WARC and WET archives and HTML files to documents.

An HTML response of status 200 becomes a document through `processors.extract`; a WET `conversion` record holds its
text already. Every other record is skipped, every unreadable one quarantined, with a reason.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from processors.charset import decode
from processors.extract import extract_page, parse_content_type
from sources.compression import chunks
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, skip
from sources.response import decoded_body, parse_response
from sources.settings import ReadSettings
from sources.warc import Record, looks_like_warc, read_warc
from sources.wholefile import whole_file
from sources.window import Window

_HTML = ("text/html", "application/xhtml+xml")
_HTML_NAME = re.compile(r"\.x?html?(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)
_MARKUP = re.compile(rb"<!doctype\s+html|<html|<head|<body|<title|<p[\s>]|<div|<table|<h[1-6]|<!--", re.IGNORECASE)


def read_web(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of a WARC, WET or HTML file. What the file is, its name says; WARC also its first bytes."""
    if _HTML_NAME.search(path.name) and not looks_like_warc(Window(chunks(path, 2**20)).peek(64)):
        yield whole_file(path, settings, settings.max_html_bytes, lambda data: _page(data, None, None, settings))
        return
    unit, records = read_warc(path, settings)
    for record in records:
        url = record.head.get("warc-target-uri", "").strip("<>") or None
        make = partial(_document, record, url, settings)
        yield attempt(make, settings, record.start, record.end, unit, url, record.ordinal)


def _document(record: Record, url: str | None, settings: ReadSettings) -> Document:
    if record.problem:
        raise UnreadError(record.problem, record.detail)
    kind = record.head.get("warc-type", "").lower()
    if kind == "conversion":
        return _converted(record, url)
    if kind != "response":
        raise skip(f"{kind}_record" if kind in _OTHERS else "other_record", kind[:80])
    media_type = parse_content_type(record.head.get("content-type"))[0]
    if media_type == "application/http" or record.block.startswith(b"HTTP/"):
        return _response(record, url, settings)
    if media_type in _HTML:  # no head stored: the record's type is the page's
        return _page(record.block, record.head["content-type"], url, settings)
    raise UnreadError("no_http_head", f"a response of type {media_type[:80]}")


def _converted(record: Record, url: str | None) -> Document:
    media_type, declared = parse_content_type(record.head.get("content-type"))
    if not media_type.startswith("text/"):
        raise skip("not_text", media_type[:80])
    text, charset = decode(record.block, declared)
    languages = record.head.get("warc-identified-content-language") or record.head.get("content-language")
    meta = {"warc_id": record.head.get("warc-record-id"), "crawled": record.head.get("warc-date")}
    return Document(text, url=url, language=languages, media_type=media_type, charset=charset, meta=meta)


def _response(record: Record, url: str | None, settings: ReadSettings) -> Document:
    response = parse_response(record.block, settings)
    if response.status != 200:
        raise skip("http_status", str(response.status))
    content_type = response.head.get("content-type")
    media_type = parse_content_type(content_type)[0]
    if media_type and media_type not in _HTML:
        raise skip("not_html", media_type[:80])
    body = decoded_body(response, settings)
    if not body:
        raise skip("empty_body")
    if not media_type and not _MARKUP.search(body[:2048]):
        raise skip("not_html", "no Content-Type and no markup")
    meta: dict[str, object] = {
        "status": 200,
        "warc_id": record.head.get("warc-record-id"),
        "crawled": record.head.get("warc-date"),
    }
    if "warc-truncated" in record.head:
        meta["truncated"] = record.head["warc-truncated"]
    return _page(body, content_type, url, settings, meta, response.head.get("content-language"))


def _page(
    body: bytes,
    content_type: str | None,
    url: str | None,
    settings: ReadSettings,
    meta: dict[str, object] | None = None,
    language: str | None = None,
) -> Document:
    if magic := next((name for name, head in _BINARY.items() if body.startswith(head)), None):
        raise skip("not_html", f"the body is {magic}")
    page = extract_page(body, content_type=content_type, extractor=settings.extractor, limits=settings.html_limits)
    meta = dict(meta or {})
    if page.canonical:
        meta["canonical"] = page.canonical
    return Document(
        page.text, url=url, title=page.title, author=page.author, date=page.date, language=page.language or language,
        media_type=parse_content_type(content_type)[0] or "text/html", charset=page.charset, meta=meta,
    )  # fmt: skip


_OTHERS = ("warcinfo", "request", "metadata", "revisit", "resource", "continuation")
_BINARY = {
    "PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8", "PDF": b"%PDF-", "zip": b"PK\x03\x04",
    "gzip": b"\x1f\x8b",
}  # fmt: skip
