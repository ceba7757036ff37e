"""Mark: what was found of benchmarks becomes scores, spans, and a table of items.

In: a part's scores, where n-grams of the list stand in its texts, and which of them are phrases. Out: the scores once
more, with `contamination.share`, `.items` (and `.pieces` where windows fall) and more spans; ``contamination/``. Texts
are opened only where something falls inside a document, or is measured by its paragraphs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpus.contamination import Contamination
from corpus.errors import DataError
from corpus.files import File, read_table, write_parquet
from corpus.schema import CONTAMINATION, OVERLAPS
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.text import Span, compose, render_column
from processors.contamination.find import Hits
from processors.contamination.index import GramSettings, Index, column
from processors.contamination.verdict import Verdicts, judge_hits
from processors.filters.measure import Measures
from processors.filters.rule import Filter, Rule


@dataclass(frozen=True)
class Overlap:
    """The rules over what was found, as a filter has them: judge reads it behind the chain's."""

    contamination: Contamination
    name: ClassVar[str] = "contamination"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    def number_settings(self) -> dict[str, object]:
        """None: the numbers come from stages of their own."""
        return {}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """None, likewise."""
        return {}

    def rules(self) -> tuple[Rule, ...]:
        """Those in force: `overlap` where documents fall, `pieces` where windows do."""
        c = self.contamination
        if c.falls == "window":
            return (Rule("pieces", "pieces", above=c.pieces),)
        least = 0.0 if c.measure == "any" else c.least
        return (Rule("overlap", "share", above=float(np.nextafter(least, 0))),) if c.falls == "document" else ()


def overlap_rules(contamination: Contamination) -> tuple[Filter, ...]:
    """What judge reads behind a chain; nothing where nothing is looked for."""
    return (Overlap(contamination),) if contamination.benchmarks else ()


@lru_cache(maxsize=1)
def _opened(url: str, items: File, grams: File, texts: File, settings: GramSettings) -> Index:
    store = Store(url)
    held = store.map(texts.path)
    if held.size != texts.bytes:
        raise DataError(f"{texts.path} holds {held.size} bytes, {texts.bytes} are recorded; remove it and build again")
    return Index.of(read_table(store, items), read_table(store, grams), held, settings)


def open_index(store: Store, part: Part, settings: GramSettings) -> Index:
    """The index among a part's inputs; a worker keeps the last one."""
    of = {(file.folder, file.part): file for file in part.inputs if isinstance(file, File)}
    return _opened(store.url, of["benchmarks", "items"], of["grams", "grams"], of["grams", "texts"], settings)


def inputs(part: Part) -> dict[str, File]:
    """A part's inputs by folder; of ``grams/``, which holds two, the last."""
    return {file.folder: file for file in part.inputs if isinstance(file, File)}


@dataclass(frozen=True)
class MarkSettings:
    """What decides verdicts besides the n-grams."""

    contamination: Contamination

    @classmethod
    def of(cls, contamination: Contamination) -> "MarkSettings":
        """Without the names of files and presets, which decide nothing."""
        return cls(replace(contamination, benchmarks=(), preset=""))


def mark(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's scores and overlaps, the index, phrases, documents where needed."""
    c: Contamination = part.settings.contamination
    of = inputs(part)
    scores = read_table(store, of["scores"])
    table = read_table(store, of["overlaps"])
    hits = Hits(*(column(table, name) for name in OVERLAPS.names))
    common = column(read_table(store, of["phrases"]), "gram") if "phrases" in of else np.zeros(0, np.int64)
    rows = np.unique(hits.row)
    own = replace(hits, row=np.searchsorted(rows, hits.row))
    spans = scores["spans"].combine_chunks()
    texts = None
    if "documents" in of:
        held = read_table(store, of["documents"], ["text"])["text"].combine_chunks()
        texts = render_column(held.take(pa.array(rows)), spans.take(pa.array(rows)))
    index = open_index(store, part, GramSettings.of(c))
    verdicts = judge_hits(texts, len(rows), own, common, index, c)
    marked = _with_scores(scores, rows, verdicts, c)
    told = _stored(verdicts.found, rows, scores, spans)
    name = of["scores"].part
    return Output((write_parquet(store, "scores", name, marked), write_parquet(store, "contamination", name, told)))


MARK = Stage("contamination", mark, version=1)


def _with_scores(scores: pa.Table, rows: np.ndarray, verdicts: Verdicts, c: Contamination) -> pa.Table:
    """Three columns more, before the spans, and these with what falls."""
    columns = {"share": np.zeros(scores.num_rows), "items": np.zeros(scores.num_rows, np.int64)}
    if c.falls == "window":
        columns["pieces"] = np.ones(scores.num_rows, np.int64)
    for name, values in columns.items():
        values[rows] = getattr(verdicts, name)
        at = scores.schema.get_field_index("spans")
        scores = scores.add_column(at, f"contamination.{name}", pa.array(values))
    place = np.full(scores.num_rows, -1)
    place[rows] = np.arange(len(rows))
    more = verdicts.spans.take(pa.array(place, mask=place < 0))
    spans = compose(scores["spans"].combine_chunks(), more)
    return scores.set_column(scores.schema.get_field_index("spans"), "spans", spans)


def _stored(found: pa.Table, rows: np.ndarray, scores: pa.Table, spans: pa.Array) -> pa.Table:
    """The items found, by document id, their stretches in bytes of the stored text."""
    places = rows[column(found, "row")] if found.num_rows else np.zeros(0, np.int64)
    stretches = found["stretches"].to_pylist()
    for at, cut in enumerate(spans.take(pa.array(places)).to_pylist()):
        if cut:
            old = [Span(**span) for span in cut]
            stretches[at] = [
                {"start": _back(s["start"], old, False), "end": _back(s["end"], old, True)} for s in stretches[at]
            ]
    ids = scores["id"].combine_chunks().take(pa.array(places))
    columns = [ids, *(found[name] for name in ("benchmark", "item", "share", "grams"))]
    return pa.table([*columns, pa.array(stretches, CONTAMINATION.field("stretches").type)], schema=CONTAMINATION)


def _back(at: int, spans: Sequence[Span], ends: bool) -> int:
    """Where a stretch of the rendered text begins or ends in the stored one: never inside a cut, whole replacements."""
    shift = 0  # stored place minus rendered place
    for span in spans:
        begin = span.start - shift
        stop = begin + len(span.replacement.encode())
        if at < begin or (ends and at == begin):
            break
        if at < stop:
            return span.end if ends else span.start
        shift = span.end - stop
    return at + shift
