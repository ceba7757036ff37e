"""An encoder-decoder: a source and what has been written so far in, logits or losses out.

    source [B, S] → embedding → layers, attending both ways → norm → memory
    tokens [B, T] → embedding → layers, causal, each with a look at the memory → norm → head → [B, T, V]

Two stacks of the decoder's blocks and one embedding for both (T5, Raffel et al. 2020, arXiv:1910.10683). With
`positions = "relative"` each stack has one learned bias and the look at the memory has none, as in T5. A row holds
several documents: the k-th of the tokens sees the k-th of the source and no other.
"""

from collections.abc import Callable

from torch import Tensor, nn

from corpus.errors import RecipeError
from pretrain.config import ModelConfig
from pretrain.model.attention import Mask, Way, make_mask
from pretrain.model.decoder import Block, Each, as_it_is, initialise
from pretrain.model.layers import Around, Embedding, Linear, Norm
from pretrain.model.loss import linear_cross_entropy
from pretrain.model.positions import RelativeBias, places, rotary, sinusoids


class EncoderDecoder(nn.Module):
    """The whole model for `vocab_size` ids, sources of `sequence_length` tokens and targets of at most one more;
    `each` as in `LanguageModel`.

    Raises RecipeError for settings without a document mask: in each document sentinels count from 0, so documents that
    see each other could not be told apart.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, sequence_length: int, each: Each = as_it_is) -> None:
        super().__init__()
        if not config.document_mask:
            raise RecipeError('kind = "encoder-decoder" needs document_mask = true: leave it out of [model]')
        self.config = config
        self.way: Way = "dense"
        self.loss: Callable[[Tensor, Tensor, Tensor], Tensor] = linear_cross_entropy
        self.embedding = Embedding(vocab_size, config.width)
        self.encoder_blocks = nn.ModuleList(each(Block(config, layer)) for layer in range(config.layers))
        self.encoder_norm = Norm(config.width)
        self.blocks = nn.ModuleList(each(Block(config, layer, crossed=True)) for layer in range(config.layers))
        self.norm = Norm(config.width)
        self.head = Linear(config.width, vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.embedding.weight
        relative = config.positions == "relative"
        self.encoder_relative = RelativeBias(config.heads, both_ways=True) if relative else None
        self.relative = RelativeBias(config.heads, both_ways=False) if relative else None
        cos, sin = rotary(sequence_length + 1, config.width // config.heads, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        initialise(self)

    def forward(
        self,
        tokens: Tensor,
        documents: Tensor | None = None,
        targets: Tensor | None = None,
        starts: Tensor | None = None,
        *,
        source: Tensor,
        source_documents: Tensor | None = None,
    ) -> Tensor:
        """Ids int [B, T] and source int [B, S] → logits [B, T, V]; with targets the sum of their nats, float32.

        documents and source_documents: int [B, T] and [B, S], equal where they belong together; None = one document.
        starts: int32 [m], as `Mask.bounds`, of tokens.
        """
        memory = self.encode(self.embedding(source), source_documents)
        x = self.decode(self.embedding(tokens), memory, documents, source_documents, starts)
        if targets is None:
            return self.head(x)
        return self.loss(x.flatten(0, 1), self.head.weight, targets.flatten())

    def encode(self, x: Tensor, documents: Tensor | None = None) -> Tensor:
        """An embedded source [B, S, width] → what the decoder looks at, the same shape."""
        mask = make_mask(documents, causal=False, way=self.way)
        x, around = self._placed(x, documents, mask, self.encoder_relative)
        for block in self.encoder_blocks:
            x = block(x, around)
        return self.encoder_norm(x)

    def decode(
        self,
        x: Tensor,
        memory: Tensor,
        documents: Tensor | None = None,
        source_documents: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> Tensor:
        """Embedded tokens [B, T, width] and `encode`'s result → what the head reads, the same shape."""
        mask = make_mask(documents, causal=True, way=self.way, bounds=starts)
        look = Mask(causal=False)
        if documents is not None and source_documents is not None:
            look = make_mask(documents, causal=False, way=self.way, keys=source_documents)
        x, around = self._placed(x, documents, mask, self.relative, memory, look)
        for block in self.blocks:
            x = block(x, around)
        return self.norm(x)

    def _placed(
        self,
        x: Tensor,
        documents: Tensor | None,
        mask: Mask,
        relative: RelativeBias | None,
        memory: Tensor | None = None,
        look: Mask | None = None,
    ) -> tuple[Tensor, Around]:
        """What a stack starts from, and what its layers share."""
        length, angles = x.shape[1], None
        if self.config.positions == "sinusoidal":
            x = x + sinusoids(places(documents, x.shape[:2], x.device, None), x.shape[-1]).to(x.dtype)
        elif self.config.positions == "rotary":
            angles = self.cos[:length], self.sin[:length]
        bias = relative(length, length) if relative is not None else None
        return x, Around(mask, angles, bias, None, memory, look)
