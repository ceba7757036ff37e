"""Shards, in order, as one stream of token ids.

In: the shards' records and a function that opens one. Out: ids, windows, and which rows lie where. Sizes come from the
records, so nothing is opened before it is read; the latest few shards stay open.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError, InputError
from corpus.layout import Shard

OPEN = 128  # shards kept open, where opening one is mapping a file


@dataclass(frozen=True)
class Opened:
    """One shard's rows. `tokens` are all ids, a view of the file; row i has ids [offsets[i], offsets[i + 1])."""

    rows: pa.RecordBatch
    tokens: np.ndarray
    offsets: np.ndarray  # int32[rows + 1]
    eos_id: int

    @classmethod
    def of(cls, rows: pa.RecordBatch, eos_id: int = -1) -> "Opened":
        """From the shard's one record batch; `eos_id` is for `openings` alone."""
        column = rows.column("tokens")
        offsets = column.offsets.to_numpy()
        return cls(rows, column.flatten().to_numpy(zero_copy_only=True), offsets - offsets[0], eos_id)

    @cached_property
    def pieces(self) -> np.ndarray:
        """Each row's number within its document: int32[rows]."""
        array: np.ndarray = self.rows.column("piece").fill_null(0).to_numpy()
        return array

    @cached_property
    def ids(self) -> np.ndarray:
        """Each row's document: S16[rows]."""
        column = self.rows.column("doc_id")
        if column.null_count or pc.any(pc.not_equal(pc.binary_length(column), 16)).as_py():
            raise DataError("a shard's doc_id is not of 16 bytes; build again")
        _, offsets, data = column.buffers()
        first = int(np.frombuffer(offsets, np.int32)[column.offset])
        return np.frombuffer(data, "S16", len(column), first) if len(column) else np.zeros(0, "S16")

    @cached_property
    def begins(self) -> np.ndarray:
        """int64: where rows begin that do not go on with the document of the row before, row 0 counted among them."""
        later = np.flatnonzero(self.pieces[1:] > 0) + 1
        later = later[self.pieces[later] == self.pieces[later - 1] + 1]
        goes_on = later[self.ids[later] == self.ids[later - 1]] if len(later) else later
        return np.delete(self.offsets[:-1], goes_on).astype(np.int64)

    @cached_property
    def openings(self) -> np.ndarray:
        """int64: `begins`, each moved to the EOS before it where one stands there, in order and each once.

        With an EOS in the last place that place is one, whatever the next shard holds.
        """
        later = np.append(self.begins[1:], len(self.tokens))
        places = np.append(0, later - (self.tokens[later - 1] == self.eos_id))
        return np.unique(places[places < len(self.tokens)])

    @cached_property
    def domains(self) -> tuple[list[str], np.ndarray]:
        """The names of the rows' domains, and each row's: int32[rows]."""
        coded = pc.dictionary_encode(self.rows.column("domain"))
        return coded.dictionary.to_pylist(), coded.indices.to_numpy()

    def count(self, starts: np.ndarray, stops: np.ndarray) -> dict[str, int]:
        """Tokens by domain in stretches of this shard that do not overlap and are in order."""
        names, codes = self.domains
        first = int(np.searchsorted(self.offsets, starts[0], "right")) - 1
        last = int(np.searchsorted(self.offsets, stops[-1], "left"))
        edges = self.offsets[first : last + 1].astype(np.int64)
        within = np.searchsorted(starts, edges, "right") - 1  # the stretch that begins at or before each row's edge
        before = np.concatenate([[0], np.cumsum(stops - starts)])
        inside = np.clip(edges - starts[within], 0, (stops - starts)[within])
        covered = np.diff(np.where(within < 0, 0, before[within] + inside))
        sums = np.bincount(codes[first:last], covered, len(names)).astype(np.int64)
        return {name: tokens for name, tokens in zip(names, sums.tolist(), strict=True) if tokens}


class TokenStream:
    """Shards, in order, as one stream of token ids, `keep` of them open at a time."""

    def __init__(
        self,
        shards: Sequence[Shard],
        read: Callable[[Shard], pa.RecordBatch],
        *,
        vocab_size: int,
        eos_id: int,
        pad_id: int,
        keep: int = OPEN,
    ) -> None:
        self.shards, self._read, self._keep = list(shards), read, keep
        self.vocab_size, self.eos_id, self.pad_id = vocab_size, eos_id, pad_id
        self.dtype = np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)
        self.starts = np.concatenate([[0], np.cumsum([shard.tokens for shard in self.shards], dtype=np.int64)])
        """Where each shard begins in the stream, and the stream's end: int64[shards + 1]."""
        self._open: OrderedDict[int, Opened] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray], *, vocab_size: int, eos_id: int, pad_id: int) -> "TokenStream":
        """Ids that lie in memory as a stream: each array a shard of one piece, of a document of its own."""
        shards = [Shard(f"{number:05d}", "", 0, 1, tokens=len(array)) for number, array in enumerate(arrays)]

        def read(shard: Shard) -> pa.RecordBatch:
            ids = pa.array(np.asarray(arrays[int(shard.path)]))
            tokens = pa.ListArray.from_arrays(pa.array([0, len(ids)], pa.int32()), ids)
            names = [int(shard.path).to_bytes(16, "little")]
            return pa.record_batch([tokens, pa.array(names, pa.binary()), [0]], ["tokens", "doc_id", "piece"])

        return cls(shards, read, vocab_size=vocab_size, eos_id=eos_id, pad_id=pad_id)

    @property
    def num_tokens(self) -> int:
        """How many ids all shards hold."""
        return int(self.starts[-1])

    def num_windows(self, length: int) -> int:
        """How many windows of `length` labels the stream holds."""
        return max(0, (self.num_tokens - 1) // length)

    def shard(self, number: int) -> Opened:
        """One shard, opened now or already open. Raises DataError where it is not as recorded."""
        with self._lock:
            if number in self._open:
                self._open.move_to_end(number)
                return self._open[number]
            while len(self._open) >= self._keep:
                self._open.popitem(last=False)
            opened = Opened.of(self._read(self.shards[number]), self.eos_id)
            if len(opened.tokens) != self.shards[number].tokens:
                raise DataError(
                    f"{self.shards[number].path} holds {len(opened.tokens)} tokens, {self.shards[number].tokens} are "
                    "recorded; restore it or build again"
                )
            self._open[number] = opened
            return opened

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(shard, start, stop) of each stretch of [start, stop), counted in tokens of the shard.

        Raises InputError past the stream's end.
        """
        if not 0 <= start <= stop <= self.num_tokens:
            raise InputError(f"tokens {start}..{stop} asked for, the stream holds {self.num_tokens}")
        number = int(np.searchsorted(self.starts, start, "right")) - 1
        while start < stop:
            base, end = int(self.starts[number]), int(self.starts[number + 1])
            if end > start:
                yield number, start - base, min(stop, end) - base
            start, number = max(start, min(stop, end)), number + 1

    def tokens(self, start: int, stop: int) -> np.ndarray:
        """Ids [start, stop) in the shards' dtype: a view where they lie in one shard, else a copy."""
        parts = [self.shard(number).tokens[a:b] for number, a, b in self.spans(start, stop)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros(0, self.dtype)

    def windows(self, first: int, count: int, length: int) -> np.ndarray:
        """Windows [first, first + count) as int32[count, length + 1]. Raises InputError past the stream's end."""
        if first < 0 or first + count > self.num_windows(length):
            there = self.num_windows(length)
            raise InputError(f"windows {first}..{first + count} of {length} tokens asked for, the stream holds {there}")
        run = self.tokens(first * length, (first + count) * length + 1)
        view = np.lib.stride_tricks.as_strided(run, (count, length + 1), (length * run.itemsize, run.itemsize))
        return view.astype(np.int32)

    def overlaps(self, starts: np.ndarray, stops: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """For each shard that stretches of the stream touch, its number and which of them touch it."""
        first = np.searchsorted(self.starts, starts, "right") - 1
        last = np.searchsorted(self.starts, stops, "left") - 1
        long = np.flatnonzero(last > first + 1)  # those that hold whole shards
        within = [np.arange(a, b) for a, b in zip(first[long] + 1, last[long], strict=True)]
        for number in np.unique(np.concatenate([first, last, *within])).tolist():
            mine = np.flatnonzero((first <= number) & (number <= last))
            if len(mine) and self.shards[number].tokens:
                yield number, mine

    def begins(self, starts: np.ndarray, stops: np.ndarray, *, opened: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Where a document begins, or a piece that does not directly follow the one before, within stretches.

        With `opened` the EOS before such a place is meant, where there is one (`corpus.windows.openings`).

        In: int64[n] twice. Out: int64[m] twice: which stretch, and the place in the stream; in order of both where the
        stretches are in order.
        """
        which, found = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for number, mine in self.overlaps(starts, stops):
            base, shard = self.starts[number], self.shard(number)
            places = shard.openings if opened else shard.begins
            low, high = np.searchsorted(places, starts[mine] - base), np.searchsorted(places, stops[mine] - base)
            if not low.all() and self._goes_on(number, opened):  # the first place is none
                low = np.maximum(low, 1)
            counts = high - low
            at = np.arange(counts.sum()) + np.repeat(low - (np.cumsum(counts) - counts), counts)
            which.append(np.repeat(mine, counts))
            found.append(places[at] + base)
        return np.concatenate(which), np.concatenate(found)

    def count(self, starts: np.ndarray, stops: np.ndarray) -> dict[str, int]:
        """Tokens by domain in stretches that do not overlap and are in order: int64[n] twice.

        Of a shard that they hold whole, its record is read, not its rows.
        """
        found: dict[str, int] = {}
        for number, mine in self.overlaps(starts, stops):
            base, size = int(self.starts[number]), self.shards[number].tokens
            low, high = np.maximum(starts[mine] - base, 0), np.minimum(stops[mine] - base, size)
            whole = int((high - low).sum()) == size
            counts = self.shards[number].domains if whole else self.shard(number).count(low, high)
            for name, tokens in counts.items():
                found[name] = found.get(name, 0) + tokens
        return found

    def _goes_on(self, number: int, opened: bool) -> bool:
        """Whether a shard begins with the piece that follows the last one of the shard before.

        With `opened` also whether the EOS before opens what begins, unless an EOS in the first place opens the next.
        """
        shard = self.shard(number)
        piece, before = shard.pieces[0], int(np.searchsorted(self.starts, self.starts[number], "left")) - 1
        if before < 0 or not (piece or opened):
            return False
        earlier = self.shard(before)
        goes_on = bool(piece and earlier.pieces[-1] + 1 == piece and earlier.ids[-1] == shard.ids[0])
        if opened:
            return bool((goes_on or earlier.tokens[-1] == self.eos_id) and shard.tokens[0] != self.eos_id)
        return goes_on

    def rows(self, start: int, stop: int) -> pa.Table:
        """The rows that hold tokens [start, stop): all their columns but the tokens, and where they lie.

        Columns besides the shards' own: shard int32 (its number), row int32, start and stop int64 (in the stream).
        """
        tables = []
        for number, a, b in self.spans(start, stop):
            opened = self.shard(number)
            first = int(np.searchsorted(opened.offsets, a, "right")) - 1
            last = int(np.searchsorted(opened.offsets, b, "left"))
            places = opened.offsets[first : last + 1].astype(np.int64) + self.starts[number]
            names = [name for name in opened.rows.schema.names if name != "tokens"]
            table = pa.Table.from_batches([opened.rows.slice(first, last - first).select(names)])
            table = table.replace_schema_metadata(None)
            table = table.append_column("shard", pa.array(np.full(last - first, number, np.int32)))
            table = table.append_column("row", pa.array(np.arange(first, last, dtype=np.int32)))
            table = table.append_column("start", pa.array(places[:-1]))
            tables.append(table.append_column("stop", pa.array(places[1:])))
        return pa.concat_tables(tables) if tables else pa.table({})
