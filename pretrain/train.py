"""Trains a decoder on a published corpus: `python -m pretrain.train CORPUS --config tiny --out DIR`.

    1. open the corpus: memory-mapped training stream, held-out stream of each domain, tokenizer and order hashes
    2. build model and optimizers from the seed, or continue from DIR's latest checkpoint
    3. per step: the next windows of the stream → loss → gradient → update; reported to DIR/metrics.jsonl
    4. checkpoints on the way, at the end, and when SIGTERM or Ctrl-C asks to stop (exit code 75: run again to continue)
    5. bits per byte of every held-out domain, beside the unigram-token model's → DIR/result.json

On the CPU two runs with equal settings, corpus and thread count end in the same bits, interrupted or not.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus.errors import GristmillError, RecipeError
from corpus.loader import Loader
from corpus.shard import Corpus, open_corpus
from pretrain.config import TrainConfig, load_config

# Threads that wait without spinning: as fast on idle cores, and not ten times slower on busy ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
try:
    import torch
except ModuleNotFoundError as error:
    missing = "training needs torch, which is an extra: pip install -e '.[train]'"
    raise (SystemExit(f"error: {missing}") if __name__ == "__main__" else RecipeError(missing)) from error

from pretrain import checkpoint
from pretrain.data import share, to_batch
from pretrain.evaluate import DomainScore, score_stream, table, total, unigram_bits
from pretrain.metrics import Metrics, Say, show
from pretrain.model import Decoder, token_losses
from pretrain.optim import build_optimizers, lr_scale, set_lr

PAUSED = 75  # EX_TEMPFAIL of sysexits.h: the same command continues the run


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


class PausedError(Exception):
    """The run was asked to stop and has saved its state after a whole step."""


@dataclass
class Run:
    """What stays the same during a run, and what a step changes."""

    config: TrainConfig
    corpus: Corpus
    loader: Loader
    out: Path
    device: torch.device
    model: Decoder
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    position: int = 0  # windows consumed

    @property
    def tokens(self) -> int:
        """Tokens trained on so far."""
        return self.position * self.config.sequence_length

    def meta(self) -> checkpoint.Meta:
        """What a checkpoint says of the run."""
        data = self.corpus.tokenizer_sha256, self.corpus.order_sha256
        return checkpoint.Meta(self.step, self.position, *data, self.config.identity())

    def save(self) -> None:
        """Checkpoint the run as it stands."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        checkpoint.save(self.out / "checkpoints", self.meta(), state, keep=self.config.keep)

    def restore(self) -> bool:
        """Continue from the latest checkpoint; False where there is none. Raises what `load` and `check` raise."""
        found = checkpoint.load(self.out / "checkpoints")
        if found is None:
            return False
        meta, state = found
        checkpoint.check(meta, self.meta(), self.out)
        self.step, self.position = meta.step, meta.position
        self.model.load_state_dict(state["model"])
        for optimizer, stored in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(stored)
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        return True


def train(corpus_root: str, config: TrainConfig, out: Path, steps: int | None = None, *, say: Say = show) -> Result:
    """Train on the published corpus at `corpus_root` (folder or URL), continuing what `out` holds.

    `steps` stops early, after that many steps of the run in all: a later call continues. The schedule is always that
    of `config.steps`. `say` gets the lines meant for people.

    Raises InputError (no corpus, too short a stream), RecipeError (settings other than the run began with),
    DataError (another tokenizer or order than the run began with), PausedError (SIGTERM or SIGINT: saved).
    """
    began = time.monotonic()
    device = prepare(config)
    corpus = open_corpus(corpus_root)
    model = Decoder(config.model, corpus.train.vocab_size, config.sequence_length).to(device)
    loader = Loader(corpus, config.sequence_length)
    optimizers = build_optimizers(model, config.optim, fused=device.type == "cuda")
    run = Run(config, corpus, loader, out, device, model, optimizers)
    if run.restore():
        say(f"continuing {out} from step {run.step:,}")
    say(describe(run))
    metrics = Metrics(out / "metrics.jsonl", after_step=run.step, say=say)
    try:
        loop(run, config.steps if steps is None else min(steps, config.steps), metrics)
        return finish(run, metrics, began)
    finally:
        metrics.close()


def prepare(config: TrainConfig) -> torch.device:
    """Seed, choose the device, make the CPU repeatable. Raises RecipeError where a GPU is asked for and absent."""
    cuda = torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise RecipeError('device = "cuda", and torch sees no GPU here: set device = "auto" or "cpu"')
    torch.manual_seed(config.seed)
    if cuda and config.device != "cpu":
        torch.set_float32_matmul_precision("high")
        return torch.device("cuda")
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs a pass over every buffer
    return torch.device("cpu")


def loop(run: Run, stop_at: int, metrics: Metrics) -> None:
    """Steps until `stop_at`, saving on the way and at the end. Raises PausedError when a signal came first."""
    config = run.config
    forward = torch.compile(run.model) if config.compile else run.model
    saved, reported, since = run.step, run.position, time.monotonic()
    with stop_flag() as stop:
        while run.step < stop_at and not stop.is_set():
            scale = lr_scale(run.step, config.steps, config.optim)
            loss = one_step(run, forward, scale)
            if run.step % config.log_every == 0 or run.step == stop_at:
                value, now = loss.item(), time.monotonic()  # item() waits for the device: the clock is read after it
                speed = (run.position - reported) * config.sequence_length / max(now - since, 1e-9)
                metrics.step(
                    run.step, config.steps, loss=value, tokens=run.tokens, lr_scale=scale, tokens_per_second=speed
                )
                reported, since = run.position, now
            if config.save_every and run.step % config.save_every == 0:
                run.save()
                saved = run.step
        if saved != run.step:
            run.save()
        if run.step < stop_at:
            raise PausedError(f"stopped and saved after step {run.step:,} of {config.steps:,}; run again to continue")


def one_step(run: Run, forward: Any, scale: float) -> torch.Tensor:
    """One optimizer step on the next `batch_windows` windows; the mean loss per target in nats, still on the device."""
    first, count = share(run.position, run.config.batch_windows)
    micro = run.config.micro_windows or count
    ids = run.corpus.tokenizer
    read = (run.loader.batch(start, micro) for start in range(first, first + count, micro))
    batches = [to_batch(b.tokens, b.bounds, eos_id=ids.eos_id, pad_id=ids.pad_id, device=run.device) for b in read]
    targets = max(sum(batch.num_targets() for batch in batches), 1)
    loss = torch.zeros((), device=run.device)
    for batch in batches:
        with torch.autocast(run.device.type, torch.bfloat16, enabled=run.config.precision == "bf16"):
            logits = forward(batch.tokens, batch.documents)
        part = token_losses(logits, batch.targets).sum() / targets
        part.backward()
        loss += part.detach()
    if run.config.optim.clip:
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.config.optim.clip)
    set_lr(run.optimizers, scale)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    run.step, run.position = run.step + 1, run.position + run.config.batch_windows
    return loss


def score(run: Run) -> dict[str, DomainScore]:
    """Every held-out domain under the model as it stands."""
    config, unigram = run.config, unigram_bits(run.corpus.train)
    return {
        domain: score_stream(
            run.model,
            stream,
            run.corpus.token_bytes,
            unigram,
            length=config.sequence_length,
            max_tokens=config.heldout_tokens,
            at_once=config.micro_windows or config.batch_windows,
            bf16=config.precision == "bf16",
        )
        for domain, stream in run.corpus.heldout.items()
    }


def finish(run: Run, metrics: Metrics, began: float) -> Result:
    """Score every held-out domain, print the table, write result.json."""
    scores = score(run)
    whole, seconds = total(scores), time.monotonic() - began
    result = Result(run.step, run.tokens, whole.bpb, whole.unigram_bpb, whole.ratio, scores, seconds)
    record = asdict(result) | {"per_domain": {domain: score.record() for domain, score in scores.items()}}
    metrics.result(**record)
    (run.out / "result.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for line in table(scores):
        metrics.say(line)
    return result


def describe(run: Run) -> str:
    """One line on what is about to be trained."""
    config, stream = run.config, run.corpus.train
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    tokens = config.steps * config.batch_windows * config.sequence_length
    passes = tokens / max(stream.num_tokens, 1)
    cpu = run.device.type == "cpu"
    where = f"{torch.get_num_threads()} CPU threads" if cpu else torch.cuda.get_device_name(run.device)
    return f"{parameters:,} parameters, {tokens:,} tokens ({passes:.2f} passes over the training stream), on {where}"


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
    parser = argparse.ArgumentParser(
        prog="python -m pretrain.train", description="Train a decoder on a published corpus."
    )
    parser.add_argument("corpus", help="folder or URL of a built corpus")
    parser.add_argument("--config", default="tiny", help="settings: a name (tiny, single_gpu) or a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, metrics and the result")
    parser.add_argument("--steps", type=int, help="stop after this many steps in all; run again to continue")
    given = parser.parse_args()
    try:
        train(given.corpus, load_config(given.config), given.out, given.steps)
    except PausedError as paused:
        print(paused, file=sys.stderr)
        return PAUSED
    except GristmillError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
