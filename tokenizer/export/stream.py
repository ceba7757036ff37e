"""What is exported: a published corpus' streams, shard by shard, and how shards are cut into another format's files.

In: a store and the version object. Out: `Stream`s, whose `chunks` give one shard after the other in training order:
its tokens as a view of the file, the lengths of its rows, and the record batch itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.shard import Shard, Tokenizer, read_shard
from corpus.store import Store

BLOCK = 1 << 20  # tokens that are converted, hashed or compared at a time: they stay in the processor's cache


class Chunk(NamedTuple):
    """Some rows of the stream."""

    tokens: np.ndarray  # uint16 | uint32, a view of the shard
    lengths: np.ndarray  # int64[rows]: tokens of each row; their sum is len(tokens)
    batch: pa.RecordBatch | None = None  # the same rows with all their columns
    path: str = ""  # of the shard
    first: int = 0  # number of the first row in the shard


@dataclass(frozen=True)
class Stream:
    """The training stream, or an entry's held-out one."""

    name: str  # train | heldout-ENTRY
    store: Store
    shards: tuple[Shard, ...]
    tokenizer: Tokenizer
    order_sha256: str

    def chunks(self) -> Iterator[Chunk]:
        """One chunk a shard. Raises DataError where a shard is gone, a stranger or damaged."""
        for shard in self.shards:
            batch = read_shard(self.store, shard, self.tokenizer, self.order_sha256, whole=True)
            column = batch.column("tokens")
            lengths = np.diff(column.offsets.to_numpy()).astype(np.int64)
            yield Chunk(column.flatten().to_numpy(zero_copy_only=True), lengths, batch, shard.path)


def streams(store: Store, what: dict[str, Any], split: str) -> list[Stream]:
    """The streams of a version that `split` names: train, heldout or all."""
    tokenizer, order = Tokenizer(**what["tokenizer"]), what["order"]["sha256"]
    wanted: list[tuple[str, list[dict[str, Any]]]] = []
    if split in ("train", "all"):
        wanted.append(("train", what["shards"]))
    if split in ("heldout", "all"):
        wanted += [(f"heldout-{entry}", shards) for entry, shards in sorted(what["heldout"].items())]
    return [
        Stream(name, store, tuple(Shard(**shard) for shard in shards), tokenizer, order)
        for name, shards in wanted
        if shards
    ]


def as_type(tokens: np.ndarray, dtype: np.dtype) -> Iterator[np.ndarray]:
    """The ids in another dtype, some at a time; themselves where they have it."""
    if tokens.dtype == dtype:
        yield tokens
    else:
        for at in range(0, len(tokens), BLOCK):
            yield tokens[at : at + BLOCK].astype(dtype)


def cut_rows(chunk: Chunk, most: int) -> Iterator[Chunk]:
    """A chunk in pieces of whole rows, each of at most `most` tokens; a longer row is a piece by itself."""
    ends = np.concatenate([[0], np.cumsum(chunk.lengths)])
    first = 0
    while first < len(chunk.lengths):
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + most, "right")) - 1)
        batch = chunk.batch.slice(first, last - first) if chunk.batch else None
        tokens = chunk.tokens[ends[first] : ends[last]]
        yield Chunk(tokens, chunk.lengths[first:last], batch, chunk.path, chunk.first + first)
        first = last


def cut_tokens(chunks: Iterable[Chunk], size: int) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    """Runs of exactly `size` tokens, the last of what is left, wherever rows end.

    A run is a list of views, and int64 lengths of its rows; a row that goes on in the next run counts in both.
    """
    spans: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    held = 0
    for chunk in chunks:
        ends = np.cumsum(chunk.lengths)
        at = 0
        while at < len(chunk.tokens):
            stop = min(len(chunk.tokens), at + size - held)
            inside = ends[np.searchsorted(ends, at, "right") : np.searchsorted(ends, stop, "left")]
            spans.append(chunk.tokens[at:stop])
            lengths.append(np.diff(inside, prepend=at, append=stop))
            held, at = held + stop - at, stop
            if held == size:
                yield spans, np.concatenate(lengths)
                spans, lengths, held = [], [], 0
    if held:
        yield spans, np.concatenate(lengths)
