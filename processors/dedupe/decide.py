"""Decide: which documents of linked ones are kept, and who stands for the others.

In: verdicts, facts and pairs, for a stretch of components; the candidates too where one of them is large. Out:
``decided/``: what became of each linked document. The order of preference: passes the filters · snapshot's rank · the
recipe's score, the higher first · bytes of text · id. Held-out are whole components, chosen by a seeded hash of the
name of their smallest set, so that nothing like a held-out document is trained on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.files import File, id_bytes, read_aligned, read_table, write_arrow
from corpus.schema import ID
from corpus.seeds import below, draw
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.candidates import each_candidates, head
from processors.dedupe.choose import Chosen, Edges, Members, choose, choose_large, numbered
from processors.dedupe.settle import Spilled
from processors.dedupe.shingles import shingle_column

BY = ("text", "same_shingles", "near", "url")  # why a document fell
DECIDED = pa.schema(
    [
        ("part", pa.uint32()),  # the place of the document's part among all
        ("row", pa.uint32()),
        ("kept", pa.bool_()),
        ("heldout", pa.bool_()),  # as its whole component is
        ("twin", ID),
        ("by", pa.uint8()),  # place in `BY`
        ("both", pa.uint32()),
        ("either", pa.uint32()),
    ]
)


@dataclass(frozen=True)
class Heldout:
    """A share of all components, drawn by a seed."""

    share: float = 0.0
    seed: int = 0

    def of(self, heads: np.ndarray) -> np.ndarray:
        """Whether components are held out, given the heads of their smallest sets' names (uint64[n])."""
        names = np.zeros((len(heads), 2), ">u8")
        names[:, 0] = heads
        return below(draw(names.view(np.uint8), self.seed), self.share)


@dataclass(frozen=True)
class DecideSettings:
    """The components from `first` to before `last`; those of many sets lie in `pieces` of the candidates.

    `ranks` gives the rank of a snapshot (0 is preferred) by the beginning of its parts' names; others rank 0.
    """

    threshold: float
    unit: str
    shingle: int
    first: int
    last: int
    pieces: tuple[int, ...] = ()
    urls: bool = True
    prefer: str = ""
    heldout: Heldout = Heldout()
    ranks: dict[str, int] = field(default_factory=dict)


Facts = dict[str, np.ndarray]
Files = dict[str, dict[str, File]]  # by folder and part


def decide(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all verdicts and facts, and what is needed of pairs, texts, scores.

    Where the recipe prefers a score, documents without scores, or without that one, come after those that have it.
    """
    settings: DecideSettings = part.settings
    files: Files = {}
    for file in part.inputs:
        assert isinstance(file, File)
        files.setdefault(file.folder, {})[file.part] = file
    facts = _facts(store, files, settings)
    members = _members(facts, settings)
    chosen = choose(members, _edges(store, list(files.get("pairs", {}).values()), settings))
    texts = list(files.get("candidates", {}).values())
    for piece in settings.pieces:
        _choose_large(store, texts, piece, members, settings, chosen)
    return Output((write_arrow(store, "decided", part.name, _decided(facts, members, chosen, settings)),))


def _facts(store: Store, files: Files, settings: DecideSettings) -> Facts:
    """What there is to know of the documents of these components, part after part."""
    found = []
    snapshots = list(dict.fromkeys(_snapshot(name) for name in files["verdicts"]))
    for place, name in enumerate(files["verdicts"]):
        if name not in files["facts"]:
            continue
        table = read_table(store, files["facts"][name])
        component = table["component"].to_numpy()
        first, last = np.searchsorted(component, np.array([settings.first, settings.last], np.uint32)).tolist()
        if first < last:
            facts = _of_part(table.slice(first, last - first))
            scores = files.get("scores", {}).get(name)  # a chain that does not give the score has none
            facts |= _of_filters(store, files["verdicts"][name], scores, pa.array(facts["row"]), settings.prefer)
            rank, snapshot = settings.ranks.get(_snapshot(name), 0), snapshots.index(_snapshot(name))
            for column, value in (("part", place), ("rank", rank), ("snapshot", snapshot)):
                facts[column] = np.full(last - first, value, np.uint32)
            found.append(facts)
    return {name: np.concatenate([facts[name] for facts in found]) for name in found[0]}


def _snapshot(part: str) -> str:
    """source/snapshot of a part's name."""
    return part.rsplit("-", 2)[0]


def _of_part(table: pa.Table) -> Facts:
    url = table["url"].combine_chunks()
    return {
        **{name: table[name].to_numpy() for name in ("component", "row", "digest", "set", "shingles", "bytes")},
        "id": id_bytes(table["id"]),
        "url": url.fill_null(0).to_numpy(),
        "has_url": url.is_valid().to_numpy(zero_copy_only=False),
    }


def _of_filters(store: Store, verdicts: File, scores: File | None, rows: pa.Array, prefer: str) -> Facts:
    """Which rows pass, and their scores in the column that the recipe prefers by; no score is the lowest."""
    table = read_aligned(store, (verdicts, ["rules"]), *([(scores, [prefer])] if scores else [])).take(rows)
    passes = pc.equal(pc.list_value_length(table["rules"]), 0).to_numpy()
    if not scores:
        return {"passes": passes, "score": np.full(len(rows), -np.inf)}
    score = pc.fill_null(table[prefer].cast(pa.float64()), -np.inf).to_numpy()
    return {"passes": passes, "score": np.where(np.isnan(score), -np.inf, score)}


def _members(facts: Facts, settings: DecideSettings) -> Members:
    ids = np.ascontiguousarray(facts["id"]).view(">u8").reshape(-1, 2)
    size, score = facts["bytes"].astype(np.int64), facts["score"]
    preference = (ids[:, 1], ids[:, 0], -size, -score, facts["rank"], ~facts["passes"])
    url = np.full(len(ids), -1, np.int64)
    if settings.urls:
        there = np.flatnonzero(facts["has_url"])
        url[there] = numbered(facts["snapshot"][there], facts["url"][there])[1]
    place = np.empty(len(ids), np.int64)
    place[np.lexsort(preference)] = np.arange(len(ids))
    component, shingles = facts["component"].astype(np.int64), facts["shingles"].astype(np.int64)
    return Members(component, facts["set"], shingles, url, facts["passes"], place)


def _edges(store: Store, files: Sequence[File], settings: DecideSettings) -> Edges:
    tables = [read_table(store, file) for file in files]
    component = np.concatenate([np.zeros(0, np.int64), *(table["component"].to_numpy() for table in tables)])
    ends = [
        np.concatenate([np.zeros(0, np.uint64), *(head(table[name]) for table in tables)])
        for name in ("set_a", "set_b")
    ]
    both, either = (
        np.concatenate([np.zeros(0, np.int64), *(table[name].to_numpy() for table in tables)])
        for name in ("both", "either")
    )
    here = (component >= settings.first) & (component < settings.last)
    return Edges(component[here], (ends[0][here], ends[1][here]), both[here], either[here])


def _choose_large(
    store: Store, files: Sequence[File], piece: int, members: Members, settings: DecideSettings, chosen: Chosen
) -> None:
    """Decides on the components of a piece of the candidates, in place of what was chosen without their texts."""
    component: list[np.ndarray] = []
    names: list[np.ndarray] = []

    def shingled() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for table in each_candidates(store, files, piece):
            component.append(table["component"].to_numpy().astype(np.int64))
            names.append(head(table["set"]))
            sets = shingle_column(table["text"].combine_chunks(), settings.unit, settings.shingle)
            yield sets.offsets, sets.hashes

    sets = Spilled(shingled())
    texts, found = len(sets.starts) - 1, np.concatenate(component)
    edges = np.arange(max(int(found.min()), settings.first), min(int(found.max()) + 1, settings.last) + 1)
    at = np.flatnonzero((members.component >= edges[0]) & (members.component < edges[-1]))
    at = at[np.argsort(members.component[at], kind="stable")]
    here = members.taken(at)
    _, number = numbered(np.concatenate([found, here.component]), np.concatenate([*names, here.set]))
    of = np.full(number.max() + 1, -1)
    of[number[:texts]] = np.arange(texts)
    own = of[number[texts:]]
    for first, last in pairwise(np.searchsorted(here.component, edges).tolist()):
        alone = members.taken(at[first:last])
        chosen.put(at[first:last], choose_large(alone, own[first:last], sets, settings.threshold))


def _decided(facts: Facts, members: Members, chosen: Chosen, settings: DecideSettings) -> pa.Table:
    twin, fell, compared = chosen.twin, chosen.twin >= 0, chosen.either > 0
    same_text = facts["digest"] == facts["digest"][twin]
    by = np.select([same_text, ~compared, chosen.both == chosen.either], [0, 3, 1], 2)
    columns = [
        pa.array(facts["part"]),
        pa.array(facts["row"]),
        pa.array(chosen.kept),
        pa.array(settings.heldout.of(_smallest_sets(members))),
        pc.if_else(pa.array(fell), _binary(facts["id"][twin]), None),
        pa.array(by.astype(np.uint8), mask=~fell),
        pa.array(chosen.both.astype(np.uint32), mask=~compared),
        pa.array(chosen.either.astype(np.uint32), mask=~compared),
    ]
    return pa.table(columns, schema=DECIDED).take(pa.array(np.lexsort((facts["row"], facts["part"])))).combine_chunks()


def _smallest_sets(members: Members) -> np.ndarray:
    """What names each document's component: the head of its smallest set's name, uint64[n]."""
    order = np.lexsort((members.set, members.component))
    _, first, inverse = np.unique(members.component[order], return_index=True, return_inverse=True)
    names = np.empty(len(order), np.uint64)
    names[order] = members.set[order[first[inverse]]]
    return names


def _binary(ids: np.ndarray) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])


DECIDE = Stage("decide", decide)
