"""Small trainings side by side: each a process on one core, each result a file that is there whole or not at all.

In: jobs. Out: their results, in order. A job's file is named by all that decides the result, so a search that was
killed goes on where it was, and two at once write the same.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import DataError
from corpus.layout import Tokenizer
from corpus.pool import Pool
from corpus.stage import canonical
from mixtures.plan import Plan
from mixtures.subsample import Small, corpus_of
from pretrain.config import TrainConfig

VERSION = 2  # raise it when a training comes to give something else


@dataclass(frozen=True)
class Job:
    """One training."""

    folder: str
    path: str
    stock: str
    shares: Mapping[str, float]  # by entry
    config: TrainConfig
    tokenizer: Tokenizer
    token_bytes: bytes  # an .npy file


def name_of(decides: Any) -> str:
    """A short name for all that decides something."""
    return hashlib.sha256(canonical(decides)).hexdigest()[:16]


def keep(path: Path, data: bytes) -> None:
    """Write a file whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(data)
    aside.replace(path)


@lru_cache(1)
def small_at(path: str) -> Small:
    """The stock in a file, read once in a process."""
    return Small.of_bytes(Path(path).read_bytes())


def job_of(blank: Job, plan: Plan, seed: int) -> Job:
    """The training of a plan with a seed; what else it needs is in `blank`."""
    total = sum(line.planned for line in plan.lines)
    shares = {line.domain: line.planned / total for line in plan.lines if line.planned}
    config = replace(blank.config, seed=seed)
    rest = [config.identity(), config.heldout_tokens, config.micro_windows, blank.tokenizer.sha256]
    name = name_of([VERSION, blank.stock, shares, *rest, version("torch"), version("numpy")])
    return replace(blank, path=f"runs/{name}.json", shares=shares, config=config)


def train_jobs(pool: Pool, jobs: Sequence[Job], progress: Callable[[int, int], None]) -> list[dict[str, Any]]:
    """The results of trainings, in order; those that are in the folder already are not done again."""
    found = {job.path: record for job in jobs if (record := _read(job)) is not None}
    missing = {job.path: job for job in jobs if job.path not in found}
    progress(len(jobs) - len(missing), 0)
    running = {pool.submit(train_one, job): path for path, job in missing.items()}
    try:
        for future in as_completed(running):
            found[running[future]] = future.result()
            progress(len(found), len(found) - len(jobs) + len(missing))
    except BrokenProcessPool as error:
        raise DataError("a training's process died; give it fewer --workers, and run the same command again") from error
    return [found[job.path] for job in jobs]


def _read(job: Job) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((Path(job.folder) / job.path).read_bytes())
    except (FileNotFoundError, ValueError):  # a damaged one is written again
        return None
    return record


def train_one(job: Job) -> dict[str, Any]:
    """One training, in whatever process; its result lies in the folder then."""
    if (done := _read(job)) is not None:  # another search was faster
        return done
    from pretrain.proxy import proxy  # torch

    began, config = time.monotonic(), job.config
    tokens = config.steps * config.batch_windows * config.sequence_length + 1
    sizes = np.load(io.BytesIO(job.token_bytes))
    small = small_at(f"{job.folder}/{job.stock}")
    scores = proxy(corpus_of(small, job.shares, tokens, config.seed, job.tokenizer, sizes), config)
    record = {
        "shares": dict(job.shares), "seed": config.seed, "tokens": tokens - 1,
        "scores": {name: score.record() for name, score in scores.items()}, "seconds": time.monotonic() - began,
    }  # fmt: skip
    keep(Path(job.folder) / job.path, json.dumps(record, indent=1).encode() + b"\n")
    return record
