"""Megatron-LM: ``tokens.bin`` and ``tokens.idx``, read by `IndexedDataset` under the prefix ``…/tokens``.

``.bin`` holds the ids back to back, uint16 for vocabularies below 65,500 ids (Megatron's own limit), else int32.
``.idx``, little-endian: ``MMIDIDX\\0\\0``, u64 version 1, u8 code of the dtype, u64 sequences n, u64 documents + 1,
int32 lengths[n], int64 byte offsets[n], int64 documents[n + 1]. One row = one sequence = one document.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from corpus.errors import DataError
from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import BLOCK, Chunk, as_type

_MAGIC = b"MMIDIDX\0\0"
_HEAD = struct.Struct("<9sQBQQ")
_TYPES: dict[int, np.dtype] = {8: np.dtype("<u2"), 4: np.dtype("<i4")}
_UINT16_BELOW = 65_500


def write(folder: Path, chunks: Iterable[Chunk], settings: Settings) -> Written:
    """Write both files; the index is finished from its own lengths, so that nothing grows with the corpus."""
    code = 8 if settings.vocab_size < _UINT16_BELOW else 4
    dtype = _TYPES[code]
    rows = 0
    with (folder / "tokens.bin").open("wb") as tokens, (folder / "tokens.idx").open("w+b") as index:
        index.write(bytes(_HEAD.size))
        for chunk in chunks:
            for block in as_type(chunk.tokens, dtype):
                tokens.write(block.data)
            index.write(chunk.lengths.astype("<i4").data)
            rows += len(chunk.lengths)
        _finish(index, rows, code)
    return Written(dtype.name)


def _finish(index: BinaryIO, rows: int, code: int) -> None:
    at, size = 0, _TYPES[code].itemsize
    for first in range(0, rows, BLOCK):
        index.seek(_HEAD.size + 4 * first)
        lengths = np.frombuffer(index.read(4 * min(BLOCK, rows - first)), "<i4").astype("<i8") * size
        offsets = at + np.cumsum(lengths) - lengths
        index.seek(_HEAD.size + 4 * rows + 8 * first)
        index.write(offsets.data)
        at += int(lengths.sum())
    index.seek(_HEAD.size + 12 * rows)
    for first in range(0, rows + 1, BLOCK):
        index.write(np.arange(first, min(first + BLOCK, rows + 1), dtype="<i8").data)
    index.seek(0)
    index.write(_HEAD.pack(_MAGIC, 1, code, rows, rows + 1))


def read(folder: Path, settings: Settings) -> Iterator[Chunk]:
    """The rows again, some thousands at a time, by the byte offsets of the index."""
    with (folder / "tokens.idx").open("rb") as file:
        magic, version, code, rows, documents = _HEAD.unpack(file.read(_HEAD.size))
    if (magic, version, documents) != (_MAGIC, 1, rows + 1) or code not in _TYPES:
        raise DataError(f"{folder / 'tokens.idx'} has a damaged head; export again")
    if not rows:
        return
    dtype = _TYPES[code]
    index = np.memmap(folder / "tokens.idx", np.uint8, "r", _HEAD.size)
    tokens = np.memmap(folder / "tokens.bin", dtype, "r")
    lengths, offsets = index[: 4 * rows].view("<i4"), index[4 * rows : 12 * rows].view("<i8")
    if not np.array_equal(index[12 * rows :].view("<i8"), np.arange(rows + 1)):
        raise DataError(f"{folder / 'tokens.idx'} does not name every row a document; export again")
    step = max(1, int(rows * BLOCK // len(tokens)))
    for first in range(0, rows, step):
        own = lengths[first : first + step].astype(np.int64)
        start = int(offsets[first]) // dtype.itemsize
        if not np.array_equal(np.diff(offsets[first : first + step + 1]), (own * dtype.itemsize)[: rows - first - 1]):
            raise DataError(f"{folder / 'tokens.idx'}: offsets and lengths differ; export again")
        yield Chunk(tokens[start : start + int(own.sum())], own)
