"""How a model lies on the ranks of a run: place(model) → the same model, its gradients summed over all ranks.

`ddp` keeps a whole model on each rank (DistributedDataParallel); `fsdp` cuts parameters, gradients and optimizer state
over the ranks, or over groups of `shard_ranks` of them (FSDP2's `fully_shard`, layer by layer).
"""

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
from pretrain.config import TrainConfig
from pretrain.model.decoder import Block
from pretrain.model.loss import whole_logits
from pretrain.ranks import Ranks

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


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
