"""Exports: every format written from a made corpus, and read back by the package it is for.

16 Mi random ids in four shards, rows of 700 tokens on average, once as uint16 and once as uint32. The readers run in
the environment of `make interop`, which is made where it is missing. Rates are in CPU-seconds, the best of three, of a
whole export: shards hashed, written, read back and compared; beside them what copying the shards takes.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from peers import ROOT, Row, print_head, print_rows

from corpus.files import write_bytes
from corpus.schema import token_type
from corpus.shard import Rows, Tokenizer, write_shard
from corpus.store import Store
from corpus.version import path_of, point, sealed
from tokenizer.export.export import FORMATS, export

SHARDS, SHARD_TOKENS, MEAN_ROW = 4, 4 << 20, 700
VOCABULARIES = {"uint16": 32_000, "uint32": 128_000}
BLOCK = 2_048  # divides the stream, so that the formats of fixed blocks hold all of it


def make(root: Path, vocab_size: int) -> tuple[Store, str]:
    """A published corpus of random ids; and the xxh3-128 of them as uint32."""
    random, store, digest = np.random.default_rng(0), Store(root), xxhash.xxh3_128()
    tokenizer = Tokenizer("tokenizer/none.model", "0" * 64, vocab_size, 2, 3, "tokenizer/none.npy")
    shards = []
    for number in range(SHARDS):
        ends = np.unique(np.append(random.integers(1, SHARD_TOKENS, SHARD_TOKENS // MEAN_ROW), SHARD_TOKENS))
        lengths, names = np.diff(ends, prepend=0), pa.array(["made"] * len(ends))
        tokens = random.integers(0, vocab_size, SHARD_TOKENS).astype(token_type(vocab_size).to_pandas_dtype())
        digest.update(tokens.astype("<u4").data)
        ids = random.integers(0, 256, (len(ends), 16)).astype(np.uint8)
        pieces = np.zeros(len(ends), np.int32)
        rows = Rows(tokens, lengths, ids, pieces, names, names, names, lengths)
        shards.append(asdict(write_shard(store, "shards", f"{number:05d}", rows, tokenizer, "1" * 64)))
    some = write_bytes(store, "tokenizer", "tokenizer", "model", b"none")
    what = {
        "corpus": "made", "version": 1, "tokenizer": asdict(tokenizer), "order": {"path": "", "sha256": "1" * 64},
        "shards": shards, "heldout": {}, "files": [some.plain()],
    }  # fmt: skip
    store.put(path_of(1), sealed(what))
    point(store, 1)
    return store, digest.hexdigest()


def read_back(folders: list[Path]) -> list[dict[str, Any]]:
    """What the real readers find."""
    if not (ROOT / "builds/interop/ready").exists():
        subprocess.run(["make", "builds/interop/ready"], cwd=ROOT, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [ROOT / "builds/interop/bin/python", ROOT / "tests/interop/readers.py", *folders]
    done = subprocess.run(command, env=environment | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    result = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if done.returncode or not result:
        raise SystemExit(f"the readers failed:\n{done.stderr[-3000:]}")
    found: list[dict[str, Any]] = json.loads(result[1])
    return found


def rate(work: Callable[[Path], object], place: Path) -> float:
    """Million tokens in a CPU-second: the best of three runs, each to a place where nothing is yet."""
    seconds = []
    for _ in range(3):
        shutil.rmtree(place, ignore_errors=True)
        began = time.process_time()
        work(place)
        seconds.append(time.process_time() - began)
    return SHARDS * SHARD_TOKENS / min(seconds) / 1e6


def main() -> None:
    """Print the table."""
    rates: dict[str, dict[str, float]] = {to: {} for to in FORMATS}
    copied: dict[str, float] = {}
    equal: dict[str, list[bool]] = {to: [] for to in FORMATS}
    with tempfile.TemporaryDirectory() as made:
        for dtype, vocab_size in VOCABULARIES.items():
            folder = Path(made) / dtype
            store, digest = make(folder / "corpus", vocab_size)
            copied[dtype] = rate(partial(shutil.copytree, folder / "corpus/shards"), folder / "copy")
            for to in FORMATS:
                rates[to][dtype] = rate(partial(_export, store, to), folder / to)
            for row in read_back([folder / to for to in FORMATS]):
                equal[Path(row["folder"]).name].append(row.get("xxh3_128") == digest)
            shutil.rmtree(folder)
    right = [to for to, found in equal.items() if len(found) >= len(VOCABULARIES) and all(found)]
    readers = " ".join(line for line in _readers() if not line.startswith(("#", "transformers")))
    print_head()
    told = f"{len(right)} of {len(FORMATS)} by the real readers, token for token"
    print_rows([Row("exports read back", told, readers, "6 of 6", len(right) == len(FORMATS) == 6)])
    copy = "copying the shards: " + _both(copied)
    print_rows(Row(f"export to {to}, uint16 / uint32", _both(rates[to]), copy, "", None) for to in FORMATS)


def _export(store: Store, to: str, place: Path) -> None:
    export(store, to, str(place), sequence_length=BLOCK if to == "litdata" else 0)


def _readers() -> list[str]:
    return (ROOT / "tests/interop/readers.txt").read_text().splitlines()


def _both(rates: dict[str, float]) -> str:
    return " / ".join(f"{value:,.0f}" for value in rates.values()) + " Mtok/s"


if __name__ == "__main__":
    main()
