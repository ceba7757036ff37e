"""Order: which piece of which document, in which epoch, at which place of the training stream.

In: the pieces and stock of all parts. Out: the plan, in tokens; ``order/train`` and ``order/heldout-<entry>``, one row
a piece in stream order; ``places/``, the same rows by part, for those that bring the tokens there.

    stock ── solve ──> tokens by entry and stage
    pieces of an entry ── shuffled by (seed, epoch, id), epoch after epoch ── up to its tokens ── stage by stage
    entries ── merge ──> the stream

Nothing but the mixture, the seed and the documents' ids decides: neither parts nor files nor workers.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from corpus.errors import RecipeError
from corpus.files import File, read_table
from corpus.ledger import PASSED, Count
from corpus.seeds import draw
from corpus.stage import Output, Part, Stage, plain
from corpus.store import Store
from mixtures.merge import merge
from mixtures.pieces import Stock, available
from mixtures.places import Pieces, Stream, shard_rows, write_places, write_stream
from mixtures.plan import Kind, Line, Mixture, Plan, refuse_empty, solve

_COLUMNS = ("row", "start", "length", "piece", "last", "drawn")
_STRETCH = 1 << 14


@dataclass(frozen=True)
class OrderSettings:
    """What decides the order. `domains` maps a source to its recipe domain, `stock` is all parts' together."""

    mixture: Mixture
    domains: dict[str, str]
    stock: Stock
    seed: int
    shard_tokens: int


def order(store: Store, part: Part) -> Output:
    """The stage's work: inputs are the pieces of all parts."""
    settings: OrderSettings = part.settings
    files = sorted(file for file in part.inputs if isinstance(file, File))
    pieces = read_pieces(store, files, settings.domains)
    plan = solve(settings.mixture, available(settings.stock, settings.domains))
    entries = [line.domain for line in plan.lines]
    refuse_empty(settings.mixture, {line.domain for line in plan.lines if line.available})
    train, reached, prefix = _train(pieces, plan, settings)
    streams = [train, *_heldout(pieces, plan, entries)]
    out = [write_stream(store, stream, pieces, entries, files) for stream in streams]
    shards = [row for stream in streams for row in shard_rows(stream, pieces, settings.shard_tokens)]
    out += write_places(store, streams, shards, pieces, files)
    placed = np.bincount(train.entry, pieces.length[train.index], len(entries)).astype(np.int64).tolist()
    _refuse_far(settings.mixture, plan.lines, placed)
    counts = (*_by_source(plan, settings), *_counts(plan, train, streams[1:], pieces, settings))
    info = {
        "plan": plain(plan.lines), "placed": placed, "stages": reached, "prefix": prefix, "shards": shards,
        "order_sha256": _sha256(train, pieces, entries), "stock": settings.stock,
    }  # fmt: skip
    return Output(tuple(out), counts, info)


ORDER_STAGE = Stage("order", order, version=2)


def read_pieces(store: Store, files: Sequence[File], domains: Mapping[str, str]) -> Pieces:
    """The pieces of all parts, and what each is. `domains` maps a source to its recipe domain."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*_COLUMNS, "part", "kind")}
    kinds: dict[tuple[Kind, str], int] = {}
    for number, file in enumerate(files):
        table = read_table(store, file).combine_chunks()
        for name in _COLUMNS:
            columns[name].append(table[name].to_numpy())
        source = file.part.split("/")[0]
        codes = np.zeros(table.num_rows, np.int64)
        words: list[list[str]] = []
        for name in ("split", "lang", "bucket"):
            column = table[name].combine_chunks()
            words.append(column.dictionary.to_pylist())
            codes = codes * max(len(words[-1]), 1) + column.indices.to_numpy()
        found, inverse = np.unique(codes, return_inverse=True)
        known = np.zeros(len(found), np.int32)
        for n, code in enumerate(found.tolist()):
            rest, bucket = divmod(code, len(words[2]))
            split, language = divmod(rest, len(words[1]))
            kind = Kind(source, domains[source], words[1][language], words[2][bucket])
            known[n] = kinds.setdefault((kind, words[0][split]), len(kinds))
        columns["part"].append(np.full(table.num_rows, number, np.int32))
        columns["kind"].append(known[inverse.ravel()])
    return Pieces(**{name: np.concatenate(arrays) for name, arrays in columns.items()}, kinds=list(kinds))


def fill(pieces: Pieces, mine: np.ndarray, quota: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces up to a quota of tokens, and the epoch of each: whole epochs, then those of the last that still fit.

    `mine` are places in `pieces`; the answer is of them, in the order of training.
    """
    total = int(pieces.length[mine].sum(dtype=np.int64))
    words = np.stack([pieces.drawn[mine], pieces.piece[mine].astype(np.uint64)], axis=1)
    ties = (pieces.row[mine], pieces.part[mine])  # for the case that two hashes are equal
    chosen, epochs, left, epoch = [mine[:0]], [np.zeros(0, np.int32)], quota, 0
    while left > 0 and total:
        keys = draw(words.view(np.uint8).reshape(-1, 16), seed, epoch)
        sequence = mine[np.lexsort((*ties, keys))]
        if left < total:
            sequence = sequence[_fitting(pieces.length[sequence].astype(np.int64), left)]
        left -= total
        chosen.append(sequence)
        epochs.append(np.full(len(sequence), epoch, np.int32))
        epoch += 1
    return np.concatenate(chosen), np.concatenate(epochs)


def _fitting(lengths: np.ndarray, quota: int) -> np.ndarray:
    """Indices taken in order, each that still fits: all up to the first that does not, then whatever fits the rest."""
    count = int(np.searchsorted(np.cumsum(lengths), quota, "right"))
    more, left, at = [], quota - int(lengths[:count].sum()), count
    while at < len(lengths) and left > 0:  # a stretch at a time, for each piece that is taken looks at its rest
        rest = np.flatnonzero(lengths[at : at + _STRETCH] <= left) + at
        while len(rest):
            more.append(int(rest[0]))
            left -= int(lengths[rest[0]])
            rest = rest[1:][lengths[rest[1:]] <= left]
        at += _STRETCH
    return np.concatenate([np.arange(count), np.array(more, np.int64)])


@dataclass(frozen=True)
class Filled:
    """What an entry gives: its number, its pieces in the order of training, and the epoch of each."""

    entry: int
    index: np.ndarray
    epoch: np.ndarray

    def part(self, start: int, stop: int) -> "Filled":
        """A stretch of it."""
        return Filled(self.entry, self.index[start:stop], self.epoch[start:stop])


def _train(pieces: Pieces, plan: Plan, settings: OrderSettings) -> tuple[Stream, list[dict[str, Any]], float]:
    """The training stream, what each stage reached of each entry, and the largest distance from the plan's ratios at
    any prefix of a stage, in tokens."""
    entries = [line.domain for line in plan.lines]
    of = owners(pieces, plan, entries, "train")
    filled = [
        Filled(n, *fill(pieces, np.flatnonzero(of == n), line.planned, settings.seed))
        for n, line in enumerate(plan.lines)
        if line.planned
    ]
    cuts = [_cuts(pieces, each, plan, entries[each.entry]) for each in filled]
    parts, reached, farthest = [], [], 0.0
    for number, stage in enumerate(plan.stages):
        runs = [each.part(*at[number : number + 2]) for each, at in zip(filled, cuts, strict=True)]
        runs = [run for run in runs if stage.tokens.get(entries[run.entry])]
        stretch, worst = merged(pieces, runs, [stage.tokens[entries[run.entry]] for run in runs])
        placed = {entries[run.entry]: int(pieces.length[run.index].sum(dtype=np.int64)) for run in runs}
        reached.append({"name": stage.name, "planned": dict(stage.tokens), "placed": placed})
        parts.append(stretch)
        farthest = max(farthest, worst)
    return Stream("train", *(np.concatenate(columns) for columns in zip(*parts, strict=True))), reached, farthest


def _cuts(pieces: Pieces, filled: Filled, plan: Plan, entry: str) -> list[int]:
    """Where each stage begins in what an entry gives, and its end: at the piece nearest to the stages' tokens."""
    length = pieces.length[filled.index].astype(np.int64)
    wanted = np.cumsum([0, *(stage.tokens.get(entry, 0) for stage in plan.stages)])[1:-1]
    return [0, *np.searchsorted(np.cumsum(length) - length / 2, wanted).tolist(), len(length)]


def merged(pieces: Pieces, runs: list[Filled], tokens: list[int]) -> tuple[tuple[np.ndarray, ...], float]:
    """Index, epoch and entry of each place, and the largest distance from the ratios of `tokens`."""
    order, worst = merge([pieces.length[run.index] for run in runs], [each / sum(tokens) for each in tokens])
    of_run = np.repeat(np.array([run.entry for run in runs], np.int32), [len(run.index) for run in runs])
    columns = []
    for values in (np.concatenate([run.index for run in runs]), np.concatenate([run.epoch for run in runs]), of_run):
        column = np.empty_like(values)
        column[np.argsort(order, kind="stable")] = values  # the i-th place of a run goes to its i-th piece
        columns.append(column)
    return tuple(columns), worst


def owners(pieces: Pieces, plan: Plan, entries: Sequence[str], split: str) -> np.ndarray:
    """int32[n]: the number of each piece's entry; -1 where none takes it, or it is of another split."""
    number = {name: n for n, name in enumerate(entries)}
    taken = [number[plan.entry[kind]] if of == split and kind in plan.entry else -1 for kind, of in pieces.kinds]
    return np.array([*taken, -1], np.int32)[pieces.kind]


def _heldout(pieces: Pieces, plan: Plan, entries: Sequence[str]) -> Iterator[Stream]:
    """A stream an entry: its documents in drawn order, up to the tokens that it wants, a piece at least."""
    of = owners(pieces, plan, entries, "heldout")
    for n in sorted(set(of[of >= 0].tolist()), key=lambda n: entries[n]):
        mine = np.flatnonzero(of == n)
        mine = mine[np.lexsort((pieces.piece[mine], pieces.row[mine], pieces.part[mine], pieces.drawn[mine]))]
        most = plan.heldout.get(entries[n])
        if most is not None:
            ends = np.cumsum(pieces.length[mine], dtype=np.int64)
            mine = mine[: max(int(np.searchsorted(ends, most, "right")), 1)]
        if len(mine):
            yield Stream(f"heldout-{entries[n]}", mine, np.zeros(len(mine), np.int32), np.full(len(mine), n, np.int32))


def _sha256(stream: Stream, pieces: Pieces, entries: Sequence[str]) -> str:
    """What the training order is, whatever parts its documents lie in."""
    digest = hashlib.sha256("\n".join(entries).encode())
    for values in (
        pieces.drawn[stream.index].astype("<u8"), pieces.start[stream.index].astype("<i4"),
        pieces.length[stream.index].astype("<i4"), stream.epoch.astype("<i4"), stream.entry.astype("<i4"),
    ):  # fmt: skip
        digest.update(values.tobytes())
    return digest.hexdigest()


def _refuse_far(mixture: Mixture, lines: Sequence[Line], placed: Sequence[int]) -> None:
    if mixture.shortfall != "fail":
        return
    for line, tokens in zip(lines, placed, strict=True):
        share = tokens / max(sum(placed), 1)
        if abs(share - line.asked) > mixture.tolerance:
            raise RecipeError(
                f"mixture {mixture.name}: {line.domain} reaches {share:.2%} of the tokens, {line.asked:.2%} are asked "
                f"(tolerance {mixture.tolerance:.2%}); lower [shards] piece_tokens or raise the budget"
            )


def _by_source(plan: Plan, settings: OrderSettings) -> Iterator[Count]:
    """What of each source went to which entry, in tokens of text."""
    for source, language, bucket, split, documents, _, tokens in settings.stock:
        entry = plan.entry.get(Kind(source, settings.domains[source], language, bucket))
        outcome = "dropped" if entry is None else PASSED if split == "train" else "heldout"
        reason = "mixture.no_domain" if entry is None else entry
        yield Count("order", source, source, outcome, reason, documents=documents, tokens=tokens - documents)


def _counts(
    plan: Plan, train: Stream, heldout: Sequence[Stream], pieces: Pieces, settings: OrderSettings
) -> Iterator[Count]:
    """What the mixture did with each entry, in tokens with end-of-document marks."""
    lengths = pieces.length[train.index]
    for n, line in enumerate(plan.lines):
        placed = int(lengths[train.entry == n].sum(dtype=np.int64))
        first = int(lengths[(train.entry == n) & (train.epoch == 0)].sum(dtype=np.int64))
        numbers = [
            (PASSED, "first epoch", first), ("repeated", "later epochs", placed - first),
            ("dropped", "mixture.not_needed", line.available - first),
        ]  # fmt: skip
        for outcome, reason, tokens in numbers:
            if tokens or (outcome == PASSED and placed):
                yield Count("mixture", line.domain, line.domain, outcome, reason, tokens=tokens)
    written = {stream.name: int(pieces.length[stream.index].sum(dtype=np.int64)) for stream in heldout}
    there = dict.fromkeys((line.domain for line in plan.lines), 0)
    for kind, what in available(settings.stock, settings.domains, "heldout").items():
        if kind in plan.entry:
            there[plan.entry[kind]] += what.tokens
    for domain, tokens in there.items():
        used = written.get(f"heldout-{domain}", 0)
        if used:
            yield Count("mixture", domain, domain, "heldout", tokens=used)
        if tokens > used:
            yield Count("mixture", domain, domain, "unused", "mixture.heldout_tokens", tokens=tokens - used)
