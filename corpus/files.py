"""The one Parquet and the one Arrow IPC writer, and what is recorded of every file they write.

The same table gives the same bytes: versions, compression level, row-group rows and dictionary columns are pinned
here. A file's name ends in the head of its SHA-256, so a name never stands for two contents and a half-done run
leaves nothing that a later one could mistake.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import xxhash

from corpus.errors import DataError
from corpus.store import Store

ROW_GROUP_ROWS = 8_192
_DICTIONARY = (
    "source",
    "domain",
    "lang",
    "snapshot",
    "media_type",
    "charset",
    "licence",
    "language",
    "reason",
    "outcome",
    "split",
)


@dataclass(frozen=True)
class File:
    """One stored file: where it lies and what must be true of it.

    `ids` is the xxh3-128 (hex) of the id column's bytes, in row order, or "" where there is none: files with the same
    `rows` and `ids` are aligned.
    """

    path: str
    sha256: str
    bytes: int
    rows: int
    ids: str = ""

    def __lt__(self, other: "File") -> bool:
        return self.path < other.path

    def plain(self) -> dict[str, Any]:
        """These fields as data, whatever else a kind of file says of itself."""
        return {f.name: getattr(self, f.name) for f in fields(File)}

    @property
    def folder(self) -> str:
        """The top folder, which says what the file is: "documents", "scores", …"""
        return self.path.split("/", 1)[0]

    @property
    def part(self) -> str:
        """The part it belongs to: the path between the top folder and the hash."""
        return self.path.split("/", 1)[1].rsplit(".", 2)[0]


def write_parquet(store: Store, folder: str, part: str, table: pa.Table) -> File:
    """Write ``folder/part.<hash>.parquet`` (Parquet 2.6, zstd 3, row groups of 8,192 rows)."""
    sink = io.BytesIO()
    names = [name for name in table.column_names if name in _DICTIONARY]
    pq.write_table(
        table, sink, version="2.6", compression="zstd", compression_level=3, row_group_size=ROW_GROUP_ROWS,
        use_dictionary=names or False, data_page_version="1.0", write_statistics=False, store_schema=True,
    )  # fmt: skip
    return _put(store, folder, part, "parquet", sink.getbuffer(), table)


def write_arrow(store: Store, folder: str, part: str, table: pa.Table) -> File:
    """Write ``folder/part.<hash>.arrow``: Arrow IPC file format, uncompressed, one record batch."""
    data = arrow_bytes(table.schema, table.combine_chunks().to_batches())
    return _put(store, folder, part, "arrow", memoryview(data).cast("B"), table)


def write_batches(store: Store, folder: str, part: str, schema: pa.Schema, batches: dict[int, pa.RecordBatch]) -> File:
    """Write ``folder/part.<hash>.arrow`` with a record batch for each number, which `read_batch` reads alone."""
    data = arrow_bytes(schema.with_metadata({"numbers": " ".join(map(str, batches))}), [*batches.values()])
    rows = sum(len(batch) for batch in batches.values())
    return _put(store, folder, part, "arrow", memoryview(data).cast("B"), None, rows)


def arrow_bytes(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> pa.Buffer:
    """An Arrow IPC file, uncompressed, in memory of just its size."""
    options = pa.ipc.IpcWriteOptions(compression=None)
    measured = pa.MockOutputStream()
    with pa.ipc.new_file(measured, schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    data = pa.allocate_buffer(measured.size())
    with pa.ipc.new_file(pa.FixedSizeBufferWriter(data), schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return data


def write_bytes(store: Store, folder: str, part: str, suffix: str, data: bytes) -> File:
    """Write ``folder/part.<hash>.suffix`` as it is."""
    return _put(store, folder, part, suffix, memoryview(data), None)


def _put(
    store: Store, folder: str, part: str, suffix: str, data: memoryview, table: pa.Table | None, rows: int = 0
) -> File:  # fmt: skip
    digest = hashlib.sha256(data).hexdigest()
    path = f"{folder}/{part}.{digest[:12]}.{suffix}"
    store.put(path, data)
    rows = rows if table is None else table.num_rows
    ids = id_hash(table["id"]) if table is not None and "id" in table.column_names else ""
    return File(path, digest, len(data), rows, ids)


def id_hash(ids: pa.ChunkedArray | pa.Array) -> str:
    """xxh3-128 of a column of 16-byte ids, in row order."""
    return xxhash.xxh3_128_hexdigest(id_bytes(ids).tobytes())


def id_bytes(ids: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """A column of 16-byte ids as uint8[rows, 16]."""
    array = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if len(array) == 0:
        return np.zeros((0, 16), np.uint8)
    raw = np.frombuffer(array.buffers()[1], np.uint8)
    return raw[array.offset * 16 : (array.offset + len(array)) * 16].reshape(-1, 16)


def read_table(store: Store, file: File, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet or Arrow file, or the columns asked for. Raises DataError where it is gone or not as recorded."""
    with _intact(store, file) as buffer:
        table = _read(file, buffer, columns)
    if table.num_rows != file.rows:
        raise DataError(f"{file.path} holds {table.num_rows} rows, {file.rows} are recorded; remove it and build again")
    return table


def column_names(store: Store, file: File) -> list[str]:
    """The names of a Parquet file's columns. Raises as `read_table` does."""
    with _intact(store, file) as buffer:
        names: list[str] = pq.read_schema(pa.BufferReader(buffer)).names
    return names


def read_rows(store: Store, file: File, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
    """Rows [start, stop) of a Parquet file, alone: no row group beyond them is read, nor fetched from a remote store.

    Raises DataError where the file is gone or damaged.
    """
    groups = range(start // ROW_GROUP_ROWS, -(-stop // ROW_GROUP_ROWS))
    try:
        with store.open(file.path) as source:
            parquet = pq.ParquetFile(source, pre_buffer=True)
            table = parquet.read_row_groups(list(groups), columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from error
    return table.slice(start - groups.start * ROW_GROUP_ROWS, stop - start)


def read_slices(store: Store, file: File, column: str, rows: int) -> Iterator[pa.Array]:
    """A column of a Parquet file, so many rows at a time: never whole in memory. Raises as `read_table` does."""
    with _intact(store, file) as buffer:
        for batch in pq.ParquetFile(pa.BufferReader(buffer)).iter_batches(rows, columns=[column]):
            yield batch.column(column)


def read_batch(store: Store, file: File, number: int) -> pa.RecordBatch | None:
    """The record batch of that number in a file of `write_batches`, alone: no other one is read. None without one.

    Raises DataError where the file is gone or damaged.
    """
    try:
        with pa.ipc.open_file(store.open(file.path)) as reader:
            numbers = reader.schema.metadata[b"numbers"].split()
            wanted = str(number).encode()
            return reader.get_batch(numbers.index(wanted)) if wanted in numbers else None
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: File, error: Exception) -> DataError:
    return DataError(f"{file.path} cannot be read ({str(error).splitlines()[0]}); remove it and build again")


@contextmanager
def _intact(store: Store, file: File) -> Iterator[pa.Buffer]:
    """A file's bytes. Raises DataError where they are not as recorded, or what is done with them shows it."""
    try:
        buffer = store.map(file.path)
    except OSError as error:
        raise DataError(
            f"{store.url}/{file.path} cannot be read ({error}); it is recorded with {file.rows} rows"
        ) from error
    if buffer.size != file.bytes:
        raise DataError(f"{file.path} holds {buffer.size} bytes, {file.bytes} are recorded; remove it and build again")
    try:
        yield buffer
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.path} is damaged ({str(error).splitlines()[0]}); remove it and build again") from error


def _read(file: File, buffer: pa.Buffer, columns: Sequence[str] | None) -> pa.Table:
    if file.path.endswith(".arrow"):
        table = pa.ipc.open_file(buffer).read_all()
        return table.select(columns) if columns else table
    return pq.read_table(pa.BufferReader(buffer), columns=list(columns) if columns else None)


def read_aligned(store: Store, *wanted: tuple[File, Sequence[str]]) -> pa.Table:
    """The asked-for columns of aligned files side by side. Raises DataError unless rows and ids agree."""
    first = wanted[0][0]
    columns: dict[str, pa.ChunkedArray] = {}
    for file, names in wanted:
        if (file.rows, file.ids) != (first.rows, first.ids):
            raise DataError(
                f"{file.path} ({file.rows} rows) is not aligned with {first.path} ({first.rows} rows); build again"
            )
        table = read_table(store, file, names)
        columns |= {name: table[name] for name in names}
    return pa.table(columns)
