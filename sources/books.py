"""Books: EPUB, plain text (compressed or not) and zip archives of texts. One EPUB, one text, one member: one document.

Project Gutenberg's header and footer are cut off a text; its title, author, language and date become columns.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from sources.archives import archive_items, decoded, is_zip
from sources.epub import read_epub
from sources.item import Document, Item
from sources.outcome import attempt, skip
from sources.settings import ReadSettings
from sources.wholefile import whole_file
from sources.zips import zip_entries

_TEXTS = (".txt", ".text", ".asc", ".utf-8", ".utf8")
_PLAIN = 4 * 2**10

# The marks that its files have carried since about 1990; the licence text begins or ends there.
_START = re.compile(
    r"^.{0,9}(?:\*\*\*? ?START OF (?:THE|THIS) PROJECT GUTENBERG(?:[^\n]*\*\*\*|[^\n]*(?:\n[^\n]+){0,2}?\*\*\*)"
    r"|\*END\*? ?THE SMALL PRINT![^\n]*\*END\*|\*END THE SMALL PRINT![^\n]*)[^\n]*\n",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^.{0,9}(?:\*\*\*? ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the |this )?Project Gutenberg)",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE_LINE = re.compile(r"\s*[^\n]{0,80}Project Gutenberg Etext[^\n]*\n", re.IGNORECASE)  # before 1993
_FIELD = re.compile(r"^(Title|Author|Language|Release Date):[ \t]*(.+?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_HEAD = 40_000  # characters in which a header may end


def read_books(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of an EPUB, a zip of texts, or a plain text. What a zip is, its name and `mimetype` say."""
    if path.suffix.lower() == ".epub":
        yield attempt(partial(read_epub, path, settings), settings, 0, path.stat().st_size, "byte", None)
    elif is_zip(path):
        yield from archive_items(zip_entries(path, settings), "byte", settings, _member)
    else:
        yield whole_file(path, settings, settings.max_document_bytes, lambda data: _book(None, data))


def without_gutenberg(text: str) -> tuple[str, dict[str, str]]:
    """The text without Project Gutenberg's header and footer, and the fields of its header; as it is if it has none."""
    start = _START.search(text[:_HEAD])
    end = next(iter(_END.finditer(text, start.end() if start else 0)), None)
    if end and _START.search(text, end.end()):
        return text, {}  # several books in one file: no one header is the text's
    if not start and not (end and "gutenberg" in text[:_PLAIN].lower()):
        return text, {}
    head = text[: start.end()] if start else text[:_PLAIN]
    fields = {key.lower(): value for key, value in reversed(_FIELD.findall(head))}
    first = start or _TITLE_LINE.match(text)
    return text[first.end() if first else 0 : end.start() if end else len(text)], fields


def _member(name: str, data: bytes) -> Document:
    if PurePosixPath(name).suffix.lower() not in _TEXTS:
        raise skip("not_text", PurePosixPath(name).suffix[:80])
    return _book(name, data)


def _book(name: str | None, data: bytes) -> Document:
    text, charset = decoded(data)
    text, fields = without_gutenberg(text.replace("\r\n", "\n"))
    meta: dict[str, object] = {"gutenberg": True} if fields else {}
    return Document(
        text, member=name, title=fields.get("title"), author=fields.get("author"), language=fields.get("language"),
        date=fields.get("release date"), media_type="text/plain", charset=charset, meta=meta,
    )  # fmt: skip
