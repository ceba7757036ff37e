"""Our Gopher, C4 and FineWeb on texts: CPU-seconds (filters_heuristics), or scores and rules (filters_agreement).

texts.parquet                               prints CPU-seconds, bytes and the seconds of imports and compilation
texts.parquet theirs.parquet out.parquet    a row a text: scores, rules and what C4 leaves, with their words (`starts`
                                            and `ends`, in characters)
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.text import render_column
from processors.filters.chain import judge, score
from processors.filters.load import load_chain
from processors.filters.measure import Measures
from processors.filters.segment import Bounds

NAMES = ("gopher_repetition", "gopher_quality", "c4", "fineweb")
REPEATS = 3


def speed(batch: pa.RecordBatch) -> dict[str, float]:
    """CPU-seconds of scoring and judging all of it, the best of a few."""
    chain = load_chain([{"name": name} for name in NAMES])
    started = time.process_time()
    judge(score(batch.slice(0, 8), chain), chain)
    start_seconds, taken = time.process_time(), []
    for _ in range(REPEATS):
        begun = time.process_time()
        judge(score(batch, chain), chain)
        taken.append(time.process_time() - begun)
    size = pc.sum(pc.binary_length(batch.column("text"))).as_py()
    return {"cpu_seconds": min(taken), "bytes": size, "start_seconds": start_seconds, "first": start_seconds - started}


def bounds_of(texts: pa.Array, theirs: pa.Table) -> Bounds:
    """Their words' places, in bytes."""
    starts, ends, counts = [], [], []
    for text, first, last in zip(texts, theirs["starts"], theirs["ends"], strict=True):
        points = np.frombuffer(text.as_py().encode("utf-32-le"), np.uint32)
        widths = 1 + (points > 0x7F) + (points > 0x7FF) + (points > 0xFFFF).astype(np.int64)
        before = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
        starts.append(before[np.array(first.as_py(), np.int64)])
        ends.append(before[np.array(last.as_py(), np.int64)])
        counts.append(len(starts[-1]))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Bounds(np.ones(len(texts), np.bool_), offsets, np.concatenate(starts), np.concatenate(ends))


def agree(batch: pa.RecordBatch, theirs: pa.Table, out: Path) -> None:
    """Writes a row a text; each filter reads the whole text, FineWeb's too."""
    texts = batch.column("text")
    measures = Measures(texts, bounds=bounds_of(texts, theirs))
    columns: dict[str, pa.Array] = {}
    for filter_ in load_chain([{"name": name} for name in NAMES]):
        scores = filter_.scores(batch, measures)
        for rule in filter_.rules():
            columns[f"drops.{filter_.name}.{rule.name}"] = rule.fires(scores[rule.score])
        spans = scores.pop("spans", None)
        columns |= {f"{filter_.name}.{name}": column for name, column in scores.items()}
        if spans is not None:
            columns["left"] = render_column(texts, spans)
    pq.write_table(pa.table(columns), out)


def main() -> None:
    """One of the two."""
    table = pq.read_table(sys.argv[1], columns=["text"])
    texts = pa.concat_arrays(table["text"].cast(pa.large_string()).chunks)
    batch = pa.RecordBatch.from_arrays([pa.array(range(len(texts))), texts], ["id", "text"])
    if len(sys.argv) > 2:
        agree(batch, pq.read_table(sys.argv[2], columns=["starts", "ends"]), Path(sys.argv[3]))
        print("RESULT {}")
    else:
        print("RESULT", json.dumps(speed(batch)))


if __name__ == "__main__":
    main()
