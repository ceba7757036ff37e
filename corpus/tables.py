"""Tables that people bring: Parquet with `id` and `text`, and the files that are written for them."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from corpus.errors import InputError, StoreError

LARGE = pa.large_string()


def read_id_text(path: Path) -> pa.Table:
    """The columns `id` (as it is) and `text` (large_string, null read as empty) of a Parquet file.

    Raises InputError where the file cannot be read, or a column is missing or of the wrong type.
    """
    return pa.concat_tables(slices_of(path, 1 << 16)).combine_chunks()


def slices_of(path: Path, rows: int) -> Iterator[pa.Table]:
    """The same, at most so many rows at a time, one of none where the file has none. Raises as `read_id_text` does."""
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            missing = [name for name in ("id", "text") if name not in file.schema_arrow.names]
            if missing:
                raise InputError(f"{path}: no column `{missing[0]}`; it has {', '.join(file.schema_arrow.names)}")
            kind = file.schema_arrow.field("text").type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)):
                raise InputError(f"{path}: the column `text` holds {kind}, it must hold strings")
            if not file.metadata.num_rows:
                yield pa.table({"id": pa.array([], file.schema_arrow.field("id").type), "text": pa.array([], LARGE)})
            for batch in file.iter_batches(rows, columns=["id", "text"]):
                text = batch["text"].cast(LARGE).fill_null("")
                text.validate(full=True)
                yield pa.table({"id": batch["id"], "text": text})
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise InputError(f"{path}: not a Parquet file with text in `text`: {str(error).splitlines()[0]}") from error


def check_place(path: Path) -> None:
    """Say before the work that its result could not be written: raises StoreError where there is no such folder."""
    if not path.parent.is_dir():
        raise StoreError(f"{path}: cannot be written: there is no folder {path.parent}; make it, or name another")


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet, or Arrow IPC where the name ends in ``.arrow``. Raises StoreError where it cannot be written."""
    write_tables(iter([table]), path)


def write_tables(tables: Iterator[pa.Table], path: Path) -> int:
    """Write tables of one schema, one at least, as one file, while they come; their rows.

    The file is written aside and renamed: nothing is left where a table does not come. Raises as `write_table` does.
    """
    first, rows, aside = next(tables), 0, path.with_name(f"{path.name}.part")
    try:
        with _writer(aside, path.suffix, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table.combine_chunks())
                rows += table.num_rows
        aside.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)
    return rows


def _writer(path: Path, kind: str, schema: pa.Schema) -> Any:
    if kind == ".arrow":
        return pa.ipc.new_file(str(path), schema)
    return pq.ParquetWriter(path, schema, compression="zstd")
