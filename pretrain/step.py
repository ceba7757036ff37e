"""One training step: the next global batch in, weights changed.

rows of this rank → digest, targets and stop flag added up over the ranks → micro-batches → gradients → update
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from pretrain.data import digest, micro_batches, share
from pretrain.optim import Together, lr_scale, set_lr
from pretrain.parallel import exchange, precision
from pretrain.run import Run


@dataclass(frozen=True)
class Taken:
    """A step that was done."""

    nats: Tensor
    """The sum of this rank's targets' nats, still on the device."""
    targets: int
    """Targets of all ranks."""
    norm: Tensor | None
    """Of the whole gradient, before clipping; None where nothing is clipped."""
    batch: str
    """Digest of the global batch."""


def one_step(run: Run, *, stop: bool = False) -> Taken | None:
    """One optimizer step on the next `batch_windows` windows; None, and nothing done, where any rank was asked to stop.

    Raises RecipeError when the ranks cannot share the batch evenly.
    """
    config, ranks, began = run.config, run.ranks, time.perf_counter()
    first, count = share(run.position, config.batch_windows, ranks.rank, ranks.size)
    rows = run.reader.rows(first, count)
    pad = run.corpus.train.pad_id
    mine = np.array([stop, np.count_nonzero(rows.targets != pad), *digest(rows, first)], np.int64)
    run.data_seconds += time.perf_counter() - began
    (summed,) = ranks.total(torch.from_numpy(mine))
    stops, targets = summed[:2].tolist()
    if stops:
        return None
    nats = torch.zeros((), device=ranks.device)
    micro = micro_batches(rows, config.micro_windows, pad, ranks.device)
    last = -(-count // (config.micro_windows or count)) - 1
    for number, batch in enumerate(micro):
        with exchange(run.placed, last=number == last):
            with precision(config, ranks.device):
                part = run.placed(**batch.inputs())
            # What goes over the ranks is a mean of theirs: times their number it is the sum.
            run.scaler.scale(part * (ranks.size / max(targets, 1))).backward()
        nats += part.detach()
    norm = update(run)
    hexed = run.chain(summed[2:].numpy())
    run.step, run.position = run.step + 1, run.position + config.batch_windows
    return Taken(nats, targets, norm, hexed)


def update(run: Run) -> Tensor | None:
    """Change the weights by their gradients; the gradients' norm."""
    config, norm = run.config.optim, None
    set_lr(run.optimizers, run.peaks, lr_scale(run.step, run.config.steps, config))
    together = cast("torch.optim.Optimizer", Together(run.optimizers))  # all that a loss scale asks of one
    run.scaler.unscale_(together)
    if config.clip:
        norm = nn.utils.clip_grad_norm_(run.model.parameters(), config.clip)
    run.scaler.step(together)
    for optimizer in run.optimizers:
        optimizer.zero_grad()
    run.scaler.update()
    if run.config.model.moe:
        from pretrain.model.moe import balance

        balance(run.model, run.ranks)
    return norm


def mean_loss(run: Run, taken: Taken) -> tuple[float, float | None]:
    """The loss of a step in nats a target and its gradient's norm, over all ranks; waits for the device."""
    (nats,) = run.ranks.total(taken.nats.clone())
    norm = taken.norm.full_tensor() if isinstance(taken.norm, DTensor) else taken.norm
    return nats.item() / max(taken.targets, 1), None if norm is None else norm.item()


def profiled(run: Run, *, stop: bool = False) -> tuple[Taken | None, float]:
    """A step, and the seconds its ranks spent in communication, whether anything else went on meanwhile or not."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if run.ranks.device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        taken = one_step(run, stop=stop)
    found = [event for event in profile.events() if event.name.startswith(("gloo:", "ncclDevKernel"))]
    return taken, sum(event.time_range.elapsed_us() for event in found) / 1e6


@contextmanager
def quiet_gc() -> Iterator[None]:
    """No garbage collection inside: it stops the device for half a second now and then, and ranks not together."""
    gc.collect()
    gc.freeze()
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was:
            gc.enable()
