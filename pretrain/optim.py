"""Parameters in, optimizers out, and the learning rate of a step.

Three groups learn at their own rate: the blocks' matrices (with weight decay), the embedding and the norms, and the
head. The rate is a pure function of the step, so nothing of the schedule has to be stored.
"""

import torch
from torch import nn

from pretrain.config import OptimConfig


def build_optimizers(model: nn.Module, config: OptimConfig, *, fused: bool = False) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the blocks' matrices and AdamW for the rest. Each group holds `peak_lr`."""
    matrices, embedding, head = [], [], []
    for name, parameter in model.named_parameters():  # a tied head appears once, as the embedding
        if name.startswith("head"):
            head.append(parameter)
        elif parameter.dim() == 2 and not name.startswith("embedding"):
            matrices.append(parameter)
        else:
            embedding.append(parameter)
    groups = [
        {"params": embedding, "lr": config.embedding_lr, "weight_decay": 0.0},
        {"params": head, "lr": config.head_lr, "weight_decay": 0.0},
    ]
    blocks = {"params": matrices, "lr": config.lr, "weight_decay": config.weight_decay}
    optimizers: list[torch.optim.Optimizer] = []
    if config.name == "muon":
        optimizers.append(torch.optim.Muon([blocks], adjust_lr_fn="match_rms_adamw"))
    else:
        groups.insert(0, blocks)
    groups = [group for group in groups if group["params"]]
    optimizers.append(torch.optim.AdamW(groups, betas=(config.beta1, config.beta2), eps=1e-10, fused=fused))
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["peak_lr"] = group["lr"]
    return optimizers


def lr_scale(step: int, steps: int, config: OptimConfig) -> float:
    """The share of the peak rate at `step` of `steps` (from 0): linear rise, plateau, linear fall to 1 / fall steps.

    Warmup-stable-decay of MiniCPM (Hu et al. 2024, arXiv:2404.06395), with a linear fall (Hägele et al. 2024,
    arXiv:2405.18392).
    """
    warmup, decay = round(config.warmup * steps), round(config.decay * steps)
    if step < warmup:
        return (step + 1) / warmup
    return min(1.0, (steps - step) / max(decay, 1))


def set_lr(optimizers: list[torch.optim.Optimizer], scale: float) -> None:
    """Give every group `scale` times its peak rate."""
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["lr"] = scale * group["peak_lr"]
