"""Speed, and where the time goes: a step that was done in, its record for metrics.jsonl out."""

import time
from typing import Any

from pretrain.flops import flops_per_token, mfu, peak_of
from pretrain.model.moe import load
from pretrain.optim import lr_scale
from pretrain.run import Run, device_name
from pretrain.step import Taken, mean_loss


class Clock:
    """Speed and where the time goes, from one report to the next."""

    def __init__(self, run: Run) -> None:
        self.run, self.comm_seconds = run, None if run.ranks.size > 1 else 0.0
        config = run.config
        self.flops = flops_per_token(config.model, run.corpus.train.vocab_size, config.sequence_length)
        self.peak = peak_of(config, device_name(run.ranks.device))
        self.rest()

    def rest(self) -> None:
        """Begin anew: what lies between is not training."""
        self.since, self.step, self.run.data_seconds = time.monotonic(), self.run.step, 0.0

    def to_profile(self) -> bool:
        """Whether the next step is one to look into, with several ranks."""
        every = self.run.config.profile_every
        return bool(every) and self.run.ranks.size > 1 and self.run.step % every == min(10, every - 1)

    def values(self, taken: Taken) -> dict[str, Any]:
        """The record of a step, the times as means over the steps since the last. Waits for the device."""
        run, (loss, norm) = self.run, mean_loss(self.run, taken)
        steps = max(run.step - self.step, 1)
        seconds, data = (time.monotonic() - self.since) / steps, self.run.data_seconds / steps
        speed = run.config.batch_windows * run.config.sequence_length / max(seconds, 1e-9)
        self.rest()
        return {
            "loss": loss,
            "tokens": run.tokens,
            "lr_scale": lr_scale(run.step - 1, run.config.steps, run.config.optim),
            "grad_norm": norm,
            "tokens_per_second": speed,
            "mfu": mfu(speed, self.flops, self.peak, run.ranks.size),
            "data_seconds": data,
            "compute_seconds": max(seconds - data, 0.0),
            "comm_seconds": self.comm_seconds,
            "batch": taken.batch,
            "stream": run.stream,
            **(load(run.model) if run.config.model.moe else {}),
        }
