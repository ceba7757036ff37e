"""What the blocks of all models are made of: vectors [B, T, width] in, the same shape out.

Root-mean-square norms (Zhang & Sennrich 2019, arXiv:1910.07467), queries and keys normed per head before the rotation
(Henry et al. 2020, arXiv:2010.04245), grouped key/value heads, SwiGLU (Shazeer 2020, arXiv:2002.05202), no biases.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.config import ModelConfig
from pretrain.model.attention import Mask, attend
from pretrain.model.cache import Cache
from pretrain.model.positions import rotate


@dataclass(frozen=True)
class Around:
    """What all layers of one forward pass share."""

    mask: Mask
    angles: tuple[Tensor, Tensor] | None = None
    """Cosines and sines, float32 [T, D / 2] each, of rotary positions."""
    bias: Tensor | None = None
    """float [heads, T, S] of relative positions."""
    cache: Cache | None = None
    """Keys and values of the tokens before, when text is generated."""
    memory: Tensor | None = None
    """What an encoder made of the source: [B, S, width]."""
    memory_mask: Mask | None = None


class Linear(nn.Linear):
    """A matrix without torch's own first draw, which `initialise` would replace."""

    def reset_parameters(self) -> None:
        """Nothing."""


class Embedding(nn.Embedding):
    """Ids → vectors, in autocast's type where it is on: the stream that layers add to is then half as wide, as it is
    where `fsdp` casts the parameters. On a GPU its bytes are a tenth of a small model's time.
    """

    def reset_parameters(self) -> None:
        """Nothing, as in `Linear`."""

    def forward(self, ids: Tensor) -> Tensor:
        """ids int [...] → [..., width]."""
        found, kind = super().forward(ids), ids.device.type
        return found.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else found


class Norm(nn.RMSNorm):
    """Root-mean-square norm; what comes out has the type of what comes in. On GPUs autocast would make it float32."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., width] → the same shape."""
        return functional.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps).to(x.dtype)


class Attention(nn.Module):
    """Attention over the layer's own tokens or, with `crossed`, over an encoder's output."""

    def __init__(self, config: ModelConfig, layer: int = 0, *, crossed: bool = False) -> None:
        super().__init__()
        self.layer, self.crossed = layer, crossed
        self.head_width = config.width // config.heads
        self.query = Linear(config.width, config.width, bias=False)
        self.key = Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.value = Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.out = Linear(config.width, config.width, bias=False)
        self.query_norm = Norm(self.head_width) if config.qk_norm else nn.Identity()
        self.key_norm = Norm(self.head_width) if config.qk_norm else nn.Identity()

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """x [B, T, width] → the same shape."""
        other = around.memory if self.crossed and around.memory is not None else x
        query = self.query_norm(self.query(x).unflatten(-1, (-1, self.head_width)))
        key = self.key_norm(self.key(other).unflatten(-1, (-1, self.head_width)))
        value = self.value(other).unflatten(-1, (-1, self.head_width))
        if self.crossed:
            mask = around.memory_mask or Mask(causal=False)
            return self.out(attend(query, key, value, mask).flatten(2))
        if around.angles is not None:
            query, key = rotate(query, *around.angles), rotate(key, *around.angles)
        if around.cache is not None:
            key, value = around.cache.extend(self.layer, key, value)
        return self.out(attend(query, key, value, around.mask, around.bias).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU of inner width `hidden`."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = Linear(width, hidden, bias=False)
        self.up = Linear(width, hidden, bias=False)
        self.down = Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., width] → the same shape."""
        return self.down(functional.silu(self.gate(x)) * self.up(x))
