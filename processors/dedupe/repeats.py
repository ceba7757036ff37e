"""Repeats: lines, paragraphs or spans of three sentences that more than one kept document holds, cut but for the first.

In: what select kept, as the filters' spans leave it. Out: for each part what it loses, and cut.py makes spans of it.

    lines    part → ``lines/``: the hash of each unit, once, and the document that holds it first; sorted by hash
    repeats  a range of hashes of all parts → ``repeats/``: for each part, the hashes whose first holder lies elsewhere
    cut      part, all ranges → ``cuts/``: what does not stand at its first place, as spans

First is the document of the lower snapshot rank, then of the lower id, then the earlier place in it. So every unit
that is cut stands at an earlier place: no document loses the only copy of anything, and what filters or dedupe dropped
takes nothing from others. A span of sentences that comes into being by cutting is not looked for again. Between parts
ids are compared by their first eight bytes; hashes of 64 bits count as exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.dedupe import Dedupe
from corpus.files import File, id_bytes, read_aligned, read_table, write_arrow
from corpus.schema import LINES, LOST
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.text import render_column
from processors.dedupe import units
from processors.filters.measure import buffers

PARTITION_UNITS = 1 << 22  # of which a worker holds up to 100 bytes each


@dataclass(frozen=True)
class UnitSettings:
    """What decides the units of a text and what they are compared by."""

    rule: str  # how their spans are signed
    kind: int  # a line, paragraph or sentence: see `processors.dedupe.units`
    span: int  # how many of them in a row are one unit
    fold: str
    least: int  # bytes, blanks at the ends not counted, below which a unit is left alone


_PRESETS = {  # by name in the recipe: kind, span, fold, least
    "lines": (units.LINES, 1, "lower", 32),  # but for `least` as C4 was built: tensorflow_datasets/text/c4_utils.py
    "paragraphs": (units.PARAGRAPHS, 1, "lower", 32),
    "cc_net": (units.LINES, 1, "plain", 0),  # CCNet, 1911.00359 section 3.1; of copies it keeps none, this keeps one
    "c4": (units.SENTENCES, 3, "exact", 0),  # as C4 is told: JMLR 21/140 section 2.2
}


def unit_settings(dedupe: Dedupe) -> UnitSettings:
    """The recipe's words as settings; `dedupe.repeats` must not be empty."""
    kind, span, fold, least = _PRESETS[dedupe.repeats]
    least = least if dedupe.repeats_least is None else dedupe.repeats_least
    return UnitSettings(f"repeats.{dedupe.repeats}", kind, span, fold, least)


def repeated(texts: pa.Array, settings: UnitSettings, lost: np.ndarray) -> tuple[np.ndarray, ...]:
    """`processors.dedupe.units.repeated` of a large_string column without nulls."""
    data, offsets = buffers(texts)
    return units.repeated(data, offsets, settings.kind, settings.fold, settings.span, settings.least, lost)


@dataclass(frozen=True)
class Kept:
    """The kept documents of a part, by id."""

    rows: np.ndarray  # int64[n]: where they stand in the part
    ids: np.ndarray  # uint8[n, 16]
    spans: pa.Array  # the filters'
    texts: pa.Array  # as those leave them
    sizes: np.ndarray  # int64[n]: bytes of the stored texts

    @classmethod
    def of(cls, store: Store, documents: File, scores: File, selection: File) -> "Kept":
        """From a part's files."""
        table = read_aligned(store, (documents, ["id", "text"]), (scores, ["spans"]), (selection, ["kept"]))
        rows = np.flatnonzero(table["kept"].to_numpy())
        ids = id_bytes(table["id"])[rows]
        order = np.lexsort(np.ascontiguousarray(ids).view(">u8").reshape(-1, 2).T[::-1])
        taken = table.take(pa.array(rows[order]))
        texts, spans = taken["text"].combine_chunks(), taken["spans"].combine_chunks()
        sizes = pc.binary_length(texts).to_numpy()
        return cls(rows[order], ids[order], spans, render_column(texts, spans), sizes)


def lines(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's documents, scores and selection; settings are `UnitSettings`."""
    documents, scores, selection = files_of(part, "documents", "scores", "selection")
    kept = Kept.of(store, documents, scores, selection)
    hashes, holders, _, _ = repeated(kept.texts, part.settings, np.zeros(0, np.uint64))
    order = np.argsort(hashes)
    heads = np.ascontiguousarray(kept.ids[:, :8]).view(">u8").reshape(-1)[holders[order]].astype(np.uint64)
    table = pa.table([hashes[order], heads], schema=LINES)
    return Output((write_arrow(store, "lines", documents.part, table),))


UNITS_STAGE = Stage("lines", lines, version=1)


def files_of(part: Part, *folders: str) -> list[File]:
    """A part's inputs of these folders, of which there is one each."""
    files = {file.folder: file for file in part.inputs if isinstance(file, File)}
    return [files[folder] for folder in folders]


@dataclass(frozen=True)
class RepeatSettings:
    """One of `of` equal ranges of hashes. `ranks`: of snapshots, by "source/snapshot", where not 0."""

    number: int
    of: int
    within: str  # source | snapshot | all
    ranks: dict[str, int] = field(default_factory=dict)


def repeat_parts(files: Sequence[File], dedupe: Dedupe, ranks: dict[str, int]) -> list[Part]:
    """The parts of `REPEATS_STAGE` for all files of ``lines/``: as many as keep each below `PARTITION_UNITS`."""
    count = 1
    while sum(file.rows for file in files) > count * PARTITION_UNITS:
        count *= 2
    settings = [RepeatSettings(number, count, dedupe.repeats_within, ranks) for number in range(count)]
    return [Part(f"{each.number:05d}-of-{count:05d}", tuple(files), each) for each in settings]


def repeats(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all files of ``lines/``."""
    settings: RepeatSettings = part.settings
    files = [file for file in part.inputs if isinstance(file, File)]
    hashes, heads, numbers = _slices(store, files, settings)
    ranks = np.array([settings.ranks.get(file.part.rsplit("-", 2)[0], 0) for file in files], np.int32)
    _, groups = np.unique([_group(file.part, settings.within) for file in files], return_inverse=True)
    lost = _later(hashes, groups[numbers].astype(np.int32), ranks[numbers], heads)
    lost = lost[np.argsort(numbers[lost], kind="stable")]
    ends = np.searchsorted(numbers[lost], np.arange(len(files) + 1))
    column = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(hashes[lost]))
    table = pa.table([pa.array([file.part for file in files], pa.string()), column], schema=LOST)
    return Output((write_arrow(store, "repeats", part.name, table),))


REPEATS_STAGE = Stage("repeats", repeats, version=1)


def _later(hashes: np.ndarray, groups: np.ndarray, ranks: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Of entries with the same hash in the same group all but the first by rank, then head: their places."""
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    order = order[np.union1d(same, same + 1)]
    order = order[np.lexsort((heads[order], ranks[order], groups[order], hashes[order]))]
    one, other = order[:-1], order[1:]
    return other[(hashes[one] == hashes[other]) & (groups[one] == groups[other])]


def _slices(store: Store, files: Sequence[File], settings: RepeatSettings) -> tuple[np.ndarray, ...]:
    """Hashes, heads and file numbers of the range, file after file."""
    bits = settings.of.bit_length() - 1
    found: list[tuple[np.ndarray, ...]] = [(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int32))]
    for number, file in enumerate(files):
        table = read_table(store, file)
        hashes = table["hash"].combine_chunks().to_numpy()
        bounds = [settings.number << (64 - bits), (settings.number + 1) << (64 - bits)]
        start, stop = (
            len(hashes) if bound >> 64 else int(np.searchsorted(hashes, np.uint64(bound))) for bound in bounds
        )
        heads = table["head"].combine_chunks().to_numpy()
        found.append((hashes[start:stop], heads[start:stop], np.full(stop - start, number, np.int32)))
    return tuple(np.concatenate(columns) for columns in zip(*found, strict=True))


def _group(part: str, within: str) -> str:
    """What a part's lines are compared with: "web/0" of "web/0-00000-00000", "web", or everything."""
    return {"all": "", "source": part.split("/")[0], "snapshot": part.rsplit("-", 2)[0]}[within]
