"""Arrow IPC files, by row: the file format and the stream format, both read as the stream that they are.

The file is mapped into memory and what was read is let go of, piece by piece. A batch that is compressed inside is
expanded whole, in the columns that the settings name; a file with one that is too large is not read. A batch that does
not hold together costs itself; a stream that breaks costs what follows, whose rows nobody can count.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from sources.containers.wholefile import unreadable
from sources.item import Item
from sources.settings import ReadSettings
from sources.tables.batch_sizes import largest_batch
from sources.tables.batches import Columns, as_bytes, batch_items, columns_of, slices

MAGIC = b"ARROW1"
STREAM = b"\xff\xff\xff\xff"
BROKEN = "broken"  # a key in the metadata of a batch: why whoever wrote the stream could not go on
_LEAD = 8  # the file format's magic and two bytes of padding; a stream and a footer follow


def read_arrow(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of an Arrow IPC file of either format."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # closes with the last buffer that points into it
    is_file = mapped[: len(MAGIC)] == MAGIC
    try:
        stream = pa.py_buffer(mapped).slice(_LEAD if is_file else 0)
        schema = pa.ipc.open_stream(stream).schema
        columns = columns_of(schema, settings)  # a column's name may be no UTF-8
    except (pa.ArrowException, OSError, ValueError) as error:
        yield from unreadable(path, "bad_arrow", f"{error}")
        return
    if (largest := largest_batch(stream)) > settings.max_batch_bytes:
        detail = f"a compressed batch of {largest} bytes, at most {settings.max_batch_bytes} are expanded"
        yield from unreadable(
            path, "too_large", f"{detail}: raise max_batch_bytes, or write the file with smaller batches"
        )
        return
    row, broken = 0, ""
    wanted = {} if isinstance(columns, tuple) else columns
    fields = sorted({schema.names.index(way[0]) for way in wanted.values()})
    try:
        with pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(included_fields=fields or [0])) as reader:
            for batch, said in reader.iter_batches_with_custom_metadata():
                broken = (said or {}).get(BROKEN.encode(), b"").decode("utf-8", "replace")
                if wanted:
                    yield from _batch(batch, mapped, wanted, row, settings)
                row += batch.num_rows
                del batch  # it is not held while the next one is read
                mapped.madvise(mmap.MADV_DONTNEED)
    except (pa.ArrowException, OSError, ValueError) as error:
        broken = f"{error}"[:1000] or "the stream breaks"
    if isinstance(columns, tuple) and row:
        yield Item(0, row, "quarantined", *columns, unit="row")
    reason = "corrupt" if broken else "truncated"
    if not broken and is_file and mapped[-len(MAGIC) :] != MAGIC:
        broken = "the file does not end as an Arrow file does"
    if broken:
        yield Item(row, row, "quarantined", reason, f"after row {row}: {broken}", unit="row")
    elif not row:
        yield Item(0, 0, "quarantined", "no_rows", "the table has no rows", unit="row")


def _batch(
    batch: pa.RecordBatch, mapped: mmap.mmap, columns: Columns, start: int, settings: ReadSettings
) -> Iterator[Item]:
    try:
        batch = pa.RecordBatch.from_arrays([as_bytes(column) for column in batch.columns], names=batch.schema.names)
        batch.validate(full=True)  # offsets may point anywhere
    except (pa.ArrowException, ValueError) as error:
        end = start + batch.num_rows
        yield Item(start, end, "quarantined", "bad_batch", f"{error}"[:1000], unit="row")
        return
    for piece in slices(batch, columns):
        yield from batch_items(piece, columns, start, settings)
        start += piece.num_rows
        mapped.madvise(mmap.MADV_DONTNEED)
