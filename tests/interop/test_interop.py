"""Exports are read by the packages they are for, token for token. `make interop` makes the environment."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash

from corpus.shard import open_corpus
from tokenizer.export.export import FORMATS, export

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "builds/interop/bin/python"
VOCABULARIES = (64, 65_520, 70_000)  # uint16; beyond Megatron's uint16; uint32
LENGTHS = {"litdata": (32,), "megatron": (0,), "hf": (0,)}  # the others: rows as they are, and 32 tokens

pytestmark = pytest.mark.skipif(
    not (ROOT / "builds/interop/ready").exists(), reason="the readers are not installed: make interop"
)

Exports = dict[Path, tuple[str, int, dict[str, Any]]]  # format, sequence length, the streams' tokens and rows


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory, made_corpus: Callable[..., str]) -> Exports:
    """Every format of three corpora: several shards, documents in up to three pieces, held-out documents."""
    folder = tmp_path_factory.mktemp("interop")
    made: Exports = {}
    for vocab_size in VOCABULARIES:
        corpus = open_corpus(made_corpus(folder / f"c{vocab_size}", vocab_size=vocab_size))
        given = {"train": corpus.train, **{f"heldout-{name}": held for name, held in corpus.heldout.items()}}
        streams = {name: (held.tokens(0, held.num_tokens), _rows(held)) for name, held in given.items()}
        for to in FORMATS:
            for length in LENGTHS.get(to, (0, 32)):
                out = folder / f"{to}-{vocab_size}-{length}"
                export(corpus.store, to, str(out), split="all", sequence_length=length, file_tokens=700)
                made[out] = (to, length, streams)
    return made


def _rows(stream: Any) -> list[int]:
    """The lengths of all rows."""
    table = stream.rows(0, stream.num_tokens)
    return (table["stop"].to_numpy() - table["start"].to_numpy()).tolist()


@pytest.fixture(scope="module")
def found(exports: Exports) -> list[dict[str, Any]]:
    """What the readers found, all in one process of theirs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("readers.py"), *exports],
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    result = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and result, done.stderr[-4_000:]
    told: list[dict[str, Any]] = json.loads(result[1])
    return told


def test_every_reader_was_asked(found: list[dict[str, Any]], exports: Exports) -> None:
    assert {(row["folder"], row["stream"]) for row in found} == {
        (str(out), name) for out in exports for name in ("train", "heldout-web")
    }


@pytest.mark.parametrize("to", FORMATS)
def test_the_real_reader_finds_the_stream(to: str, found: list[dict[str, Any]], exports: Exports) -> None:
    mine = [row for row in found if exports[Path(row["folder"])][0] == to]
    assert not [row for row in mine if "failed" in row]
    assert len(mine) >= 2 * len(VOCABULARIES)
    for row in mine:
        _, length, streams = exports[Path(row["folder"])]
        tokens, rows = streams[row["stream"]]
        if row["way"] in ("windows", "instances"):
            tokens = _in_files(Path(row["folder"]) / row["stream"], tokens, length + (row["way"] == "windows"))
        elif length and to in ("mds", "litdata"):
            tokens = tokens[: len(tokens) // length * length]
        assert row["tokens"] == len(tokens) > 200
        assert row["xxh3_128"] == xxhash.xxh3_128_hexdigest(tokens.astype("<u4").tobytes())
        if row["lengths"] is not None:
            assert row["lengths"] == rows
    assert to == "litdata" or any(row["lengths"] for row in mine)


def _in_files(folder: Path, tokens: np.ndarray, size: int) -> np.ndarray:
    """What is left when each file's tail that fills no window is passed over."""
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in (".ds", ".npy")]
    ends = np.cumsum([path.stat().st_size // tokens.itemsize for path in paths])
    kept = [part[: len(part) // size * size] for part in np.split(tokens, ends[:-1])]
    return np.concatenate(kept)
