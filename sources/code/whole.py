"""A repository as one document: its files after each other, what is needed first, each under a line with its path.

In: the items of a repository's files, which follow each other in one input file. Out: items that all have the whole
stretch: documents of at most `max_repository_bytes`, cut between files, then every file that is in none of them.

A file begins with a line ``==> its path <==``, as `head` and `tail` write it for several files, in place of the marks
of StarCoder 2 (arXiv:2402.19173, section 5.1: the repository's name and `<file_sep>` before each path), for which a
tokenizer would need tokens of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sources.code.repository import UNKNOWN, Survey, all_of
from sources.item import Document, Item
from sources.outcome import printable
from sources.settings import ReadSettings

_BETWEEN = "\n\n"


def joined(items: list[Item], settings: ReadSettings, survey: Survey) -> Iterator[Item]:
    """The items of one repository as one stretch."""
    if not items:
        return
    start, end, unit = items[0].start, items[-1].end, items[0].unit
    taken = [item.document for item in items if item.document and not _left_out(item.document, settings)]
    number = 0
    for document in _documents(taken, settings.max_repository_bytes, printable(survey.root) or ""):
        yield Item(start, end, "document", document=document, unit=unit, ordinal=number)
        number += 1
    for item in items:
        if item.document is None:
            yield replace(item, start=start, end=end, ordinal=number)
        elif reason := _left_out(item.document, settings):
            yield Item(start, end, "skipped", reason, "", None, unit, number, item.name)
        else:
            continue
        number += 1


def _left_out(document: Document, settings: ReadSettings) -> str:
    return f"left_out_{document.file_kind}" if document.file_kind in settings.leave_out else ""


def _documents(files: list[Document], limit: int, root: str) -> Iterator[Document]:
    ordered = sorted(files, key=lambda d: (d.meta.get("order", len(files)), d.member or ""))
    texts: list[bytes] = []
    first = size = 0
    for number, document in enumerate(ordered):
        text = f"==> {(document.member or '')[len(root) :]} <==\n{document.text}".encode()
        if texts and size + len(text) > limit:
            yield _document(texts, ordered[first:number], root)
            texts, first, size = [], number, 0
        texts.append(text)
        size += len(text) + len(_BETWEEN)
    if texts:
        yield _document(texts, ordered[first:], root)


def _document(texts: list[bytes], files: list[Document], root: str) -> Document:
    told, secrets, at = [], [], 0
    for text, file in zip(texts, files, strict=True):
        told.append([at, (file.member or "")[len(root) :], file.code_language, file.licence])
        body = at + len(text) - len(file.text.encode())
        secrets += [[body + start, body + end, kind] for start, end, kind in file.meta.get("secrets", [])]
        at += len(text) + len(_BETWEEN)
    licences = {file.licence for file in files if file.licence}
    if licences and any(file.licence is None for file in files):
        licences.add(UNKNOWN)
    meta: dict[str, Any] = {"files": told} | ({"secrets": secrets} if secrets else {})
    return Document(
        _BETWEEN.encode().join(texts).decode(), repository=files[0].repository, code_language=_language(files),
        licence=all_of(licences) if licences else None, secrets=len(secrets), file_kind="repository",
        mojibake=sum(file.mojibake or 0 for file in files), media_type="text/plain", charset="utf-8", meta=meta,
    )  # fmt: skip


def _language(files: list[Document]) -> str | None:
    """The language of most of the source text."""
    sizes: dict[str, int] = {}
    for file in files:
        if file.code_language and file.file_kind == "source":
            sizes[file.code_language] = sizes.get(file.code_language, 0) + len(file.text)
    return min(sizes, key=lambda name: (-sizes[name], name), default=None)
