"""Best-fit packing: pieces into rows of T + 1 ids, so that no piece is cut that fits a row.

In: where documents begin in the stream. Out: rows. The stream is taken in blocks; what begins within a block is packed
among itself (best-fit decreasing; Ding et al. 2024, arXiv:2404.10830), so a prefix of rows is never farther from the
plan's ratios than half a block. A piece longer than a row is cut into rows that overlap by one id, as windows do; what
is left of a row holds PAD. Only how many rows each block gives has to be known beforehand: that is the plan, one small
file in the store per order, length and block; the rows of a block follow from its shards in a millisecond.
"""

import hashlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.errors import DataError, StoreError
from corpus.files import File, read_table, write_arrow
from corpus.pack import best_fit, copy_into
from corpus.store import Store
from corpus.stream import TokenStream
from corpus.windows import openings

VERSION = 1  # raise it when `pack` comes to give other rows, with `corpus.loader.ORDER`
KEPT = 8  # packed blocks held in memory
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Block:
    """The rows of one block: their chunks, by row and place in it."""

    first: np.ndarray  # int64[rows + 1]: each row's first chunk
    start: np.ndarray  # int64[chunks]: in the stream
    length: np.ndarray
    column: np.ndarray
    again: np.ndarray  # 1 where the first id is also the last of the row before, of the same piece


def pack(begins: np.ndarray, stop: int, length: int) -> Block:
    """Pack what begins at `begins` and ends where the next begins, the last one at `stop`."""
    starts, number, sizes = _chunks(begins, np.diff(np.append(begins, stop)), length)
    order = np.argsort(-sizes, kind="stable")
    rows = np.empty(len(sizes), np.int64)
    rows[order], count = best_fit(sizes[order], length + 1)
    earliest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, rows, starts)
    rows = np.argsort(np.argsort(earliest, kind="stable"), kind="stable")[rows]  # rows in the order of the stream
    order = np.lexsort((starts, rows))
    starts, number, sizes, rows = starts[order], number[order], sizes[order], rows[order]
    first = np.searchsorted(rows, np.arange(count + 1))
    before = np.cumsum(sizes) - sizes
    return Block(first, starts, sizes, before - before[first[rows]], (number > 0).astype(np.int64))


def _chunks(begins: np.ndarray, sizes: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, number within its piece and size of the parts that fit a row."""
    counts = np.maximum(-(-(sizes - 1) // length), 1)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    left = np.repeat(sizes, counts) - number * length
    return np.repeat(begins, counts) + number * length, number, np.minimum(left, length + 1)


@dataclass(frozen=True)
class PackingPlan:
    """How many rows and tokens lie before what begins in each block; the last entries are of the whole stream."""

    rows: np.ndarray  # int64[blocks + 1]
    start: np.ndarray  # int64[blocks + 1]
    padding: float  # share of the places in rows that hold PAD


def plan_packing(stream: TokenStream, length: int, block: int) -> PackingPlan:
    """Pack every block once; reads the rows' lengths and ids of all shards, not the tokens."""
    size, count = block * length, -(-stream.num_tokens // (block * length))
    start, rows, placed = np.full(count + 1, stream.num_tokens, np.int64), np.zeros(count + 1, np.int64), 0
    waiting, begins = 0, np.zeros(0, np.int64)  # the last block that holds something: it ends where the next begins
    for number in range(count + 1):
        edges = np.array([number * size]), np.array([min((number + 1) * size, stream.num_tokens)])
        found = stream.begins(*edges)[1] if number < count else edges[1]
        if not len(found):
            continue
        if len(begins):
            packed = pack(begins, int(found[0]), length)
            rows[waiting + 1] = len(packed.first) - 1
            placed += int(packed.length.sum())
        start[waiting + 1 : number + 1] = found[0]
        waiting, begins = number, found
    start[0], rows = 0, np.cumsum(rows)
    places = int(rows[-1]) * (length + 1)
    return PackingPlan(rows, start, 1 - placed / places if places else 0.0)


def stored_plan(stream: TokenStream, length: int, block: int, name: str, stores: list[Store]) -> PackingPlan:
    """The plan from the first store that holds it; else it is made and put into the first that can be written."""
    part = f"{name}-{length}-{block}-v{VERSION}"
    for store in stores:
        for path, size in store.list("packing").items():
            if path.startswith(f"packing/{part}."):
                plan = _read(store, File(path, "", size, -(-stream.num_tokens // (block * length)) + 1))
                if plan is not None:
                    return plan
    plan = plan_packing(stream, length, block)
    table = pa.table({"rows": plan.rows, "start": plan.start}).replace_schema_metadata({"padding": repr(plan.padding)})
    for store in stores:
        try:
            write_arrow(store, "packing", part, table)
            break
        except StoreError as error:
            _log.warning("the packing plan is not kept: %s", error)
    return plan


def _read(store: Store, file: File) -> PackingPlan | None:
    """A stored plan; None where it is damaged, which its name shows."""
    head = file.path.rsplit(".", 2)[1]
    try:
        if hashlib.sha256(store.map(file.path)).hexdigest()[:12] != head:
            raise DataError(f"{file.path} is damaged")
        table = read_table(store, file)
    except (DataError, OSError) as error:
        _log.warning("the packing plan is made again: %s", error)
        return None
    rows, start = (table[name].to_numpy() for name in ("rows", "start"))
    return PackingPlan(rows, start, float(table.schema.metadata[b"padding"]))


class Packed:
    """Rows of packed pieces, in place of `corpus.windows.Plain`."""

    def __init__(self, stream: TokenStream, length: int, plan: PackingPlan, keep: int = KEPT) -> None:
        self.stream, self.length, self.plan = stream, length, plan
        self.num_windows = int(plan.rows[-1])
        self.prefix_bound = int(np.diff(plan.start).max(initial=0)) // 2
        self._block = lru_cache(keep)(self._packed)

    def _packed(self, number: int) -> Block:
        start, stop = self.plan.start[number], self.plan.start[number + 1]
        return pack(self.stream.begins(np.array([start]), np.array([stop]))[1], int(stop), self.length)

    def _chunks(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """All chunks of some rows, in their order: row (which of them), start, length, column, again."""
        blocks = np.searchsorted(self.plan.rows, windows, "right") - 1
        names = ("start", "length", "column", "again")
        parts: dict[str, list[np.ndarray]] = {name: [np.zeros(0, np.int64)] for name in ("row", *names)}
        edges = np.flatnonzero(np.diff(blocks)) + 1
        for mine in np.split(np.arange(len(windows)), edges) if len(windows) else ():
            number = int(blocks[mine[0]])
            block, rows = self._block(number), windows[mine] - self.plan.rows[number]
            counts = block.first[rows + 1] - block.first[rows]
            at = np.arange(counts.sum()) + np.repeat(block.first[rows] - (np.cumsum(counts) - counts), counts)
            parts["row"].append(np.repeat(mine, counts))
            for name in names:
                parts[name].append(getattr(block, name)[at])
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    def read(self, windows: np.ndarray, out: np.ndarray) -> None:
        """The ids of rows int64[n] into int32[n, length + 1]; what no piece fills is PAD."""
        out[:] = self.stream.pad_id
        chunks = self._chunks(windows)
        starts, stops = chunks["start"], chunks["start"] + chunks["length"]
        for number, mine in self.stream.overlaps(starts, stops):
            base, tokens = int(self.stream.starts[number]), self.stream.shard(number).tokens
            low, high = np.maximum(starts[mine], base), np.minimum(stops[mine], base + len(tokens))
            column = chunks["column"][mine] + low - starts[mine]
            copy_into(out, tokens, low - base, high - low, chunks["row"][mine], column)

    def bounds(self, windows: np.ndarray) -> np.ndarray:
        """int64: where rows, pieces and padding begin, counted over all inputs of the batch, in order."""
        chunks = self._chunks(windows)
        column = np.concatenate([chunks["column"], _used(chunks, len(windows))])
        row = np.concatenate([chunks["row"], np.arange(len(windows))])
        inside = column < self.length
        found = row[inside] * self.length + column[inside]
        found.sort()
        return found

    def openings(self, windows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Where documents open in rows with these ids."""
        return openings(tokens, self.bounds(windows), self.stream.eos_id)

    def parts(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As `Plain.parts`; padding is a part at place -1."""
        chunks = self._chunks(windows)
        row = np.concatenate([chunks["row"], np.arange(len(windows))])
        start = np.concatenate([chunks["column"], _used(chunks, len(windows))])
        stop = np.concatenate([chunks["column"] + chunks["length"], np.full(len(windows), self.length + 1)])
        place = np.concatenate([chunks["start"], np.full(len(windows), -1)])
        order = np.argsort(row * (self.length + 1) + start, kind="stable")
        order = order[start[order] < self.length]
        return row[order], start[order], stop[order], place[order]

    def shown(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tokens in rows: int64 starts and stops in the stream, and whose they are."""
        chunks = self._chunks(windows)
        return chunks["start"], chunks["start"] + chunks["length"], chunks["row"]

    def consumed(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens that rows consume: starts and stops; no two rows consume the same."""
        chunks = self._chunks(windows)
        return chunks["start"] + chunks["again"], chunks["start"] + chunks["length"]

    def whole(self, windows: int) -> tuple[int, int]:
        """(tokens, row): the first `windows` rows consume the first `tokens` and what those from `row` on do."""
        block = int(np.searchsorted(self.plan.rows, windows, "right")) - 1
        return int(self.plan.start[block]), int(self.plan.rows[block])

    def find(self, start: int, stop: int) -> np.ndarray:
        """The rows that show any of tokens [start, stop), int64 in order."""
        first = max(int(np.searchsorted(self.plan.start, start, "right")) - 1, 0)
        last = int(np.searchsorted(self.plan.start, stop, "left"))
        windows = np.arange(self.plan.rows[first], self.plan.rows[min(last, len(self.plan.rows) - 1)])
        starts, stops, which = self.shown(windows)
        return windows[np.unique(which[(starts < stop) & (stops > start)])]


def _used(chunks: dict[str, np.ndarray], count: int) -> np.ndarray:
    """How many places of each row pieces fill."""
    used = np.zeros(count, np.int64)
    np.maximum.at(used, chunks["row"], chunks["column"] + chunks["length"])
    return used


def stores_of(store: Store, folder: str | Path | None) -> list[Store]:
    """Where a plan may lie: the corpus' store, then a folder of one's own."""
    return [store, Store(folder)] if folder else [store]
