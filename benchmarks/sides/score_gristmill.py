"""Our score stage on web texts: `score_gristmill.py TEXTS OPTIONS`, options as JSON.

TEXTS is a Parquet file with `text`, `domain` and `lang`. Options: "megabytes", to repeat the texts up to; "segmented",
to take those in scripts without spaces, else the others; "window", in characters, for the fastText models (0: whole
texts). The chain is language, all heuristics, privacy and a classifier of 100 dimensions, trained here on books against
code. CPU-seconds are those of the stage, a part at a time as a worker does it, without imports, compilation and
training; peak memory is that of the process while it scores.
"""

import json
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

import fasttext_new
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from make_documents import documents_table
from process import peak_bytes, reset_peak, seconds

from corpus.files import File, write_parquet
from corpus.stage import Batch, Part, run_batch
from corpus.store import Store
from processors.filters.chain import number_identity
from processors.filters.load import Chain, load_chain
from processors.filters.stages import SCORE

UNSPACED = ("zh", "ja", "th", "lo", "my", "km")
PART_BYTES = 32 << 20  # of text, as a recipe's `parts.text_bytes`
HEURISTICS = ("gopher_repetition", "gopher_quality", "c4", "fineweb")


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


def main(path: str, options: dict[str, float]) -> None:
    """Warm up on a few texts, then score."""
    table = pq.read_table(path, columns=["text", "domain", "lang"])
    window = {"window": int(options["window"])}
    with tempfile.TemporaryDirectory(prefix="score-") as folder:
        model = train(table, Path(folder))
        chain = load_chain(
            [
                {"name": "language", "keep": [], **window},
                *({"name": name} for name in HEURISTICS),
                {"name": "privacy"},
                {"name": "classifier", "model": str(model), **window},
            ]
        )
        texts = web(table, bool(options["segmented"]))
        del table
        warm = Store(Path(folder) / "warm")
        score_all(warm, parts(list(islice(texts, 5)), 0.01, warm), chain)
        store = Store(Path(folder) / "store")
        files = parts(texts, options["megabytes"], store)
        size = sum(pc.sum(pq.read_table(f"{folder}/store/{file.path}")["text_bytes"]).as_py() for file in files)
        del texts
        reset_peak()
        begun = seconds()
        score_all(store, files, chain)
        used = seconds() - begun
        print("RESULT", json.dumps({"megabytes": size / 1e6, "seconds": used, "peak": peak_bytes(), "start": begun}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
