"""Source code: each file of a repository is one document, or the whole repository is, in an order that can be read.

In: an archive, a git bundle or repository, a table with a file a row, or one loose file. Out: items; a document
carries its language, kind, licence and where that is stated, its repository, its place in the repository's order, and
how many secrets stand in it (`meta` says where and of which kind; what they are stands in the text alone).

An archive is read once, its texts held until the last one is known, since that one may be the licence of the first;
one of more than `max_held_bytes` of text is read twice instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from processors.code.kind import kind_of
from processors.code.language import language_of
from processors.code.licence import header_licence, is_licence_file, licence_of_metadata
from processors.code.secrets import secrets_in
from processors.normalize import normalize
from processors.notebook import NotebookError, notebook_to_text
from sources import hand
from sources.code.repository import Survey
from sources.code.whole import joined
from sources.containers.archives import Archive, decoded, document_of, opened
from sources.containers.git import is_git, repository_of
from sources.containers.tar import Entry
from sources.containers.wholefile import whole_file
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, printable
from sources.settings import ReadSettings
from sources.tables.read import read_tabular

_HELD = 700  # bytes that an entry costs beside its text
_LOOK = 1  # as ordinal: the first look at an entry; what follows when all are known is its document, 0


@dataclass(slots=True)
class _Found:
    """An entry without its bytes, and the document or the fault that they gave."""

    entry: Entry
    document: Document | None = None
    fault: Exception | None = None


def read_code(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of an archive, a repository, a table or one source file; its first bytes say which it is."""
    if path.is_file() and (settings.table_format != "auto" or _is_parquet(path)):
        yield from _table(path, settings)
        return
    limited = replace(settings, max_record_bytes=min(settings.max_record_bytes, settings.max_file_bytes))
    if archive := opened(path, limited):
        given = repository_of(path) if is_git(path) else ""
        survey = Survey(archive.name, given)
        items = _archive(archive, survey, limited)
        if settings.per == "repository":
            yield from joined(list(items), settings, survey)
        else:
            yield from items
    else:
        yield whole_file(path, limited, limited.max_record_bytes, partial(_loose, path.name))


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1" or path.suffix == ".parquet"


def _archive(archive: Archive, survey: Survey, settings: ReadSettings) -> Iterator[Item]:
    """The archive's items. Where the whole is asked for and cannot be held, there is one: `too_large`."""
    held: list[_Found] = []
    size, end = 0, 0
    for entry in archive.entries():
        found = _found(entry, survey)
        end = entry.end
        if size <= settings.max_held_bytes:
            size += _HELD + len(entry.name or "") + (found.document.text.__sizeof__() if found.document else 0)
            held.append(found)
        else:
            held.clear()
    survey.close()
    again: Iterator[_Found] = iter(held)
    if size > settings.max_held_bytes:
        held.clear()
        if settings.per == "repository":
            detail = f'more than {settings.max_held_bytes} bytes of text (max_held_bytes); `per = "file"` reads it'
            yield Item(0, end, "quarantined", "too_large", detail, unit=archive.unit)
            return
        again = (_found(entry, None) for entry in archive.entries())
    for found in again:
        entry, make = found.entry, partial(_described, found, survey)
        yield attempt(make, settings, entry.start, entry.end, archive.unit, entry.name)


def _found(entry: Entry, survey: Survey | None) -> _Found:
    """What an entry holds, shown to the survey. A fault is kept, to be told when the entry's turn comes."""
    refused = hand.take(entry.start, _LOOK)
    bare = Entry(entry.start, entry.end, entry.kind, entry.name, b"", entry.problem, entry.detail)
    try:
        if refused:
            raise UnreadError(*refused)
        document = document_of(entry, _source)
        if survey:
            survey.look(entry.name or "", document.text)
        return _Found(bare, document)
    except (UnreadError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError) as error:
        if survey and entry.kind == "archive_header":
            survey.commit = survey.commit or entry.detail
        elif survey and entry.name and entry.kind == "file":
            survey.look(entry.name, None)
        error.__traceback__ = error.__cause__ = error.__context__ = None  # their frames hold the file's bytes
        return _Found(bare, None, error)
    finally:
        hand.lay_down()


def _source(name: str, data: bytes) -> Document:
    """A file's text and charset; a notebook as the text that it holds."""
    text, charset = decoded(data)
    return _readable(Document(text, member=name, media_type="text/plain", charset=charset))


def _readable(document: Document) -> Document:
    if not (document.member or "").endswith(".ipynb"):
        return document
    try:
        text, meta = notebook_to_text(document.text)
    except NotebookError as error:
        raise UnreadError("bad_notebook", f"{error}") from error
    return replace(document, text=text, media_type="text/markdown", meta=document.meta | {"notebook": meta})


def _loose(name: str, data: bytes) -> Document:
    return _described(_Found(Entry(0, 0, "file", name), _source(name, data)), Survey.of_nothing())


def _described(found: _Found, survey: Survey) -> Document:
    """The document with all that is known of it. Raises the fault that its bytes gave."""
    if found.fault:
        raise found.fault
    assert found.document is not None
    document, name = found.document, found.document.member or ""
    found.document = None  # the text is held once
    meta: dict[str, Any] = dict(document.meta)
    if (order := survey.order(name)) is not None:
        meta["order"] = order
    header = None if is_licence_file(name) else _stated(name, document.text)
    nearest = survey.licence(name)
    if header or nearest:
        meta["licence_from"] = "header" if header or not nearest else printable(nearest[1])
    licence = header or document.licence or (nearest[0] if nearest else None)
    columns = {"licence": licence, "repository": document.repository or printable(survey.repository) or None}
    return _judged(document, name[len(survey.root) :], meta, **columns)


def _stated(name: str, text: str) -> str | None:
    """The licence that a file states for itself; `license = "A OR B"` of metadata is no notice, it is read as such."""
    return licence_of_metadata(name, text) or header_licence(text)


def _judged(document: Document, path: str, meta: dict[str, Any], **columns: Any) -> Document:
    """The document with these columns, and what its path and text alone say: language, kind, secrets."""
    path, text, notebook = printable(path) or "", document.text, "notebook" in meta
    secrets = secrets_in(text)
    if secrets:  # where they stand must hold for the text as it is stored
        text = normalize(text)
        secrets = secrets_in(text)
        meta["secrets"] = [[*_in_bytes(text, start, end), kind] for start, end, kind in secrets]
    return replace(
        document, text=text, meta=meta, secrets=len(secrets), **columns,
        code_language=document.code_language or ("Jupyter Notebook" if notebook else language_of(path, text)),
        file_kind="source" if notebook else kind_of(path, text),
    )  # fmt: skip


def _in_bytes(text: str, start: int, end: int) -> tuple[int, int]:
    """A span of characters in UTF-8 bytes, as all spans of a corpus are."""
    if text.isascii():
        return start, end
    before = len(text[:start].encode())
    return before, before + len(text[start:end].encode())


def _table(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The rows of a table with a file a row, as The Stack is published; columns are named by the settings.

    Where whole repositories are asked for, the rows of one that follow each other become one document.
    """
    columns = replace(
        settings, licence=None, title_column=settings.path_column, author_column=settings.repository_column,
        language_column=settings.code_language_column,
    )  # fmt: skip
    rows: list[Item] = []
    size = 0
    for item in read_tabular(path, columns):
        if item.document is not None:
            make = partial(_row, item.document)
            item = attempt(make, settings, item.start, item.end, item.unit, item.document.title, item.ordinal)
        if settings.per == "file":
            yield item
            continue
        length = len(item.document.text.encode()) if item.document else 0
        if rows and (_another(rows, item) or size + length > settings.max_repository_bytes):
            yield from joined(rows, settings, Survey.of_nothing())
            rows, size = [], 0
        rows.append(item)
        size += length
    yield from joined(rows, settings, Survey.of_nothing())


def _row(row: Document) -> Document:
    document = replace(
        row, member=row.title, repository=row.author, code_language=row.language, title=None, author=None,
        language=None, media_type="text/plain",
    )  # fmt: skip
    document, meta = _readable(document), dict(document.meta)
    licence = document.licence
    if header := _stated(document.member or "", document.text):
        licence, meta["licence_from"] = header, "header"
    return _judged(document, document.member or "", meta, licence=licence)


def _another(rows: list[Item], item: Item) -> bool:
    """Whether a row begins another repository than the rows before it; each row that names none is its own."""
    last = next((row.document for row in reversed(rows) if row.document), None)
    if last is None or item.document is None:
        return False
    return last.repository is None or item.document.repository != last.repository
