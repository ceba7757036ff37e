"""A model on the ranks of a run: settings in, a model at its beginning out, its gradients summed over all ranks.

It is drawn on the host, so that a seed gives the same on every device, and goes to its own a layer at a time. `ddp`
keeps a whole model on each rank (DistributedDataParallel); `fsdp` cuts parameters, gradients and optimizer state over
the ranks, or over groups of `shard_ranks` of them (FSDP2's `fully_shard`): each layer before there is a next one, so
that neither host nor device ever holds a whole model for each of its ranks.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from corpus.errors import RecipeError
from pretrain.config import ParallelConfig, TrainConfig
from pretrain.model.build import build_model
from pretrain.model.decoder import Block
from pretrain.model.loss import whole_logits
from pretrain.ranks import Ranks

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def build_placed(config: TrainConfig, vocab_size: int, ranks: Ranks) -> tuple[nn.Module, nn.Module]:
    """The model at its beginning, on its device; and the same as a training step calls it.

    Parameters have the same names in both; under `ddp` they are the same, and the first goes on being usable alone.
    Raises RecipeError where ranks and `shard_ranks` do not fit.
    """
    shard = _sharding(config, ranks) if config.parallel.strategy == "fsdp" else None
    each = partial(_finished, device=ranks.device, how=config.parallel, shard=shard)
    model = build_model(config.model, vocab_size, config.sequence_length, each)
    if config.parallel.compile and ranks.device.type == "cuda":
        model.loss = torch.compile(whole_logits)
    if shard is not None:
        return model, shard(model, reshard_after_forward=False)  # what is in no layer goes to the device by this
    model.to(ranks.device)
    if ranks.size == 1:
        return model, model
    ids = [ranks.device.index] if ranks.device.type == "cuda" else None
    older = "forward_sync_buffers" not in signature(DistributedDataParallel).parameters  # before torch 2.13
    buffers = {"broadcast_buffers" if older else "forward_sync_buffers": False}  # they are the same everywhere
    return model, DistributedDataParallel(model, device_ids=ids, gradient_as_bucket_view=True, **buffers)


def _sharding(config: TrainConfig, ranks: Ranks) -> Callable[..., Any]:
    """What cuts a module over the ranks."""
    size, shards = ranks.size, config.parallel.shard_ranks or ranks.size
    if size % shards:
        raise RecipeError(f"shard_ranks = {shards} must divide the number of ranks, {size}; 0 means all of them")
    kind = ranks.device.type
    if shards == size:
        mesh = init_device_mesh(kind, (size,))
    else:
        mesh = init_device_mesh(kind, (size // shards, shards), mesh_dim_names=("replicate", "shard"))
    policy = MixedPrecisionPolicy(param_dtype=HALVES.get(config.precision), reduce_dtype=torch.float32)
    return partial(fully_shard, mesh=mesh, mp_policy=policy)


def _finished(block: Block, *, device: torch.device, how: ParallelConfig, shard: Callable[..., Any] | None) -> Block:
    """A layer as it takes part in training steps."""
    block.to(device)
    if how.float8:
        _to_float8(block, how.float8)
    if how.checkpointing != "none":
        _recompute(block, selective=how.checkpointing == "selective")
    if how.compile:
        block.compile()
    if shard is not None:
        shard(block)
    return block


def _to_float8(block: Block, recipe: str) -> None:
    try:
        from torchao.float8 import Float8LinearConfig, convert_to_float8_training
    except ModuleNotFoundError as error:
        raise RecipeError("[parallel] float8 needs torchao: pip install torchao") from error
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
