"""Several processes as one run: who they are, how a model lies on them, what they add up.

    torchrun (or nothing) → open_ranks → Ranks; place(model) → the same model, its gradients summed over all ranks

`ddp` keeps a whole model on each rank (DistributedDataParallel); `fsdp` cuts parameters, gradients and optimizer state
over the ranks, or over groups of `shard_ranks` of them (FSDP2's `fully_shard`, layer by layer).
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from corpus.errors import RecipeError
from pretrain.config import TrainConfig
from pretrain.model.decoder import Block
from pretrain.model.loss import whole_logits

ALIVE: list[object] = []
"""What must last as long as a process of several ranks. Gloo's threads want the interpreter's lock now and then and the
destructor of a process group, which has it, waits for them: so none is taken apart, and `leave` ends the process."""

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


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


def place(model: nn.Module, config: TrainConfig, ranks: Ranks) -> nn.Module:
    """The model on its device, as the ranks share it; what is called in a training step.

    Parameters keep their names and, under `ddp`, the model itself goes on being usable beside what is given back.
    Raises RecipeError where ranks and `shard_ranks` do not fit.
    """
    model.to(ranks.device)
    how = config.parallel
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    if how.float8:
        _to_float8(blocks, how.float8)
    for block in blocks:
        if how.checkpointing != "none":
            _recompute(block, selective=how.checkpointing == "selective")
        if how.compile:
            block.compile()
    if how.compile and ranks.device.type == "cuda":
        model.loss = torch.compile(whole_logits)
    if how.strategy == "fsdp":
        return _sharded(model, blocks, config, ranks)
    if ranks.size == 1:
        return model
    ids = [ranks.device.index] if ranks.device.type == "cuda" else None
    older = "forward_sync_buffers" not in signature(DistributedDataParallel).parameters  # before torch 2.13
    buffers = {"broadcast_buffers" if older else "forward_sync_buffers": False}  # they are the same everywhere
    return DistributedDataParallel(model, device_ids=ids, gradient_as_bucket_view=True, **buffers)


def _sharded(model: nn.Module, blocks: list[Block], config: TrainConfig, ranks: Ranks) -> nn.Module:
    size, shards = ranks.size, config.parallel.shard_ranks or ranks.size
    if size % shards:
        raise RecipeError(f"shard_ranks = {shards} must divide the number of ranks, {size}; 0 means all of them")
    kind = ranks.device.type
    if shards == size:
        mesh = init_device_mesh(kind, (size,))
    else:
        mesh = init_device_mesh(kind, (size // shards, shards), mesh_dim_names=("replicate", "shard"))
    policy = MixedPrecisionPolicy(param_dtype=HALVES.get(config.precision), reduce_dtype=torch.float32)
    for block in blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    return fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=False)


def _to_float8(blocks: list[Block], recipe: str) -> None:
    try:
        from torchao.float8 import Float8LinearConfig, convert_to_float8_training
    except ModuleNotFoundError as error:
        raise RecipeError("[parallel] float8 needs torchao: pip install torchao") from error
    for block in blocks:
        how = Float8LinearConfig.from_recipe_name(recipe)
        convert_to_float8_training(block, module_filter_fn=_fits_float8, config=how)


def _fits_float8(module: nn.Module, name: str) -> bool:
    """Whether a matrix can be one of float8: widths in sixteens, and no router, whose choices are too fine for it."""
    return isinstance(module, nn.Linear) and not (
        module.in_features % 16 or module.out_features % 16 or "router" in name
    )


def _recompute(block: Block, *, selective: bool) -> None:
    """Let a layer's activations be computed anew in its backward pass; names of parameters stay."""
    contexts = {"context_fn": partial(create_selective_checkpoint_contexts, recompute_policy)} if selective else {}
    forward = block.forward

    def recomputed(*given: Any) -> Any:  # no partial: torch.compile would leave the layer as it is, without a word
        return checkpoint(forward, *given, use_reentrant=False, **contexts)

    block.forward = recomputed  # type: ignore[method-assign, assignment]


def recompute_policy(_context: object, operation: object, *_: object, **__: object) -> CheckpointPolicy:
    """What selective checkpointing does with an operation's result."""
    kept = str(operation).removesuffix(".default").removeprefix("aten.") in COSTLY
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE


COSTLY = {
    "mm", "addmm", "bmm", "_grouped_mm", "topk", "_scaled_mm", "torch_attn._varlen_attn", "flex_attention",
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention", "_scaled_dot_product_flash_attention_for_cpu",
}  # fmt: skip
"""Operations whose results selective checkpointing keeps: matrix products, attention, and the choice of experts."""


def exchange(placed: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Around one micro-batch: gradients go over the ranks with the last one of a step only."""
    if isinstance(placed, FSDPModule):
        placed.set_requires_gradient_sync(last)
    if isinstance(placed, DistributedDataParallel) and not last:
        return placed.no_sync()
    return nullcontext()


def precision(config: TrainConfig, device: torch.device) -> AbstractContextManager[Any]:
    """Around a forward pass: autocast. Under `fsdp` the parameters are cast as they are gathered instead."""
    half = HALVES.get(config.precision)
    return torch.autocast(device.type, half, enabled=half is not None and config.parallel.strategy == "ddp")
