from collections.abc import Callable

import pytest

from pretrain.config import TrainConfig

torch = pytest.importorskip("torch")

from pretrain.model import Decoder  # noqa: E402
from pretrain.optim import build_optimizers, lr_scale, set_lr  # noqa: E402

VOCAB = 64
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py


def test_the_rate_rises_holds_and_falls(changed: Changed) -> None:
    optim = changed(warmup=0.1, decay=0.4).optim
    scales = [lr_scale(step, 10, optim) for step in range(10)]
    assert scales == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    assert [lr_scale(step, 40, optim) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("name", ["adamw", "muon"])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_is_in_one_group(changed: Changed, name: str, tied: bool) -> None:
    config = changed(name=name, tied=tied)
    model = Decoder(config.model, VOCAB, 8)
    groups = [group for optimizer in build_optimizers(model, config.optim) for group in optimizer.param_groups]
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in model.parameters())
    decayed = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed == {id(p) for n, p in model.blocks.named_parameters() if p.dim() == 2}


def test_the_scale_is_of_the_peak(changed: Changed) -> None:
    config = changed(lr=0.5)
    optimizers = build_optimizers(Decoder(config.model, VOCAB, 8), config.optim)
    set_lr(optimizers, 0.5)
    set_lr(optimizers, 0.1)
    assert optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05)
