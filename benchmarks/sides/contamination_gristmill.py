"""Ours: ``contamination_gristmill.py MADE.json PRESET``; every text, CPU-seconds after compilation."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.contamination import PRESETS, Contamination
from processors.contamination.benchmarks import Item
from processors.contamination.find import find
from processors.contamination.index import GramSettings, build_index
from processors.contamination.verdict import judge_hits

TIMES = 4  # one takes a tenth of a second or two
made, preset = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
settings = Contamination(preset=preset, **PRESETS[preset])
grams = GramSettings.of(settings)
items = [Item("made", str(n), item["question"], (item["answer"],)) for n, item in enumerate(made["items"])]
texts = pa.array(made["documents"], pa.large_string())
warm = build_index(items[:2], grams)
none = np.zeros(0, np.int64)
some = pa.array(["before", f"{items[0].question}\n{items[0].answers[0]}"], pa.large_string())
judge_hits(some, 2, find(some, warm), none, warm, settings)

start = time.process_time()
index = build_index(items, grams)
indexed = time.process_time() - start
start = time.process_time()
for _ in range(TIMES):
    verdicts = judge_hits(texts, len(texts), find(texts, index), none, index, settings)
seconds = (time.process_time() - start) / TIMES
told = {(row["row"], row["item"]) for row in verdicts.found.to_pylist()}
planted = {(int(row), str(item)) for row, item in made["planted"].items()}
result = {
    "found": len(told & planted),
    "planted": len(planted),
    "others": len(told - planted),
    "rate": texts.nbytes / 1e6 / seconds,
    "indexed": indexed,
    "grams": index.grams.num_rows,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}
print("RESULT", json.dumps(result))
