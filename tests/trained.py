"""Trainings: the folder of one that was done, the settings of one that would go on for long."""

import hashlib
import random
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from corpus.store import Store
from tests.world import sentences


@cache
def small_tokenizer() -> bytes:
    """A SentencePiece model of 400 ids with bytes and the marks of fill-in-the-middle."""
    from corpus.recipe import TokenizerSettings
    from tokenizer.train import train_model

    text = sentences(random.Random(5), 200)
    return train_model([text, "def mill(x):\n    return x + 1\n"], TokenizerSettings(vocab_size=400))


def make_run(out: Path, *, objective: str = "next", sequence_length: int = 32, **model: Any) -> Path:
    """A training run's folder with a checkpoint of step 7 and a tokenizer in both its forms; `out`.

    `model` changes settings of a model with two layers of width 32. Every weight is drawn at random: what starts at
    zero would hide what it does.
    """
    import torch

    from pretrain.checkpoint import FOLDER, Meta, Saver
    from pretrain.config import ModelConfig, ObjectiveConfig, OptimConfig, TrainConfig
    from pretrain.model.build import build_model
    from pretrain.ranks import Ranks
    from tokenizer.huggingface import write_huggingface
    from tokenizer.model import read_model

    shape: dict[str, Any] = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "hidden": 48}
    settings = TrainConfig(
        model=ModelConfig(**shape | model), optim=OptimConfig(lr=0.1, embedding_lr=0.1, head_lr=0.1),
        objective=ObjectiveConfig(name=objective), steps=7, sequence_length=sequence_length, batch_windows=1,
    )  # fmt: skip
    torch.manual_seed(0)
    built = build_model(settings.model, 400, sequence_length)
    with torch.no_grad():
        for name, tensor in built.state_dict().items():
            tensor.normal_(std=0.05 if name.endswith("feed.bias") else 0.3)
            if tensor.dim() == 1 and not name.endswith("feed.bias"):
                tensor.add_(1)
    out.mkdir(parents=True)
    (out / "tokenizer.model").write_bytes(small_tokenizer())
    store = Store(str(out / "published"))
    for file in write_huggingface(store, read_model(small_tokenizer()))[0]:
        (out / Path(file.path).name).write_bytes(store.get(file.path))
    digest = hashlib.sha256(small_tokenizer()).hexdigest()
    saver = Saver(out / FOLDER, Ranks(torch.device("cpu")), keep=1)
    saver.save(Meta(7, 7, "", 1, digest, "o", 400, asdict(settings)), {"model": built.state_dict()})
    saver.wait()
    return out


LONG = """
steps = 100_000
sequence_length = 32
batch_windows = 4
log_every = 1
heldout_tokens = 512
device = "cpu"
threads = 1
[model]
layers = 1
width = 16
heads = 1
kv_heads = 1
hidden = 32
[optim]
lr = 0.01
embedding_lr = 0.01
head_lr = 0.01
"""  # a narrow model, a report at each step
