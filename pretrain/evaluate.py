"""Held-out documents in, bits per byte out: the model's and, beside it, the unigram-token model's.

Bits per byte = the negative log2 likelihood of the targets divided by their UTF-8 bytes; it does not change its
meaning with the tokenizer. Targets without bytes (EOS, PAD, BOS) count on neither side. The unigram model gives every
id its add-one smoothed share of the training stream: what a model knows that has learned frequencies and nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch

from corpus.stream import TokenStream
from corpus.windows import Plain
from pretrain.data import to_batch
from pretrain.model import Decoder, token_losses

CHUNK = 1 << 22  # ids counted at once


@dataclass(frozen=True)
class DomainScore:
    """Sums over one domain's held-out targets."""

    tokens: int
    num_bytes: int
    model_bits: float
    unigram_bits: float

    @property
    def bpb(self) -> float:
        """The model's bits per byte; NaN when there was nothing to score."""
        return self.model_bits / self.num_bytes if self.num_bytes else float("nan")

    @property
    def unigram_bpb(self) -> float:
        """The unigram model's bits per byte; NaN when there was nothing to score."""
        return self.unigram_bits / self.num_bytes if self.num_bytes else float("nan")

    @property
    def ratio(self) -> float:
        """Model over unigram: 1 = nothing learned beyond frequencies. NaN when there was nothing to score."""
        return self.model_bits / self.unigram_bits if self.num_bytes else float("nan")

    def record(self) -> dict[str, float]:
        """The sums and what follows from them, for JSON."""
        return asdict(self) | {"bpb": self.bpb, "unigram_bpb": self.unigram_bpb, "ratio": self.ratio}


def total(scores: Mapping[str, DomainScore]) -> DomainScore:
    """All domains as one."""
    parts = scores.values()
    return DomainScore(
        tokens=sum(score.tokens for score in parts),
        num_bytes=sum(score.num_bytes for score in parts),
        model_bits=sum(score.model_bits for score in parts),
        unigram_bits=sum(score.unigram_bits for score in parts),
    )


def table(scores: Mapping[str, DomainScore]) -> Iterator[str]:
    """The scores for people, a line per domain and one for all."""
    yield "held-out       tokens   bits per byte   unigram tokens   ratio"
    for name, score in [*scores.items(), ("all", total(scores))]:
        yield f"{name:<12} {score.tokens:>8,} {score.bpb:>15.3f} {score.unigram_bpb:>16.3f} {score.ratio:>7.3f}"


def unigram_bits(stream: TokenStream) -> np.ndarray:
    """-log2 of each id's add-one smoothed share of the stream, PAD not counted: float64 [vocab]."""
    counts = np.zeros(stream.vocab_size, np.int64)
    for start in range(0, stream.num_tokens, CHUNK):
        counts += np.bincount(stream.tokens(start, min(start + CHUNK, stream.num_tokens)), minlength=stream.vocab_size)
    counts[stream.pad_id] = 0
    return -np.log2((counts + 1) / (counts.sum() + len(counts)))


def heldout_windows(
    stream: TokenStream, length: int, max_tokens: int, at_once: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The stream's first `max_tokens` targets (0 = all), each once: int [<= at_once, <= length + 1] at a time.

    With them where documents begin in the inputs, as `corpus.loader.Batch` says it. The last window is as long as what
    is left, so a domain of a few hundred tokens is scored too.
    """
    targets = stream.num_tokens - 1
    if max_tokens:
        targets = min(targets, max_tokens)
    full = max(targets, 0) // length
    windows = Plain(stream, length)
    for first in range(0, full, at_once):
        numbers = np.arange(first, min(first + at_once, full))
        yield stream.windows(first, len(numbers), length), windows.bounds(numbers)
    if targets > full * length:
        places = stream.begins(np.array([full * length]), np.array([targets]))[1] - full * length
        yield stream.tokens(full * length, targets + 1)[None, :], np.union1d(places, [0])


@torch.no_grad()
def score_stream(
    model: Decoder,
    stream: TokenStream,
    token_bytes: np.ndarray,
    unigram: np.ndarray,
    *,
    length: int,
    max_tokens: int = 0,
    at_once: int = 16,
    bf16: bool = False,
) -> DomainScore:
    """Both models' bits on a held-out stream, in windows of `length` tokens, `at_once` windows a forward pass.

    token_bytes: int [vocab], UTF-8 bytes of each id; unigram: float64 [vocab], of `unigram_bits`.
    """
    device = next(model.parameters()).device
    tokens = num_bytes = 0
    model_total = unigram_total = 0.0
    for windows, bounds in heldout_windows(stream, length, max_tokens, at_once):
        batch = to_batch(windows, bounds, eos_id=stream.eos_id, pad_id=stream.pad_id, device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = model(batch.tokens, batch.documents)
        bits = token_losses(logits, batch.targets).double().cpu().numpy() / np.log(2)
        targets = windows[:, 1:]
        counted = token_bytes[targets] > 0
        tokens += int(counted.sum())
        num_bytes += int(token_bytes[targets].sum())
        model_total += float(bits[counted].sum())
        unigram_total += float(unigram[targets][counted].sum())
    return DomainScore(tokens, num_bytes, model_total, unigram_total)
