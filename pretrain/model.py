"""A decoder: token ids in, logits or losses out.

    tokens [B, T] → embedding → layers × (x + attention(norm x); x + feed-forward(norm x)) → norm → head → [B, T, V]

Root-mean-square norms before each half (Zhang & Sennrich 2019, arXiv:1910.07467), rotary positions, queries and keys
normed per head before the rotation (Henry et al. 2020, arXiv:2010.04245), grouped key/value heads, SwiGLU (Shazeer
2020, arXiv:2002.05202), no biases. Only `attend` knows how attention is computed.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.config import ModelConfig

IGNORED = -100  # a target that bears no loss: cross_entropy's own default


def document_ids(tokens: Tensor, eos_id: int, begins: Tensor | None = None) -> Tensor:
    """Which document each id belongs to: int64 [B, T], counted from the window's start.

    `begins` (bool [B, T]) is true where a document or a piece of one begins. An EOS before it opens the document: as an
    input it stands where other models put a start-of-text id, so the first token of a document is predicted from it
    alone, and the EOS that ends a document is predicted from that document. A piece from the middle of a document has
    no EOS before it and begins by itself.
    """
    opens = tokens == eos_id
    if begins is None:
        return opens.cumsum(dim=1)
    opened = functional.pad(opens, (1, 0))[:, :-1]
    documents = (opens | begins & ~opened).cumsum(dim=1)
    return documents - documents[:, :1]


def attend(query: Tensor, key: Tensor, value: Tensor, documents: Tensor | None) -> Tensor:
    """Causal attention, inside documents only if `documents` (int [B, T]) is given.

    query [B, heads, T, D]; key and value [B, kv_heads, T, D]; result like query. With documents the mask is a dense
    block-diagonal one, T x T bools a window: right everywhere, and what a faster kernel has to agree with.
    """
    grouped = query.shape[1] != key.shape[1]
    if documents is None:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=grouped)
    same = documents[:, None, :, None] == documents[:, None, None, :]
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=same.tril(), enable_gqa=grouped)


def rotary(length: int, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles: two float32 [length, head_width / 2]."""
    wavelengths = theta ** (torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles = torch.arange(length, dtype=torch.float64)[:, None] / wavelengths
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (i, i + D/2) of x [..., T, D] by each position's angle: the pairing of Llama checkpoints."""
    cos, sin = cos[: x.shape[-2]], sin[: x.shape[-2]]
    a, b = x.float().chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).to(x.dtype)


class Attention(nn.Module):
    """Self-attention with rotary positions and normed queries and keys."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_width = config.width // config.heads
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key = nn.Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.value = nn.Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.query_norm = nn.RMSNorm(self.head_width, eps=1e-6)
        self.key_norm = nn.RMSNorm(self.head_width, eps=1e-6)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, documents: Tensor | None) -> Tensor:
        """x [B, T, width] → the same shape."""
        heads = (*x.shape[:2], -1, self.head_width)
        query = self.query_norm(self.query(x).view(heads)).transpose(1, 2)
        key = self.key_norm(self.key(x).view(heads)).transpose(1, 2)
        value = self.value(x).view(heads).transpose(1, 2)
        mixed = attend(rotate(query, cos, sin), rotate(key, cos, sin), value, documents)
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.hidden, bias=False)
        self.up = nn.Linear(config.width, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, width] → the same shape."""
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """One layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width, eps=1e-6)
        self.attention = Attention(config)
        self.feed_norm = nn.RMSNorm(config.width, eps=1e-6)
        self.feed = FeedForward(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, documents: Tensor | None) -> Tensor:
        """x [B, T, width] → the same shape."""
        x = x + self.attention(self.attention_norm(x), cos, sin, documents)
        return x + self.feed(self.feed_norm(x))


class Decoder(nn.Module):
    """The whole model for `vocab_size` ids and windows of at most `sequence_length` tokens."""

    def __init__(self, config: ModelConfig, vocab_size: int, sequence_length: int) -> None:
        super().__init__()
        self.document_mask = config.document_mask
        self.embedding = nn.Embedding(vocab_size, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=1e-6)
        self.head = nn.Linear(config.width, vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.embedding.weight
        cos, sin = rotary(sequence_length, config.width // config.heads, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._initialise(config)

    def _initialise(self, config: ModelConfig) -> None:
        """Matrices keep the size of what flows through them; what writes into the stream or the logits starts at zero.

        So every layer begins as the identity and every token as equally likely, whatever the width.
        """
        for name, weight in self.named_parameters():
            if name.endswith(("out.weight", "down.weight", "head.weight")):
                nn.init.zeros_(weight)
            elif weight.dim() == 2 and not name.startswith("embedding"):
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        nn.init.normal_(self.embedding.weight, std=0.02 if config.tied else 1.0)

    def forward(self, tokens: Tensor, documents: Tensor | None = None) -> Tensor:
        """Ids int [B, T] and their documents, int [B, T] (needed with a document mask only) → logits [B, T, V]."""
        return self.head(self.hidden(self.embedding(tokens), documents))

    def hidden(self, x: Tensor, documents: Tensor | None = None) -> Tensor:
        """Embedded tokens [B, T, width] → what the head reads, the same shape."""
        documents = documents if self.document_mask else None
        for block in self.blocks:
            x = block(x, self.cos, self.sin, documents)
        return self.norm(x)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats of each target: float32 [B, T]; 0 where the target is IGNORED."""
    flat = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return flat.view(targets.shape)
