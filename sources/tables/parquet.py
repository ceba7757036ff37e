"""Parquet files, by row: an item a row, in memory a page of a column and a few rows at a time.

A page that cannot be read costs the rest of its row group.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sources.containers.wholefile import unreadable
from sources.item import Item
from sources.settings import ReadSettings
from sources.tables.batches import Columns, batch_items, columns_of, rows_at_once
from sources.tables.page_sizes import largest_page

_BUFFER = 2**20  # a column chunk is read in pieces of so many bytes, not whole


def read_parquet(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of a Parquet file."""
    try:
        file = pq.ParquetFile(path, buffer_size=_BUFFER)
        columns = columns_of(file.schema_arrow, settings)  # a column's name may be no UTF-8
    except (pa.ArrowException, OSError, ValueError) as error:
        yield from unreadable(path, "bad_parquet", f"{error}")
        return
    with file:
        rows = file.metadata.num_rows
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        if rows < 0 or min(sizes, default=0) < 0 or sum(sizes) > rows:
            yield from unreadable(path, "bad_parquet", f"{rows} rows stated, the row groups state {sum(sizes)}")
            return
        if isinstance(columns, tuple):
            yield Item(0, rows, "quarantined", *columns, unit="row")
            return
        start = 0
        for group, size in enumerate(sizes):
            yield from _row_group(path, file, group, (start, start + size), columns, settings)
            start += size
        if start < rows or not rows:
            detail = f"{rows} rows stated, the row groups hold {start}" if rows else "the table has no rows"
            yield Item(start, rows, "quarantined", "rows_missing" if rows else "no_rows", detail, unit="row")


def _row_group(
    path: Path, file: pq.ParquetFile, group: int, stretch: tuple[int, int], columns: Columns, settings: ReadSettings
) -> Iterator[Item]:
    start, end = stretch
    wanted = [".".join(way) for way in columns.values()]
    try:
        largest = _largest(path, file.metadata.row_group(group), wanted)
        if largest > settings.max_page_bytes:
            detail = f"row group {group} has a page of {largest} bytes, at most {settings.max_page_bytes} are expanded"
            remedy = "raise max_page_bytes, or write the file with smaller pages"
            yield Item(start, end, "quarantined", "too_large", f"{detail}: {remedy}", unit="row")
            return
        for batch in file.iter_batches(rows_at_once(largest), [group], wanted, use_threads=False):
            batch = batch.slice(0, end - start)
            yield from batch_items(batch, columns, start, settings)
            start += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Item(start, end, "quarantined", "bad_page", f"row group {group}: {error}"[:1000], unit="row")
        return
    if start < end:
        yield Item(start, end, "quarantined", "rows_missing", f"row group {group} ends early", unit="row")


def _largest(path: Path, group: pq.RowGroupMetaData, wanted: list[str]) -> int:
    """Bytes of the largest page among the wanted columns and what lies in them."""
    chunks = (group.column(number) for number in range(group.num_columns))
    with path.open("rb") as file:
        sizes = [
            largest_page(file, chunk)
            for chunk in chunks
            if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in wanted)
        ]
    return max(sizes, default=0)
