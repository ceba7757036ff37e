"""Order: which piece of which document, in which epoch, at which place of the training stream.

In: token parts (their lengths; ids only where a long document is cut) and selection. Out: ``order/train`` and
``order/heldout-<domain>``, one row a piece, and the plan asked for and achieved. Within a domain pieces are shuffled
anew each epoch by a hash of seed, epoch and id. Domains are merged by their clocks: a piece's time is the share of
its domain's tokens that lies before its middle, so at every prefix each domain is within about a piece of its ratio.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import RecipeError
from corpus.files import File, id_bytes, read_aligned, read_table, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import ORDER
from corpus.seeds import draw
from corpus.stage import Output, Part, Stage, plain
from corpus.store import Store
from mixtures.plan import Available, Line, Mixture, achieved, domain_of, solve
from mixtures.sample import aligned_inputs, files_by_part


@dataclass(frozen=True)
class OrderSettings:
    """What decides the order. `domains` maps a source to its recipe domain; `continuation` is the range of ids that
    must follow another (byte tokens 0x80 to 0xBF): a piece never begins with one."""

    mixture: Mixture
    domains: dict[str, str]
    piece_tokens: int
    seed: int
    continuation: tuple[int, int]


@dataclass(frozen=True)
class Pieces:
    """Pieces as arrays of one length."""

    part: np.ndarray  # position of the token part
    row: np.ndarray
    start: np.ndarray  # in tokens of the document
    length: np.ndarray  # the end-of-document mark of a last piece counted
    piece: np.ndarray
    last: np.ndarray
    drawn: np.ndarray  # uint64: hash of seed and document
    source: np.ndarray  # position in the list of sources

    def take(self, index: np.ndarray) -> "Pieces":
        """Some of them, in the order of `index`."""
        return Pieces(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @property
    def tokens(self) -> int:
        """Their tokens, end-of-document marks counted."""
        return int(self.length.sum())


def joined(groups: list[Pieces]) -> Pieces:
    """Several sets of pieces as one, in order."""
    return Pieces(*(np.concatenate([getattr(g, name) for g in groups]) for name in Pieces.__dataclass_fields__))


def fill(pieces: Pieces, quota: int, seed: int) -> tuple[Pieces, np.ndarray]:
    """Pieces up to a quota of tokens, with the epoch of each: whole epochs, then those of the last that still fit."""
    chosen, epochs, left, epoch = [], [], quota, 0
    total = pieces.tokens
    while left > 0 and total:
        order = np.lexsort((pieces.piece, pieces.row, pieces.part, _again(pieces, seed, epoch)))
        if left < total:
            order = order[_fitting(pieces.length[order], left)]
            left = 0
        else:
            left -= total
        chosen.append(pieces.take(order))
        epochs.append(np.full(len(order), epoch))
        epoch += 1
    none = pieces.take(np.zeros(0, np.int64))
    return joined(chosen or [none]), np.concatenate(epochs or [np.zeros(0, np.int64)])


def _again(pieces: Pieces, seed: int, epoch: int) -> np.ndarray:
    words = np.stack([pieces.drawn, pieces.piece.astype(np.uint64)], axis=1).view(np.uint8).reshape(-1, 16)
    return draw(words, seed, epoch)


def _fitting(lengths: np.ndarray, quota: int) -> np.ndarray:
    """Indices taken in order, each that still fits: all up to the first that does not, then whatever fits the rest."""
    count = int(np.searchsorted(np.cumsum(lengths), quota, "right"))
    taken, left = list(range(count)), quota - int(lengths[:count].sum())
    rest = np.flatnonzero(lengths[count:] <= left) + count
    while len(rest) and left > 0:
        taken.append(int(rest[0]))
        left -= int(lengths[rest[0]])
        rest = rest[1:][lengths[rest[1:]] <= left]
    return np.array(taken, np.int64)


def merge(domains: list[Pieces]) -> np.ndarray:
    """Places of the concatenated pieces of all domains by merged clocks: int64[n], a permutation."""
    times = [(2 * np.cumsum(d.length) - d.length) / max(2 * d.tokens, 1) for d in domains]
    number = np.repeat(np.arange(len(domains)), [len(d.length) for d in domains])
    return np.lexsort((number, np.concatenate(times))) if times else np.zeros(0, np.int64)


@dataclass
class Stock:
    """What the token parts hold, by split and domain, and the ledger's counts of it."""

    pieces: dict[tuple[str, str], list[Pieces]] = field(default_factory=dict)  # (split, domain) → one a part
    bytes: Counter[str] = field(default_factory=Counter)  # of the documents to train on, by domain
    counts: list[Count] = field(default_factory=list)

    def of(self, split: str, domain: str) -> Pieces:
        """All pieces of a domain."""
        return joined(self.pieces[split, domain])

    def domains(self, split: str) -> list[str]:
        """The domains that have any."""
        return sorted(domain for kind, domain in self.pieces if kind == split)


def order(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all tokens and selection files, in the same order of parts, and buckets of some."""
    settings: OrderSettings = part.settings
    aligned = aligned_inputs(part, "tokens", "selection")
    buckets = files_by_part(part, "buckets")
    sources = sorted(settings.domains)
    stock = Stock()
    for number, (tokens, selection) in enumerate(aligned):
        _read(store, tokens, selection, buckets.get(tokens.part), number, sources, settings, stock)
    available = {}
    for domain in stock.domains("train"):
        pieces = stock.of("train", domain)
        available[domain] = Available(int(pieces.last.sum()), stock.bytes[domain], pieces.tokens)
    lines = solve(settings.mixture, available)
    return _written(store, settings, lines, stock, [tokens.part for tokens, _ in aligned], sources)


ORDER_STAGE = Stage("order", order, version=1)


def _read(
    store: Store, tokens: File, selection: File, buckets: File | None, number: int, sources: list[str],
    settings: OrderSettings, stock: Stock,
) -> None:  # fmt: skip
    cut = [(buckets, ["bucket"])] if buckets else []
    table = read_aligned(store, (tokens, ["id", "tokens", "lang", "utf8_bytes"]), (selection, ["split"]), *cut)
    source = tokens.part.split("/")[0]
    lang = np.array(table["lang"].fill_null("").to_pylist(), object)
    split = np.array(table["split"].fill_null("").to_pylist(), object)
    split[table["tokens"].is_null().to_numpy()] = ""  # kept, but the cuts left nothing of it
    bucket = np.array(table["bucket"].fill_null("").to_pylist() if cut else [""] * len(lang), object)
    for language, named in sorted({*zip(lang.tolist(), bucket.tolist(), strict=True)}):
        domain = domain_of(settings.mixture, source, settings.domains[source], language, named)
        for kind in ("train", "heldout"):
            rows = np.flatnonzero((lang == language) & (bucket == named) & (split == kind))
            if not len(rows):
                continue
            pieces = _cut(table, rows, number, sources.index(source), settings)
            outcome, reason = (
                (PASSED if kind == "train" else kind, domain) if domain else ("dropped", "mixture.no_domain")
            )
            text = pieces.tokens - int(pieces.last.sum())  # without the marks, as encode counted them
            stock.counts.append(
                Count("order", source, tokens.part, outcome, reason or "", documents=len(rows), tokens=text)
            )
            if domain:
                stock.pieces.setdefault((kind, domain), []).append(pieces)
            if domain and kind == "train":
                stock.bytes[domain] += int(table["utf8_bytes"].to_numpy(zero_copy_only=False)[rows].sum())


def _cut(table: pa.Table, rows: np.ndarray, number: int, source: int, settings: OrderSettings) -> Pieces:
    column = table["tokens"].combine_chunks()
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)[rows].astype(np.int64)
    starts, owner = [], []
    for at, length in enumerate(lengths.tolist()):
        cuts = [0]
        while length - cuts[-1] > settings.piece_tokens:
            cuts.append(
                _boundary(column[int(rows[at])].values, cuts[-1] + settings.piece_tokens, settings.continuation)
            )
        starts += cuts
        owner += [at] * len(cuts)
    start, own = np.array(starts, np.int64), np.array(owner, np.int64)
    last = np.append(own[1:] != own[:-1], True) if len(own) else np.zeros(0, bool)
    end = np.where(last, lengths[own], np.append(start[1:], 0))
    drawn = draw(id_bytes(table["id"])[rows], settings.seed)
    first = np.searchsorted(own, own)
    return Pieces(
        np.full(len(own), number), rows[own], start, end - start + last, np.arange(len(own)) - first, last, drawn[own],
        np.full(len(own), source),
    )  # fmt: skip


def _boundary(ids: pa.Array, at: int, continuation: tuple[int, int]) -> int:
    """The last place not after `at` where a piece may begin: not inside the bytes of one character."""
    low, high = continuation
    while low <= ids[at].as_py() < high:
        at -= 1
    return at


def _written(
    store: Store, settings: OrderSettings, lines: list[Line], stock: Stock, parts: list[str], sources: list[str]
) -> Output:  # fmt: skip
    taken = [line for line in lines if line.planned]
    filled = [fill(stock.of("train", line.domain), line.planned, settings.seed) for line in taken]
    places = merge([pieces for pieces, _ in filled])
    names = np.repeat(np.array([line.domain for line in taken], object), [len(epochs) for _, epochs in filled])
    pieces = joined([pieces for pieces, _ in filled]).take(places)
    epochs = np.concatenate([epochs for _, epochs in filled])[places]
    files = [_write(store, "train", pieces, epochs, names[places].tolist(), parts, sources)]
    counts = [*stock.counts]
    for line, (of_domain, when) in zip(taken, filled, strict=True):
        counts += _counts(line, of_domain, when)
    counts += [
        Count("mixture", line.domain, line.domain, "dropped", "mixture.not_needed", tokens=line.available)
        for line in lines
        if line.available and not line.planned
    ]
    for domain in stock.domains("heldout"):
        held = stock.of("heldout", domain)
        held = held.take(np.lexsort((held.piece, held.row, held.part, held.drawn)))
        none = np.zeros(len(held.row), np.int64)
        files.append(_write(store, f"heldout-{domain}", held, none, [domain] * len(none), parts, sources))
        counts.append(Count("mixture", domain, domain, "heldout", tokens=held.tokens))
    got = achieved(lines, {line.domain: pieces.tokens for line, (pieces, _) in zip(taken, filled, strict=True)})
    _refuse_far(settings.mixture, got)
    return Output(tuple(files), tuple(counts), {"plan": plain(lines), "achieved": plain(got)})


def _refuse_far(mixture: Mixture, got: list[Line]) -> None:
    if mixture.shortfall != "fail":
        return
    total = sum(line.planned for line in got)
    for line in got:
        share = line.planned / total if total else 0.0
        if abs(share - line.asked) > mixture.tolerance:
            raise RecipeError(
                f"mixture {mixture.name}: {line.domain} reaches {share:.2%} of the tokens, {line.asked:.2%} are asked "
                f"(tolerance {mixture.tolerance:.2%}); lower [shards] piece_tokens or raise the budget"
            )


def _counts(line: Line, pieces: Pieces, epochs: np.ndarray) -> Iterator[Count]:
    """What the mixture did with one domain, in tokens with end-of-document marks."""
    first = int(pieces.length[epochs == 0].sum())
    numbers = [
        (PASSED, "first epoch", first),
        ("repeated", "later epochs", pieces.tokens - first),
        ("dropped", "mixture.not_needed", line.available - first),
    ]
    for outcome, reason, tokens in numbers:
        if tokens or outcome == PASSED:
            yield Count("mixture", line.domain, line.domain, outcome, reason, tokens=tokens)


def _write(
    store: Store, name: str, pieces: Pieces, epochs: np.ndarray, domains: list[str], parts: list[str],
    sources: list[str],
) -> File:  # fmt: skip
    table = pa.table(
        [
            pa.array(parts).take(pa.array(pieces.part)), pa.array(pieces.row.astype(np.int32)), pa.array(pieces.start),
            pa.array(pieces.length.astype(np.int32)), pa.array(pieces.piece.astype(np.int32)), pa.array(pieces.last),
            pa.array(epochs.astype(np.int32)), pa.array(domains, pa.string()),
            pa.array(sources, pa.string()).take(pa.array(pieces.source)),
        ],
        schema=ORDER,
    )  # fmt: skip
    return write_parquet(store, "order", name, table)


def shard_rows(store: Store, file: File, tokens: int) -> list[tuple[int, int]]:
    """Rows [from, to) of an order file for each shard: whole pieces, at least `tokens` tokens but in the last."""
    lengths = read_table(store, file, ["length"])["length"].to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    cuts, at = [0], 0
    while at < len(lengths):
        base = int(ends[at - 1]) if at else 0
        at = min(int(np.searchsorted(ends, base + tokens)) + 1, len(lengths))
        cuts.append(at)
    return list(pairwise(cuts))
