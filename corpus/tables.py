"""Tables that people bring: Parquet with `id` and `text`, and the files that are written for them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from corpus.errors import InputError, StoreError


def read_id_text(path: Path) -> pa.Table:
    """The columns `id` (as it is) and `text` (large_string, null read as empty) of a Parquet file.

    Raises InputError where the file cannot be read, or a column is missing or of the wrong type.
    """
    try:
        names = pq.read_schema(path).names
        missing = [name for name in ("id", "text") if name not in names]
        if missing:
            raise InputError(f"{path}: no column `{missing[0]}`; it has {', '.join(names)}")
        table = pq.read_table(path, columns=["id", "text"]).combine_chunks()
        kind = table.schema.field("text").type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)):
            raise InputError(f"{path}: the column `text` holds {kind}, it must hold strings")
        text = table["text"].cast(pa.large_string()).fill_null("")
        text.validate(full=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise InputError(f"{path}: not a Parquet file with text in `text`: {str(error).splitlines()[0]}") from error
    return table.set_column(1, "text", text).select(["id", "text"])


def check_place(path: Path) -> None:
    """Say before the work that its result could not be written: raises StoreError where there is no such folder."""
    if not path.parent.is_dir():
        raise StoreError(f"{path}: cannot be written: there is no folder {path.parent}; make it, or name another")


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet, or Arrow IPC where the name ends in ``.arrow``. Raises StoreError where it cannot be written."""
    try:
        if path.suffix == ".arrow":
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table.combine_chunks())
        else:
            pq.write_table(table, path, compression="zstd")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
