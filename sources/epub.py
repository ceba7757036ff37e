"""EPUB (2 and 3) to one document: the spine's pages in order, the package's metadata as columns.

Read after EPUB 3.3 (W3C, https://www.w3.org/TR/epub-33/): `META-INF/container.xml` names the package document, whose
manifest names the files and whose spine orders them. Pages are parsed as HTML, which knows no external entities; the
two XML files are refused if they declare any. Nothing is fetched and nothing is written to disk.
"""

import posixpath
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from processors.extract import PageError, extract_page
from processors.normalize import is_blank, normalize
from sources.item import Document
from sources.outcome import UnreadError
from sources.settings import ReadSettings
from sources.zips import FAULTS

_XML_BYTES = 8 * 2**20
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
# Obfuscated fonts are no DRM (EPUB 3.3, section 4.4; the second is Adobe's).
_FONT_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_DC = "{http://purl.org/dc/elements/1.1/}"


@dataclass(frozen=True, slots=True)
class _Package:
    folder: str
    stated: dict[str, list[str]]
    hrefs: list[str]  # of the spine's pages, as paths in the zip
    problems: list[str]


def read_epub(path: Path, settings: ReadSettings) -> Document:
    """The book. Raises UnreadError where it cannot be read; what only a chapter lacks stands in meta's `problems`."""
    try:
        archive = zipfile.ZipFile(path)
    except FAULTS as error:
        raise UnreadError("not_a_zip", f"{error}") from error
    with archive:
        _refuse_drm(archive)
        package = _package(archive)
        chapters, problems = _chapters(archive, package, settings)
    if not chapters:
        raise UnreadError("no_chapters", "; ".join(problems)[:1000] or "the spine names no page")
    text, starts = "", []
    parts: list[str] = []
    at = 0
    for title, chapter in chapters:
        starts.append({"start": at, "title": title})
        parts.append(chapter)
        at += len(chapter.encode()) + 2
    text = "\n\n".join(parts)
    stated = {key: "; ".join(values) for key, values in package.stated.items() if values}
    meta: dict[str, Any] = {"chapters": starts}  # starts in UTF-8 bytes of the text
    if problems:
        meta["problems"] = problems
    return Document(
        text, user_id=stated.get("identifier"), title=stated.get("title"), author=stated.get("creator"),
        date=stated.get("date"), language=stated.get("language"), licence=stated.get("rights"),
        media_type="application/epub+zip", charset="utf-8", meta=meta,
    )  # fmt: skip


def _chapters(
    archive: zipfile.ZipFile, package: _Package, settings: ReadSettings
) -> tuple[list[tuple[str | None, str]], list[str]]:
    chapters: list[tuple[str | None, str]] = []
    problems = list(package.problems)
    size = 0
    for href in package.hrefs:
        try:
            data = _member(archive, href, settings.max_html_bytes)
            page = extract_page(
                data, content_type="application/xhtml+xml", extractor="whole", limits=settings.html_limits
            )
        except PageError as refused:
            problems.append(f"{refused.reason}: {href}")
            continue
        except UnreadError as unread:
            problems.append(f"{unread.reason}: {href}")
            continue
        text = normalize(page.text)
        size += len(text)
        if size > settings.max_document_bytes:
            raise UnreadError(
                "too_large", f"more than {settings.max_document_bytes} bytes of text (max_document_bytes)"
            )
        if not is_blank(text):
            chapters.append((page.title, text))
    return chapters, problems


def _refuse_drm(archive: zipfile.ZipFile) -> None:
    if "META-INF/encryption.xml" not in archive.namelist():
        return
    root = _xml(_member(archive, "META-INF/encryption.xml", _XML_BYTES), "bad_encryption_xml")
    methods = [element.get("Algorithm", "") for element in root.iter() if element.tag.endswith("}EncryptionMethod")]
    if any(method not in _FONT_ONLY for method in methods):
        raise UnreadError("drm", f"encrypted with {methods[0][:200]}")


def _package(archive: zipfile.ZipFile) -> _Package:
    try:
        container = _xml(_member(archive, "META-INF/container.xml", _XML_BYTES), "bad_container")
    except UnreadError as unread:
        raise UnreadError("no_container" if unread.reason == "missing" else unread.reason, unread.detail) from unread
    paths = [e.get("full-path") for e in container.iter() if e.tag.endswith("rootfile") and e.get("full-path")]
    if not paths or paths[0] is None:
        raise UnreadError("no_container", "container.xml names no package document")
    try:
        root = _xml(_member(archive, paths[0], _XML_BYTES), "bad_opf")
    except UnreadError as unread:
        raise UnreadError("no_opf" if unread.reason == "missing" else unread.reason, unread.detail) from unread
    folder = posixpath.dirname(paths[0])
    stated = {key: _values(root, key) for key in ("title", "creator", "language", "date", "rights", "identifier")}
    for key in ("title", "language", "date", "identifier"):
        stated[key] = stated[key][:1]
    hrefs, problems = _spine(root, folder)
    return _Package(folder, stated, hrefs, problems)


def _spine(root: ElementTree.Element, folder: str) -> tuple[list[str], list[str]]:
    """Paths in the zip of the spine's pages, and what is wrong with the others."""
    manifest = {e.get("id"): e for e in root.iter() if _local(e) == "item"}
    hrefs: list[str] = []
    problems: list[str] = []
    for reference in (e for e in root.iter() if _local(e) == "itemref"):
        item = manifest.get(reference.get("idref"))
        if item is None:
            problems.append(f"unknown_id: {reference.get('idref', '')[:200]}")
            continue
        href = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "")).partition("#")[0]))
        if href.startswith(("../", "/")) or ":" in href.partition("/")[0]:
            problems.append(f"path_escape: {item.get('href', '')[:200]}")
        elif item.get("media-type", "").lower() not in _PAGES:
            problems.append(f"not_a_page: {href[:200]}")
        elif href not in hrefs:
            hrefs.append(href)
    return hrefs, problems


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


def _xml(data: bytes, reason: str) -> ElementTree.Element:
    if re.search(rb"<!\s*ENTITY|<\0!\0E\0N", data):
        raise UnreadError("entity_declaration", "the XML declares entities, which are not expanded")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadError(reason, f"{error}") from error


def _values(root: ElementTree.Element, key: str) -> list[str]:
    found = [" ".join("".join(e.itertext()).split()) for e in root.iter(_DC + key)]
    return [value[:1000] for value in found if value]


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
