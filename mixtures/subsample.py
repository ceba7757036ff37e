"""A small stock for small trainings: pieces of what a corpus has to train on, repeated as in the real run.

In: a published corpus, a mixture's plan, and the length of a small training as a part of the real one. Out: `Small`,
one file of arrays; from it, for any shares, a `Corpus` in memory that the loader and the trainer take as any other.

    pieces/ + tokens/ ── by a seeded hash, of each entry as large a part as the training is of the real one ──> Small
    Small + shares + seed ── a window of each entry ── epochs, ratios at every prefix ──> Corpus

A training of b tokens in place of B on the whole stock would see everything less than once that the real one repeats,
and so take to the small sources; on b / B of the stock the epochs are those of the real run (arXiv 2606.07597).
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import DataError, InputError
from corpus.files import File, id_bytes, read_table
from corpus.layout import Shard, Tokenizer
from corpus.schema import token_type
from corpus.seeds import draw
from corpus.shard import Corpus, TokenStream
from corpus.store import Store
from mixtures.order import Filled, fill, merged, owners, read_pieces
from mixtures.places import Pieces
from mixtures.plan import Plan

WINDOWS = 4  # as many stocks of one size are kept, so that trainings differ in what they see as well
_ARRAYS = ("tokens", "length", "ids", "piece", "drawn", "entry", "need")


@dataclass(frozen=True)
class Small:
    """Pieces one after the other, those of an entry side by side in the order of a hash; held-out ones are the entries
    behind (number + len(entries))."""

    entries: tuple[str, ...]
    tokens: np.ndarray  # uint16 or uint32, end marks included
    length: np.ndarray  # int32[n]
    ids: np.ndarray  # uint8[n, 16]: the document
    piece: np.ndarray  # int32[n]
    drawn: np.ndarray  # uint64[n]
    entry: np.ndarray  # int32[n]
    need: np.ndarray  # int64[entries]: tokens of one training's stock

    def to_bytes(self) -> bytes:
        """As a file."""
        sink = io.BytesIO()
        np.savez(sink, entries=np.array(self.entries), **{name: getattr(self, name) for name in _ARRAYS})
        return sink.getvalue()

    @classmethod
    def of_bytes(cls, data: bytes) -> "Small":
        """From a file."""
        with np.load(io.BytesIO(data)) as arrays:
            return cls(tuple(arrays["entries"].tolist()), *(arrays[name] for name in _ARRAYS))


def subsample(
    store: Store, what: Mapping[str, Any], plan: Plan, tokens: int, seed: int, heldout_tokens: int
) -> Small:  # fmt: skip
    """The stock for trainings of `tokens` in place of the plan's, and `heldout_tokens` at most of each entry's
    held-out documents (0: all).

    Of an entry no more is kept than a training could see. Raises InputError where the corpus was published without
    tokens or pieces, DataError where a file is not as recorded.
    """
    files = sorted(File(**file) for file in what["files"])
    cut, encoded = ([file for file in files if file.folder == name] for name in ("pieces", "tokens"))
    if not cut or not encoded:
        raise InputError(f"{store.url}: version {what['version']} has no tokens/ and pieces/; build it again")
    pieces, entries = read_pieces(store, cut, what["domains"]), [line.domain for line in plan.lines]
    ratio = min(1.0, tokens / sum(line.planned for line in plan.lines))
    need = np.array([min(round(line.available * ratio), tokens) for line in plan.lines], np.int64)
    chosen, of = [], []
    for split, most in (("train", need * WINDOWS), ("heldout", np.full(len(entries), heldout_tokens or 1 << 62))):
        owner = owners(pieces, plan, entries, split)
        for number, limit in enumerate(most.tolist()):
            mine = _hashed(pieces, np.flatnonzero(owner == number), seed)
            ends = np.cumsum(pieces.length[mine], dtype=np.int64)
            chosen.append(mine[: int(np.searchsorted(ends - pieces.length[mine] / 2, limit))])
            of.append(np.full(len(chosen[-1]), number + len(entries) * (split == "heldout"), np.int32))
    rows, entry = np.concatenate(chosen), np.concatenate(of)
    values, ids = _gathered(store, pieces, rows, cut, encoded, Tokenizer(**what["tokenizer"]))
    return Small(
        tuple(entries), values, pieces.length[rows], ids, pieces.piece[rows], pieces.drawn[rows], entry, need
    )  # fmt: skip


def _hashed(pieces: Pieces, mine: np.ndarray, seed: int) -> np.ndarray:
    """Pieces in the order of a seeded hash: the pieces of one book may lie in several stocks, as in several epochs."""
    words = np.stack([pieces.drawn[mine], pieces.piece[mine].astype(np.uint64)], axis=1)
    keys = draw(words.view(np.uint8).reshape(-1, 16), seed, 1 << 20)
    return mine[np.lexsort((pieces.row[mine], pieces.part[mine], keys))]


def _gathered(
    store: Store, pieces: Pieces, rows: np.ndarray, cut: list[File], encoded: list[File], tokenizer: Tokenizer
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The pieces' tokens, one after the other, and their documents: uint8[n, 16]."""
    by_part = {file.part: file for file in encoded}
    ends = np.cumsum(pieces.length[rows], dtype=np.int64)
    out = np.empty(int(ends[-1]) if len(ends) else 0, token_type(tokenizer.vocab_size).to_pandas_dtype())
    ids = np.empty((len(rows), 16), np.uint8)
    for number, group in groupby(np.argsort(pieces.part[rows], kind="stable").tolist(), lambda n: pieces.part[rows[n]]):
        at = np.array([*group])
        mine = rows[at]
        if cut[number].part not in by_part:
            raise DataError(f"{store.url}: no tokens for {cut[number].path}; build again")
        table = read_table(store, by_part[cut[number].part], ["id", "tokens"])
        column = table["tokens"].combine_chunks()
        values, offsets = column.values.to_numpy(zero_copy_only=True), column.offsets.to_numpy()
        ids[at] = id_bytes(table["id"])[pieces.row[mine]]
        text = pieces.length[mine] - pieces.last[mine]
        to = ends[at] - pieces.length[mine]
        out[_stretches(to, text)] = values[_stretches(offsets[pieces.row[mine]] + pieces.start[mine], text)]
        out[ends[at][pieces.last[mine]] - 1] = tokenizer.eos_id
    return out, ids


def _stretches(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Every place of stretches that begin there and are so long: int64."""
    lengths = lengths.astype(np.int64)
    return np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)


def window(small: Small, number: int, seed: int) -> np.ndarray:
    """One training's stock of an entry: places in `small`, from a seeded one on and round, nearest to what it needs."""
    mine = np.flatnonzero(small.entry == number)
    ends = np.cumsum(small.length[mine], dtype=np.int64)
    if not len(mine) or ends[-1] <= small.need[number]:
        return mine
    first = int(np.random.default_rng([seed, number]).integers(len(mine)))
    turned = np.roll(mine, -first)
    length = small.length[turned].astype(np.int64)
    return turned[: max(int(np.searchsorted(np.cumsum(length) - length / 2, small.need[number])), 1)]


def mixed(small: Small, shares: Mapping[str, float], tokens: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A training stream of about `tokens` in these shares (by entry, of 1): places in `small`, and their epochs."""
    count = len(small.length)
    pieces = Pieces(
        np.zeros(count, np.int32), np.arange(count, dtype=np.int32), np.zeros(count, np.int32), small.length,
        small.piece, np.zeros(count, bool), small.drawn, small.entry, [],
    )  # fmt: skip
    wanted = [(n, round(shares.get(name, 0.0) * tokens)) for n, name in enumerate(small.entries)]
    runs = [(Filled(n, *fill(pieces, window(small, n, seed), quota, seed)), quota) for n, quota in wanted if quota]
    runs = [(run, quota) for run, quota in runs if len(run.index)]
    if not runs:
        raise InputError(f"no piece fits a training of {tokens:,} tokens; give it more")
    (index, epoch, _), _ = merged(pieces, [run for run, _ in runs], [quota for _, quota in runs])
    return index, epoch


def corpus_of(
    small: Small, shares: Mapping[str, float], tokens: int, seed: int, tokenizer: Tokenizer, token_bytes: np.ndarray
) -> Corpus:
    """A corpus in memory: `mixed` as its training stream, and each entry's held-out pieces."""
    index, _ = mixed(small, shares, tokens, seed)
    held = {name: np.flatnonzero(small.entry == n + len(small.entries)) for n, name in enumerate(small.entries)}
    heldout = {name: _stream(small, places, tokenizer) for name, places in sorted(held.items()) if len(places)}
    return Corpus(Store("memory://"), 0, tokenizer, "", _stream(small, index, tokenizer), heldout, token_bytes)


def _stream(small: Small, places: np.ndarray, tokenizer: Tokenizer) -> TokenStream:
    ends = np.cumsum(small.length, dtype=np.int64)
    values = small.tokens[_stretches((ends - small.length)[places], small.length[places])]
    bounds = np.concatenate([[0], np.cumsum(small.length[places])]).astype(np.int32)
    tokens = pa.ListArray.from_arrays(pa.array(bounds), pa.array(values))
    raw = pa.py_buffer(small.ids[places].tobytes())
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(places), [None, raw])
    entry = small.entry[places] % len(small.entries)
    names = pa.array([small.entries[n] for n in entry.tolist()], pa.string())
    columns = [tokens, ids.cast(pa.binary()), pa.array(small.piece[places]), names]
    sums = np.bincount(entry, small.length[places], len(small.entries)).astype(np.int64).tolist()
    domains = {name: count for name, count in sorted(zip(small.entries, sums, strict=True)) if count}
    rows = pa.record_batch(columns, ["tokens", "doc_id", "piece", "domain"])
    shard = Shard("memory", "", 0, len(places), tokens=len(values), domains=domains)
    return TokenStream(
        [shard], lambda _: rows, vocab_size=tokenizer.vocab_size, eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id
    )
