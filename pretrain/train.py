"""Trains a model on a published corpus: `python -m pretrain.train CORPUS --config tiny --out DIR`, also under torchrun.

    1. open the corpus: memory-mapped training stream, held-out stream of each domain, tokenizer and order hashes
    2. build model and optimizers from the seed, or continue from DIR's latest checkpoint
    3. per step: the next windows of the stream → loss → gradient → update; reported to DIR/metrics.jsonl
    4. checkpoints on the way, at the end, and when SIGTERM or Ctrl-C asks to stop (exit code 75: run again to continue)
    5. bits per byte of every held-out domain, beside the unigram-token model's → DIR/result.json

On the CPU two runs with equal settings, corpus, ranks and thread count end in the same bits, interrupted or not; with
another number of ranks they read the same batches and differ by rounding.
"""

import argparse
import gc
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from corpus.cache import Cache
from corpus.errors import GristmillError, InputError, RecipeError
from corpus.shard import Corpus, open_corpus
from pretrain.config import TrainConfig, load_config

# Threads that wait without spinning: as fast on idle cores, and not ten times slower on busy ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own lines
try:
    import torch
except ModuleNotFoundError as error:
    missing = "training needs torch, which is an extra: pip install -e '.[train]'"
    raise (SystemExit(f"error: {missing}") if __name__ == "__main__" else RecipeError(missing)) from error

from pretrain import checkpoint
from pretrain.clock import Clock
from pretrain.evaluate import DomainScore, score, table, total
from pretrain.folder import begin, held, version_of
from pretrain.launch import PAUSED
from pretrain.loggers import open_loggers
from pretrain.metrics import Logger, Metrics, Say, plain, show
from pretrain.ranks import leave, open_ranks
from pretrain.run import Run, device_name, open_run
from pretrain.step import one_step, profiled, quiet_gc

LOST = "Connection closed by peer", "Connection reset by peer", "NCCL communicator was aborted"  # what ranks say then


@dataclass(frozen=True)
class Result:
    """A finished run."""

    steps: int
    tokens: int
    """Tokens trained on, over the whole run."""
    heldout_bpb: float
    """Bits per byte over all held-out domains together."""
    unigram_bpb: float
    """The same targets under the unigram-token model of the training stream."""
    ratio: float
    """heldout_bpb / unigram_bpb."""
    per_domain: dict[str, DomainScore]
    seconds: float
    """Wall clock of this call: opening, training, checkpoints, evaluation."""
    stream: str
    """The chain of the digests of all global batches, hex: two runs that read the same have the same."""


class PausedError(Exception):
    """The run was asked to stop and has saved its state after a whole step."""


def train(
    corpus_root: str,
    config: TrainConfig,
    out: Path,
    steps: int | None = None,
    *,
    cache: Path | None = None,
    log_to: Sequence[str] = (),
    say: Say = show,
) -> Result:
    """Train on the published corpus at `corpus_root` (folder or URL), continuing what `out` holds.

    `steps` stops early, after that many steps of the run in all: a later call continues. The schedule is always that
    of `config.steps`. `cache` keeps the shards of a corpus that lies far away; `log_to` names loggers beside
    metrics.jsonl (`pretrain.loggers`); `say` gets the lines meant for people.

    Raises InputError (no corpus, too short a stream), RecipeError (settings other than the run began with, or too large
    for the memory, ranks that do not agree), DataError (another tokenizer or order than the run began with), StoreError
    (`out` cannot be written, or another run writes there), PausedError (SIGTERM or SIGINT: saved).
    """
    stop_at = config.steps if steps is None else min(steps, config.steps)
    if stop_at < 1:
        raise RecipeError(f"a run cannot stop after {stop_at} steps: give 1 or more")
    began, loggers = time.monotonic(), open_loggers(log_to, out)
    with open_ranks(config) as ranks, stop_flag() as stop, held(out, ranks), memory_told():
        corpus = opened(corpus_root, out, cache_in(cache))
        run = open_run(corpus, config, ranks, plans=out)
        agree(run, out, stop_at)
        saver = checkpoint.Saver(out / checkpoint.FOLDER, ranks, config.keep)
        say = say if ranks.rank == 0 else lambda _: None
        if run.restore(out):
            say(f"continuing {out} from step {run.step:,}, version {corpus.version} of {corpus_root}")
        elif ranks.rank == 0:
            begin(run, corpus_root, out)
        metrics = open_metrics(run, out, loggers, say)
        try:
            say(describe(run))
            if ranks.rank == 0:
                (out / "result.json").unlink(missing_ok=True)  # of fewer steps
                metrics.start(json.loads((out / "run.json").read_text(encoding="utf-8")))
            loop(run, stop_at, saver, metrics, stop)
            return finish(run, out, metrics, began)
        finally:
            metrics.close()


def opened(root: str, out: Path, cache: Cache | None) -> Corpus:
    """The version of the corpus that the run in `out` began with, or the current one for a new run."""
    version = version_of(out)
    try:
        return open_corpus(root, version, cache=cache)
    except InputError as error:
        if version is None:
            raise
        raise InputError(
            f"{error}; the run in {out} reads it: publish it again, or train into another folder"
        ) from error


def cache_in(folder: Path | None) -> Cache | None:
    """A cache of shards that may fill half of its disk, but for what others have there."""
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    mine = 0
    for path in folder.glob("*.arrow"):
        with suppress(FileNotFoundError):  # another rank made room
            mine += path.stat().st_size
    return Cache(folder, (shutil.disk_usage(folder).free + mine) // 2)


def agree(run: Run, out: Path, stop_at: int) -> None:
    """Raises RecipeError where the ranks are not about to do the same, as several machines may be told to."""
    name = checkpoint.latest(out / checkpoint.FOLDER)
    if not run.ranks.agree(json.dumps([name, run.corpus.version, asdict(run.meta()), stop_at])):
        raise RecipeError(
            f"the ranks are not about to do the same (rank {run.ranks.rank}: from {name or 'the beginning'} to step "
            f"{stop_at:,}, version {run.corpus.version}): give all machines the same command and settings, "
            "and an --out that all of them see"
        )


def open_metrics(run: Run, out: Path, loggers: Sequence[Logger], say: Say) -> Metrics:
    """Where the run reports to; rank 0 alone writes."""
    if run.ranks.rank:
        return Metrics.silent()
    return Metrics(
        out, steps=run.config.steps, after_step=run.step, say=say, loggers=loggers, world_size=run.ranks.size
    )


def loop(run: Run, stop_at: int, saver: checkpoint.Saver, metrics: Metrics, stop: threading.Event) -> None:
    """Steps until `stop_at`, saving on the way and at the end. Raises PausedError when a signal came first."""
    config, saved = run.config, run.step
    clock = Clock(run)
    with quiet_gc():
        while run.step < stop_at:
            if clock.to_profile():
                taken, clock.comm_seconds = profiled(run, stop=stop.is_set())
            else:
                taken = one_step(run, stop=stop.is_set())
            if taken is None:
                break
            if run.step % config.log_every == 0 or run.step == stop_at:
                metrics.step(run.step, **clock.values(taken))
            due = config.eval_every and run.step % config.eval_every == 0 and run.step < config.steps
            if due and run.corpus.heldout:
                metrics.evaluation(run.step, score(run))
                clock.rest()
            if config.save_every and run.step % config.save_every == 0:
                saver.save(run.meta(), run.state())
                saved = run.step
                gc.collect()
        if saved != run.step:
            saver.save(run.meta(), run.state())
        saver.wait()
    if run.step < stop_at:
        metrics.state("paused", run.step)
        raise PausedError(f"stopped and saved after step {run.step:,} of {config.steps:,}; run again to continue")


def finish(run: Run, out: Path, metrics: Metrics, began: float) -> Result:
    """Score every held-out domain, print the table, write result.json."""
    scores = score(run)
    whole, seconds = total(scores), time.monotonic() - began
    result = Result(run.step, run.tokens, whole.bpb, whole.unigram_bpb, whole.ratio, scores, seconds, run.stream)
    if run.ranks.rank == 0:
        written = plain(asdict(result) | {"per_domain": {domain: score.record() for domain, score in scores.items()}})
        metrics.result(**written)
        (out / "result.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        for line in table(scores):
            metrics.say(line)
    metrics.state("finished" if run.step == run.config.steps else "paused", run.step)
    return result


def describe(run: Run) -> str:
    """One line on what is about to be trained."""
    config, stream = run.config, run.corpus.train
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    tokens = config.steps * config.batch_windows * config.sequence_length
    passes = tokens / max(stream.num_tokens, 1)
    where = device_name(run.ranks.device)
    ranks = f"{run.ranks.size} x " if run.ranks.size > 1 else ""
    return f"{parameters:,} parameters, {tokens:,} tokens ({passes:.2f} passes over the stream), on {ranks}{where}"


@contextmanager
def memory_told() -> Iterator[None]:
    """What does not fit into memory is said in a line. Raises RecipeError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # on the CPU torch has no class of its own for it
        own = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not own and "can't allocate memory" not in str(error):
            raise
        raise RecipeError(
            "a step does not fit into memory: lower `micro_windows` (0 is a rank's whole share), `sequence_length` or "
            '`batch_windows`, or set `checkpointing = "full"` in [parallel]'
        ) from error


@contextmanager
def stop_flag() -> Iterator[threading.Event]:
    """An event that SIGTERM or SIGINT sets; the former handlers come back afterwards."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield flag
        return
    former = {number: signal.signal(number, lambda *_: flag.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield flag
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def main() -> int:
    """The command line; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.train", description="Train a model on a corpus.")
    parser.add_argument("corpus", help="folder or URL of a built corpus")
    parser.add_argument("--config", default="tiny", help="settings: a name (tiny, single_gpu) or a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, metrics and the result")
    parser.add_argument("--steps", type=int, help="stop after this many steps in all; run again to continue")
    parser.add_argument("--cache", type=Path, help="folder for the shards of a corpus that lies far away")
    parser.add_argument("--log-to", action="append", default=[], help="tensorboard, wandb, mlflow or trackio")
    given = parser.parse_args()
    rank = int(os.environ.get("RANK", 0))
    try:
        train(given.corpus, load_config(given.config), given.out, given.steps, cache=given.cache, log_to=given.log_to)
    except PausedError as paused:
        if rank == 0:
            print(paused, file=sys.stderr)
        return 0 if "WORLD_SIZE" in os.environ else PAUSED  # torchrun calls all but 0 a failure: status.json says it
    except RuntimeError as error:
        sign = next((sign for sign in LOST if sign in str(error)), None)
        if sign is None:
            raise
        print(f"error of rank {rank}: another rank is gone ({sign}); run again to go on", file=sys.stderr)
        return 1
    except GristmillError as error:  # any rank may be the one that met it
        print(f"error: {error}" if rank == 0 else f"error of rank {rank}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    leave(main())
