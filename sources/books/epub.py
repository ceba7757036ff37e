"""EPUB (2 and 3) to one document: the spine's pages in order, the package's metadata as columns.

    zip ──package──> pages in order ──ready──> markup ──extract──> chapters ──> one text, where each chapter begins

Pages are parsed as HTML, which knows no external entities. Nothing is fetched and nothing is written to disk. A page
that is no text (cover, contents, licence) or cannot be read is an item of its own, after the book's.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from processors.charset import decode
from processors.extract import PageError, extract_page
from processors.normalize import is_blank, normalize
from sources.books import page as epub_page
from sources.books.gutenberg import Framed, without_gutenberg
from sources.books.package import XML_BYTES, Package, Part, parse_xml, read_package
from sources.containers.zips import FAULTS, directory_problem
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, printable, skip
from sources.settings import ReadSettings

# Obfuscated fonts are no DRM (EPUB 3.3, section 4.4; the second is Adobe's).
_FONT_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass(frozen=True, slots=True)
class _Aside:
    """A page that is not in the text."""

    outcome: Literal["skipped", "quarantined"]
    reason: str
    href: str
    detail: str = ""


@dataclass
class _Book:
    """What is gathered while the pages are read."""

    chapters: list[tuple[str | None, bytes]] = field(default_factory=list)  # text in UTF-8, at times a fourth of `str`
    asides: list[_Aside] = field(default_factory=list)
    frame: Framed | None = None
    read: int = 0  # bytes of pages, expanded
    text: int = 0  # bytes of the chapters


def read_epub(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The book, and with rising ordinals every page of its spine that is not in it."""
    size = path.stat().st_size
    book = _Book()
    yield attempt(partial(_document, path, settings, book), settings, 0, size, "byte", None)
    for ordinal, aside in enumerate(book.asides, 1):
        yield Item(
            0, size, aside.outcome, aside.reason, (printable(aside.detail) or "")[:1000], ordinal=ordinal,
            name=printable(aside.href),
        )  # fmt: skip


def _document(path: Path, settings: ReadSettings, book: _Book) -> Document:
    if problem := directory_problem(path, settings):
        raise UnreadError(*problem)
    try:
        archive = zipfile.ZipFile(path)
    except FAULTS as error:
        raise UnreadError("not_a_zip", f"{error}") from error
    with archive:
        _refuse_drm(archive)
        package = read_package(partial(_member, archive))
        for href, reason in package.odd:
            book.asides.append(_Aside("skipped" if reason == "not_a_page" else "quarantined", reason, href))
        for part in package.parts:
            try:
                _read_page(archive, part, settings, book)
            except PageError as refused:
                book.asides.append(_Aside("quarantined", refused.reason, part.href, str(refused)))
            except UnreadError as unread:
                if unread.reason == "book_too_large":
                    raise
                book.asides.append(_Aside(unread.outcome, unread.reason, part.href, unread.detail))
    if not book.chapters:
        detail = "; ".join(f"{aside.reason}: {aside.href}" for aside in book.asides)[:1000]
        raise UnreadError("no_chapters", detail or "the spine names no page")
    return _joined(package, book)


def _read_page(archive: zipfile.ZipFile, part: Part, settings: ReadSettings, book: _Book) -> None:
    """Adds a page's text to the chapters. Raises UnreadError or PageError for one that gives none."""
    data = _member(archive, part.href, settings.max_html_bytes)
    book.read += len(data)
    if book.read > settings.max_book_bytes:
        raise UnreadError(
            "book_too_large", f"its pages expand to more than {settings.max_book_bytes} bytes (max_book_bytes)"
        )
    source, _ = decode(data, None, markup=True)
    markup = epub_page.ready(source)
    page = extract_page(markup, content_type="application/xhtml+xml", extractor="whole", limits=settings.html_limits)
    text = normalize(page.text.replace("\xad", ""))
    if reason := epub_page.purpose(part.href, part.roles, source, markup, text):
        raise skip(reason)
    framed = without_gutenberg(text)
    if framed.found:
        book.frame = book.frame or framed
        text = normalize(framed.text)
        if is_blank(text):
            raise skip("licence_page")
    if is_blank(text):
        raise skip("empty_text")
    data = text.encode()
    book.text += len(data)
    if book.text > settings.max_document_bytes:
        raise UnreadError(
            "book_too_large", f"more than {settings.max_document_bytes} bytes of text (max_document_bytes)"
        )
    book.chapters.append((part.title or epub_page.heading(source), data))


def _joined(package: Package, book: _Book) -> Document:
    """One text of all chapters. Where they begin still holds after it is normalised again, as they are and stay so."""
    starts: list[dict[str, Any]] = []
    at = 0
    for title, text in book.chapters:
        starts.append({"start": at, "title": title})
        at += len(text) + 2
    meta: dict[str, Any] = {"chapters": starts}  # in UTF-8 bytes of the text
    if package.problems:
        meta["problems"] = package.problems
    frame = book.frame or Framed("")
    if frame.found:
        meta |= frame.meta
    return Document(
        b"\n\n".join(text for _, text in book.chapters).decode(), user_id=package.identifier,
        title=package.title or frame.title, author=package.author or frame.author, date=package.date or frame.date,
        language=package.language or frame.language, licence=package.licence, media_type="application/epub+zip",
        charset="utf-8", meta=meta,
    )  # fmt: skip


def _refuse_drm(archive: zipfile.ZipFile) -> None:
    if "META-INF/encryption.xml" not in archive.NameToInfo:
        return
    root = parse_xml(_member(archive, "META-INF/encryption.xml", XML_BYTES), "bad_encryption_xml")
    methods = [element.get("Algorithm", "") for element in root.iter() if element.tag.endswith("}EncryptionMethod")]
    if any(method not in _FONT_ONLY for method in methods):
        raise UnreadError("drm", f"encrypted with {methods[0][:200]}")


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        with archive.open(name) as file:
            data = file.read(limit + 1)
    except KeyError as error:
        raise UnreadError("missing", name[:200]) from error
    except FAULTS as error:
        raise UnreadError("corrupt", f"{name[:200]}: {error}") from error
    if len(data) > limit:
        raise UnreadError("too_large", f"{name[:200]}: more than {limit} bytes")
    return data
