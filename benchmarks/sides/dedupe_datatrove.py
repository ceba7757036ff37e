"""datatrove's MinHash dedupe with FineWeb's setting: `dedupe_datatrove.py sign|whole FOLDER PATTERN OUT`.

FOLDER holds Parquet files with `id` and `text`. `sign` is the first of its four stages (14 x 8, word 5-grams, 64-bit
sha1 hashes, English words), `whole` all of them; the ids of what is kept go to OUT as JSON. One process; CPU-seconds
after the imports and after the word splitter is loaded.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.typeshelper import Languages
from loguru import logger
from process import peak_bytes, seconds

CONFIG = MinhashConfig(
    n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64, hash_fc="sha1")
)


def document(reader: PipelineStep, row: dict[str, Any], path: str, place: int) -> dict[str, Any]:
    """What the reader makes of a row: only id and text."""
    return {"id": row["id"].hex() if isinstance(row["id"], bytes) else str(row["id"]), "text": row["text"]}


def stages(folder: str, pattern: str, out: str, whole: bool) -> None:
    """The four stages, or the first."""
    reader = ParquetReader(folder, glob_pattern=pattern, read_metadata=False, adapter=document)
    sign = MinhashDedupSignature(f"{out}/signatures", config=CONFIG, language=Languages.english)
    LocalPipelineExecutor([reader, sign], tasks=1, workers=1, logging_dir=f"{out}/logs/1").run()
    if not whole:
        return
    bucket = MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets", config=CONFIG)
    LocalPipelineExecutor([bucket], tasks=14, workers=1, logging_dir=f"{out}/logs/2").run()
    cluster = MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=CONFIG)
    LocalPipelineExecutor([cluster], tasks=1, workers=1, logging_dir=f"{out}/logs/3").run()
    steps = [reader, MinhashDedupFilter(f"{out}/remove"), JsonlWriter(f"{out}/kept", compression=None)]
    LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=f"{out}/logs/4").run()


def main(what: str, folder: str, pattern: str, out: str) -> None:
    """Run and report."""
    logger.remove()
    MinhashDedupSignature("/nowhere", config=CONFIG, language=Languages.english).get_shingles("one two three four five")
    with tempfile.TemporaryDirectory() as name:
        start = seconds()
        stages(folder, pattern, name, what == "whole")
        used = seconds() - start
        kept = []
        for path in Path(name).glob("kept/*.jsonl"):
            kept += [json.loads(line)["id"] for line in path.read_text().splitlines()]
        signatures = sum(path.stat().st_size for path in Path(name).glob("signatures/*/*"))
    if what == "whole":
        Path(out).write_text(json.dumps(kept))
    result = {"cpu_seconds": used, "start_seconds": start, "peak_bytes": peak_bytes(), "signature_bytes": signatures}
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
