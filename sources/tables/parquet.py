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
        metadata = pq.read_metadata(path)
        columns = columns_of(metadata.schema.to_arrow_schema(), settings)  # a column's name may be no UTF-8
        file = pq.ParquetFile(path, metadata=metadata, buffer_size=_BUFFER, read_dictionary=_repeated(metadata))
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
        pages, row = _largest(path, file.metadata, group, wanted)
        if pages > settings.max_page_bytes:
            detail = f"row group {group} has pages of {pages} bytes, at most {settings.max_page_bytes} are expanded"
            remedy = "raise max_page_bytes, name fewer columns, or write the file with smaller pages"
            yield Item(start, end, "quarantined", "too_large", f"{detail}: {remedy}", unit="row")
            return
        for batch in file.iter_batches(rows_at_once(row), [group], wanted, use_threads=False):
            batch = batch.slice(0, end - start)
            yield from batch_items(batch, columns, start, settings)
            start += batch.num_rows
            del batch  # it is not held while the next one is read
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Item(start, end, "quarantined", "bad_page", f"row group {group}: {error}"[:1000], unit="row")
        return
    if start < end:
        yield Item(start, end, "quarantined", "rows_missing", f"row group {group} ends early", unit="row")


def _largest(path: Path, metadata: pq.FileMetaData, group: int, wanted: list[str]) -> tuple[int, int]:
    """The bytes of each wanted column's largest page, those of all columns together; and what a row takes at most.

    A value is no larger than its page, but of a list a row may hold all the values that there are.
    """
    pages = row = 0
    with path.open("rb") as file:
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in wanted):
                page = largest_page(file, chunk)
                repeated = metadata.schema.column(number).max_repetition_level > 0
                pages, row = pages + page, row + (page * max(1, chunk.num_values) if repeated else page)
    return pages, row


def _repeated(metadata: pq.FileMetaData) -> list[str]:
    """Columns of text in lists: a dictionary's values are few bytes each time they come, and stay so until counted."""
    columns = (metadata.schema.column(number) for number in range(metadata.num_columns))
    return [c.path for c in columns if c.max_repetition_level and c.physical_type == "BYTE_ARRAY"]
