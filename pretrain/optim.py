"""What changes the weights, and how fast at each step.

In: a model with gradients. Out: its weights changed. AdamW for everything, or Muon for the matrices of the layers and
AdamW for the rest.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pretrain.config import OptimConfig
from pretrain.muon import Muon


def build_optimizers(model: nn.Module, config: OptimConfig, *, fused: bool = False) -> list[torch.optim.Optimizer]:
    """The optimizers of a model, its parameters in three groups: layers' matrices, embedding and vectors, head."""
    matrices, embedding, head = [], [], []
    for name, parameter in model.named_parameters():  # a tied head appears once, as the embedding
        if name.startswith("head") or name.endswith("router.weight"):  # both say how likely each of many is
            head.append(parameter)
        elif parameter.dim() >= 2 and "blocks." in name:
            matrices.append(parameter)
        else:
            embedding.append(parameter)
    groups = [
        {"params": embedding, "lr": config.embedding_lr, "weight_decay": 0.0},
        {"params": head, "lr": config.head_lr, "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = []
    if config.name == "muon":
        optimizers.append(Muon(matrices, lr=config.lr, weight_decay=config.weight_decay))
    else:
        groups.insert(0, {"params": matrices, "lr": config.lr, "weight_decay": config.weight_decay})
    groups = [group for group in groups if group["params"]]
    betas = config.beta1, config.beta2
    optimizers.append(torch.optim.AdamW(groups, betas=betas, eps=1e-10, fused=fused))
    return optimizers


@dataclass(frozen=True)
class Together:
    """Optimizers as one for a loss scale, which skips the step of one whose gradients are not finite: all, or none.

    The rest would step by a gradient that the common norm has made NaN.
    """

    optimizers: list[torch.optim.Optimizer]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self) -> None:
        """A step of each."""
        for optimizer in self.optimizers:
            optimizer.step()


def peak_rates(optimizers: list[torch.optim.Optimizer]) -> list[float]:
    """The rate of each group of each optimizer, as built: what `set_lr` scales."""
    return [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]


def set_lr(optimizers: list[torch.optim.Optimizer], peaks: list[float], scale: float) -> None:
    """Give every group `scale` times its peak rate."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group, peak in zip(groups, peaks, strict=True):
        group["lr"] = scale * peak


def lr_scale(step: int, steps: int, config: OptimConfig) -> float:
    """The share of the peak rate at `step` of `steps` (from 0).

    A linear rise, then a plateau and a linear fall (MiniCPM, Hu et al. 2024, arXiv:2404.06395; linear: Hägele et al.
    2024, arXiv:2405.18392), or half a cosine wave.

    The last step has `final`, or one step's share of the fall where that is more.
    """
    warmup = round(config.warmup * steps)
    if step < warmup:
        return (step + 1) / warmup
    if config.schedule == "cosine":
        done = (step - warmup) / (steps - warmup)
        return config.final + (1 - config.final) * (1 + math.cos(math.pi * done)) / 2
    fall = (steps - step) / max(round(config.decay * steps), 1)
    return min(1.0, max(fall, config.final))
