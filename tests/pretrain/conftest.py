"""A small world: a published corpus of 64 ids, written as the shard stage lays it out."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.files import write_bytes
from corpus.shard import Rows, Shard, Tokenizer, write_shard
from corpus.store import Store
from corpus.version import path_of, point, sealed
from pretrain.config import ModelConfig, OptimConfig, TrainConfig

VOCAB, EOS, PAD = 64, 1, 2
Publish = Callable[..., str]
Changed = Callable[..., TrainConfig]


def documents(seed: int, count: int) -> list[np.ndarray]:
    """Documents that count upwards from a random id in steps of 1 to 3: all as frequent, the next guessable."""
    rng = np.random.default_rng(seed)
    return [
        np.append(4 + (rng.integers(60) + rng.integers(1, 4) * np.arange(rng.integers(5, 40))) % 60, EOS)
        for _ in range(count)
    ]


def publish(root: Path, *, tokenizer_name: str = "t", order_name: str = "o", train_documents: int = 200) -> str:
    """A corpus with two shards and the held-out domains `web` and `code`; its root."""
    store = Store(root)
    sizes = np.full(VOCAB, 2, np.int32)
    sizes[:4] = 0
    np.save(root.with_suffix(".npy"), sizes)
    table = write_bytes(store, "tokenizer", "token_bytes", "npy", root.with_suffix(".npy").read_bytes())
    digest = hashlib.sha256(tokenizer_name.encode()).hexdigest()
    order = hashlib.sha256(order_name.encode()).hexdigest()
    tokenizer = Tokenizer("tokenizer/t.model", digest, VOCAB, EOS, PAD, table.path)

    def shard(folder: str, part: str, pieces: list[np.ndarray]) -> Shard:
        count, names = len(pieces), pa.array([part] * len(pieces), pa.string())
        ids = np.frombuffer(b"".join(hashlib.md5(piece).digest() for piece in pieces), np.uint8).reshape(-1, 16)
        lengths = np.array([len(piece) for piece in pieces], np.int64)
        tokens, zeros = np.concatenate(pieces).astype(np.uint16), np.zeros(count, np.int64)
        rows = Rows(tokens, lengths, ids, zeros.astype(np.int32), names, names, names, 2 * (lengths - 1))
        return write_shard(store, folder, part, rows, tokenizer, order)

    pieces = documents(0, train_documents)
    cut = len(pieces) // 2
    what = {
        "version": 1,
        "tokenizer": asdict(tokenizer),
        "order": {"sha256": order},
        "shards": [asdict(shard("shards", "000", pieces[:cut])), asdict(shard("shards", "001", pieces[cut:]))],
        "heldout": {
            "web": [asdict(shard("heldout", "web", documents(1, 20)))],
            "code": [asdict(shard("heldout", "code", documents(2, 1)))],
        },
    }
    store.put(tokenizer.path, tokenizer_name.encode())
    store.put(path_of(1), sealed(what))
    point(store, 1)
    return str(root)


@pytest.fixture(name="publish")
def publish_fixture() -> Publish:
    return publish


@pytest.fixture
def corpus_root(tmp_path: Path) -> str:
    return publish(tmp_path / "corpus")


@pytest.fixture
def config() -> TrainConfig:
    model = ModelConfig(layers=2, width=32, heads=4, kv_heads=2, hidden=64)
    optim = OptimConfig(name="muon", lr=0.02, embedding_lr=0.05, head_lr=0.02)
    return TrainConfig(model=model, optim=optim, steps=20, sequence_length=32, batch_windows=4, threads=1, log_every=5)


@pytest.fixture
def changed(config: TrainConfig) -> Changed:
    """The settings with some of the run's, the model's or the optimizer's values replaced."""

    def change(**values: object) -> TrainConfig:
        model = {key: values.pop(key) for key in list(values) if hasattr(config.model, key)}
        optim = {key: values.pop(key) for key in list(values) if hasattr(config.optim, key)}
        nested = {"model": replace(config.model, **model), "optim": replace(config.optim, **optim)}
        return replace(config, **nested, **values)

    return change
