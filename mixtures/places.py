"""Places: a stream of pieces as the files that say where each of them goes.

In: streams (which piece at which place). Out: where shards are cut; ``order/<stream>``, the rows of a stream in order;
``places/<part>``, the same rows by part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.files import File, write_parquet
from corpus.schema import NAMES, ORDER, PLACES
from corpus.store import Store
from mixtures.plan import Kind


@dataclass(frozen=True)
class Pieces:
    """All pieces as arrays of one length."""

    part: np.ndarray  # int32
    row: np.ndarray  # int32
    start: np.ndarray  # int32, in tokens of the document
    length: np.ndarray  # int32, the end-of-document mark of a last piece counted
    piece: np.ndarray  # int32
    last: np.ndarray  # bool
    drawn: np.ndarray  # uint64
    kind: np.ndarray  # int32, of `kinds`
    kinds: list[tuple[Kind, str]]  # with the split


@dataclass(frozen=True)
class Stream:
    """A stream of pieces: `index` into `Pieces`, and of each place its epoch and the entry's number."""

    name: str
    index: np.ndarray
    epoch: np.ndarray
    entry: np.ndarray


def shard_rows(stream: Stream, pieces: Pieces, tokens: int) -> list[list[Any]]:
    """Name, stream, first row and the row after the last of each shard.

    Whole pieces, and at least `tokens` tokens but in the last.
    """
    ends = np.cumsum(pieces.length[stream.index], dtype=np.int64)
    prefix = "" if stream.name == "train" else f"{stream.name}-"
    rows: list[list[Any]] = []
    at = 0
    while at < len(ends):
        base = int(ends[at - 1]) if at else 0
        stop = min(int(np.searchsorted(ends, base + tokens)) + 1, len(ends))
        rows.append([f"{prefix}{len(rows):05d}", stream.name, at, stop])
        at = stop
    return rows


def write_stream(store: Store, stream: Stream, pieces: Pieces, entries: Sequence[str], files: Sequence[File]) -> File:
    """``order/<stream>``: a row a piece, in stream order. `files` are those that `Pieces.part` counts."""
    sources = sorted({file.part.split("/")[0] for file in files})
    languages = sorted({kind.language for kind, _ in pieces.kinds})
    at = stream.index
    of_source = np.array([sources.index(file.part.split("/")[0]) for file in files], np.int32)
    of_language = np.array([languages.index(kind.language) for kind, _ in pieces.kinds], np.int32)
    names = (
        (pieces.part[at], [file.part for file in files]), (stream.entry, entries),
        (of_source[pieces.part[at]], sources), (of_language[pieces.kind[at]], languages),
    )  # fmt: skip
    part, domain, source, lang = (
        pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(list(words), NAMES.value_type))
        for codes, words in names
    )
    numbers = [pa.array(getattr(pieces, name)[at]) for name in ("row", "start", "length", "piece", "last")]
    table = pa.table([part, *numbers, pa.array(stream.epoch), domain, source, lang], schema=ORDER)
    return write_parquet(store, "order", stream.name, table)


def write_places(
    store: Store, streams: Sequence[Stream], shards: Sequence[Sequence[Any]], pieces: Pieces, files: Sequence[File]
) -> Iterator[File]:
    """A file a part that is in the order: its pieces by shard and place. `shards` are all of all streams, in order."""
    index = np.concatenate([stream.index for stream in streams])
    sizes = [stop - start for _, _, start, stop in shards]
    shard = np.repeat(np.arange(len(shards), dtype=np.int32), sizes)
    place = np.concatenate([np.zeros(0, np.int32), *(np.arange(size, dtype=np.int32) for size in sizes)])
    part = pieces.part[index]
    by_part = np.argsort(part, kind="stable")
    ends = np.searchsorted(part[by_part], np.arange(len(files) + 1))
    for n, file in enumerate(files):
        rows = by_part[ends[n] : ends[n + 1]]
        if len(rows):
            numbers = [pa.array(getattr(pieces, name)[index[rows]]) for name in ("row", "start", "length", "last")]
            table = pa.table([pa.array(shard[rows]), pa.array(place[rows]), *numbers], schema=PLACES)
            yield write_parquet(store, "places", file.part, table)
