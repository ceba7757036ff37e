"""MosaicML Streaming: ``shard.NNNNN.mds`` and ``index.json``, read by `StreamingDataset`; one column, ``tokens``.

A shard: u32 samples n, u32 byte offsets[n + 1], the index entry's settings as JSON, samples. Rows are
``ndarray:uint16`` samples of their own length: u32 size, a byte (dimensions << 2 | width of the shape), the shape, ids.
With a sequence length they are ``ndarray:uint16:T`` samples, T ids each and nothing else.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import DataError, RecipeError
from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import Chunk, cut_rows, cut_tokens

_FILE_BYTES = 64 << 20
_MOST_BYTES = (1 << 32) - 1


def write(folder: Path, chunks: Iterable[Chunk], settings: Settings) -> Written:
    """Write shards of about 64 MiB, with a SHA-1 each, for `validate_hash="sha1"`."""
    length, dtype = settings.sequence_length, settings.dtype
    most = settings.file_tokens or _FILE_BYTES // dtype.itemsize
    if length:
        most = most // length * length or length
    if most * (dtype.itemsize + 4) + (1 << 20) > _MOST_BYTES:
        raise RecipeError(f"mds: {most:,} tokens a file are more than its 32-bit offsets reach; ask for fewer")
    config = _config(dtype.name, length, dtype.itemsize)
    shards: list[dict[str, Any]] = []
    left = 0
    if length:
        for spans, lengths in cut_tokens(chunks, most):
            left = int(lengths.sum()) % length  # only in the last
            sizes = np.full(int(lengths.sum()) // length, length * dtype.itemsize)
            if len(sizes):
                shards.append(
                    _write(folder, len(shards), config, sizes, [span.data for span in _without_end(spans, left)])
                )
    else:
        for shard in chunks:
            for chunk in cut_rows(shard, most):
                sizes, samples = _samples(chunk)
                shards.append(_write(folder, len(shards), config, sizes, [samples]))
    (folder / "index.json").write_text(json.dumps({"version": 2, "shards": shards}, sort_keys=True))
    note = f"samples of {length:,} tokens, wherever rows end: the stream's last {left:,} tokens are in none"
    return Written(dtype.name, left, (note,) if length else ())


def _config(dtype: str, length: int, itemsize: int) -> dict[str, Any]:
    return {
        "version": 2, "format": "mds", "compression": None, "hashes": ["sha1"], "size_limit": _FILE_BYTES,
        "column_names": ["tokens"], "column_encodings": [f"ndarray:{dtype}:{length}" if length else f"ndarray:{dtype}"],
        "column_sizes": [length * itemsize if length else None],
    }  # fmt: skip


def _write(
    folder: Path, number: int, config: dict[str, Any], sizes: np.ndarray, parts: Sequence[bytes | memoryview]
) -> dict[str, Any]:
    """One shard of samples of these sizes, whose bytes are `parts`; gives its entry in the index."""
    name, told = f"shard.{number:05d}.mds", json.dumps(config, sort_keys=True).encode()
    start = 4 * (len(sizes) + 2) + len(told)
    ends = start + np.cumsum(sizes, dtype=np.int64)
    head = np.concatenate([[len(sizes), start], ends]).astype("<u4")
    digest = hashlib.sha1(usedforsecurity=False)
    with (folder / name).open("wb") as file:
        for part in (head.tobytes(), told, *parts):
            file.write(part)
            digest.update(part)
    raw = {"basename": name, "bytes": int(ends[-1]), "hashes": {"sha1": digest.hexdigest()}}
    return {**config, "samples": len(sizes), "raw_data": raw, "zip_data": None}


def _without_end(spans: list[np.ndarray], left: int) -> list[np.ndarray]:
    out = list(spans)
    while left:
        taken = min(left, len(out[-1]))
        out[-1] = out[-1][: len(out[-1]) - taken]
        left -= taken
        if left:
            out.pop()
    return out


def _samples(chunk: Chunk) -> tuple[np.ndarray, bytes]:
    """Sizes in bytes and bytes of the rows as samples. The heads are made by columns, rows are joined one by one."""
    itemsize = chunk.tokens.dtype.itemsize
    width = _widths(chunk.lengths)
    sizes = 5 + width + chunk.lengths * itemsize
    places = np.cumsum(5 + width)
    heads = np.zeros(int(places[-1]), np.uint8)
    first = places - (5 + width)
    for byte in range(4):
        heads[first + byte] = (sizes - 4) >> (8 * byte) & 255
        rows = np.flatnonzero(width > byte)
        heads[first[rows] + 5 + byte] = chunk.lengths[rows] >> (8 * byte) & 255
    heads[first + 4] = 1 << 2 | width >> 1  # one dimension; 0, 1, 2 for shapes of 1, 2, 4 bytes
    ends = np.cumsum(chunk.lengths) * itemsize
    head, body = heads.data, chunk.tokens.data.cast("B")
    parts: list[memoryview] = []
    a = b = 0
    for c, d in zip(places.tolist(), ends.tolist(), strict=True):
        parts += (head[a:c], body[b:d])
        a, b = c, d
    return sizes, b"".join(parts)


def _widths(lengths: np.ndarray) -> np.ndarray:
    """Bytes of each shape."""
    return np.select([lengths < 1 << 8, lengths < 1 << 16], [1, 2], 4)


def read(folder: Path, settings: Settings) -> Iterator[Chunk]:
    """Shard by shard as the index says. Raises DataError where sizes, heads or the SHA-1 differ."""
    for told in json.loads((folder / "index.json").read_text())["shards"]:
        data = np.memmap(folder / told["raw_data"]["basename"], np.uint8, "r")
        count = int(data[:4].view("<u4")[0])
        offsets = data[4 : 4 * (count + 2)].view("<u4").astype(np.int64)
        sha1 = hashlib.sha1(data.data, usedforsecurity=False).hexdigest()
        if (count, offsets[-1], sha1) != (told["samples"], len(data), told["raw_data"]["hashes"]["sha1"]):
            raise DataError(f"{folder / told['raw_data']['basename']} is not as index.json says; export again")
        if settings.sequence_length:
            yield Chunk(data[offsets[0] :].view(settings.dtype), np.diff(offsets) // settings.dtype.itemsize)
        else:
            yield _rows(data, offsets, settings.dtype)


def _rows(data: np.ndarray, offsets: np.ndarray, dtype: np.dtype) -> Chunk:
    first, sizes = offsets[:-1], np.diff(offsets)
    width = np.select([data[first + 4] == 4, data[first + 4] == 5], [1, 2], 4)
    size, lengths = np.zeros_like(first), np.zeros_like(first)
    for byte in range(4):
        rows = np.flatnonzero(width > byte)
        size |= data[first + byte].astype(np.int64) << (8 * byte)
        lengths[rows] |= data[first[rows] + 5 + byte].astype(np.int64) << (8 * byte)
    if not (np.array_equal(size, sizes - 4) and np.array_equal(5 + width + lengths * dtype.itemsize, sizes)):
        raise DataError("an mds sample's head does not fit its size; export again")
    body = data.data
    parts = [body[a:b] for a, b in zip((first + 5 + width).tolist(), offsets[1:].tolist(), strict=True)]
    return Chunk(np.frombuffer(b"".join(parts), dtype), lengths)
