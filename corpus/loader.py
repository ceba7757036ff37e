"""Batches of a published corpus for any training loop, in NumPy.

A position counts windows since the beginning, over all epochs: it is the loader's whole state. Which window a position
reads is a pure function of the position and the settings, so any number of ranks, batch sizes and restarts read the
same order; a rank reads its own slice of each global batch. There are no workers and there is no queue: shards are
memory-mapped, and a batch is one copy.

    loader = Loader(open_corpus("builds/mine"), 2048)
    batch = loader.batch(position, 64)          # tokens int32[64, 2049], bounds int32[m]
    state = loader.state(position + 64)         # a few words for the checkpoint; loader.check(state) gives 64 back
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import DataError, InputError, RecipeError
from corpus.packing import KEPT, Packed, stored_plan, stores_of
from corpus.shard import Corpus
from corpus.shuffle import permute, restore
from corpus.windows import Plain, Segments

ORDER = 1  # raise it when a position comes to read something else
AHEAD = 8_192  # positions whose windows are worked out at once


@dataclass(frozen=True)
class Batch:
    """Windows to train on."""

    tokens: np.ndarray
    """int32[n, T + 1]: inputs are [:, :-1], labels [:, 1:]."""
    bounds: np.ndarray
    """int32[m]: where documents begin in the n·T inputs laid end to end; every window's first place is one. In order,
    each once. With n·T behind it this is the `cu_seqlens` of attention kernels for sequences of varying length."""


class Loader:
    """The training stream of a corpus as windows of `sequence_length` inputs, again and again.

    Each epoch reads every window once; the tokens after the last whole window (fewer than `sequence_length` + 1) are
    left out. Raises InputError where there is no whole window, RecipeError for settings out of range.

    shuffle_block: windows are shuffled within blocks of so many, anew in each epoch (a Feistel permutation, no memory).
        1 is the order of the plan, in which each prefix holds every domain's tokens to within one piece. B may move a
        domain's count at a position by up to B // 2 windows, and by nothing at the end of a block.
    pack_block: 0 cuts the stream every `sequence_length` tokens, through pieces. Above, what begins within each
        `pack_block` x `sequence_length` tokens is packed best-fit into rows: no piece is cut that fits a row, rows end
        in PAD (`padding` says how much). It may move a domain's count by up to half a block; 1,024 fills rows of 2,048
        to more than 99 %.
    seed: of the shuffle.
    plans: a folder for the packing plan where the corpus' store cannot be written.
    """

    def __init__(
        self,
        corpus: Corpus,
        sequence_length: int,
        *,
        shuffle_block: int = 1,
        pack_block: int = 0,
        seed: int = 0,
        plans: str | Path | None = None,
    ) -> None:
        for name, value, least in (
            ("sequence_length", sequence_length, 1), ("shuffle_block", shuffle_block, 1), ("pack_block", pack_block, 0),
        ):  # fmt: skip
            if value < least:
                raise RecipeError(f"`{name}` is {value}, it must be at least {least}")
        self.corpus, self.length = corpus, sequence_length
        self.shuffle_block, self.pack_block, self.seed = shuffle_block, pack_block, seed
        self.padding = 0.0
        self._windows: Plain | Packed
        if pack_block:
            where = stores_of(corpus.store, plans)
            plan = stored_plan(corpus.train, sequence_length, pack_block, corpus.order_sha256[:12], where)
            self._windows = Packed(corpus.train, sequence_length, plan, KEPT + shuffle_block // pack_block)
            self.padding = plan.padding
        else:
            self._windows = Plain(corpus.train, sequence_length)
        if not self._windows.num_windows:
            raise InputError(
                f"the training stream holds {corpus.train.num_tokens:,} tokens, less than one window of "
                f"{sequence_length} + 1: build a larger corpus or lower sequence_length"
            )
        self._ahead = lru_cache(2)(lambda part: self._moved(np.arange(part * AHEAD, (part + 1) * AHEAD)))

    @property
    def num_windows(self) -> int:
        """Windows of one epoch."""
        return self._windows.num_windows

    @property
    def prefix_bound(self) -> int:
        """Tokens by which, at any position, what was consumed of a domain may differ from what as many tokens of the
        planned stream hold of it: 0 in the order of the plan.
        """
        moved = self.shuffle_block // 2 * self.length
        return moved + (self._windows.prefix_bound + moved + 2 * (self.shuffle_block // 2) if self.pack_block else 0)

    def batch(self, position: int, count: int, out: np.ndarray | None = None, *, opened: bool = False) -> Batch:
        """The windows at [position, position + count), into `out` (int32[count, T + 1]) where it is given.

        With `opened` an EOS opens the document that follows, instead of ending the one before: `bounds` are then what
        `corpus.windows.openings` makes of them.
        """
        windows = self.windows(position, count)
        tokens = self._read(windows, out)
        bounds = self._windows.openings(windows, tokens) if opened else self._windows.bounds(windows)
        return Batch(tokens, bounds.astype(np.int32))

    def tokens(self, position: int, count: int, out: np.ndarray | None = None) -> np.ndarray:
        """The ids alone: int32[count, T + 1]."""
        return self._read(self.windows(position, count), out)

    def _read(self, windows: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        if out is None:
            out = np.empty((len(windows), self.length + 1), np.int32)
        self._windows.read(windows, out)
        return out

    def segments(self, position: int, count: int) -> Segments:
        """The parts of documents in the windows at [position, position + count), for what draws for each by itself."""
        row, start, stop, place = self._windows.parts(self.windows(position, count))
        epoch = (position + row) // self.num_windows
        return Segments.at(self.corpus.train, row, start, stop, place, epoch)

    def windows(self, position: int, count: int) -> np.ndarray:
        """Which window of the stream each position reads: int64[count]. Raises InputError below position 0."""
        if position < 0 or count < 0:
            raise InputError(f"windows {position}..{position + count} asked for; positions count from 0")
        if self.shuffle_block == 1:
            return np.arange(position, position + count) % self.num_windows
        found = [np.zeros(0, np.int64)]
        for part in range(position // AHEAD, -(-(position + count) // AHEAD)):
            low, high = max(position - part * AHEAD, 0), min(position + count - part * AHEAD, AHEAD)
            found.append(self._ahead(part)[low:high])
        return np.concatenate(found)

    def _moved(self, positions: np.ndarray, backwards: bool = False) -> np.ndarray:
        """The window of each position or, backwards, the position in its epoch of the window that lies there."""
        epoch, number = np.divmod(positions, self.num_windows)
        block, place = np.divmod(number, self.shuffle_block)
        last, turn = self.num_windows // self.shuffle_block, restore if backwards else permute
        name = epoch * (last + 1) + block  # each epoch shuffles each block anew
        out = block * self.shuffle_block
        for size, mine in (
            (self.shuffle_block, np.flatnonzero(block < last)),
            (self.num_windows - last * self.shuffle_block, np.flatnonzero(block == last)),
        ):
            out[mine] += turn(place[mine], size, self.seed, name[mine])
        return out

    def positions(self, start: int, stop: int, epoch: int = 0) -> np.ndarray:
        """The positions of an epoch at which any of tokens [start, stop) of the stream is read: int64, in order."""
        windows = self._windows.find(start, stop) + epoch * self.num_windows
        if self.shuffle_block == 1:
            return windows
        return np.sort(self._moved(windows, backwards=True)) + epoch * self.num_windows

    def consumed(self, position: int) -> dict[str, int]:
        """Tokens of each domain that the windows before `position` consumed, over all epochs; exact.

        A window consumes its inputs; in packed rows each token counts once, PAD not at all.
        """
        epochs, left = divmod(position, self.num_windows)
        found: dict[str, int] = {}
        for times, windows in ((epochs, self.num_windows), (1, left)):
            if times and windows:
                for name, tokens in self._consumed(windows, epochs).items():
                    found[name] = found.get(name, 0) + times * tokens
        return dict(sorted(found.items()))

    def _consumed(self, windows: int, epoch: int) -> dict[str, int]:
        """Of the first so many positions of an epoch."""
        within = windows % self.shuffle_block if windows < self.num_windows else 0
        tokens, first = self._windows.whole(windows - within)
        begin = epoch * self.num_windows + windows - within
        rest = np.concatenate([np.arange(first, windows - within), self.windows(begin, within)])
        starts, stops = self._windows.consumed(rest)
        starts, stops = np.append(starts, 0), np.append(stops, tokens)
        order = np.argsort(starts, kind="stable")
        order = order[stops[order] > starts[order]]
        return self.corpus.train.count(starts[order], stops[order])

    def documents(self, position: int, count: int) -> pa.Table:
        """What the windows at [position, position + count) show; one row = one row of a shard in one window.

        Columns: position int64; doc_id, piece, source, domain, lang, utf8_bytes as in the shard; shard (its number),
        row; start and stop (int64, in the stream) of what the window shows of it.
        """
        starts, stops, which = self._windows.shown(self.windows(position, count))
        tables = []
        for start, stop, window in zip(starts.tolist(), stops.tolist(), which.tolist(), strict=True):
            table = self.corpus.train.rows(start, stop)
            for name, edge, limit in (("start", start, np.maximum), ("stop", stop, np.minimum)):
                values = pa.array(limit(table[name].to_numpy(), edge))
                table = table.set_column(table.schema.get_field_index(name), name, values)
            tables.append(table.add_column(0, "position", pa.array(np.full(table.num_rows, position + window))))
        return pa.concat_tables(tables)

    def settings(self) -> dict[str, Any]:
        """What a run must keep for positions to mean the same."""
        return {
            "loader_order": ORDER,
            "sequence_length": self.length,
            "shuffle_block": self.shuffle_block,
            "pack_block": self.pack_block,
            "seed": self.seed,
            "tokenizer_sha256": self.corpus.tokenizer_sha256,
            "order_sha256": self.corpus.order_sha256,
        }

    def state(self, position: int) -> dict[str, Any]:
        """Plain data for a checkpoint: the position and what it is a position in."""
        return {"position": position, **self.settings()}

    def check(self, state: dict[str, Any]) -> int:
        """The position to go on from. Raises DataError for another corpus' state, RecipeError for other settings."""
        for key, ours in self.settings().items():
            theirs = state.get(key)
            if theirs == ours:
                continue
            if key.endswith("sha256"):
                what = "tokenizer" if key.startswith("tokenizer") else "token order"
                raise DataError(
                    f"the state is of {what} {str(theirs)[:12]}, this corpus has {ours[:12]}: open its version"
                )
            if key == "loader_order":
                raise RecipeError(f"the state is of a loader with order {theirs}, this one has {ours}: use its release")
            raise RecipeError(f"the state is of {key} = {theirs}, the loader has {ours}: give it {key} = {theirs}")
        position = state.get("position")
        if not isinstance(position, int) or position < 0:
            raise DataError(f"the state's position is {position!r}, it must be a number of windows")
        return position
