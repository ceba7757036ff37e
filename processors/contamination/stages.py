"""The stages of contamination in order, as plain lines.

::

    benchmarks ─┬─ overlaps ─┬─ phrases ─┬─ contamination → judge
    documents ──┤            └───────────┤
    scores ─────┘                        └ scores/ once more, with what was found

benchmarks    all files of the list → ``benchmarks/`` (items), ``grams/`` (the index)
overlaps      a part's text → ``overlaps/``: where n-grams of the list stand; ``holders/``: in which texts
phrases       all holders → ``phrases/``: n-grams that more than a set number of different texts hold
contamination a part's scores and overlaps → its scores with the columns `contamination.share`, `.items`, `.pieces` and
              more spans, and ``contamination/``: which item stands where

So what was found is a score among the others: judge applies thresholds to it, encode renders its spans, and a list
that changes nothing about a part leaves the bytes of its scores, and with them all that follows, as they were.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.contamination import Contamination
from corpus.files import File, id_bytes, read_aligned, read_table, write_arrow, write_bytes, write_parquet
from corpus.schema import HOLDERS, OVERLAPS, PHRASES
from corpus.stage import Entry, Output, Part, Run, Stage, Stamp
from corpus.store import Store
from corpus.text import render_column
from processors.contamination.benchmarks import benchmark_files, read_benchmark
from processors.contamination.find import find
from processors.contamination.index import GramSettings, build_index, column
from processors.contamination.mark import MARK, MarkSettings, inputs, open_index
from processors.contamination.verdict import needs_text

_log = logging.getLogger(__name__)
_HELD = 1 << 22  # pairs of gram and text that `phrases` brings together at once
_NAMED = 5  # items too short to be looked for that an entry names


def mark_contaminated(
    documents: Sequence[File], scored: list[Entry], contamination: Contamination, folder: Path, run: Run
) -> list[Entry]:
    """The entries that stand for `scored` from here on: with what the benchmarks' list finds, or as they are.

    Raises InputError for a benchmark that is not there or cannot be read.
    """
    if not contamination.benchmarks:
        return scored
    files = benchmark_files(contamination.benchmarks, folder)
    stamps = tuple(Stamp(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in files.items())
    settings = GramSettings.of(contamination)
    paths = {name: str(path) for name, path in files.items()}
    (indexed,) = run(INDEX, [Part("all", stamps, settings, aside=paths)])
    if indexed.info["too_short"]:
        said = ", ".join(indexed.info["named"])
        few, of = indexed.info["too_short"], indexed.info["items"]
        _log.warning("%d of %d benchmark items are too short to be looked for: %s …", few, of, said)
    index = (*indexed.only("benchmarks"), *indexed.only("grams"))
    rows = list(zip(documents, (file for entry in scored for file in entry.only("scores")), strict=True))
    found = run(OVERLAP, [Part(f.part, (f, beside, *index), settings, _source(f)) for f, beside in rows])
    common: tuple[File, ...] = ()
    shown = [replace(indexed, files=indexed.only("benchmarks"))]
    if contamination.common:
        holders = tuple(file for entry in found for file in (*entry.only("holders"), *entry.only("overlaps")))
        (phrases,) = run(PHRASE, [Part("all", (*holders, *index), {"common": contamination.common})])
        common, shown = phrases.files, [*shown, phrases]
    how = MarkSettings.of(contamination)
    parts = []
    for (file, beside), entry in zip(rows, found, strict=True):
        inputs = (file, beside) if needs_text(contamination) else (beside,)
        parts.append(Part(file.part, (*inputs, *entry.only("overlaps"), *index, *common), how, _source(file)))
    return [*run(MARK, parts), *shown]


def _source(file: File) -> str:
    return file.part.split("/")[0]


def index(store: Store, part: Part) -> Output:
    """The stage's work: inputs are the stamps of benchmark files, `aside` their places by name."""
    s: GramSettings = part.settings
    items = (
        item
        for stamp in part.inputs
        if isinstance(stamp, Stamp)
        for item in read_benchmark(Path(part.aside[stamp.name]), stamp.name, s.id, s.questions, s.answers)
    )
    made = build_index(items, s)
    files = (
        write_parquet(store, "benchmarks", "items", made.items),
        write_arrow(store, "grams", "grams", made.grams),
        write_bytes(store, "grams", "texts", "utf8", bytes(made.texts)),
    )
    short = made.items.filter(pc.equal(made.items["grams"], 0))
    names = [f"{row['benchmark']} {row['item']}" for row in short.slice(0, _NAMED).to_pylist()]
    info = {"items": made.items.num_rows, "grams": made.grams.num_rows, "too_short": short.num_rows, "named": names}
    return Output(files, info=info)


INDEX = Stage("benchmarks", index, version=1, libraries=("pyarrow",))


def overlaps(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's documents and scores, and the index."""
    of = inputs(part)
    table = read_aligned(store, (of["documents"], ["text", "digest"]), (of["scores"], ["spans"]))
    texts = render_column(table["text"].combine_chunks(), table["spans"].combine_chunks())
    hits = find(texts, open_index(store, part, part.settings))
    heads = np.ascontiguousarray(id_bytes(table["digest"])[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
    pairs = _pairs(hits.gram, heads[hits.row])
    name = of["documents"].part
    return Output(
        (
            write_arrow(store, "overlaps", name, pa.table([hits.row, hits.start, hits.end, hits.gram], OVERLAPS)),
            write_arrow(store, "holders", name, pa.table([*pairs], HOLDERS)),
        )
    )


OVERLAP = Stage("overlaps", overlaps, version=1)


def _pairs(grams: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every pair once, by gram, then by head."""
    order = np.lexsort((heads, grams))
    grams, heads = grams[order], heads[order]
    new = np.ones(len(grams), np.bool_)
    new[1:] = (grams[1:] != grams[:-1]) | (heads[1:] != heads[:-1])
    return grams[new], heads[new]


def phrases(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all files of ``holders/`` and ``overlaps/``, and the index."""
    files = [file for file in part.inputs if isinstance(file, File)]
    grams = next(read_table(store, file) for file in files if (file.folder, file.part) == ("grams", "grams"))
    texts = store.map(next(file.path for file in files if (file.folder, file.part) == ("grams", "texts")))
    held = (read_table(store, file) for file in files if file.folder == "holders")
    parts = ((column(t, "gram"), column(t, "digest")) for t in held)
    common = common_grams(parts, grams.num_rows, part.settings["common"])
    documents = np.zeros(grams.num_rows, np.int64)
    for file in files:
        if file.folder == "overlaps":
            table = read_table(store, file)
            own, _ = _pairs(column(table, "gram"), column(table, "row"))
            documents += np.bincount(own, minlength=len(documents))
    taken = grams.take(pa.array(common))
    bounds = zip(taken["start"].to_pylist(), taken["end"].to_pylist(), strict=True)
    data = memoryview(texts)
    said = [bytes(data[start:end]).decode() for start, end in bounds]
    table = pa.table([common, documents[common], said], PHRASES)
    return Output((write_parquet(store, "phrases", "all", table),), info={"phrases": len(common)})


PHRASE = Stage("phrases", phrases, version=1)


def common_grams(parts: Iterable[tuple[np.ndarray, np.ndarray]], count: int, most: int) -> np.ndarray:
    """The grams (of `count`) that more than `most` different texts hold, sorted: int64.

    `parts` gives pairs of gram and text, each once a part. Held at a time are at most `most` texts of a gram, and
    `_HELD` pairs more.
    """
    known = np.zeros(count, np.bool_)
    waiting, held = [(np.zeros(0, np.int64), np.zeros(0, np.uint64))], 0
    for pair in chain(parts, [None]):
        if pair is not None:
            waiting.append(pair)
            held += len(pair[0])
            if held < _HELD:
                continue
        grams, heads = (np.concatenate([each[side] for each in waiting]) for side in (0, 1))
        grams, heads = _pairs(grams[~known[grams]], heads[~known[grams]])
        known |= np.bincount(grams, minlength=count) > most
        waiting, held = [(grams[~known[grams]], heads[~known[grams]])], 0
    return np.flatnonzero(known)
