"""Several processes as one run, as torchrun starts them (or nothing does): who they are, what they add up."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor

from corpus.errors import RecipeError
from pretrain.config import TrainConfig

ALIVE: list[object] = []
"""What must last as long as a process of several ranks. Gloo's threads want the interpreter's lock now and then and the
destructor of a process group, which has it, waits for them: so none is taken apart, and `leave` ends the process."""


@dataclass(frozen=True)
class Ranks:
    """This process among the run's."""

    device: torch.device
    rank: int = 0
    size: int = 1
    saving: Any = None
    """The process group that checkpoints are written through, beside the one of the steps."""

    def total(self, *values: Tensor) -> list[Tensor]:
        """Each value added up over all ranks: a tensor on the host costs the device no wait."""
        if self.size > 1:
            for value in values:
                dist.all_reduce(value)
        return list(values)

    def agree(self, what: str) -> bool:
        """Whether all ranks say the same."""
        mine = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=6).digest(), "little")
        (summed,) = self.total(torch.tensor(mine))
        return bool(summed == mine * self.size)

    def wait(self) -> None:
        """Until all ranks are here."""
        if self.size > 1:
            dist.barrier(self.saving)


@contextmanager
def open_ranks(config: TrainConfig) -> Iterator[Ranks]:
    """The ranks that torchrun started (its RANK, LOCAL_RANK and WORLD_SIZE), or this process alone.

    Raises RecipeError where a GPU is asked for and absent.
    """
    cuda = torch.cuda.is_available() and config.device != "cpu"
    if config.device == "cuda" and not cuda:
        raise RecipeError('device = "cuda", and torch sees no GPU here: set device = "auto" or "cpu"')
    several, local = "WORLD_SIZE" in os.environ, int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if not several and config.parallel.strategy == "ddp":
        yield Ranks(device)
        return
    alone = {} if several else {"store": dist.HashStore(), "rank": 0, "world_size": 1}
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", **alone)
    ranks = Ranks(device, dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo"))
    if ranks.size > 1:  # see `ALIVE`
        yield ranks
        return
    try:
        yield ranks
    finally:
        dist.destroy_process_group()


def leave(code: int) -> NoReturn:
    """End the process with what is written and closed, destroying nothing; see `ALIVE`.

    The profiler's thread now and then aborts an interpreter that winds down, too.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
