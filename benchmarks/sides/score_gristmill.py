"""Our score stage on web texts: `score_gristmill.py TEXTS OPTIONS`, options as JSON.

TEXTS is a Parquet file with `text`, `domain` and `lang`. Options: "megabytes", to repeat the texts up to; "segmented",
to take those in scripts without spaces, else the others; "window", in characters, for the fastText models (0: whole
texts). The chain is language, all heuristics, privacy and a classifier of 100 dimensions, trained here on books against
code. CPU-seconds are those of the stage, a part at a time as a worker does it, without imports, compilation and
training; peak memory is that of the process while it scores. What is scored is made by another process.
"""

import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

import fasttext_new
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from make_documents import documents_table
from process import reset_peak

from corpus.files import File, write_parquet
from corpus.stage import Batch, Part, run_batch
from corpus.store import Store
from processors.filters.chain import number_identity
from processors.filters.load import Chain, load_chain
from processors.filters.stages import SCORE

UNSPACED = ("zh", "ja", "th", "lo", "my", "km")
PART_BYTES = 32 << 20  # of text, as a recipe's `parts.text_bytes`
HEURISTICS = ("gopher_repetition", "gopher_quality", "c4", "fineweb")


def own_peak() -> int:
    """The largest resident set of this process since the last reset (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def train(table: pa.Table, folder: Path) -> Path:
    """A classifier that tells books from code, with DCLM's settings (lr 0.1, 100 dimensions, 5 epochs)."""
    lines = []
    for domain, label in (("books", "hq"), ("code", "cc")):
        texts = table.filter(pc.equal(table["domain"], domain))["text"].to_pylist()[:300]
        lines += [f"__label__{label} {' '.join(text[:4000].split())}" for text in texts]
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    model = fasttext_new.train_supervised(str(folder / "train.txt"), dim=100, epoch=5, lr=0.1, thread=1)
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def web(table: pa.Table, segmented: bool) -> list[str]:
    """The pages wanted, in the order of the file."""
    pages = table.filter(pc.equal(table["domain"], "web"))
    unspaced = pc.is_in(pc.utf8_slice_codeunits(pages["lang"], 0, 2), value_set=pa.array(UNSPACED))
    return pages.filter(unspaced if segmented else pc.invert(unspaced))["text"].to_pylist()


def parts(texts: list[str], megabytes: float, store: Store) -> list[File]:
    """Parts of documents, the texts again and again until there are enough bytes."""
    sizes = [len(text.encode()) for text in texts]
    wanted, files, rng = int(megabytes * 1e6), list[File](), np.random.default_rng(1)
    turns = cycle(zip(texts, sizes, strict=True))
    while wanted > 0:
        taken, size = [], 0
        while size < min(PART_BYTES, wanted):
            text, length = next(turns)
            taken.append(text)
            size += length
        wanted -= size
        ids = rng.integers(0, 256, (len(taken), 16), np.uint8)
        table = documents_table(ids, pa.array(taken, pa.large_string()), "web", "0")
        files.append(write_parquet(store, "documents", f"web/0-{len(files):05d}", table))
    return files


def score_all(store: Store, files: list[File], chain: Chain) -> None:
    """The stage, a part at a time."""
    for file in files:
        part = Part(file.part, (file,), number_identity(chain), "web", aside=chain)
        run_batch(Batch(store, SCORE, (part,)))


def prepare(path: str, options: dict[str, float], folder: str) -> tuple[Path, list[File], list[File], float]:
    """A model, the parts to warm up with, the parts to score and their megabytes: in a process of its own."""
    table = pq.read_table(path, columns=["text", "domain", "lang"])
    texts = web(table, bool(options["segmented"]))
    warm = parts(list(islice(texts, 5)), 0.01, Store(f"{folder}/warm"))
    files = parts(texts, options["megabytes"], Store(f"{folder}/store"))
    size = sum(pc.sum(pq.read_table(f"{folder}/store/{file.path}")["text_bytes"]).as_py() for file in files)
    return train(table, Path(folder)), warm, files, size / 1e6


def main(path: str, options: dict[str, float]) -> None:
    """Warm up on a few texts, then score."""
    window = {"window": int(options["window"])}
    with tempfile.TemporaryDirectory(prefix="score-") as folder:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            model, warm, files, megabytes = apart.submit(prepare, path, options, folder).result()
        chain = load_chain(
            [
                {"name": "language", "keep": [], **window},
                *({"name": name} for name in HEURISTICS),
                {"name": "privacy"},
                {"name": "classifier", "model": str(model), **window},
            ]
        )
        score_all(Store(f"{folder}/warm"), warm, chain)
        reset_peak()
        begun = time.process_time()
        score_all(Store(f"{folder}/store"), files, chain)
        used = time.process_time() - begun
        found = {"megabytes": megabytes, "seconds": used, "peak": own_peak(), "start": begun}
        print("RESULT", json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
