"""Books: EPUB, plain text (compressed or not) and zip archives of texts. One EPUB, one text, one member: one document.

    bytes ──charset──> text ──gutenberg──> the book alone ──unwrap──> a line a paragraph

A file of many short pieces, quotations with lines of `%` between them, say, stays one document with those lines in it.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from processors.prose import unwrap
from sources.books.epub import read_epub
from sources.books.gutenberg import without_gutenberg
from sources.containers.archives import archive_items, decoded, is_zip
from sources.containers.wholefile import whole_file
from sources.containers.zips import zip_entries
from sources.item import Document, Item
from sources.outcome import skip
from sources.settings import ReadSettings

_TEXTS = (".txt", ".text", ".asc", ".utf-8", ".utf8")
_ARCHIVES = (".zip", ".epub", ".gz", ".bz2", ".xz", ".zst", ".tar", ".tgz", ".rar", ".7z")


def read_books(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of an EPUB, a zip of texts, or a plain text. What a zip is, its name and `mimetype` say."""
    if path.suffix.lower() == ".epub" or _is_epub(path):
        yield from read_epub(path, settings)
    elif is_zip(path):
        yield from archive_items(zip_entries(path, settings), "byte", settings, partial(_member, settings))
    else:
        yield whole_file(path, settings, settings.max_document_bytes, partial(_book, settings, None))


def _is_epub(path: Path) -> bool:
    """Whether the first member of a zip is EPUB's `mimetype` (EPUB OCF 3.3, section 4.3)."""
    with path.open("rb") as file:
        head = file.read(58)
    return head.startswith(b"PK\x03\x04") and head[30:] == b"mimetypeapplication/epub+zip"


def _member(settings: ReadSettings, name: str, data: bytes) -> Document:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _ARCHIVES:
        raise skip("nested_archive", suffix)
    if suffix not in _TEXTS:
        raise skip("not_text", suffix[:80])
    return _book(settings, name, data)


def _book(settings: ReadSettings, name: str | None, data: bytes) -> Document:
    text, charset = decoded(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    framed = without_gutenberg(text)
    del text  # it may be a hundred megabytes
    return Document(
        unwrap(framed.text) if settings.unwrap else framed.text, member=name, title=framed.title, author=framed.author,
        language=framed.language, date=framed.date, media_type="text/plain", charset=charset, meta=dict(framed.meta),
    )  # fmt: skip
