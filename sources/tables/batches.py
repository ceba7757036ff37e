"""Rows of Arrow batches to items: what Parquet files, Arrow files and `datasets` have in common.

A row whose text is null, not UTF-8 or not text costs that row.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sources.item import Document, Item
from sources.outcome import UnreadError, attempt
from sources.settings import ReadSettings
from sources.tables.rows import document, missing, named

BYTES_AT_ONCE = 2**25  # what the values of one batch may take, unless one value is larger
ROWS_AT_ONCE = 64
Columns = Mapping[str, tuple[str, ...]]  # a column's name in the settings → the way to it


def columns_of(schema: pa.Schema, settings: ReadSettings) -> Columns | tuple[str, str]:
    """The way to every column that the settings name; or reason and words why the table does not fit them.

    A name is that of a column, or leads with dots through structs.
    """
    found: dict[str, tuple[str, ...]] = {}
    for column, setting in named(settings).items():
        kind, way = _find(schema, column)
        if kind is None:
            return missing(column, setting, names(schema))
        if setting == "text_column" and not _is_text(kind):
            return "text_is_not_text", f"column `{column}` holds {kind}"
        found[column] = way
    return found


def names(schema: pa.Schema) -> list[str]:
    """The columns of a table, those inside structs with dots."""
    listed: list[str] = []
    for top in schema:
        inner = [f"{top.name}.{field.name}" for field in top.type] if pa.types.is_struct(top.type) else [top.name]
        listed += inner or [top.name]
    return listed


def _find(schema: pa.Schema, column: str) -> tuple[pa.DataType | None, tuple[str, ...]]:
    if schema.names.count(column) == 1:
        return schema.field(column).type, (column,)
    top, *rest = way = tuple(column.split("."))
    kind = schema.field(top).type if rest and schema.names.count(top) == 1 else None
    for name in rest:
        inner = [field for field in kind if field.name == name] if kind and pa.types.is_struct(kind) else []
        kind = inner[0].type if len(inner) == 1 else None
    return kind, way


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    fits = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(fit(kind) for fit in (*fits, pa.types.is_string_view, pa.types.is_binary_view))


def rows_at_once(largest: int) -> int:
    """How many rows fit a batch when no value is larger than `largest` bytes."""
    return min(ROWS_AT_ONCE, max(1, BYTES_AT_ONCE // max(1, largest)))


def batch_items(batch: pa.RecordBatch, columns: Columns, start: int, settings: ReadSettings) -> Iterator[Item]:
    """An item for every row; the first is row `start` of its file. All values of the batch are held at once."""
    values = {column: _values(_at(batch, way), column, settings) for column, way in columns.items()}
    for number, row in enumerate(zip(*values.values(), strict=True), start):
        make = partial(_document, dict(zip(values, row, strict=True)), settings)
        yield attempt(make, settings, number, number + 1, "row", None)


def _document(row: dict[str, Any], settings: ReadSettings) -> Document:
    for value in row.values():
        if isinstance(value, UnreadError):
            raise value
    return document(row, settings)


def slices(batch: pa.RecordBatch, columns: Columns) -> Iterator[pa.RecordBatch]:
    """A batch of any size in bounded ones."""
    step = rows_at_once(max(_largest(_at(batch, way)) for way in columns.values()))
    for at in range(0, batch.num_rows, step):
        yield batch.slice(at, step)


def _at(batch: pa.RecordBatch, way: tuple[str, ...]) -> pa.Array:
    column = batch.column(way[0])
    for name in way[1:]:
        column = pc.struct_field(column, name)
    return column


def _largest(column: pa.Array) -> int:
    """Bytes of a column's largest value; of nested ones, the bytes of all."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    if pa.types.is_nested(column.type):
        return _bytes_within(column)
    if not _is_text(column.type):
        return 64
    return pc.max(pc.binary_length(as_bytes(column))).as_py() or 0


def _bytes_within(column: pa.Array) -> int:
    """Bytes of all that a nested column holds, each value of a dictionary as often as it comes."""
    if pa.types.is_dictionary(column.type):
        if not _is_text(column.type.value_type):
            return 8 * len(column)
        sizes = pc.binary_length(as_bytes(column.dictionary)).cast(pa.int64())
        return pc.sum(pc.take(sizes, column.indices)).as_py() or 0
    if pa.types.is_struct(column.type):
        return len(column) + sum(_bytes_within(inner) for inner in column.flatten())
    if pa.types.is_nested(column.type) and hasattr(column, "flatten"):  # a list or a map
        return len(column) + _bytes_within(column.flatten())
    return column.nbytes


def as_bytes(column: pa.Array) -> pa.Array:
    """A column of text as one of bytes, which need not be UTF-8; any other column as it is."""
    if pa.types.is_dictionary(column.type) or not _is_text(column.type):
        return column
    return column.cast(pa.binary() if pa.types.is_string(column.type) else pa.large_binary())


def _values(column: pa.Array, name: str, settings: ReadSettings) -> list[Any]:
    """A column's values: text as bytes, as strings need not be valid UTF-8; dates and the like as they are written.

    A list or mapping that is too large is an error in its place: as Python objects it would take many times as much.
    """
    most = 8 * settings.max_value_bytes  # no value written as JSON takes less than an eighth of what it takes here
    if pa.types.is_nested(column.type) and (size := _bytes_within(column)) > most:
        if len(column) > 1:
            return [value for at in range(len(column)) for value in _values(column.slice(at, 1), name, settings)]
        return [UnreadError("value_too_large", f"`{name}`: {size} bytes, at most {most} are looked at")]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if _is_text(kind):
        return as_bytes(column).to_pylist()
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_nested(kind) or kind == pa.float64()
    try:
        return (column if plain else column.cast(pa.string())).to_pylist()
    except (pa.ArrowException, ValueError, OverflowError):
        return [None] * len(column)  # a date out of range, a time zone that is none: no value, not a lost row
