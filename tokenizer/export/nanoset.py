"""datatrove and nanotron (Nanoset): ``NNNNNN.ds``, read by `DatatroveFolderDataset`.

``.ds`` holds raw uint16 or uint32 ids, ``.ds.index`` the rows' ends in tokens as uint64, ``.ds.metadata`` names the
tokenizer and the size of an id, and counts the tokens. One file a shard; the reader cuts windows of T + 1 tokens in it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import Chunk, cut_rows


def write(folder: Path, chunks: Iterable[Chunk], settings: Settings) -> Written:
    """Write one file a shard, or several where `file_tokens` asks for smaller ones."""
    number, lost = 0, 0
    for shard in chunks:
        for chunk in cut_rows(shard, settings.file_tokens or len(shard.tokens)):
            name = folder / f"{number:06d}.ds"
            name.write_bytes(chunk.tokens.data)
            name.with_suffix(".ds.index").write_bytes(np.cumsum(chunk.lengths).astype("<u8").data)
            size, count = chunk.tokens.dtype.itemsize, len(chunk.tokens)
            name.with_suffix(".ds.metadata").write_text(f"{settings.stamp}|{size}\n{count}\n{_told(count)}")
            number += 1
            lost += count % (settings.sequence_length + 1)
    return Written(settings.dtype.name, notes=_notes(settings.sequence_length, lost, number))


def _told(count: int) -> str:
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}T"
    return f"{count} T"


def _notes(length: int, lost: int, files: int) -> tuple[str, ...]:
    if not length:
        return (
            "the reader drops what fills no window at the end of each file: give --sequence-length to have it counted",
        )
    return (f"windows of {length:,} + 1 tokens: the reader passes over {lost:,} tokens at the ends of {files:,} files",)


def read(folder: Path, settings: Settings) -> Iterator[Chunk]:
    """File by file, as the reader lists them."""
    for name in sorted(folder.glob("*.ds")):
        ends = np.fromfile(name.with_suffix(".ds.index"), "<u8").astype(np.int64)
        yield Chunk(np.memmap(name, settings.dtype, "r"), np.diff(ends, prepend=0))
