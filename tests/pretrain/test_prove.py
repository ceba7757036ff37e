"""The proof, on a small corpus: batches, losses and weights after kills and changes of the number of ranks."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

pytest.importorskip("torch")

from corpus.errors import RecipeError
from pretrain import prove as module
from pretrain.config import TrainConfig
from pretrain.prove import prove


def test_a_killed_run_goes_on_as_if_nothing_had_been(corpus_root: str, config: TrainConfig, tmp_path: Path) -> None:
    claims = prove(corpus_root, config, tmp_path / "proof", half=3, worlds=(1, 2, 4), say=lambda _: None)
    assert all(claim.holds for claim in claims), [claim for claim in claims if not claim.holds]
    assert sum("bit for bit" in claim.what for claim in claims) == 3
    assert sum("digests equal" in claim.measured for claim in claims) == 8
    assert sum("3 of 3 steps not done again" in claim.measured for claim in claims) == 6


def test_a_run_that_begins_anew_proves_nothing(
    corpus_root: str, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its checkpoint the killed run does the same steps again, to the same bits."""
    copy = shutil.copytree

    def without_checkpoint(killed: Path, out: Path) -> None:
        copy(killed, out, ignore=shutil.ignore_patterns("checkpoints"))

    monkeypatch.setattr(shutil, "copytree", without_checkpoint)
    claims = prove(corpus_root, config, tmp_path / "proof", half=2, worlds=(1,), say=lambda _: None)
    assert [(claim.holds, claim.what.split(": ")[1]) for claim in claims] == [
        (False, "went on from its checkpoint"), (True, "the same batches"), (True, "losses and weights bit for bit"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "code", "why"),
    [
        ((os._exit, (3,)), 3, "its lines above say why"),
        ((signal.raise_signal, (9,)), -9, "rank 1 was ended by SIGKILL"),
    ],
)
def test_a_rank_that_is_lost_ends_the_others(
    corpus_root: str, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    lost: tuple[Callable[..., object], tuple[int]], code: int, why: str,
) -> None:  # fmt: skip
    """One that waits for it would wait for half an hour."""
    context = get_context("forkserver")
    ranks = [context.Process(target=time.sleep, args=(60,)), context.Process(target=lost[0], args=lost[1])]

    def start(*_: object, **__: object) -> tuple[list[BaseProcess], None]:
        for rank in ranks:
            rank.start()
        return list(ranks), None

    monkeypatch.setattr(module, "_start", start)
    with pytest.raises(RecipeError, match=f"did not end well: {why}"):
        prove(corpus_root, config, tmp_path / "proof", half=1, worlds=(2,))
    assert [rank.exitcode for rank in ranks] == [-signal.SIGKILL, code]


def test_ranks_that_cannot_share_the_batch_are_refused(corpus_root: str, config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be shared by 3 ranks"):
        prove(corpus_root, replace(config, batch_windows=4), tmp_path / "proof", worlds=(1, 3))
    with pytest.raises(RecipeError, match="0 ranks cannot train"):
        prove(corpus_root, config, tmp_path / "proof", worlds=(0,))
