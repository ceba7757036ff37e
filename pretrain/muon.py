"""Gradients of matrices in, steps of equal strength in every direction out.

    gradient → Nesterov momentum → nearest matrix with singular values near 1 (Newton–Schulz) → x 0.2 sqrt(longer side)

Muon is Jordan et al. 2024 (github.com/KellerJordan/Muon); the size of its steps, which lets it share AdamW's learning
rate and weight decay, Moonlight's (Liu et al. 2025, arXiv:2502.16982). Matrices of one shape go through Newton–Schulz
as one stack. Over several processes every matrix is worked out by one of them only:

    sharded by rows (FSDP2): some rows of all matrices → all-to-all → all rows of some → … → all-to-all → back again
    the same everywhere (DDP): all matrices → this rank's slice of them → … → all-gather → all matrices

`torch.optim.Muon` does the first part only: one matrix at a time, plain 2-D tensors, one process.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, distributed

QUINTIC = (3.4445, -4.7750, 2.0315)  # a x + b x³ + c x⁵, steepest at zero: Jordan et al. 2024
ITERATIONS = 5
MOMENTUM = 0.95
ADAMW_RMS = 0.2  # root mean square of a usual AdamW update: Moonlight, section 2.2
WORTH_DEALING = 1 << 19  # elements of a stack, from where sharing the work beats the message (two 512 x 512 matrices)


class Muon(torch.optim.Optimizer):
    """Muon for 2-D matrices and 3-D stacks of matrices (experts [E, a, b]), plain or DTensor sharded on dimension 0.

    Where a process group is initialised, all its ranks must step the same parameters in the same order, with the same
    gradients (or their own shards of them); the result is then the same in every bit on all ranks.

    Raises ValueError for a parameter of another number of dimensions, or sharded on another one.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float = 0.1,
        momentum: float = MOMENTUM,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        for parameter in (parameter for group in self.param_groups for parameter in group["params"]):
            if parameter.dim() not in (2, 3):
                raise ValueError(f"Muon takes matrices and stacks of them, not a parameter {tuple(parameter.shape)}")
            if not all(p.is_replicate() or p.is_shard(0) for p in getattr(parameter, "placements", ())):
                raise ValueError(f"Muon takes parameters sharded on dimension 0, not {parameter.placements}")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every parameter that has a gradient; zero gradients from the start change nothing but decay."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    layout = getattr(parameter, "placements", None), getattr(parameter, "device_mesh", None)
                    alike[parameter.shape, parameter.dtype, parameter.device, layout].append(parameter)
            for parameters in alike.values():
                self._update(parameters, group)
        return loss

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Step parameters of one shape and layout together."""
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
        weights = [_local(parameter) for parameter in parameters]
        gradients = [_local(parameter.grad) for parameter in parameters if parameter.grad is not None]
        momenta = [_local(self.state[parameter]["momentum_buffer"]) for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        updates = _orthogonal(ahead, parameters[0])
        torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        size = ADAMW_RMS * max(parameters[0].shape[-2:]) ** 0.5
        torch._foreach_add_(weights, updates, alpha=-group["lr"] * size)


def newton_schulz(matrices: Tensor) -> Tensor:
    """Matrices [n, a, b] → each with its singular values brought near 1 (0.7 to 1.2), its directions kept; zero → zero.

    In bfloat16 on a GPU, in the type given on a CPU. The iteration runs on the smaller of the two Gram matrices.
    """
    a, b, c = QUINTIC
    x = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    x = x.bfloat16() if x.is_cuda else x
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.to(matrices.dtype)
    return x if matrices.shape[1] <= matrices.shape[2] else x.mT


def _orthogonal(updates: list[Tensor], parameter: Tensor) -> list[Tensor]:
    """Newton–Schulz of all updates (what this rank holds of them), `parameter` being one of theirs; shapes as given."""
    counts = [update.shape[:-2].numel() for update in updates]  # one, or as many as there are experts here
    stack = torch.cat(
        [update.reshape(count, *update.shape[-2:]) for update, count in zip(updates, counts, strict=True)]
    )
    shards = _row_shards(parameter)
    if shards is not None and parameter.dim() == 2:
        result = _over_shards(stack, parameter.shape[0], shards)
    elif shards is None and _num_ranks() > 1 and stack.numel() >= WORTH_DEALING:
        result = _dealt(stack)
    else:  # one process, little work, or experts: sharding leaves their matrices whole
        result = newton_schulz(stack)
    return [part.view(update.shape) for part, update in zip(result.split(counts), updates, strict=True)]


def _over_shards(rows: Tensor, num_rows: int, group: distributed.ProcessGroup) -> Tensor:
    """This rank's rows of n matrices [n, r, b] → the same rows of the results; `num_rows` = r over all ranks.

    Ranks hold equal parts of the rows but the last few, which may hold fewer or none: padding fills them up.
    """
    ranks, (count, held, width) = group.size(), rows.shape
    each, part = -(-count // ranks), -(-num_rows // ranks)
    sent = rows.new_zeros(ranks * each, part, width)
    sent[:count, :held] = rows
    received = torch.empty_like(sent)
    distributed.all_to_all_single(received, sent, group=group)
    whole = received.view(ranks, each, part, width).transpose(0, 1).reshape(each, ranks * part, width)
    whole = torch.nn.functional.pad(newton_schulz(whole[:, :num_rows]), (0, 0, 0, ranks * part - num_rows))
    sent.copy_(whole.view(each, ranks, part, width).transpose(0, 1).reshape(sent.shape))
    distributed.all_to_all_single(received, sent, group=group)
    return received[:count, :held]


def _dealt(stack: Tensor) -> Tensor:
    """Matrices [n, a, b], the same on all ranks → the results, each worked out by one rank."""
    ranks, rank = distributed.get_world_size(), distributed.get_rank()
    each = -(-len(stack) // ranks)
    mine = stack.new_zeros(each, *stack.shape[1:])
    given = stack[rank * each : (rank + 1) * each]
    mine[: len(given)] = newton_schulz(given)
    results = stack.new_empty(ranks * each, *stack.shape[1:])
    distributed.all_gather(list(results.split(each)), mine)
    return results[: len(stack)]


def _local(tensor: Tensor) -> Tensor:
    """What this rank holds of a DTensor; a plain tensor as it is."""
    held: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return held


def _row_shards(parameter: Tensor) -> distributed.ProcessGroup | None:
    """The ranks that share a DTensor's dimension 0, if several do. Importing DTensor to ask would take a second."""
    for place, placement in enumerate(getattr(parameter, "placements", ())):
        if placement.is_shard(0) and parameter.device_mesh.size(place) > 1:
            return parameter.device_mesh.get_group(place)
    return None


def _num_ranks() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
