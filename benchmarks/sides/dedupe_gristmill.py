"""Our dedupe over a store of documents: `dedupe_gristmill.py STORE OPTIONS`, options as JSON.

STORE is what `make_documents.py` made. Options: "dedupe", the recipe's table; "sign": N, to do that stage alone, N
times with N seeds; "workers"; "earlier": N, to do the first N parts alone before, as a build of the snapshots until
then would have; "failing": N, so many of the last part's documents, the longest, do not pass the filters;
"most_bytes": of address space.

CPU-seconds are those of the stages, without imports and compilation: a small corpus in memory goes the whole way
first, and what was used until then is `start_seconds`. Peak memory is that of the whole process.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from make_documents import synthetic
from process import peak_bytes, reset_peak, seconds

from corpus.dedupe import Dedupe
from corpus.files import File, read_table, write_parquet
from corpus.pool import Pool, PoolRun
from corpus.schema import VERDICTS
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from processors.dedupe.decide import Heldout
from processors.dedupe.sign import SIGN, sign_settings
from processors.dedupe.stages import decide_alike, find_alike, select_documents

HELDOUT = Heldout(share=0.01, seed=1)
SELECTED = ("kept", "twin", "by", "both", "either", "split")


@dataclass
class Timed:
    """A run that notes the CPU-seconds and the peak memory of every stage."""

    run: PoolRun
    stages: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        """Run what is missing."""
        reset_peak()
        before = seconds()
        entries = self.run(stage, parts)
        self.peaks[stage.name] = max(self.peaks.get(stage.name, 0), peak_bytes())
        self.stages[stage.name] = self.stages.get(stage.name, 0.0) + seconds() - before
        return entries


def dedupe_all(documents: Sequence[File], verdicts: Sequence[File], dedupe: Dedupe, run: Timed) -> list[File]:
    """Every stage from documents to selection: the files of the last."""
    alike = find_alike(documents, dedupe, {}, run)
    decided = decide_alike(verdicts, (), alike, dedupe, {"synthetic/1": 1}, HELDOUT, run)
    return files(select_documents(verdicts, alike, decided, HELDOUT, run), "selection")


def sign_only(documents: Sequence[File], dedupe: Dedupe, run: Timed) -> None:
    """The first stage."""
    run(SIGN, [Part(file.part, (file,), sign_settings(dedupe), "bench") for file in documents])


def files(entries: Sequence[Entry], folder: str) -> list[File]:
    """The files that entries name, of one folder."""
    return [file for entry in entries for file in entry.only(folder)]


def judged(store: Store, documents: Sequence[File], failing: int = 0) -> list[File]:
    """Verdicts that drop nothing but the `failing` longest documents of the last part."""
    made = []
    for file in documents:
        table = read_table(store, file, ["id", "text_bytes"])
        rules: list[list[str]] = [[] for _ in range(file.rows)]
        if failing and file is documents[-1]:
            for row in np.argsort(-table["text_bytes"].to_numpy(), kind="stable")[:failing]:
                rules[row] = ["length.max_bytes"]
        column = pa.array(rules, VERDICTS.field("rules").type)
        made.append(write_parquet(store, "verdicts", file.part, pa.table([table["id"], column], schema=VERDICTS)))
    return made


def warm(dedupe: Dedupe) -> None:
    """Compile and import what the stages need."""
    store = Store("memory://warm")
    documents = list(synthetic(store, {"documents": 500, "later": 50, "hostile": "shells", "added": 100}, seed=2))
    with Pool(1, store) as pool:
        dedupe_all(documents, judged(store, documents), dedupe, Timed(PoolRun(store, pool)))


def told(store: Store, selected: Sequence[File]) -> dict[str, Any]:
    """What came out, by file."""
    kept = sum(int(np.count_nonzero(read_table(store, file, ["kept"])["kept"].to_numpy())) for file in selected)
    return {
        "kept": kept,
        "by_file": {file.part: file.sha256 for file in selected},
        "files": [file.path for file in selected],
    }


def main(root: str, options: dict[str, Any]) -> None:
    """Run the stages."""
    store, dedupe = Store(root), Dedupe(**options.get("dedupe", {}))
    listed = [File(**file) for file in json.loads(Path(root, "documents.json").read_text())]
    tempfile.tempdir = root  # what a stage lays aside lies on the same disk; it is gone before bytes are counted
    if most := options.get("most_bytes"):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    warm(dedupe)
    verdicts = judged(store, listed, options.get("failing", 0))
    start, rows = seconds(), sum(file.rows for file in listed)
    result: dict[str, Any] = {}
    with Pool(options.get("workers", 1), store) as pool:
        run = Timed(PoolRun(store, pool))
        clock = time.perf_counter()
        if repeats := options.get("sign"):
            for seed in range(repeats):
                sign_only(listed, replace(dedupe, seed=seed), run)
        else:
            if earlier := options.get("earlier"):
                dedupe_all(listed[:earlier], verdicts[:earlier], dedupe, run)
                result["earlier_seconds"] = seconds() - start
                run.stages.clear()
            selected = dedupe_all(listed, verdicts, dedupe, run)
        result["wall_seconds"] = time.perf_counter() - clock
    used = seconds() - start - result.get("earlier_seconds", 0.0)
    result |= {"cpu_seconds": used, "start_seconds": start, "stages": run.stages, "peaks": run.peaks}
    stored = [path for path in Path(root).rglob("*") if path.is_file() and path.name != "documents.json"]
    scratch = {path.relative_to(root).parts[0]: 0 for path in stored}
    for path in stored:
        scratch[path.relative_to(root).parts[0]] += path.stat().st_size
    for given in ("documents", "verdicts"):
        scratch.pop(given)
    result |= {"documents": rows, "scratch": scratch}
    if not options.get("sign"):
        result |= told(store, selected)
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
