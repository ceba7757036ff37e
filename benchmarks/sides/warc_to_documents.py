"""WARC files to stored documents, one process: `warc_to_documents.py gristmill|datatrove FOLDER PATTERN`.

Both write what they keep: gristmill Parquet, datatrove JSON lines. CPU-seconds are those of this process and of those
that it started, after the imports. datatrove's extractor gets a timeout that it never meets.
"""

import json
import logging
import resource
import sys
import tempfile
from importlib import import_module
from pathlib import Path


def gristmill(folder: Path, pattern: str, out: Path) -> dict[str, int]:
    """What became of every record, by outcome and reason."""
    from collections import Counter

    from corpus.recipe import Parts, Source
    from corpus.store import Store
    from sources.ingest import ingest
    from sources.plan import plan_ingest
    from sources.read import ReadSettings

    source = Source("web", "web", str(folder), (pattern,))
    counts: Counter[str] = Counter()
    for part in plan_ingest(source, ReadSettings("web"), Parts(), Path()):
        for count in ingest(Store(str(out)), part).counts:
            if count.outcome == "passed":
                counts["documents"] += count.documents or 0
            elif count.records and count.outcome != "read":
                counts[f"{count.outcome} {count.reason}"] += count.records
    return dict(counts)


def datatrove(folder: Path, pattern: str, out: Path) -> dict[str, int]:
    """How many documents were written."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import JsonlWriter
    from loguru import logger

    logger.remove()
    steps = [WarcReader(str(folder), glob_pattern=pattern), Trafilatura(timeout=600), JsonlWriter(f"{out}/documents")]
    LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=f"{out}/logs").run()
    written = json.loads(Path(out, "logs/stats.json").read_text())[-1]["stats"]["total"]
    return {"documents": written["total"] if isinstance(written, dict) else written}


def seconds() -> float:
    """CPU-seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(side: str, folder: Path, pattern: str) -> None:
    """Run one side."""
    logging.disable(logging.WARNING)
    run = {"gristmill": gristmill, "datatrove": datatrove}[side]
    if side == "datatrove":  # what it imports late
        import_module("datatrove.executor")
        import_module("datatrove.pipeline.extractors")
        import_module("trafilatura")
    with tempfile.TemporaryDirectory() as name:
        before = seconds()
        counts = run(folder, pattern, Path(name))
        if side == "gristmill":
            from sources.apart import end_idle

            end_idle()  # a child's time counts once it has ended
    print("RESULT " + json.dumps({"cpu_seconds": seconds() - before, **counts}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
