from collections.abc import Callable

import pytest

from pretrain.config import TrainConfig

torch = pytest.importorskip("torch")

from pretrain.model.decoder import LanguageModel  # noqa: E402
from pretrain.optim import build_optimizers, lr_scale, peak_rates, set_lr  # noqa: E402

VOCAB = 64
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py


def test_the_rate_rises_holds_and_falls(changed: Changed) -> None:
    optim = changed(warmup=0.1, decay=0.4).optim
    scales = [lr_scale(step, 10, optim) for step in range(10)]
    assert scales == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    assert [lr_scale(step, 40, optim) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert lr_scale(9, 10, changed(warmup=0.1, decay=0.4, final=0.3).optim) == 0.3


def test_a_cosine_falls_from_the_peak_to_its_end(changed: Changed) -> None:
    optim = changed(schedule="cosine", warmup=0.0, final=0.1).optim
    scales = [lr_scale(step, 100, optim) for step in range(100)]
    assert scales[0] == 1.0
    assert scales[50] == pytest.approx(0.55)
    assert scales[99] == pytest.approx(0.1, abs=1e-3)
    assert scales == sorted(scales, reverse=True)


@pytest.mark.parametrize("name", ["adamw", "muon"])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_is_in_one_group(changed: Changed, name: str, tied: bool) -> None:
    config = changed(name=name, tied=tied)
    model = LanguageModel(config.model, VOCAB, 8)
    groups = [group for optimizer in build_optimizers(model, config.optim) for group in optimizer.param_groups]
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in model.parameters())
    decayed = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed == {id(p) for n, p in model.blocks.named_parameters() if p.dim() == 2}


def test_the_scale_is_of_the_peak(changed: Changed) -> None:
    config = changed(lr=0.5)
    optimizers = build_optimizers(LanguageModel(config.model, VOCAB, 8), config.optim)
    peaks = peak_rates(optimizers)
    set_lr(optimizers, peaks, 0.5)
    set_lr(optimizers, peaks, 0.1)
    assert optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05)
