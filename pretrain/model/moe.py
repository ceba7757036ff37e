"""Mixture of experts: tokens in, each through the few experts that a router chooses for it, the same shape out.

    x [B, T, width] → rows [N, width] → router (float32) → top_k experts and their weights for every row
    copies of the rows, sorted by expert [N x top_k, width] → SwiGLU of each expert → weighted sums → [B, T, width]

Routing is DeepSeek-V3's (arXiv:2412.19437 §2.1.2): sigmoid scores; a bias of each expert takes part in the choice and
not in the weights, which are the chosen scores over their sum. After each step the bias rises where an expert had
fewer tokens than the mean and falls where it had more (Wang et al. 2024, arXiv:2408.15664): no loss is added for
balance. No token is ever dropped: an expert takes as many as come.

Rows are copied and permuted, never scattered onto one another: the order of every sum is fixed, and a layer that is
computed anew routes as it did.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.config import MoeConfig
from pretrain.model.layers import FeedForward, Linear
from pretrain.ranks import Ranks


class Experts(nn.Module):
    """One matrix for each expert."""

    def __init__(self, experts: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(experts, outputs, inputs))

    def forward(self, rows: Tensor, ends: Tensor) -> Tensor:
        """rows [M, inputs], those of expert e up to ends[e] (int32 [experts]) → [M, outputs], each by its expert."""
        kind = rows.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else rows.dtype
        rows, weight = rows.to(dtype), self.weight.to(dtype)  # autocast does not know grouped products
        if dtype == torch.bfloat16 and not any(size % 8 for size in weight.shape[1:]):  # what its kernels can take
            return functional.grouped_mm(rows, weight.transpose(1, 2), offs=ends)
        return one_by_one(rows, weight, ends)


def one_by_one(rows: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """The same product in a loop over the experts: of any shape and type, and slower, as a GPU has to be waited for."""
    parts = rows.tensor_split(ends[:-1].cpu().long())
    return torch.cat([functional.linear(part, matrix) for part, matrix in zip(parts, weight, strict=True)])


class MoE(nn.Module):
    """A feed-forward layer of `experts` experts, and a shared one where `shared_hidden` says so."""

    bias: Tensor
    counts: Tensor
    load: Tensor

    def __init__(self, width: int, config: MoeConfig) -> None:
        super().__init__()
        self.config = config
        self.router = Linear(width, config.experts, bias=False)
        self.gate = Experts(config.experts, width, config.hidden)
        self.up = Experts(config.experts, width, config.hidden)
        self.down = Experts(config.experts, config.hidden, width)
        self.shared = FeedForward(width, config.shared_hidden) if config.shared_hidden else None
        self.register_buffer("bias", torch.zeros(config.experts))
        # Both are of the step under way or the last one: a checkpoint, written between steps, has no need of them.
        self.register_buffer("counts", torch.zeros(config.experts, dtype=torch.int64), persistent=False)
        self.register_buffer("load", torch.zeros(config.experts), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, width] → the same shape and dtype."""
        rows, chosen = x.flatten(0, -2), self.config.top_k
        experts, weights = self.route(rows)
        sorted_experts, order = experts.flatten().sort(stable=True)
        places = torch.arange(self.config.experts, device=x.device)
        ends = torch.searchsorted(sorted_experts, places, right=True, out_int32=True)
        if self.training and torch.is_grad_enabled():  # training, that is, and no evaluation
            self.count(ends)
        # Copies first, then a permutation: its gradient meets no place twice, so that the order of sums is fixed.
        copies = rows.repeat_interleave(chosen, 0).index_select(0, order)
        hidden = functional.silu(self.gate(copies, ends)) * self.up(copies, ends)
        out = self.down(hidden, ends).index_select(0, order.argsort()).unflatten(0, (-1, chosen))
        mixed = (out * weights.unsqueeze(-1)).sum(1).to(x.dtype).view_as(x)
        return mixed if self.shared is None else mixed + self.shared(x)

    def route(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """rows [N, width] → the experts of each, int64 [N, top_k], and their weights, float32 [N, top_k], sum 1."""
        with torch.autocast(rows.device.type, enabled=False):
            scores = functional.linear(rows.float(), self.router.weight.float()).sigmoid()
        experts = (scores.detach() + self.bias).topk(self.config.top_k, dim=-1).indices
        weights = scores.gather(1, experts)
        return experts, weights / weights.sum(-1, keepdim=True)

    @torch.no_grad()
    def count(self, ends: Tensor) -> None:
        """Add to the tokens of each expert in this step.

        Layers that are computed anew in the backward pass count all their tokens twice: neither the sign of a
        difference nor a share knows.
        """
        self.counts.add_(ends.diff(prepend=ends.new_zeros(1)))


def layers(model: nn.Module) -> list[MoE]:
    """The layers of a model that have experts, in order."""
    return [module for module in model.modules() if isinstance(module, MoE)]


@torch.no_grad()
def balance(model: nn.Module, ranks: Ranks) -> None:
    """After an optimizer step: move each expert's bias by `balance_rate` towards an equal load over all ranks."""
    found = layers(model)
    if not found:
        return
    (counts,) = ranks.total(torch.stack([layer.counts for layer in found]))
    means = counts.double().mean(-1, keepdim=True)
    for layer, count, mean in zip(found, counts, means, strict=True):
        layer.bias += layer.config.balance_rate * (mean - count).sign().float()
        layer.load.copy_(count / mean.clamp(min=1e-9))
        layer.counts.zero_()


def load(model: nn.Module) -> dict[str, float]:
    """How the last step's tokens lay on the experts; waits for the device.

    expert_load: the busiest expert's tokens over the mean, 1 = balanced, mean over layers; expert_load_worst: of the
    worst layer; experts_unused: share of experts without a token.
    """
    found = layers(model)
    if not found:
        return {}
    loads = torch.stack([layer.load for layer in found])
    busiest = loads.amax(-1)
    values = torch.stack([busiest.mean(), busiest.max(), (loads == 0).float().mean()])
    return dict(zip(("expert_load", "expert_load_worst", "experts_unused"), values.tolist(), strict=True))
