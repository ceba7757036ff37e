"""Held-out documents in, bits per byte out: the model's and, beside it, the unigram-token model's.

Bits per byte = the negative log2 likelihood of the targets divided by their UTF-8 bytes; it does not change its
meaning with the tokenizer. Targets without bytes (EOS, PAD, BOS) count on neither side. The unigram model gives every
id its add-one smoothed share of the training stream: what a model knows that has learned frequencies and nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from corpus.stream import TokenStream
from corpus.windows import Plain, Segments
from pretrain.config import ObjectiveConfig
from pretrain.data import tensors, to_batch
from pretrain.model.loss import token_losses
from pretrain.objectives.rows import Rows
from pretrain.objectives.transform import apply
from pretrain.parallel import precision
from pretrain.run import Run

CHUNK = 1 << 20  # ids counted at once
CHUNKS = 64  # of a longer stream as many, evenly spread: 67 M ids fix every share that matters to three digits


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
    if not scores:
        yield "the corpus holds no held-out documents: there is nothing to score"
        return
    yield "held-out       tokens   bits per byte   unigram tokens   ratio"
    for name, score in [*scores.items(), ("all", total(scores))]:
        yield f"{name:<12} {score.tokens:>8,} {score.bpb:>15.3f} {score.unigram_bpb:>16.3f} {score.ratio:>7.3f}"


def unigram_bits(stream: TokenStream) -> np.ndarray:
    """-log2 of each id's add-one smoothed share of the stream, PAD not counted: float64 [vocab].

    Of a stream of more than `CHUNK` x `CHUNKS` ids as many are counted, in stretches spread over all of it.
    """
    counts, every = np.zeros(stream.vocab_size, np.int64), max(CHUNK, stream.num_tokens // CHUNKS)
    for start in range(0, stream.num_tokens, every):
        counts += np.bincount(stream.tokens(start, min(start + CHUNK, stream.num_tokens)), minlength=stream.vocab_size)
    counts[stream.pad_id] = 0
    return -np.log2((counts + 1) / (counts.sum() + len(counts)))


def heldout_windows(
    stream: TokenStream, length: int, max_tokens: int, at_once: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The stream's first `max_tokens` targets (0 = all), each once: int [<= at_once, <= length + 1] at a time.

    Before them the number of the first window, behind them where documents open in the inputs, as in `Rows`. The last
    window is as long as what is left, so a domain of a few hundred tokens is scored too.
    """
    targets = stream.num_tokens - 1
    if max_tokens:
        targets = min(targets, max_tokens)
    full = max(targets, 0) // length
    windows = Plain(stream, length)
    for first in range(0, full, at_once):
        numbers = np.arange(first, min(first + at_once, full))
        yield first, stream.windows(first, len(numbers), length), windows.bounds(numbers, opened=True).astype(np.int32)
    if targets > full * length:
        places = stream.begins(np.array([full * length]), np.array([targets]), opened=True)[1] - full * length
        starts = np.union1d(places, [0]).astype(np.int32)
        yield full, stream.tokens(full * length, targets + 1)[None, :], starts


def heldout_rows(run: Run, stream: TokenStream) -> Iterator[Rows]:
    """A held-out stream as the run's objective shows it, a forward pass at a time.

    Fill-in-the-middle is scored as what it is for, the next token; masked tokens and spans by masks of their own, the
    same at each evaluation.
    """
    config, special = run.config, run.reader.special
    objective = ObjectiveConfig() if config.objective.name == "fim" else config.objective
    at_once = config.micro_windows or max(config.batch_windows // run.ranks.size, 1)
    for first, windows, starts in heldout_windows(stream, config.sequence_length, config.heldout_tokens, at_once):
        numbers = np.arange(first, first + len(windows))
        segments = partial(Segments.of, starts, windows.shape[1] - 1, numbers)
        yield apply(objective, windows.astype(np.int32), starts, segments, special, config.seed)


def score(run: Run) -> dict[str, DomainScore]:
    """Every held-out domain under the model as it stands, the same on all ranks."""
    if not run.corpus.heldout:
        return {}
    if run.unigram is None:
        run.unigram = unigram_bits(run.corpus.train)
    unigram = run.unigram
    was = run.model.training
    run.model.eval()
    try:
        return {name: score_stream(run, stream, unigram) for name, stream in run.corpus.heldout.items()}
    finally:
        run.model.train(was)


@torch.no_grad()
def score_stream(run: Run, stream: TokenStream, unigram: np.ndarray) -> DomainScore:
    """Both models' bits on a held-out stream; unigram: float64 [vocab], of `unigram_bits`.

    Each rank takes its turn at the forward passes; where they do not come out even, some are done and not counted,
    for under `fsdp` all ranks must take part in each.
    """
    sums, number, rows = np.zeros(4), -1, None
    for number, rows in enumerate(heldout_rows(run, stream)):
        if number % run.ranks.size == run.ranks.rank:
            sums += score_rows(run, rows, unigram)
    left_over = (number + 1) % run.ranks.size
    if rows is not None and 0 < left_over <= run.ranks.rank:
        score_rows(run, rows, unigram)
    (summed,) = run.ranks.total(torch.from_numpy(sums))
    tokens, num_bytes, model_bits, unigram_total = summed.tolist()
    return DomainScore(int(tokens), int(num_bytes), model_bits, unigram_total)


def score_rows(run: Run, rows: Rows, unigram: np.ndarray) -> np.ndarray:
    """One forward pass' tokens, bytes, the model's bits and the unigram model's: float64 [4]."""
    inputs = to_batch(tensors(rows, run.ranks.device), run.corpus.train.pad_id).inputs()
    targets = inputs.pop("targets")
    with precision(run.config, run.ranks.device):
        logits = run.model(**inputs)
    bits = token_losses(logits, targets).double().cpu().numpy() / np.log(2)
    sizes = run.corpus.token_bytes[rows.targets]
    counted = (sizes > 0) & (rows.targets != run.corpus.train.pad_id)
    found = counted.sum(), sizes[counted].sum(), bits[counted].sum(), unigram[rows.targets][counted].sum()
    return np.array(found, np.float64)
