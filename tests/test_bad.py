"""Every broken and hostile file in one recipe with good ones: the run succeeds, the good survives, the bad is told."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version

SHARED = Path(__file__).parents[2] / "shared" / "corpus"
FOLDERS = {
    "warc": "web", "charset": "web", "html": "web", "archive": "code", "epub": "books", "text": "books",
    "jsonl": "tabular", "parquet": "tabular",
}  # fmt: skip
GOOD = {
    "good-web": ("web", "web", "Mako-1.3.5.warc.gz"),
    "good-books": ("books", "books", "alice29.txt.gz"),
    "good-code": ("code", "code", "express-4.19.2.tgz"),
    "good-rows": ("tabular", "tabular", "docs-jsonl/part-000.jsonl.zst"),
}

REST = """
[[chain.all]]
name = "gopher_repetition"
max_lines = 0.9

[mixture]
[[mixture.domain]]
name = "all"
weight = 1

[tokenizer]
vocab_size = 4000
sample_bytes = 2000000

[dedupe]
max_removed = 1.0
"""

RUN = """
import resource, sys, gristmill
sys.argv = ["gristmill", "build", sys.argv[1], "--workers", "1"]
try:
    gristmill.main()
except SystemExit as stop:
    assert not stop.code, stop.code
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("peak", int(peak.split()[1]) // 1024)
"""


def recipe(folder: Path) -> Path:
    sources = [(f"bad-{name}", kind, SHARED / "bad" / name, "*") for name, kind in FOLDERS.items()]
    sources += [(name, kind, SHARED / root, glob) for name, (kind, root, glob) in GOOD.items()]
    text = 'name = "bad"\nroot = "out"\n'
    for name, kind, root, glob in sources:
        text += f'[[source]]\nname = "{name}"\nkind = "{kind}"\nroot = "{root}"\nfiles = ["{glob}"]\n'
        text += 'chain = "all"\ndomain = "all"\n'
    text += REST
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the corpus of bad files beside the checkout")
def test_bad_files_among_good_ones(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(recipe(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split("peak")[-1]) < 2_000  # MiB, for all stages in one process; 1,380 to 1,500 as a rule
    store = Store(tmp_path / "out")
    assert all(finding.holds for finding in verify(store))
    told: Counter[str] = Counter()
    for name in store.list("quarantine"):
        for row in pq.read_table(pa.BufferReader(store.get(name))).to_pylist():
            told[f"{row['source']}/{row['file']}"] += 1
            assert row["reason"]
    documents: Counter[str] = Counter()
    for name in store.list("documents"):
        for row in pq.read_table(pa.BufferReader(store.get(name)), columns=["source", "file"]).to_pylist():
            documents[f"{row['source']}/{row['file']}"] += 1
    for folder in FOLDERS:
        for file in (SHARED / "bad" / folder).iterdir():
            key = f"bad-{folder}/{file.name}"
            assert told[key] or documents[key], f"{key} vanished"
    assert documents["bad-warc/corrupt-middle.warc.gz"] == 14
    assert documents["bad-jsonl/broken-lines.jsonl"] >= 9
    assert documents["good-web/Mako-1.3.5.warc.gz"] == 13
    assert documents["good-books/alice29.txt.gz"] == 1
    assert documents["good-rows/docs-jsonl/part-000.jsonl.zst"] == 55
    assert not list(tmp_path.glob("**/evil*"))
    assert read_version(store)["shards"]
