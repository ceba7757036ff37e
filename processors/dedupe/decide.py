"""Decide: which documents of linked ones are kept, and who stands for the others.

In: verdicts, signatures, groups and pairs, for a stretch of components; the candidates too where one of them is large.
Out: ``decided/``: what became of each linked document. The order of preference: passes the filters · snapshot's rank ·
the recipe's score, the higher first · bytes of text · id.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.files import File, id_bytes, read_aligned, read_table, write_arrow
from corpus.schema import ID
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.candidates import each_candidates
from processors.dedupe.choose import Chosen, Edges, Members, choose, choose_large, numbered
from processors.dedupe.settle import Spilled
from processors.dedupe.shingles import shingle_column

DECIDED = pa.schema(
    [
        ("part", pa.uint32()),  # the place of the document's part among all
        ("row", pa.uint32()),
        ("kept", pa.bool_()),
        ("twin", ID),
        ("by", pa.string()),
        ("both", pa.int64()),
        ("either", pa.int64()),
        ("component", ID),  # named after its smallest set
    ]
)


@dataclass(frozen=True)
class DecideSettings:
    """The components from `first` to before `last`; those from `large` on lie in `pieces` of the candidates.

    `ranks` gives the rank of a snapshot (0 is preferred) by the beginning of its parts' names; others rank 0.
    """

    threshold: float
    unit: str
    shingle: int
    first: int
    last: int
    large: int
    pieces: tuple[int, ...] = ()
    urls: bool = True
    prefer: str = ""
    ranks: dict[str, int] = field(default_factory=dict)


_ALIGNED = ("verdicts", "signatures", "scores")
Facts = dict[str, np.ndarray]
Files = dict[str, dict[str, File]]  # by folder and part


def decide(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all verdicts, signatures and groups, and what is needed of pairs, texts, scores."""
    settings: DecideSettings = part.settings
    files: Files = {}
    for file in part.inputs:
        assert isinstance(file, File)
        files.setdefault(file.folder, {})[file.part] = file
    facts = _facts(store, files, settings)
    members = _members(facts, settings)
    chosen = choose(members, _edges(store, list(files.get("pairs", {}).values()), settings))
    for piece in settings.pieces:
        _choose_large(store, list(files["candidates"].values()), piece, members, settings, chosen)
    return Output((write_arrow(store, "decided", part.name, _decided(facts, members, chosen)),))


def _facts(store: Store, files: Files, settings: DecideSettings) -> Facts:
    """What there is to know of the documents of these components, part after part."""
    found = []
    snapshots = list(dict.fromkeys(_snapshot(name) for name in files["verdicts"]))
    for place, name in enumerate(files["verdicts"]):
        if name not in files["groups"]:
            continue
        grouped = read_table(store, files["groups"][name])
        component = grouped["component"].combine_chunks().to_numpy()
        first, last = np.searchsorted(component, [settings.first, settings.last]).tolist()
        if first < last:
            own = {folder: by_part[name] for folder, by_part in files.items() if folder in _ALIGNED}
            facts = _of_part(store, own, grouped["row"].combine_chunks()[first:last], settings.prefer)
            facts["component"] = component[first:last].astype(np.int64)
            rank, snapshot = settings.ranks.get(_snapshot(name), 0), snapshots.index(_snapshot(name))
            for column, value in (("part", place), ("rank", rank), ("snapshot", snapshot)):
                facts[column] = np.full(last - first, value)
            found.append(facts)
    return {name: np.concatenate([facts[name] for facts in found]) for name in found[0]}


def _snapshot(part: str) -> str:
    """source/snapshot of a part's name."""
    return part.rsplit("-", 2)[0]


def _of_part(store: Store, files: dict[str, File], rows: pa.Array, prefer: str) -> Facts:
    columns = ["digest", "set", "url", "shingles", "text_bytes"]
    wanted = [(files["verdicts"], ["id", "rules"]), (files["signatures"], columns)]
    if prefer:
        wanted.append((files["scores"], [prefer]))
    table = read_aligned(store, *wanted).take(rows)
    url = table["url"].combine_chunks()
    score = pc.fill_null(table[prefer].cast(pa.float64()), -np.inf).to_numpy() if prefer else np.zeros(len(rows))
    return {
        **{name: id_bytes(table[name]) for name in ("id", "digest", "set")},
        "url": id_bytes(url.fill_null(bytes(16))),
        "has_url": url.is_valid().to_numpy(zero_copy_only=False),
        "shingles": table["shingles"].to_numpy(),
        "bytes": table["text_bytes"].to_numpy(),
        "passes": pc.equal(pc.list_value_length(table["rules"]), 0).to_numpy(),
        "score": score,
        "row": rows.to_numpy(),
    }


def _members(facts: Facts, settings: DecideSettings) -> Members:
    ids = np.ascontiguousarray(facts["id"]).view(">u8").reshape(-1, 2)
    preference = (ids[:, 1], ids[:, 0], -facts["bytes"], -facts["score"], facts["rank"], ~facts["passes"])
    url = np.full(len(ids), -1, np.int64)
    if settings.urls:
        there = np.flatnonzero(facts["has_url"])
        url[there] = numbered(facts["snapshot"][there], facts["url"][there])[1]
    return Members(facts["component"], facts["set"], facts["shingles"], url, facts["passes"], np.lexsort(preference))


def _edges(store: Store, files: Sequence[File], settings: DecideSettings) -> Edges:
    tables = [read_table(store, file) for file in files]
    component = np.concatenate([np.zeros(0, np.int64), *(table["component"].to_numpy() for table in tables)])
    ends = [
        np.concatenate([np.zeros((0, 16), np.uint8), *(id_bytes(table[name]) for table in tables)])
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
            names.append(id_bytes(table["set"]))
            sets = shingle_column(table["text"].combine_chunks(), settings.unit, settings.shingle)
            yield sets.offsets, sets.hashes

    sets = Spilled(shingled())
    texts = len(sets.starts) - 1
    _, number = numbered(np.concatenate([*component, members.component]), np.concatenate([*names, members.set]))
    of = np.full(number.max() + 1, -1)
    of[number[:texts]] = np.arange(texts)
    own = of[number[texts:]]
    for each in np.unique(np.concatenate(component)).tolist():
        if settings.first <= each < settings.last:
            at = np.flatnonzero(members.component == each)
            chosen.put(at, choose_large(members.taken(at), own[at], sets, settings.threshold))


def _decided(facts: Facts, members: Members, chosen: Chosen) -> pa.Table:
    twin, fell, compared = chosen.twin, chosen.twin >= 0, chosen.either > 0
    same_text = (facts["digest"] == facts["digest"][twin]).all(axis=1)
    by = np.select([same_text, ~compared, chosen.both == chosen.either], ["text", "url", "same_shingles"], "near")
    columns = [
        pa.array(facts["part"].astype(np.uint32)),
        pa.array(facts["row"].astype(np.uint32)),
        pa.array(chosen.kept),
        pc.if_else(pa.array(fell), _binary(facts["id"][twin]), None),
        pa.array(by, pa.string(), mask=~fell),
        pa.array(chosen.both, mask=~compared),
        pa.array(chosen.either, mask=~compared),
        _binary(_smallest_sets(members)),
    ]
    return pa.table(columns, schema=DECIDED).take(pa.array(np.lexsort((facts["row"], facts["part"])))).combine_chunks()


def _smallest_sets(members: Members) -> np.ndarray:
    """The smallest set name of each document's component: uint8[n, 16]."""
    words = np.ascontiguousarray(members.set).view(">u8").reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0], members.component))
    _, first, inverse = np.unique(members.component[order], return_index=True, return_inverse=True)
    out = np.empty_like(members.set)
    out[order] = members.set[order[first[inverse]]]
    return out


def _binary(ids: np.ndarray) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])


DECIDE = Stage("decide", decide)
