"""Hidden states and targets in, nats out.

    hidden [N, width] → a chunk of rows at a time: logits → softmax in place → loss, gradient of hidden, of the head

The head is most of a small model's work, and its logits most of any model's memory: 8,192 ids make 32 KiB a token. Here
they exist for one chunk of tokens only, small enough for the processor's cache. The gradient is worked out in the
forward pass, while the chunk is at hand (the idea of Liger Kernel, Hsu et al. 2024, arXiv:2410.10989), so nothing is
computed twice and the backward pass only scales it.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

IGNORED = -100  # a target that bears no loss: cross_entropy's own default
CHUNK_LOGITS = {"cpu": 1 << 21, "cuda": 1 << 28}  # 8 MiB in float32 stays in the third-level cache; 1 GiB fills a GPU
MIN_ROWS = 64  # fewer tokens at a time leave a matrix product's width unused
UNLIKELY = 1e-30  # a probability below this is no longer exact in float32


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats of each target: float32 [B, T]; 0 where the target is IGNORED."""
    flat = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return flat.view(targets.shape)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The sum over targets of their cross-entropy in nats, for logits = hidden @ weight.T: a float32 scalar.

    hidden [N, width], weight [V, width], targets int64 [N]; IGNORED ones add nothing and cost nothing. Under autocast
    the products are in its type, everything between them in float32 (float64 for float64 input). The same numbers come
    out at every call with an equal number of threads. Gradients are those of the first order only.

    `torch.nn.functional.linear_cross_entropy` (torch 2.13) does the same; on the CPU it takes a tenth longer, and of
    bfloat16 input it returns a bfloat16 sum, three digits of the loss.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        kind = torch.get_autocast_dtype(device)
        hidden, weight = hidden.to(kind), weight.to(kind)
    wants_gradient = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    with torch.autocast(device, enabled=False):
        loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, wants_gradient)
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """Keeps the two gradients from its forward pass."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, wants_gradient: bool) -> Tensor:
        if hidden.is_cuda:
            loss, by_hidden, by_weight = _without_waiting(hidden, weight, targets, wants_gradient)
            ctx.save_for_backward(by_hidden, by_weight)
            return loss
        rows = (targets != IGNORED).nonzero().squeeze(1)
        if len(rows) == len(targets):
            loss, by_hidden, by_weight = _in_chunks(hidden, weight, targets, wants_gradient)
        else:
            loss, some, by_weight = _in_chunks(hidden[rows], weight, targets[rows], wants_gradient)
            by_hidden = torch.zeros_like(hidden).index_copy_(0, rows, some)
        ctx.save_for_backward(by_hidden, by_weight)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, Tensor, None, None]:
        by_hidden, by_weight = ctx.saved_tensors
        return (by_hidden * scale).to(by_hidden.dtype), (by_weight * scale).to(by_hidden.dtype), None, None


def _in_chunks(hidden: Tensor, weight: Tensor, targets: Tensor, wants_gradient: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, its gradient by hidden (its type) and by weight (float32); every target is one to predict.

    The gradient by the logits is softmax minus one at the target: two passes over a chunk that is still in the cache.
    Buffers are taken once, as fresh memory for every chunk costs more than the softmax.
    """
    exact, reduced = torch.promote_types(hidden.dtype, torch.float32), hidden.dtype.itemsize < 4
    at_once = max(MIN_ROWS, CHUNK_LOGITS["cpu"] // len(weight))
    shape = (min(at_once, len(hidden)), len(weight))
    products, chances = hidden.new_empty(shape), hidden.new_empty(shape, dtype=exact)
    loss, by_hidden = hidden.new_zeros((), dtype=exact), torch.empty_like(hidden)
    by_weight = torch.zeros_like(weight, dtype=exact)
    for part, wanted, by_part in zip(
        hidden.split(at_once), targets[:, None].split(at_once), by_hidden.split(at_once), strict=True
    ):
        chance = chances[: len(part)]
        product = torch.mm(part, weight.T, out=products[: len(part)] if reduced else chance)
        torch.softmax(chance.copy_(product) if reduced else chance, 1, out=chance)
        likely = chance.gather(1, wanted)
        if bool((likely > UNLIKELY).all()):
            loss -= likely.log().sum()
        else:
            loss += functional.cross_entropy((part @ weight.T).to(exact), wanted.squeeze(1), reduction="sum")
        if wants_gradient:
            chance.scatter_(1, wanted, likely - 1)
            torch.mm(product.copy_(chance) if reduced else chance, weight, out=by_part)
            if reduced:
                by_weight += product.T @ part
            else:
                by_weight.addmm_(chance.T, part)
    return loss, by_hidden, by_weight


def _without_waiting(
    hidden: Tensor, weight: Tensor, targets: Tensor, wants_gradient: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The same with no look at a value: a GPU that is waited for stands still. IGNORED targets cost what others do."""
    exact = torch.promote_types(hidden.dtype, torch.float32)
    at_once = max(MIN_ROWS, CHUNK_LOGITS["cuda"] // len(weight))
    loss, by_hidden = hidden.new_zeros((), dtype=exact), torch.empty_like(hidden)
    by_weight = torch.zeros_like(weight, dtype=exact)
    for part, target, by_part in zip(
        hidden.split(at_once), targets[:, None].split(at_once), by_hidden.split(at_once), strict=True
    ):
        known, wanted = target != IGNORED, target.clamp(min=0)
        chance = torch.log_softmax((part @ weight.T).to(exact), 1)
        loss -= (chance.gather(1, wanted) * known).sum()
        if wants_gradient:
            chance.exp_().scatter_add_(1, wanted, -known.to(exact))
            reduced = chance.mul_(known).to(hidden.dtype)
            torch.mm(reduced, weight, out=by_part)
            by_weight += reduced.T @ part
    return loss, by_hidden, by_weight


def whole_logits(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """`linear_cross_entropy` with all logits at once, for torch.compile to fuse on a GPU that has room for them."""
    logits = functional.linear(hidden, weight).float()
    return functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
