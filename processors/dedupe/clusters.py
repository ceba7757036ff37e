"""Clusters: who stands for whom, read from what select wrote. A cluster is a kept document and those that fell to it.

In: selection files, and documents files for where the few that are shown come from. Out: plain records. Nothing but
the columns asked for is read; what is held is some 60 bytes for each document that fell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError
from corpus.files import File, id_bytes, read_table
from corpus.seeds import draw
from corpus.store import Store

BY = ("text", "same_shingles", "near", "url")  # why a document fell (`corpus.schema.SELECTION`)
_NAMED = ("id", "source", "snapshot", "url", "file", "member", "start", "unit", "ordinal", "title")


@dataclass(frozen=True)
class Named:
    """A document by where it comes from."""

    id: str  # hexadecimal
    source: str
    snapshot: str
    origin: str
    title: str


@dataclass(frozen=True)
class Fell:
    """A document, the kept one it fell to, and why; `both` of `either` shingles are common (0: not compared)."""

    document: Named
    twin: Named
    by: str
    both: int
    either: int

    @property
    def why(self) -> str:
        """In words: near with its Jaccard, the same text, …"""
        if self.by == "near":
            return f"near: Jaccard {self.both / self.either:.3f}, {self.both:,} of {self.either:,} shingles"
        words = {"text": "the same text", "same_shingles": "the same shingles", "url": "the same URL"}
        return words[self.by]


@dataclass(frozen=True)
class Fallen:
    """Documents that fell to a twin: n rows, in the order of their files."""

    files: tuple[File, ...]  # selection files
    file: np.ndarray  # int32[n]: the position of its file in `files`
    row: np.ndarray  # int64[n]
    twin: np.ndarray  # S16[n]
    by: np.ndarray  # int8[n]: position in `BY`
    both: np.ndarray  # int64[n]
    either: np.ndarray  # int64[n]; 0 where it was not compared with its twin
    drawn: np.ndarray  # uint64[n]: a seeded hash of its id; examples are those with the smallest

    def only(self, rows: np.ndarray) -> "Fallen":
        """Some of them: a mask, or positions."""
        names = ("file", "row", "twin", "by", "both", "either", "drawn")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True)
class Twins:
    """The k kept documents that others fell to, in the order of their ids."""

    of: np.ndarray  # int64[n]: for each fallen document, the position of its twin here
    size: np.ndarray  # int64[k]: how many fell to it
    file: np.ndarray  # int32[k]: the position of its file among all selection files
    row: np.ndarray  # int64[k]
    name: np.ndarray  # S16[k]


def fallen(store: Store, selection: Sequence[File], seed: int = 0) -> Fallen:
    """Those of some selection files that fell to a twin."""
    columns: list[tuple[np.ndarray, ...]] = []
    for number, file in enumerate(selection):
        table = read_table(store, file, ["id", "twin", "by", "both", "either"])
        rows = np.flatnonzero(pc.is_valid(table["twin"]).to_numpy())
        table = table.take(pa.array(rows))
        by = pc.index_in(table["by"], pa.array(BY)).to_numpy().astype(np.int8)
        at = np.full(len(rows), number, np.int32)
        counts = [table[name].fill_null(0).to_numpy() for name in ("both", "either")]
        columns.append((at, rows, _names(table["twin"]), by, *counts, draw(id_bytes(table["id"]), seed)))
    if not columns:
        kinds = (np.int32, np.int64, "S16", np.int8, np.int64, np.int64, np.uint64)
        return Fallen((), *(np.zeros(0, kind) for kind in kinds))
    return Fallen(tuple(selection), *(np.concatenate(column) for column in zip(*columns, strict=True)))


def twins_of(store: Store, selection: Sequence[File], down: Fallen) -> Twins:
    """The twins of fallen documents; `selection` is all the corpus' files. Raises DataError where one is not there."""
    names, of, size = np.unique(down.twin, return_inverse=True, return_counts=True)
    files, rows = np.full(len(names), -1, np.int32), np.zeros(len(names), np.int64)
    for number, file in enumerate(selection if len(names) else ()):
        ids = _names(read_table(store, file, ["id"])["id"])
        place = np.minimum(np.searchsorted(names, ids), len(names) - 1)
        here = np.flatnonzero(names[place] == ids)
        files[place[here]], rows[place[here]] = number, here
    if (files < 0).any():
        missing = int((files < 0).sum())
        raise DataError(f"{missing:,} kept twins that selection/ names are in none of its files; build again")
    return Twins(of.reshape(-1), size, files, rows, names)


def _names(ids: pa.ChunkedArray) -> np.ndarray:
    """16-byte ids as S16, which sorts and compares like their bytes."""
    return np.ascontiguousarray(id_bytes(ids)).view("S16").ravel()


@dataclass(frozen=True)
class Flow:
    """So many documents of one snapshot of a source fell to twins of another (or the same), for one reason."""

    source: str
    snapshot: str
    to_source: str
    to_snapshot: str
    by: str
    documents: int


def flows(selection: Sequence[File], down: Fallen, twins: Twins) -> list[Flow]:
    """Whose documents fell to whose, and why, in order of names."""
    groups = sorted({_group(file) for file in (*selection, *down.files)})
    group = {name: number for number, name in enumerate(groups)}
    left = np.array([group[_group(file)] for file in down.files], np.int64)[down.file]
    right = np.array([group[_group(file)] for file in selection], np.int64)[twins.file[twins.of]]
    key, count = np.unique((left * len(groups) + right) * len(BY) + down.by, return_counts=True)
    pairs, reasons = np.divmod(key, len(BY))
    found = []
    for pair, reason, documents in zip(pairs.tolist(), reasons.tolist(), count.tolist(), strict=True):
        (source, snapshot), (to_source, to_snapshot) = groups[pair // len(groups)], groups[pair % len(groups)]
        found.append(Flow(source, snapshot, to_source, to_snapshot, BY[reason], documents))
    return found


def _group(file: File) -> tuple[str, str]:
    source, name = file.part.split("/", 1)
    return source, name.rsplit("-", 2)[0]


def sizes(twins: Twins) -> list[tuple[int, int, int, int]]:
    """Rows of (smallest size, largest size, clusters, documents); a kept document counts in its cluster's size."""
    size = twins.size + 1
    out, least = [], 2
    while len(size) and least <= size.max():
        most = least if least < 5 else 9 if least == 5 else least * 10 - 1
        inside = size[(size >= least) & (size <= most)]
        if len(inside):
            out.append((least, most, len(inside), int(inside.sum())))
        least = most + 1
    return out


@dataclass(frozen=True)
class Cluster:
    """A kept document, how many fell to it, and a few of those."""

    kept: Named
    fell: int
    members: tuple[Fell, ...]


def largest(
    store: Store, selection: Sequence[File], documents: Mapping[str, File], down: Fallen, twins: Twins,
    count: int, members: int,
) -> list[Cluster]:  # fmt: skip
    """The largest clusters, each with the documents that a seeded hash draws from it. `documents` by part."""
    top = np.lexsort((twins.name, -twins.size))[:count]
    drawn = [_first(down, np.flatnonzero(twins.of == twin), members) for twin in top.tolist()]
    told = iter(tell(store, selection, documents, down, twins, np.concatenate(drawn))) if len(top) else iter(())
    named = _named(store, documents, [(selection[twins.file[twin]].part, int(twins.row[twin])) for twin in top])
    return [
        Cluster(kept, int(twins.size[twin]), tuple(next(told) for _ in rows))
        for twin, rows, kept in zip(top.tolist(), drawn, named, strict=True)
    ]


def examples(
    store: Store, selection: Sequence[File], documents: Mapping[str, File], down: Fallen, twins: Twins, count: int
) -> list[Fell]:
    """Fallen documents that a seeded hash of their ids draws."""
    return tell(store, selection, documents, down, twins, _first(down, np.arange(len(down.row)), count))


def _first(down: Fallen, rows: np.ndarray, count: int) -> np.ndarray:
    return rows[np.argsort(down.drawn[rows], kind="stable")[:count]]


def tell(
    store: Store, selection: Sequence[File], documents: Mapping[str, File], down: Fallen, twins: Twins, rows: np.ndarray
) -> list[Fell]:
    """Some of the fallen documents (positions in `down`) with where they and their twins come from."""
    own = [(down.files[down.file[at]].part, int(down.row[at])) for at in rows]
    theirs = [(selection[twins.file[twins.of[at]]].part, int(twins.row[twins.of[at]])) for at in rows]
    left, right = _named(store, documents, own), _named(store, documents, theirs)
    return [
        Fell(document, twin, BY[down.by[at]], int(down.both[at]), int(down.either[at]))
        for at, document, twin in zip(rows.tolist(), left, right, strict=True)
    ]


def _named(store: Store, documents: Mapping[str, File], places: Sequence[tuple[str, int]]) -> list[Named]:
    return [named(row) for row in _look_up(store, documents, places, _NAMED)]


def _look_up(
    store: Store, files: Mapping[str, File], places: Sequence[tuple[str, int]], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows here and there, in the order asked for; a file is read once."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for part in sorted({part for part, _ in places}):
        rows = sorted({row for other, row in places if other == part})
        table = read_table(store, files[part], columns).take(pa.array(rows))
        found |= {(part, row): values for row, values in zip(rows, table.to_pylist(), strict=True)}
    return [found[place] for place in places]


def named(row: Mapping[str, Any]) -> Named:
    """A row of documents/ by where it comes from: its URL, else its file, its member or its place in the file."""
    origin = row["url"]
    if not origin:
        origin = "/".join(filter(None, (row["file"], row["member"])))
        if row["start"] and not row["member"]:
            origin += f", from {row['unit']} {row['start']:,}"
        if row["ordinal"]:
            origin += f", document {row['ordinal'] + 1}"
    return Named(row["id"].hex(), row["source"], row["snapshot"], origin, row["title"] or "")


def line_of(document: Named) -> str:
    """A document in one line: source, origin, and the head of its id."""
    return f"{document.source}: {document.origin}  [{document.id[:12]}]"
