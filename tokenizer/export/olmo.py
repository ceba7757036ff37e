"""OLMo-core: ``part-NNNNNN.npy`` and ``part-NNNNNN.csv.gz``, read by `NumpyFSLDataset` and its kin.

``.npy`` holds raw uint16 or uint32 ids and, whatever its name says, no NumPy header; at most 512 Mi ids, as dolma
writes. ``.csv.gz`` has a line a row, without a head: start, end (exclusive, in tokens), document id, shard, row.
"""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import Chunk, cut_rows

_FILE_TOKENS = 512 << 20
_PLAIN = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), "S2")


def write(folder: Path, chunks: Iterable[Chunk], settings: Settings) -> Written:
    """Write one file a shard, or several where it holds more than 512 Mi tokens or than `file_tokens`."""
    number, lost = 0, 0
    for shard in chunks:
        for chunk in cut_rows(shard, settings.file_tokens or _FILE_TOKENS):
            (folder / f"part-{number:06d}.npy").write_bytes(chunk.tokens.data)
            with (
                (folder / f"part-{number:06d}.csv.gz").open("wb") as file,
                gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
            ):
                pyarrow.csv.write_csv(_lines(chunk), packed, _PLAIN)
            number += 1
            lost += len(chunk.tokens) % (settings.sequence_length or 1)
    return Written(settings.dtype.name, notes=_notes(settings.sequence_length, lost, number))


def _lines(chunk: Chunk) -> pa.Table:
    ends, rows = np.cumsum(chunk.lengths), len(chunk.lengths)
    shard = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([chunk.path]))
    columns = {"start": ends - chunk.lengths, "end": ends, "id": _ids(chunk), "src": shard.dictionary_decode()}
    return pa.table({**columns, "loc": np.arange(chunk.first, chunk.first + rows)})


def _ids(chunk: Chunk) -> pa.Array:
    """doc_id as hexadecimal text."""
    if chunk.batch is None or "doc_id" not in chunk.batch.schema.names:
        return pa.array([""] * len(chunk.lengths))
    raw = np.frombuffer(b"".join(chunk.batch.column("doc_id").to_pylist()), np.uint8)
    texts = _HEX[raw]
    offsets = np.arange(0, 32 * len(chunk.lengths) + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(len(chunk.lengths), pa.py_buffer(offsets), pa.py_buffer(texts))


def _notes(length: int, lost: int, files: int) -> tuple[str, ...]:
    if not length:
        return ("the reader drops what fills no instance at the end of each file: give --sequence-length to count it",)
    return (f"instances of {length:,} tokens: the reader passes over {lost:,} tokens at the ends of {files:,} files",)


def read(folder: Path, settings: Settings) -> Iterator[Chunk]:
    """File by file, rows by the lines of the table beside."""
    for name in sorted(folder.glob("part-*.npy")):
        options = pyarrow.csv.ReadOptions(column_names=["start", "end", "id", "src", "loc"])
        with gzip.open(name.with_suffix(".csv.gz"), "rb") as packed:
            lines = pyarrow.csv.read_csv(packed, options)
        tokens = np.memmap(name, settings.dtype, "r")
        yield Chunk(tokens, lines["end"].to_numpy() - lines["start"].to_numpy())
