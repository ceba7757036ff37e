"""A decoder: token ids in, logits or losses out. With `kind = "encoder"` the same, attending both ways.

    tokens [B, T] → embedding → layers × (x + attention(norm x); x + feed-forward(norm x)) → norm → head → [B, T, V]

Root-mean-square norms before each half (Zhang & Sennrich 2019, arXiv:1910.07467), rotary positions, queries and keys
normed per head before the rotation (Henry et al. 2020, arXiv:2010.04245), grouped key/value heads, SwiGLU (Shazeer
2020, arXiv:2002.05202), no biases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.config import ModelConfig
from pretrain.model.attention import Mask, Way, attend, make_mask
from pretrain.model.loss import linear_cross_entropy
from pretrain.model.positions import RelativeBias, places, rotary, rotate, sinusoids

if TYPE_CHECKING:
    from pretrain.generate import Cache


@dataclass(frozen=True)
class Around:
    """What all layers of one forward pass share."""

    mask: Mask
    angles: tuple[Tensor, Tensor] | None = None
    """Cosines and sines, float32 [T, D / 2] each, of rotary positions."""
    bias: Tensor | None = None
    """float [heads, T, S] of relative positions."""
    cache: "Cache | None" = None
    """Keys and values of the tokens before, when text is generated."""
    memory: Tensor | None = None
    """What an encoder made of the source: [B, S, width]."""
    memory_mask: Mask | None = None


class Embedding(nn.Embedding):
    """Ids → vectors, in autocast's type where it is on: the stream that layers add to is then half as wide, as it is
    where `fsdp` casts the parameters. On a GPU its bytes are a tenth of a small model's time.
    """

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
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key = nn.Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.value = nn.Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
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
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., width] → the same shape."""
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """One layer."""

    def __init__(self, config: ModelConfig, layer: int = 0, *, crossed: bool = False) -> None:
        super().__init__()
        self.attention_norm = Norm(config.width)
        self.attention = Attention(config, layer)
        self.memory_norm = Norm(config.width) if crossed else None
        self.memory_attention = Attention(config, layer, crossed=True) if crossed else None
        self.feed_norm = Norm(config.width)
        self.feed: nn.Module
        if config.moe and layer >= config.moe.dense_layers:
            from pretrain.model.moe import MoE

            self.feed = MoE(config.width, config.moe)
        else:
            self.feed = FeedForward(config.width, config.hidden)

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """x [B, T, width] → the same shape."""
        x = x + self.attention(self.attention_norm(x), around)
        if self.memory_attention is not None and self.memory_norm is not None:
            x = x + self.memory_attention(self.memory_norm(x), around)
        return x + self.feed(self.feed_norm(x))


class LanguageModel(nn.Module):
    """The whole model for `vocab_size` ids and windows of at most `sequence_length` tokens."""

    def __init__(self, config: ModelConfig, vocab_size: int, sequence_length: int) -> None:
        super().__init__()
        self.config, self.causal = config, config.kind == "decoder"
        self.way: Way = "dense"
        self.loss: Callable[[Tensor, Tensor, Tensor], Tensor] = linear_cross_entropy
        self.embedding = Embedding(vocab_size, config.width)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = Norm(config.width)
        self.head = nn.Linear(config.width, vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.embedding.weight
        self.relative = (
            RelativeBias(config.heads, both_ways=not self.causal) if config.positions == "relative" else None
        )
        cos, sin = rotary(sequence_length, config.width // config.heads, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        initialise(self)

    def forward(
        self,
        tokens: Tensor,
        documents: Tensor | None = None,
        targets: Tensor | None = None,
        starts: Tensor | None = None,
        cache: "Cache | None" = None,
    ) -> Tensor:
        """Ids int [B, T] → logits [B, T, V]; with targets (int [B, T]) the sum of their nats, a float32 scalar.

        documents: int [B, T], which document each token belongs to; starts: int32 [m], as `Mask.bounds`; both are
        looked at with a document mask only. cache: of the tokens before, when text is generated.
        """
        x = self.hidden(self.embedding(tokens), documents, starts, cache)
        if targets is None:
            return self.head(x)
        return self.loss(x.flatten(0, 1), self.head.weight, targets.flatten())

    def hidden(
        self,
        x: Tensor,
        documents: Tensor | None = None,
        starts: Tensor | None = None,
        cache: "Cache | None" = None,
    ) -> Tensor:
        """Embedded tokens [B, T, width] → what the head reads, the same shape."""
        documents = documents if self.config.document_mask else None
        if self.config.positions == "sinusoidal":
            x = x + sinusoids(places(documents, x.shape[:2], x.device, cache), x.shape[-1]).to(x.dtype)
        around = self._around(x, documents, starts, cache)
        for block in self.blocks:
            x = block(x, around)
        return self.norm(x)

    def _around(self, x: Tensor, documents: Tensor | None, starts: Tensor | None, cache: "Cache | None") -> Around:
        before, length = cache.length if cache is not None else 0, x.shape[1]
        causal = self.causal and not (before and length == 1)  # one token sees all that came before
        mask = make_mask(documents, causal=causal, way=self.way, bounds=starts)
        angles = None
        if self.config.positions == "rotary":
            angles = self.cos[before : before + length], self.sin[before : before + length]
        bias = self.relative(length, before + length) if self.relative is not None else None
        return Around(mask, angles, bias, cache)


def initialise(model: nn.Module) -> None:
    """Matrices keep the size of what flows through them; what writes into the stream or the logits starts at zero.

    So every layer begins as the identity and every token as equally likely, whatever the width. An embedding that is
    the head as well starts small instead.
    """
    tied = "head.weight" not in dict(model.named_parameters())
    for name, weight in model.named_parameters():
        if name.endswith(("out.weight", "down.weight", "head.weight")):
            nn.init.zeros_(weight)
        elif name.startswith("embedding"):
            nn.init.normal_(weight, std=0.02 if tied else 1.0)
        elif weight.dim() >= 2:
            nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)


def build_model(config: ModelConfig, vocab_size: int, sequence_length: int) -> nn.Module:
    """The model that `kind` names, initialised from torch's random generator."""
    if config.kind == "encoder-decoder":
        from pretrain.model.encoder_decoder import EncoderDecoder

        return EncoderDecoder(config, vocab_size, sequence_length)
    return LanguageModel(config, vocab_size, sequence_length)
