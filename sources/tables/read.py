"""Tables: rows of Parquet, Arrow, JSONL and CSV files, with columns named by the source's settings.

What a file is, its first bytes say (Parquet, Arrow), else its name (CSV, TSV), else it is JSON lines; JSON lines and
CSV may be compressed. `table_format` overrules the name. Columns that the settings name must be there: a file of any
format with a header that lacks one is quarantined as `no_such_column`, with the names that are there.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from sources.containers.compression import BrokenError, chunks, codec
from sources.containers.wholefile import unreadable
from sources.item import Item
from sources.settings import ReadSettings
from sources.tables.arrowfile import MAGIC as ARROW
from sources.tables.arrowfile import STREAM, read_arrow
from sources.tables.csvfile import read_csv
from sources.tables.jsonl import read_jsonl
from sources.tables.parquet import read_parquet

_PARQUET = b"PAR1"
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_NAMED = {
    ".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow", ".feather": "arrow", ".ipc": "arrow",
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv",
}  # fmt: skip


def read_tabular(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of one file: by row (Parquet, Arrow) or by the bytes of a line or record (JSONL, CSV)."""
    if found := _binary(_head(path)):
        detail = f"a compressed {found} file; unpack it, the format compresses within itself"
        return unreadable(path, "packed_table", detail)
    kind = _kind(path, settings)
    if kind == "parquet":
        return read_parquet(path, settings)
    if kind == "arrow":
        return read_arrow(path, settings)
    if kind in ("csv", "tsv"):
        return read_csv(path, settings, settings.csv_delimiter or ("," if kind == "csv" else "\t"))
    return read_jsonl(path, settings)


def rows_stated(path: Path) -> int | None:
    """How many rows a file says it has, for `sources.ingest.tiled`; None where the format does not say."""
    with path.open("rb") as file:
        found = _binary(file.read(8))
    return pq.read_metadata(path).num_rows if found == "parquet" else None


def _kind(path: Path, settings: ReadSettings) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    with path.open("rb") as file:
        found = _binary(file.read(8))
    named = _NAMED.get(suffixes[-1] if suffixes else "", "jsonl")
    return found or (named if settings.table_format == "auto" else settings.table_format)


def _binary(head: bytes) -> str:
    if head.startswith(_PARQUET):
        return "parquet"
    return "arrow" if head.startswith((ARROW, STREAM)) else ""


def _head(path: Path) -> bytes:
    """The first bytes of what a compressed file expands to; none of one that is not compressed."""
    if codec(path) is None:
        return b""
    try:
        return next(chunks(path, 2**20), b"")[:8]
    except BrokenError:
        return b""
