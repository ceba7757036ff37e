"""Cut: what stands elsewhere already, as spans beside the filters' own.

In: what select kept of a part, and the hashes that the part loses to others (repeats.py). Out: an aligned ``cuts/``
file with all spans of each document in bytes of the stored text, which are what encode and the tokenizer's sample
render. A document of which they leave nothing but blanks is dropped as ``repeats.nothing_left``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.dedupe import Dedupe
from corpus.errors import GateError
from corpus.files import File, read_table, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import CUTS
from corpus.stage import Entry, Output, Part, Run, Stage
from corpus.store import Store
from corpus.text import SPANS, Span, lift
from processors.dedupe.repeats import (
    REPEATS_STAGE,
    UNITS_STAGE,
    Kept,
    UnitSettings,
    files_of,
    repeat_parts,
    repeated,
    unit_settings,
)

NOTHING_LEFT = "repeats.nothing_left"


def cut_repeats(
    rows: Sequence[tuple[File, File, File]], dedupe: Dedupe, ranks: dict[str, int], run: Run
) -> list[Entry]:
    """All three stages over the documents, scores and selection of some parts: the entries of the last.

    `ranks` as in `processors.dedupe.repeats.RepeatSettings`. Where the recipe cuts nothing, or nowhere, nothing runs.
    """
    if not dedupe.repeats or not rows:
        return []
    settings = unit_settings(dedupe)
    parts = [Part(row[0].part, tuple(row), settings, row[0].part.split("/")[0]) for row in rows]
    found = [file for entry in run(UNITS_STAGE, parts) for file in entry.only("lines")]
    lost = [file for entry in run(REPEATS_STAGE, repeat_parts(found, dedupe, ranks)) for file in entry.only("repeats")]
    return run(CUT_STAGE, [replace(part, inputs=(*part.inputs, *lost)) for part in parts])


def cut(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's documents, scores and selection, and all files of ``repeats/``."""
    settings: UnitSettings = part.settings
    documents, scores, selection = files_of(part, "documents", "scores", "selection")
    lost = [
        _of_part(read_table(store, file), documents.part)
        for file in part.inputs
        if isinstance(file, File) and file.folder == "repeats"
    ]
    kept = Kept.of(store, documents, scores, selection)
    _, _, stretches, left = repeated(kept.texts, settings, np.concatenate([np.zeros(0, np.uint64), *lost]))
    spans = _spans(kept.spans, stretches, settings.rule)
    table = _aligned(store, documents, kept.rows, spans, left)
    out = write_parquet(store, "cuts", documents.part, table)
    info = {
        "bytes": int(pc.sum(pc.binary_length(kept.texts)).as_py() or 0),
        "cut": int((stretches[:, 2] - stretches[:, 1]).sum()),
    }
    return Output((out,), tuple(_counts(documents.part, kept.sizes, left)), info)


CUT_STAGE = Stage("cut", cut, version=1)


def cut_texts(texts: pa.Array, dedupe: Dedupe) -> pa.Array:
    """What a large_string column without nulls loses if its texts, preferred ones first, are all there is: SPANS."""
    settings = unit_settings(dedupe)
    _, _, stretches, _ = repeated(texts, settings, np.zeros(0, np.uint64))
    return _spans(pa.nulls(len(texts), SPANS), stretches, settings.rule)


def _of_part(table: pa.Table, part: str) -> np.ndarray:
    row = pc.index(table["part"], part).as_py()
    return table["hashes"].combine_chunks()[row].values.to_numpy()


def _spans(outer: pa.Array, stretches: np.ndarray, rule: str) -> pa.Array:
    """The filters' spans and, lifted from the text that those leave, the stretches cut from it: one list a text."""
    counts = np.bincount(stretches[:, 0], minlength=len(outer))
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    columns = [
        pa.array(np.ascontiguousarray(stretches[:, 1])), pa.array(np.ascontiguousarray(stretches[:, 2])),
        pa.repeat(rule, len(stretches)), pa.repeat("", len(stretches)),
    ]  # fmt: skip
    flat = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    inner = pa.ListArray.from_arrays(pa.array(bounds), flat, type=SPANS, mask=pa.array(counts == 0))
    filled = outer.value_lengths().fill_null(0).to_numpy() > 0
    both = np.flatnonzero(filled & (counts > 0))
    pairs = zip(outer.take(pa.array(both)).to_pylist(), inner.take(pa.array(both)).to_pylist(), strict=True)
    lifted = [lift([Span(**span) for span in old], [Span(**span) for span in new]) for old, new in pairs]
    mixed = pa.array([[span._asdict() for span in row] for row in lifted], SPANS)
    take = np.where(counts > 0, len(outer), 0) + np.arange(len(outer))
    take[both] = 2 * len(outer) + np.arange(len(both))
    return pa.concat_arrays([outer, inner, mixed]).take(pa.array(take))


def _aligned(store: Store, documents: File, rows: np.ndarray, spans: pa.Array, left: np.ndarray) -> pa.Table:
    """As stored: a row for each document of the part, those that were not kept without spans and `left` false."""
    ids = read_table(store, documents, ["id"])["id"].combine_chunks()
    place, stands = np.full(len(ids), -1), np.zeros(len(ids), np.bool_)
    place[rows], stands[rows] = np.arange(len(rows)), left
    return pa.table([ids, spans.take(pa.array(place, mask=place < 0)), pa.array(stands)], schema=CUTS)


def _counts(part: str, sizes: np.ndarray, left: np.ndarray) -> list[Count]:
    outcomes = [(PASSED, "", left), ("dropped", NOTHING_LEFT, ~left)]
    return [
        Count("cut", part.split("/")[0], part, outcome, reason, documents=int(m.sum()), bytes=int(sizes[m].sum()))
        for outcome, reason, m in outcomes
        if m.any()
    ]


def check_cut(entries: Sequence[Entry], limits: dict[str, float], accept: Sequence[str] = ()) -> None:
    """Compare each source's share of text that was cut with its limit.

    Raises GateError naming the source, the numbers and the remedy, unless the source is accepted.
    """
    text: dict[str, int] = defaultdict(int)
    gone: dict[str, int] = defaultdict(int)
    for entry in entries:
        text[entry.source] += entry.info["bytes"]
        gone[entry.source] += entry.info["cut"]
    for source in sorted(text):
        limit = limits[source]
        if source not in accept and gone[source] > limit * text[source]:
            raise GateError(
                f"source {source}: {gone[source]:,} of {text[source]:,} bytes of text would be cut as repeats "
                f"({gone[source] / text[source]:.0%}), its gate stands at {limit:.0%}; if that is right, run again "
                f"with --accept {source}, or raise max_removed in [dedupe] or in its [[source]]"
            )
