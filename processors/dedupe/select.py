"""Select: which documents are kept, who stands for those that are not, and which are held out.

In: verdicts, signatures and pairs. Out: an aligned ``selection/`` file for every part. Documents are taken in order
of preference (passes the filters · snapshot's rank · bytes of text · id); one falls when a kept one has the same
shingle set, a set whose Jaccard reaches the threshold, or, in the same snapshot of the same source, the same URL. So no
two kept documents are alike, every fallen one names its kept twin, and what a filter drops never stands for others.
Held-out are whole components, chosen by a seeded hash of their name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpus.files import File, id_bytes, read_aligned, read_table, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import SELECTION
from corpus.seeds import below, draw
from corpus.stage import Output, Part, Stage
from corpus.store import Store


@dataclass(frozen=True)
class SelectSettings:
    """`ranks` gives the rank of a part's snapshot (0 is preferred), by part name; parts not named rank 0."""

    heldout_share: float
    seed: int
    urls: bool = True
    ranks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Population:
    """All documents of a corpus as arrays of one length, part after part."""

    ids: np.ndarray  # uint8[n, 16]
    sets: np.ndarray  # uint8[n, 16]
    shingles: np.ndarray  # int64[n]
    bytes: np.ndarray  # int64[n]
    passes: np.ndarray  # bool[n]
    ranks: np.ndarray  # int64[n]
    urls: np.ndarray  # int64[n]: one number for the documents of a snapshot that share a URL; -1: no URL

    @classmethod
    def of(
        cls,
        signed: pa.Table,
        passes: np.ndarray,
        ranks: np.ndarray | None = None,
        urls: np.ndarray | None = None,
    ) -> "Population":
        """From a table with the columns id, set, shingles and text_bytes."""
        none = np.zeros(signed.num_rows, np.int64)
        shingles, sizes = signed["shingles"].to_numpy(), signed["text_bytes"].to_numpy()
        ids, sets = id_bytes(signed["id"]), id_bytes(signed["set"])
        return cls(
            ids, sets, shingles, sizes, passes, none if ranks is None else ranks, none - 1 if urls is None else urls
        )


@dataclass(frozen=True)
class Chosen:
    """What became of each document: `twin` is the position of the kept one that stands for it, or -1.

    `both` and `either` compare it with its twin; they are 0 where only the URL is the same.
    """

    kept: np.ndarray  # bool[n]
    twin: np.ndarray  # int64[n]
    both: np.ndarray  # int64[n]
    either: np.ndarray  # int64[n]
    heldout: np.ndarray  # bool[n]


def choose(people: Population, pairs: pa.Table, heldout_share: float, seed: int) -> Chosen:
    """The kept set of a population, given the verified pairs of its shingle sets (`corpus.schema.PAIRS`)."""
    names, set_of = _numbered(people.sets)
    ends = [_positions(names, id_bytes(pairs[column])) for column in ("set_a", "set_b")]
    counts = [pairs[column].to_numpy() for column in ("both", "either")]
    edges = np.stack([*ends, *counts], axis=1).astype(np.int64) if pairs.num_rows else np.zeros((0, 4), np.int64)
    start, to = _adjacency(len(names), edges)
    id_words = np.ascontiguousarray(people.ids).view(">u8").reshape(-1, 2)
    order = np.lexsort((id_words[:, 1], id_words[:, 0], -people.bytes, people.ranks, ~people.passes))
    kept, twin, both, either = _greedy(order, people.passes, set_of, people.shingles, people.urls, start, to)
    component = names.copy()
    for end in ends:
        component[end] = id_bytes(pairs["component"])
    heldout = kept & below(draw(component, seed), heldout_share)[set_of]
    return Chosen(kept, twin, both, either, heldout)


def _numbered(names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(names):
        return names, np.zeros(0, np.int64)
    distinct, inverse = np.unique(names, axis=0, return_inverse=True)
    return distinct, inverse.reshape(-1)


def _positions(names: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted name lies in the sorted `names` (both uint8[., 16]; every one is there)."""
    both, inverse = _numbered(np.concatenate([names, wanted]))
    place = np.full(len(both), -1, np.int64)
    place[inverse[: len(names)]] = np.arange(len(names))
    return place[inverse[len(names) :]]


def _adjacency(count: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours in rows: those of node i are to[start[i] : start[i + 1]] = (node, both, either)."""
    both_ways = np.concatenate([edges, edges[:, [1, 0, 2, 3]]])
    both_ways = both_ways[np.lexsort((both_ways[:, 1], both_ways[:, 0]))]
    start = np.searchsorted(both_ways[:, 0], np.arange(count + 1))
    return start, np.ascontiguousarray(both_ways[:, 1:])


@njit(nogil=True, cache=True)
def _greedy(order, passes, set_of, shingles, urls, start, to):
    n = len(order)
    kept = np.zeros(n, np.bool_)
    twin = np.full(n, -1, np.int64)
    both, either = np.zeros(n, np.int64), np.zeros(n, np.int64)
    holder = np.full(len(start) - 1, -1, np.int64)  # the kept document of a set
    at_url = np.full(urls.max() + 1 if n else 0, -1, np.int64)  # the kept document of a URL
    for document in order:
        if not passes[document]:
            continue
        own = set_of[document]
        if holder[own] >= 0:
            twin[document] = holder[own]
            both[document] = either[document] = max(shingles[document], 1)
            continue
        for k in range(start[own], start[own + 1]):
            other = holder[to[k, 0]]
            if other >= 0 and (twin[document] < 0 or to[k, 1] * either[document] > both[document] * to[k, 2]):
                twin[document], both[document], either[document] = other, to[k, 1], to[k, 2]
        if twin[document] < 0 and urls[document] >= 0:
            twin[document] = at_url[urls[document]]
        if twin[document] < 0:
            kept[document] = True
            holder[own] = document
            if urls[document] >= 0:
                at_url[urls[document]] = document
    return kept, twin, both, either


def selection_table(people: Population, chosen: Chosen, rows: slice) -> pa.Table:
    """The selection of some rows, as stored (`corpus.schema.SELECTION`)."""
    twin, kept = chosen.twin[rows], chosen.kept[rows]
    fell, compared = twin >= 0, chosen.either[rows] > 0
    split = np.where(chosen.heldout[rows], "heldout", "train")
    columns = [
        _binary(people.ids[rows]),
        pa.array(kept),
        pa.array(split, pa.string(), mask=~kept),
        pc.if_else(pa.array(fell), _binary(people.ids[twin]), None),
        pa.array(_by(chosen, rows), pa.string(), mask=~fell),
        pa.array(chosen.both[rows], mask=~compared),
        pa.array(chosen.either[rows], mask=~compared),
    ]
    return pa.table(columns, schema=SELECTION)


def _by(chosen: Chosen, rows: slice) -> np.ndarray:
    """Why those fell that fell: same_shingles, near or url."""
    both, either = chosen.both[rows], chosen.either[rows]
    return np.select([either == 0, both == either], ["url", "same_shingles"], "near")


def _binary(ids: np.ndarray) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])


def select(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all verdicts, all signatures in the same order, and the pairs."""
    settings: SelectSettings = part.settings
    files = [file for file in part.inputs if isinstance(file, File)]
    verdicts = [file for file in files if file.folder == "verdicts"]
    signed = [file for file in files if file.folder == "signatures"]
    (pairs,) = (file for file in files if file.folder == "pairs")
    tables = [
        read_aligned(store, (v, ["id", "rules"]), (s, ["set", "url", "shingles", "text_bytes"]))
        for v, s in zip(verdicts, signed, strict=True)
    ]
    ranks = [settings.ranks.get(file.part, 0) for file in verdicts]
    snapshots = [file.part.rsplit("-", 2)[0] if settings.urls else "" for file in verdicts]
    people = _population(tables, ranks, snapshots)
    chosen = choose(people, read_table(store, pairs), settings.heldout_share, settings.seed)
    out, counts, at = [], [], 0
    for file in verdicts:
        rows = slice(at, at + file.rows)
        out.append(write_parquet(store, "selection", file.part, selection_table(people, chosen, rows)))
        counts += _counts(file.part, people, chosen, rows)
        at += file.rows
    return Output(tuple(out), tuple(counts))


def _population(tables: Sequence[pa.Table], ranks: Sequence[int], snapshots: Sequence[str]) -> Population:
    rows = pa.concat_tables(tables)
    sizes = [table.num_rows for table in tables]
    passes = pc.equal(pc.list_value_length(rows["rules"]), 0).to_numpy()
    return Population.of(rows, passes, np.repeat(np.asarray(ranks, np.int64), sizes), _urls(rows, snapshots, sizes))


def _urls(rows: pa.Table, snapshots: Sequence[str], sizes: Sequence[int]) -> np.ndarray:
    """A number for each URL of a snapshot (`snapshots` names that of each table; "": URLs do not count there)."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(snapshots))}
    snapshot = np.repeat(np.array([numbers[name] for name in snapshots], np.int64), sizes)
    counts = np.repeat(np.array([name != "" for name in snapshots], bool), sizes)
    there = np.flatnonzero(pc.is_valid(rows["url"]).to_numpy() & counts)
    keys = np.zeros((len(there), 3), np.uint64)
    keys[:, 0] = snapshot[there]
    keys[:, 1:] = id_bytes(rows["url"].take(pa.array(there))).view(np.uint64)
    urls = np.full(len(snapshot), -1, np.int64)
    if len(there):
        urls[there] = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    return urls


def _counts(part: str, people: Population, chosen: Chosen, rows: slice) -> list[Count]:
    """What became of the part's passing documents: kept to train on, held out, or dropped for a twin."""
    kept, heldout, fell = chosen.kept[rows], chosen.heldout[rows], chosen.twin[rows] >= 0
    by = _by(chosen, rows)
    outcomes = [
        (PASSED, "", kept & ~heldout),
        (PASSED, "heldout", heldout),
        *(("dropped", f"duplicate.{why}", fell & (by == why)) for why in ("same_shingles", "near", "url")),
    ]
    sizes, source = people.bytes[rows], part.split("/")[0]
    return [
        Count("select", source, part, outcome, reason, documents=int(mask.sum()), bytes=int(sizes[mask].sum()))
        for outcome, reason, mask in outcomes
        if mask.any()
    ]


SELECT = Stage("select", select, version=2)
