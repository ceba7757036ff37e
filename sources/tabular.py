"""Tables: the rows of Parquet files and the lines of JSONL files, with columns named by the source's settings.

A row whose text is null or not text costs that row; a Parquet page that cannot be read costs the rest of its row group.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sources.compression import chunks, unit_of
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, skip
from sources.settings import ReadSettings
from sources.wholefile import unreadable
from sources.window import Window

_BATCH = 256
_FIELDS = {
    "user_id": "id_column", "url": "url_column", "title": "title_column", "author": "author_column",
    "date": "date_column", "language": "language_column", "licence": "licence_column",
}  # fmt: skip


def read_tabular(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of a Parquet file (by row) or of a JSONL file (a line each, by byte)."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"PAR1" or path.suffix == ".parquet":
        return _parquet(path, settings)
    return _jsonl(path, settings)


def _jsonl(path: Path, settings: ReadSettings) -> Iterator[Item]:
    window, unit = Window(chunks(path, settings.max_expanded_bytes)), unit_of(path)
    cut = None
    while window.peek(1):
        start = window.position
        found = window.find(b"\n", 0, settings.max_record_bytes)
        if found >= 0:
            line = window.take(found + 1)
        else:
            line = window.take(settings.max_record_bytes)
            if len(line) == settings.max_record_bytes and _skip_line(window):
                line = b""
        cut = window.broken if not line.endswith(b"\n") and not window.peek(1) else None
        make = partial(_line, line, cut.reason if cut else "", settings)
        yield attempt(make, settings, start, window.position, unit, None)
    if window.broken and not cut:
        at = window.position
        yield Item(at, at, "quarantined", window.broken.reason, window.broken.detail, unit=unit)


def _skip_line(window: Window) -> bool:
    """Pass over the rest of a line that is too long; False where there was none left."""
    if not window.peek(1):
        return False
    while (found := window.find(b"\n", 0, 2**20)) < 0:
        if window.skip(2**20) < 2**20:
            return True
    window.skip(found + 1)
    return True


def _line(line: bytes, cut: str, settings: ReadSettings) -> Document:
    if not line:
        raise UnreadError("too_large", f"a line of more than {settings.max_record_bytes} bytes (max_record_bytes)")
    if not line.strip():
        raise skip("empty_line")
    if cut:
        raise UnreadError(cut, "the stream breaks inside this line")
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise UnreadError("bad_utf8", f"{error}") from error
    except RecursionError as error:
        raise UnreadError("json_too_deep", "values within values beyond what the parser allows") from error
    except ValueError as error:
        raise UnreadError("bad_json", f"{error}"[:300]) from error
    if not isinstance(row, dict):
        raise UnreadError("not_an_object", f"a JSON {type(row).__name__}, not an object")
    if settings.text_column not in row:
        raise UnreadError("no_text_column", f"no `{settings.text_column}`; text_column names the key of the text")
    return _document(row[settings.text_column], row, settings)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _document(text: Any, row: dict[str, Any], settings: ReadSettings) -> Document:
    if text is None:
        raise skip("null_text")
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise UnreadError("bad_utf8", f"{error}") from error
    if not isinstance(text, str):
        raise UnreadError("text_is_not_text", f"`{settings.text_column}` holds a value of type {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnreadError("lone_surrogate", "the text holds half of a surrogate pair") from error
    stated: dict[str, Any] = {}
    for field, setting in _FIELDS.items():
        column = getattr(settings, setting)
        value = row.get(column) if column else None
        stated[field] = (
            value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)
        )
    return Document(text, **stated)


def _parquet(path: Path, settings: ReadSettings) -> Iterator[Item]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        yield from unreadable(path, "bad_parquet", f"{error}")
        return
    with file:
        rows = file.metadata.num_rows
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        if rows < 0 or min(sizes, default=0) < 0 or sum(sizes) > rows:
            yield from unreadable(path, "bad_parquet", f"{rows} rows stated, the row groups state {sum(sizes)}")
            return
        if problem := _column_problem(schema, settings.text_column):
            yield Item(0, rows, "quarantined", *problem, unit="row")
            return
        start = 0
        for group in range(file.num_row_groups):
            end = start + sizes[group]
            yield from _row_group(file, group, start, end, settings)
            start = end
        if start < rows or not rows:
            detail = f"{rows} rows stated, the row groups hold {start}" if rows else "the table has no rows"
            yield Item(start, rows, "quarantined", "rows_missing" if rows else "no_rows", detail, unit="row")


def _column_problem(schema: Any, name: str) -> tuple[str, str] | None:
    import pyarrow as pa

    if schema.names.count(name) != 1:
        return (
            "no_text_column",
            f"{schema.names.count(name)} columns named `{name}`; there are {', '.join(schema.names[:20])}",
        )
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    fits = pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary
    if not any(fit(kind) for fit in fits):
        return "text_is_not_text", f"column `{name}` holds {kind}"
    return None


def _row_group(file: Any, group: int, start: int, end: int, settings: ReadSettings) -> Iterator[Item]:
    import pyarrow as pa

    names = [getattr(settings, setting) for setting in _FIELDS.values()]
    columns = [settings.text_column, *dict.fromkeys(n for n in names if n in file.schema_arrow.names)]
    try:
        for batch in file.iter_batches(_BATCH, row_groups=[group], columns=columns, use_threads=False):
            table = {name: _values(batch.column(name)) for name in dict.fromkeys(columns)}
            for number, text in enumerate(table[settings.text_column][: end - start]):
                row = {name: values[number] for name, values in table.items()}
                yield attempt(partial(_document, text, row, settings), settings, start, start + 1, "row", None)
                start += 1
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Item(start, end, "quarantined", "bad_page", f"row group {group}: {error}"[:1000], unit="row")
        return
    if start < end:
        yield Item(start, end, "quarantined", "rows_missing", f"row group {group} ends early", unit="row")


def _values(column: Any) -> list[Any]:
    """A column's values as bytes, since strings need not be valid UTF-8; numbers and dates as they are written."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    if not any(is_kind(column.type) for is_kind in kinds):
        try:
            column = column.cast(pa.string())
        except pa.ArrowException:  # a list, a date out of range, a time zone that is none: no value, not a lost row
            return [None] * len(column)
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    elif pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    return column.to_pylist()
