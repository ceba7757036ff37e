"""Trains a tokenizer of `python train_tokenizer.py TEXTS TYPE VOCABULARY BYTES` as the stage does: plan and costs."""

import json
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.files import File, write_parquet
from corpus.recipe import TokenizerSettings
from corpus.store import Store
from tokenizer.cost import training_cost
from tokenizer.train import TRAIN, train_part


def written(store: Store, texts: str, size: int) -> tuple[File, int]:
    """The first texts as a sample, and their bytes."""
    column = pq.read_table(texts, columns=["text"])["text"]
    some = column.filter(pc.less(pc.cumulative_sum(pc.binary_length(column).cast(pa.int64())), size))
    return write_parquet(store, "sample", "all", pa.table({"text": some})), pc.sum(pc.binary_length(some)).as_py()


def main() -> None:
    """Have the sample written by another process, train on it in this one, print what it took."""
    texts, model_type, vocabulary, size = sys.argv[1:]
    settings = TokenizerSettings(vocab_size=int(vocabulary), model_type=model_type)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            sample, taken = other.submit(written, store, texts, int(size)).result()
        start = time.process_time()
        TRAIN.work(store, train_part(settings, Path(), (sample,)))
        seconds = time.process_time() - start
    memory, cpu = training_cost(settings, taken)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print("RESULT", json.dumps({"bytes": taken, "peak": peak, "seconds": seconds, "memory": memory, "cpu": cpu}))


if __name__ == "__main__":
    main()
