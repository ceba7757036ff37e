"""Where a token stands: rotary angles (the default), sinusoids added to the embedding, or a bias by distance."""

import math

import torch
from torch import Tensor, nn

from pretrain.model.cache import Cache


def rotary(length: int, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary angles (Su et al. 2021, arXiv:2104.09864): two float32 [length, head_width / 2]."""
    wavelengths = theta ** (torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles = torch.arange(length, dtype=torch.float64)[:, None] / wavelengths
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (i, i + D/2) of x [B, T, heads, D] by each position's angle: the pairing of Llama checkpoints."""
    a, b = x.float().chunk(2, dim=-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).to(x.dtype)


def places(documents: Tensor | None, shape: torch.Size, device: torch.device, cache: Cache | None) -> Tensor:
    """Each token's place in its document (in the window, where there are none): int64 [B, T]."""
    before = cache.length if cache is not None else 0
    window = torch.arange(before, before + shape[1], device=device).expand(shape)
    if documents is None:
        return window
    begins = torch.ones_like(window, dtype=torch.bool)
    begins[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return window - torch.where(begins, window, 0).cummax(dim=1).values


def sinusoids(where: Tensor, width: int) -> Tensor:
    """Sines and cosines of places int [B, T] at wavelengths from 2 pi to 10,000 x 2 pi (Vaswani et al. 2017,
    arXiv:1706.03762): float32 [B, T, width].
    """
    rates = torch.exp(torch.arange(0, width, 2, device=where.device) * (-math.log(10_000.0) / width))
    angles = where[..., None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


class RelativeBias(nn.Module):
    """A learned number for each head and distance, shared by all layers (T5, Raffel et al. 2020, arXiv:1910.10683).

    T5's buckets: half of the 32 for distances one by one, half for ranges that grow to 128 and all beyond; with
    `both_ways` 16 of them for each direction.
    """

    BUCKETS, FARTHEST = 32, 128

    def __init__(self, heads: int, *, both_ways: bool) -> None:
        super().__init__()
        self.both_ways = both_ways
        self.table = nn.Parameter(torch.zeros(self.BUCKETS, heads))

    def forward(self, queries: int, keys: int) -> Tensor:
        """The bias of the last `queries` of `keys` tokens: float [heads, queries, keys]."""
        device = self.table.device
        rows = torch.arange(keys - queries, keys, device=device)
        distance = rows[:, None] - torch.arange(keys, device=device)
        return self.table[self.bucket(distance)].permute(2, 0, 1)

    def bucket(self, distance: Tensor) -> Tensor:
        """The bucket of each distance (query's place minus key's), int64."""
        buckets = self.BUCKETS // 2 if self.both_ways else self.BUCKETS
        later = (distance < 0) * buckets if self.both_ways else 0
        distance = distance.abs() if self.both_ways else distance.clamp(min=0)
        exact = buckets // 2
        ratio = torch.log(distance.clamp(min=1) / exact) / math.log(self.FARTHEST / exact)
        far = (exact + ratio * (buckets - exact)).long().clamp(exact, buckets - 1)
        return torch.where(distance < exact, distance, far) + later
