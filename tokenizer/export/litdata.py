"""LitData: ``chunk-0-N.bin`` and ``index.json``, read by `StreamingDataset` with `TokensLoader(block_size=…)`.

A chunk: u32 items n, u32 byte offsets[n + 1], items; here an item is a row, cut where the chunk ends. `TokensLoader`
looks at the tokens only and cuts them into blocks, inside a chunk: each holds a multiple of the block, but the last.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import DataError, RecipeError
from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import Chunk, cut_tokens

_FILE_BYTES = 64 << 20
_MOST_BYTES = (1 << 32) - 1
_CODES = {"uint16": 5, "uint32": 6}  # of NumPy types, in LitData's own list


def write(folder: Path, chunks: Iterable[Chunk], settings: Settings) -> Written:
    """Write chunks of about 64 MiB. Raises RecipeError without a `sequence_length`: a block's tokens."""
    block, dtype = settings.sequence_length, settings.dtype
    if not block:
        raise RecipeError(
            "litdata cuts blocks inside each chunk; say how long a block is: --sequence-length 2049 for "
            "TokensLoader(block_size=2049)"
        )
    size = (settings.file_tokens or _FILE_BYTES // dtype.itemsize) // block * block or block
    if size * (dtype.itemsize + 4) + 8 > _MOST_BYTES:
        raise RecipeError(f"litdata: {size:,} tokens a file are more than its 32-bit offsets reach; ask for fewer")
    told: list[dict[str, Any]] = []
    tokens = 0
    for spans, lengths in cut_tokens(chunks, size):
        name = f"chunk-0-{len(told)}.bin"
        start = 4 * (len(lengths) + 2)
        ends = np.cumsum(lengths * dtype.itemsize, dtype=np.int64)
        head = np.concatenate([[len(lengths), start], start + ends]).astype("<u4")
        with (folder / name).open("wb") as file:
            for part in (head, *spans):
                file.write(part.data)
        dim = int(lengths.sum())
        told.append({"chunk_bytes": start + int(ends[-1]), "chunk_size": len(lengths), "dim": dim, "filename": name})
        tokens += dim
    (folder / "index.json").write_text(json.dumps(_index(told, settings), sort_keys=True))
    left = tokens % block
    note = f"blocks of {block:,} tokens: the last {left:,} of the stream fill none; the reader passes over them"
    return Written(dtype.name, notes=(note,))


def _index(told: list[dict[str, Any]], settings: Settings) -> dict[str, Any]:
    leaf = '[1, {"type": null, "context": null, "children_spec": []}]'  # the tree of a sample that is one array
    config = {
        "compression": None, "chunk_size": None, "chunk_bytes": _FILE_BYTES, "encryption": None,
        "data_format": [f"no_header_numpy:{_CODES[settings.dtype.name]}"], "data_spec": leaf,
        "item_loader": "TokensLoader",
    }  # fmt: skip
    # what a cache elsewhere is told apart by: another export, another value
    return {"chunks": told, "config": config, "updated_at": f"{settings.stamp}-{settings.sequence_length}"}


def read(folder: Path, settings: Settings) -> Iterator[Chunk]:
    """Chunk by chunk as the index says; the lengths are the items'."""
    index = json.loads((folder / "index.json").read_text())
    for told in index["chunks"]:
        data = np.memmap(folder / told["filename"], np.uint8, "r")
        items = int(data[:4].view("<u4")[0])
        offsets = data[4 : 4 * (items + 2)].view("<u4").astype(np.int64)
        tokens = data[offsets[0] :].view(settings.dtype)
        if (len(data), items, len(tokens)) != (told["chunk_bytes"], told["chunk_size"], told["dim"]):
            raise DataError(f"{folder / told['filename']} is not as index.json says; export again")
        yield Chunk(tokens, np.diff(offsets) // settings.dtype.itemsize)
