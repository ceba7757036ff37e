"""One small training: the same as `train` without its files, the same bits again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from corpus.shard import open_corpus
from pretrain.config import TrainConfig, load_config
from pretrain.proxy import proxy
from pretrain.train import train


def test_it_ends_where_a_training_ends(corpus_root: str, config: TrainConfig, tmp_path: Path) -> None:
    scores = proxy(open_corpus(corpus_root), config)
    assert scores == train(corpus_root, config, tmp_path / "run", say=lambda _: None).per_domain
    assert scores == proxy(open_corpus(corpus_root), config)
    assert scores != proxy(open_corpus(corpus_root), replace(config, seed=1))


def test_the_bundled_settings_run_on_one_core(publish: Callable[..., str], tmp_path: Path) -> None:
    config = load_config("tiny-proxy")
    assert config.threads == 1
    assert config.device == "cpu"
    scores = proxy(open_corpus(publish(tmp_path / "corpus")), replace(config, steps=3))
    assert all(0 < score.bpb < 5 for score in scores.values())
