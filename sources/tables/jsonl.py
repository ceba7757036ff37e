"""JSON lines: a line is a row, an object whose keys are the columns; offsets are bytes of the (expanded) file.

Of a line only the values that the settings name become Python objects; the rest is checked and passed over, so a line
that nests a million lists takes no more memory than its bytes. A bad line costs that line.
"""

import codecs
import json
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

from sources.containers.compression import unit_of
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, skip
from sources.settings import ReadSettings
from sources.tables.lines import Line, lines
from sources.tables.rows import document, missing, named

_BOM = b"\xef\xbb\xbf"
_SMALL = 2**20  # a bad line of at most so many bytes is parsed again, by a parser that says more
_ABSENT = msgspec.Raw()
_NULL = msgspec.Raw(b"null")
_UTF8 = codecs.getincrementaldecoder("utf-8")
_text = msgspec.json.Decoder(str)
Getter = Callable[[bytes | msgspec.Raw], list[msgspec.Raw]]


def read_jsonl(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of a file of JSON lines, compressed or not.

    A key need not be in every line. One that the settings name and that no line of the file has is told by a last,
    empty item, skipped as `no_such_column`.
    """
    unit, end, documents = unit_of(path), 0, 0
    unseen = named(settings)
    unseen.pop(settings.text_column)
    for line in lines(path, settings):
        item = attempt(partial(_row, line, unseen, settings), settings, line.start, line.end, unit, None)
        end = line.end
        documents += item.document is not None
        yield item
    if unseen and documents:
        detail = "; ".join(f"no line has `{column}` ({setting})" for column, setting in unseen.items())
        yield Item(end, end, "skipped", "no_such_column", detail, unit=unit)


def _row(at: Line, unseen: dict[str, str], settings: ReadSettings) -> Document:
    try:
        return _line(at, unseen, settings)
    except RecursionError as error:
        raise UnreadError("json_too_deep", "values within values beyond what can be parsed") from error


def _line(at: Line, unseen: dict[str, str], settings: ReadSettings) -> Document:
    if at.problem:
        raise at.problem
    if at.data.isspace():
        raise skip("empty_line")
    line = at.data.removeprefix(_BOM)
    if not line.isascii():
        decoder = _UTF8()  # piece by piece, for a text takes up to four times its bytes
        try:
            for start in range(0, len(line), _SMALL):
                decoder.decode(line[start : start + _SMALL], start + _SMALL >= len(line))
        except UnicodeDecodeError as error:
            raise UnreadError("bad_utf8", f"{error}") from error
    columns = tuple(named(settings))
    try:
        found = _getter(columns)(line)
    except ValueError as error:
        return document(_slowly(line, columns, error, settings), settings)
    if found[0] == _ABSENT:
        raise UnreadError(*missing(settings.text_column, "text_column", _keys(line)))
    there = {column: raw for column, raw in zip(columns, found, strict=True) if raw != _ABSENT}
    if unseen:
        for column in there:
            unseen.pop(column, None)
    return document({column: _value(raw, column, settings) for column, raw in there.items()}, settings)


@lru_cache(16)
def _getter(columns: tuple[str, ...]) -> Getter:
    """From a JSON object to the raw JSON of `columns`, empty where the key is not there.

    A name with dots is a key with dots, or else leads through objects within objects.
    """
    tops = tuple(dict.fromkeys((*columns, *(column.split(".")[0] for column in columns if "." in column))))
    # every field is raw JSON, so nothing is built but slices
    fields = [(f"f{n}", msgspec.Raw, msgspec.field(default=_ABSENT, name=top)) for n, top in enumerate(tops)]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Row", fields))
    at = {top: f"f{n}" for n, top in enumerate(tops)}

    def get(data: bytes | msgspec.Raw) -> list[msgspec.Raw]:
        row = decoder.decode(data)
        found = []
        for column in columns:
            raw = getattr(row, at[column])
            if raw == _ABSENT and "." in column:
                top, _, rest = column.partition(".")
                raw = _inside(getattr(row, at[top]), rest)
            found.append(raw)
        return found

    return get


def _inside(raw: msgspec.Raw, path: str) -> msgspec.Raw:
    if raw == _ABSENT:
        return raw
    try:
        return _getter((path,))(raw)[0]
    except msgspec.ValidationError:  # not an object: it has no such key
        return _ABSENT


def _value(raw: msgspec.Raw, column: str, settings: ReadSettings) -> Any:
    if raw == _NULL:
        return None
    view = memoryview(raw)
    first = view[:1].tobytes()
    if first == b'"':
        if column == settings.text_column:
            _refuse_large(raw, settings.max_document_bytes)
        return _text.decode(raw)
    if column == settings.text_column:
        kind = {b"{": "object", b"[": "array", b"t": "boolean", b"f": "boolean"}.get(first, "number")
        raise UnreadError("text_is_not_text", f"`{column}` holds a JSON {kind}")
    if view.nbytes > settings.max_value_bytes:
        detail = f"`{column}`: {view.nbytes} bytes, at most {settings.max_value_bytes} are taken (max_value_bytes)"
        raise UnreadError("value_too_large", detail)
    if first in b"{[tf" or column in settings.meta_columns:
        return json.loads(view.tobytes())
    return view.tobytes().decode()  # a number, as it is written


def _refuse_large(raw: msgspec.Raw, limit: int) -> None:
    """Refuse a text that is too large in any case before it is unescaped: that can take four times its bytes."""
    size = memoryview(raw).nbytes
    if size > limit and (least := size - 2 - 5 * bytes(raw).count(b"\\")) > limit:  # six bytes stand for one at best
        raise UnreadError("too_large", f"{least} bytes of text or more, at most {limit} are taken (max_document_bytes)")


def _slowly(line: bytes, columns: tuple[str, ...], why: ValueError, settings: ReadSettings) -> dict[str, Any]:
    """What the standard library's parser, which lets lone surrogates pass, makes of a line; else why it is bad."""
    if len(line) > _SMALL:
        raise UnreadError("bad_json", f"{why}"[:300]) from why
    try:
        row = json.loads(line.decode(), parse_constant=_no_constant)
    except ValueError as error:
        raise UnreadError("bad_json", f"{error}"[:300]) from error
    if not isinstance(row, dict):
        raise UnreadError("not_an_object", f"a JSON {type(row).__name__}, not an object")
    if settings.text_column not in row and "." not in settings.text_column:
        raise UnreadError(*missing(settings.text_column, "text_column", list(row)))
    return {column: _walk(row, column) for column in columns}


def _walk(row: Any, column: str) -> Any:
    if not isinstance(row, dict) or column in row or "." not in column:
        return row.get(column) if isinstance(row, dict) else None
    top, _, rest = column.partition(".")
    return _walk(row.get(top), rest)


def _keys(line: bytes) -> list[str]:
    return list(json.loads(line)) if len(line) <= _SMALL else []


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
