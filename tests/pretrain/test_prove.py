"""The proof, on a small corpus: batches, losses and weights after kills and changes of the number of ranks."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from corpus.errors import RecipeError
from pretrain.config import TrainConfig
from pretrain.prove import prove


def test_a_killed_run_goes_on_as_if_nothing_had_been(corpus_root: str, config: TrainConfig, tmp_path: Path) -> None:
    claims = prove(corpus_root, config, tmp_path / "proof", half=3, worlds=(1, 2, 4), say=lambda _: None)
    assert all(claim.holds for claim in claims), [claim for claim in claims if not claim.holds]
    assert sum("bit for bit" in claim.what for claim in claims) == 3
    assert sum("digests equal" in claim.measured for claim in claims) == 9


def test_ranks_that_cannot_share_the_batch_are_refused(corpus_root: str, config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be shared by 3 ranks"):
        prove(corpus_root, replace(config, batch_windows=4), tmp_path / "proof", worlds=(1, 3))
