"""datatrove's NGramsDecontFilter with its English splitter: ``contamination_datatrove.py MADE.json MEGABYTES``."""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontFilter, NGramsDecontIndexer

made, most = json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2]) * 1e6
with tempfile.TemporaryDirectory() as folder:
    judge = NGramsDecontFilter(folder)
    indexer = object.__new__(NGramsDecontIndexer)  # made the usual way it asks for lighteval, which holds the tasks
    indexer.config, indexer.tokenizer, indexer.hash_func = judge.config, judge.tokenizer, judge.hash_func
    hashes = {each for item in made["items"] for each in indexer.compute_hashes(item["answer"], item["question"])}
    np.array(sorted(hashes), judge.config.hash_config.np_descr).tofile(f"{folder}/made.index.hashes")
    judge.filter(Document("nothing", "0"))
    planted, found, size, expected, seconds = made["planted"], 0, 0, 0, 0.0
    for row, text in enumerate(made["documents"]):
        document = Document(text, str(row))
        start = time.process_time()
        kept = judge.filter(document)
        seconds += time.process_time() - start
        size += len(text.encode())
        expected += str(row) in planted
        found += str(row) in planted and kept is not True
        if size > most:
            break
print("RESULT", json.dumps({"rate": size / 1e6 / seconds, "found": found, "planted": expected}))
