"""A decoder: token ids in, logits or losses out. With `kind = "encoder"` the same, attending both ways.

    tokens [B, T] → embedding → layers × (x + attention(norm x); x + feed-forward(norm x)) → norm → head → [B, T, V]

What writes into the stream, or into the logits, starts at zero.
"""

from collections.abc import Callable

from torch import Tensor, nn

from pretrain.config import ModelConfig
from pretrain.model.attention import Way, make_mask
from pretrain.model.cache import Cache
from pretrain.model.layers import Around, Attention, Embedding, FeedForward, Linear, Norm
from pretrain.model.loss import linear_cross_entropy
from pretrain.model.moe import MoE
from pretrain.model.positions import RelativeBias, places, rotary, sinusoids


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
            self.feed = MoE(config.width, config.moe)
        else:
            self.feed = FeedForward(config.width, config.hidden)
        initialise(self)

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """x [B, T, width] → the same shape."""
        x = x + self.attention(self.attention_norm(x), around)
        if self.memory_attention is not None and self.memory_norm is not None:
            x = x + self.memory_attention(self.memory_norm(x), around)
        return x + self.feed(self.feed_norm(x))


Each = Callable[[Block], Block]


def as_it_is(block: Block) -> Block:
    """The layer, nothing done to it."""
    return block


class LanguageModel(nn.Module):
    """The whole model for `vocab_size` ids and windows of at most `sequence_length` tokens.

    `each` is given every layer as soon as it is made, before there is a next one.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, sequence_length: int, each: Each = as_it_is) -> None:
        super().__init__()
        self.config, self.causal = config, config.kind == "decoder"
        self.way: Way = "dense"
        self.loss: Callable[[Tensor, Tensor, Tensor], Tensor] = linear_cross_entropy
        self.embedding = Embedding(vocab_size, config.width)
        self.blocks = nn.ModuleList(each(Block(config, layer)) for layer in range(config.layers))
        self.norm = Norm(config.width)
        self.head = Linear(config.width, vocab_size, bias=False)
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
        cache: Cache | None = None,
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
        cache: Cache | None = None,
    ) -> Tensor:
        """Embedded tokens [B, T, width] → what the head reads, the same shape."""
        documents = documents if self.config.document_mask else None
        if self.config.positions == "sinusoidal":
            x = x + sinusoids(places(documents, x.shape[:2], x.device, cache), x.shape[-1]).to(x.dtype)
        around = self._around(x, documents, starts, cache)
        for block in self.blocks:
            x = block(x, around)
        return self.norm(x)

    def _around(self, x: Tensor, documents: Tensor | None, starts: Tensor | None, cache: Cache | None) -> Around:
        before, length = cache.length if cache is not None else 0, x.shape[1]
        causal = self.causal and not (before and length == 1)  # one token sees all that came before
        mask = make_mask(documents, causal=causal, way=self.way, bounds=starts)
        angles = None
        if self.config.positions == "rotary":
            angles = self.cos[before : before + length], self.sin[before : before + length]
        bias = self.relative(length, before + length) if self.relative is not None else None
        return Around(mask, angles, bias, cache)


def initialise(model: nn.Module) -> None:
    """Draw the parameters of a layer, or of a model but for its layers, which have drawn theirs.

    Matrices keep the size of what flows through them; what writes into the stream or the logits starts at zero.

    So every layer begins as the identity and every token as equally likely, whatever the width. An embedding that is
    the head as well starts small instead.
    """
    own = {name: weight for name, weight in model.named_parameters() if "blocks." not in name}
    for name, weight in own.items():
        if name.endswith(("out.weight", "down.weight", "head.weight")):
            nn.init.zeros_(weight)
        elif name.startswith("embedding"):
            nn.init.normal_(weight, std=1.0 if "head.weight" in own else 0.02)
        elif weight.dim() >= 2:
            nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
