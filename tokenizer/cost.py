"""What training a tokenizer will cost, before it is done.

In: the settings and the sample's bytes. Out: the peak memory of the worker and the CPU-seconds, by laws fitted to runs
over 1 to 64 MB of prose in 25 languages and code, vocabularies of 8,192 to 64,000 (`benchmarks/tokens_training.py`).

BPE keeps the sample and its distinct words, which grow more slowly than it; its time is that of reading. Unigram puts
a suffix array over the distinct words and then goes over the sample once more for each quarter of the seeds that it
gives up, so a small vocabulary costs more time than a large one.
"""

import math
import os

from corpus.errors import RecipeError
from corpus.recipe import TokenizerSettings

_WORKER = 157e6  # bytes that a worker has before, and what training takes whatever the sample
_SEEDS = 150_000  # pieces that unigram begins with, of 16 MB


def training_cost(settings: TokenizerSettings, sample_bytes: int) -> tuple[int, float]:
    """Bytes of memory at the peak and CPU-seconds; (0, 0.0) where a model is given."""
    if settings.model:
        return 0, 0.0
    size = max(sample_bytes, 1) / 1e6
    if settings.model_type == "unigram":
        seeds = _SEEDS * (size / 16) ** 0.7
        rounds = max(1.0, math.log(seeds / (1.1 * settings.vocab_size)))
        return int(_WORKER + 28e6 * size), 0.98 * size * rounds
    words = 27e6 if settings.split_scripts else 37e6
    return int(_WORKER + words * size**0.82), 0.1 + 0.155 * size + 1e-5 * settings.vocab_size


def check_memory(settings: TokenizerSettings, sample_bytes: int) -> None:
    """Raise RecipeError where training would need more memory than this machine has."""
    needed, _ = training_cost(settings, sample_bytes)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else needed
    if needed > there:
        raise RecipeError(
            f"tokenizer: training {settings.model_type} on {sample_bytes / 1e6:,.0f} MB takes about "
            f"{needed / 1e9:,.1f} GB of memory, this machine has {there / 1e9:,.1f} GB; lower [tokenizer] sample_bytes"
            + (' or set model_type = "bpe"' if settings.model_type == "unigram" else "")
        )
