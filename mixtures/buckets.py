"""Buckets: a domain's kept documents cut by quantiles of a stored score, for the mixture to weigh each by itself.

    [[mixture.bucket]]
    domain = "web"
    score = "perplexity.value"
    quantiles = [0.3, 0.6]                  # CCNet's: head, middle and tail of a language
    names = ["head", "middle", "tail"]
    by_language = true

    [[mixture.domain]]
    name = "web-head"
    weight = 60
    select = { domain = "web", bucket = "head" }

::

    scores, selection of a domain ──> bounds (one task) ──> buckets/: aligned, a name for each document that is kept

Bounds are exact: of n documents in the order of score and id, the first bucket has the first round(0.3 n), whatever the
parts. They are found by digits, so that what is held does not grow with the corpus. A document without that score is in
no bucket, and only a domain that asks for none takes it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError
from corpus.files import File, id_bytes, read_aligned, write_parquet
from corpus.schema import ID
from corpus.stage import Output, Part, Run, Stage
from corpus.store import Store

Chunks = Callable[[], Iterable[np.ndarray]]  # each call goes through all keys, uint64[n, 3], anew

BUCKETS = pa.schema([("id", ID), ("bucket", pa.string())])  # null where not kept, or without the score

_SIGN = np.uint64(1 << 63)
_DIGIT = 16  # bits
_DIGITS = 3 * 64 // _DIGIT
_HELD = 1 << 20  # keys that are sorted in memory


@dataclass(frozen=True)
class Buckets:
    """How a domain is cut. `quantiles` are shares of its kept documents, from the lowest score on; one name more."""

    domain: str
    score: str  # a column of scores/, as `perplexity.value`
    quantiles: tuple[float, ...] = (0.3, 0.6)
    names: tuple[str, ...] = ("head", "middle", "tail")
    by_language: bool = False  # quantiles of each language alone, where a score means another thing in each

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0.0, *self.quantiles), (*self.quantiles, 1.0), strict=True))
        if not self.quantiles or not rising:
            raise ValueError(f"`quantiles` is {list(self.quantiles)}, they must rise between 0 and 1")
        if len(self.names) != len(self.quantiles) + 1 or len({*self.names}) != len(self.names) or "" in self.names:
            raise ValueError(f"`names` is {list(self.names)}, {len(self.quantiles) + 1} different ones are needed")


@dataclass(frozen=True)
class Bounds:
    """By language ("" for all), the first key of each bucket but the first, as three integers; null: no such key."""

    buckets: Buckets
    firsts: dict[str, list[list[int] | None]]


def bucket_documents(
    wanted: Sequence[Buckets], domains: dict[str, str], scores: Sequence[File], selection: Sequence[File], run: Run
) -> tuple[File, ...]:
    """The aligned files of all parts that are cut; none without buckets. `domains` gives each source's."""
    found: list[File] = []
    for buckets in wanted:
        rows = [
            (score, chosen)
            for score, chosen in zip(scores, selection, strict=True)
            if domains[score.part.split("/")[0]] == buckets.domain
        ]
        (bounded,) = run(BOUND, [Part(buckets.domain, tuple(file for row in rows for file in row), buckets)])
        bounds = Bounds(buckets, bounded.info["firsts"])
        cut = run(BUCKET, [Part(row[0].part, row, bounds, row[0].part.split("/")[0]) for row in rows])
        found += [file for entry in cut for file in entry.only("buckets")]
    return tuple(found)


def bound(store: Store, part: Part) -> Output:
    """The bounds of a domain: inputs are all its scores and selection files by turns."""
    files = [file for file in part.inputs if isinstance(file, File)]
    rows = list(zip(files[::2], files[1::2], strict=True))
    languages = sorted({name for row in rows for name in _languages(store, row, part.settings)})

    def chunks(language: str) -> Iterator[np.ndarray]:
        for row in rows:
            table, keys = _keys(store, row, part.settings)
            yield keys[_are(table, part.settings, language)]

    firsts = {name: quantile_keys(partial(chunks, name), part.settings.quantiles) for name in languages}
    return Output(info={"firsts": firsts})


BOUND = Stage("bound", bound)


def bucket(store: Store, part: Part) -> Output:
    """One part's scores and selection in, one aligned file of names out."""
    bounds: Bounds = part.settings
    scores, selection = part.inputs
    assert isinstance(scores, File) and isinstance(selection, File)
    table, keys = _keys(store, (scores, selection), bounds.buckets)
    place = np.full(table.num_rows, -1)
    for language, firsts in bounds.firsts.items():
        rows = _are(table, bounds.buckets, language)
        place[rows] = sum((_reaches(keys[rows], first) for first in firsts), np.zeros(rows.sum(), np.int64))
    names = pa.array(bounds.buckets.names).take(pa.array(place, mask=place < 0))
    named = pa.table([table["id"].combine_chunks(), names], schema=BUCKETS)
    return Output((write_parquet(store, "buckets", scores.part, named),))


BUCKET = Stage("bucket", bucket)


def quantile_keys(chunks: Chunks, quantiles: Sequence[float]) -> list[list[int] | None]:
    """For each quantile q of n keys the one that comes after round(q n) of them in order; None where none does."""
    total = sum(len(keys) for keys in chunks())
    ranks = [int(q * total + 0.5) for q in quantiles]
    return [_ranked(chunks, rank, total) if rank < total else None for rank in ranks]


def _ranked(chunks: Chunks, rank: int, count: int) -> list[int]:
    """The key before which `rank` of all `count` keys come: digit by digit until what is left can be sorted."""
    head = np.zeros(0, np.uint16)
    while count > _HELD and len(head) < _DIGITS:
        counts = np.zeros(1 << _DIGIT, np.int64)
        for keys in chunks():
            counts += np.bincount(_alike(keys, head)[:, len(head)], minlength=1 << _DIGIT)
        ends = np.cumsum(counts)
        digit = int(np.searchsorted(ends, rank, "right"))
        rank, count = rank - int(ends[digit] - counts[digit]), int(counts[digit])
        head = np.append(head, np.uint16(digit))
    left = np.concatenate([np.zeros((0, _DIGITS), np.uint16), *(_alike(keys, head) for keys in chunks())])
    whole = left.astype(">u2").view(">u8").astype(np.uint64).reshape(-1, 3)
    return [int(word) for word in whole[np.lexsort(whole.T[::-1])[rank]]]


def _alike(keys: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The digits of those keys that begin with `head`: uint16[m, 12]."""
    digits = np.ascontiguousarray(keys.astype(">u8")).view(">u2").astype(np.uint16).reshape(-1, _DIGITS)
    return digits[(digits[:, : len(head)] == head).all(axis=1)]


def _reaches(keys: np.ndarray, first: list[int] | None) -> np.ndarray:
    """Which keys do not come before `first`, int64[n]."""
    if first is None:
        return np.zeros(len(keys), np.int64)
    a, b, c = (np.uint64(word) for word in first)
    tie = (keys[:, 0] == a) & ((keys[:, 1] > b) | ((keys[:, 1] == b) & (keys[:, 2] >= c)))
    return ((keys[:, 0] > a) | tie).astype(np.int64)


def keys_of(scores: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """uint64[n, 3] that sort as score (float64[n], no NaN) and then id (uint8[n, 16]) do."""
    bits = (scores + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return np.column_stack([rising, np.ascontiguousarray(ids).view(">u8").astype(np.uint64).reshape(-1, 2)])


def _keys(store: Store, row: tuple[File, File], buckets: Buckets) -> tuple[pa.Table, np.ndarray]:
    """`id`, `lang` and whether a document is to be cut (`cut`), and the keys of all."""
    table = read_aligned(store, (row[0], ["id", "lang", buckets.score]), (row[1], ["kept"]))
    scores = table[buckets.score].combine_chunks()
    if not (pa.types.is_floating(scores.type) or pa.types.is_integer(scores.type)):
        raise DataError(f"{row[0].path}: {buckets.score} holds {scores.type}, buckets need numbers; name another score")
    numbers = pc.fill_null(scores.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    cut = table["kept"].to_numpy() & ~np.isnan(numbers)
    keys = keys_of(np.where(cut, numbers, 0.0), id_bytes(table["id"]))
    return table.select(["id", "lang"]).append_column("cut", pa.array(cut)), keys


def _languages(store: Store, row: tuple[File, File], buckets: Buckets) -> list[str]:
    table, _ = _keys(store, row, buckets)
    return sorted({*table["lang"].filter(table["cut"]).to_pylist()}) if buckets.by_language else [""]


def _are(table: pa.Table, buckets: Buckets, language: str) -> Any:
    """bool[n]: the rows to be cut that are of that language, or of any."""
    cut = table["cut"].to_numpy()
    return cut & pc.equal(table["lang"], language).to_numpy() if buckets.by_language else cut
