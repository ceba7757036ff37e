"""A run opened: everything that a training step needs, and its state out to a checkpoint and back.

corpus + settings + ranks → open_run → Run → save ⇄ restore
"""

import json
import time
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from corpus.loader import Loader
from corpus.shard import Corpus
from pretrain import checkpoint
from pretrain.config import TrainConfig
from pretrain.data import Reader, share, tensors, to_batch
from pretrain.flops import in_words
from pretrain.model.attention import way_of
from pretrain.model.loss import IGNORED
from pretrain.objectives.rows import check_domains, special_ids
from pretrain.optim import build_optimizers, peak_rates
from pretrain.parallel import HALVES, build_placed, precision
from pretrain.ranks import ALIVE, Ranks


@dataclass
class Run:
    """What stays the same during a run, and what a step changes."""

    config: TrainConfig
    corpus: Corpus
    reader: Reader
    ranks: Ranks
    model: nn.Module
    placed: nn.Module
    """The model as a training step calls it, its gradients going over the ranks."""
    optimizers: list[torch.optim.Optimizer]
    peaks: list[float]
    scaler: torch.amp.GradScaler
    step: int = 0
    position: int = 0
    """Windows consumed."""
    stream: str = ""
    """The chain of the digests of all global batches, hex."""
    unigram: np.ndarray | None = field(default=None, compare=False)
    """Of `evaluate.unigram_bits`, once it has been asked for."""
    data_seconds: float = field(default=0.0, compare=False)
    """Time this process has spent on reading batches since it was last asked."""

    @property
    def tokens(self) -> int:
        """Tokens trained on so far."""
        return self.position * self.config.sequence_length

    def chain(self, batch: np.ndarray) -> str:
        """Add one global batch's digest to the chain; the digest in hex."""
        self.stream = blake2b(bytes.fromhex(self.stream) + batch.tobytes(), digest_size=16).hexdigest()
        return batch.tobytes().hex()

    def meta(self) -> checkpoint.Meta:
        """What a checkpoint says of the run."""
        corpus = self.corpus
        return checkpoint.Meta(
            self.step, self.position, self.stream, self.ranks.size, corpus.tokenizer_sha256, corpus.order_sha256,
            corpus.train.vocab_size, asdict(self.config),
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """The tensors of a checkpoint, as they lie on this rank."""
        return {
            "model": get_model_state_dict(self.model),
            "optimizers": get_optimizer_state_dict(self.model, self.optimizers),
            "scaler": self.scaler.state_dict(),
            **self.random_state(),
        }

    def random_state(self) -> dict[str, Tensor]:
        """The states of torch's random generators, named by this rank."""
        found = {f"random.{self.ranks.rank}": torch.get_rng_state()}
        if self.ranks.device.type == "cuda":
            found[f"random.{self.ranks.rank}.cuda"] = torch.cuda.get_rng_state()
        return found

    def restore(self, out: Path) -> bool:
        """Continue from the latest checkpoint; False where there is none. Raises what checkpoint's functions do."""
        name = checkpoint.latest(out / checkpoint.FOLDER)
        if name is None:
            return False
        folder = out / checkpoint.FOLDER / name
        meta = checkpoint.read_meta(folder)
        checkpoint.check(meta, self.meta(), out)
        checkpoint.verify(folder, meta, self.ranks)
        state, held = self.state(), checkpoint.keys(folder)
        for key in self.random_state().keys() - held:  # this rank is new to the run
            del state[key]
        checkpoint.load(folder, state, self.ranks)
        set_model_state_dict(self.model, state["model"])
        set_optimizer_state_dict(self.model, self.optimizers, state["optimizers"])
        self.scaler.load_state_dict(state["scaler"])
        if (key := f"random.{self.ranks.rank}") in state:
            torch.set_rng_state(state[key])
        if (key := f"random.{self.ranks.rank}.cuda") in state:
            torch.cuda.set_rng_state(state[key])
        self.step, self.position, self.stream = meta.step, meta.position, meta.stream
        return True


def open_run(corpus: Corpus, config: TrainConfig, ranks: Ranks, plans: Path | None = None) -> Run:
    """A run at its beginning: model, optimizers and reader as the settings say, from the seed.

    Raises InputError (too short a stream), RecipeError (an objective the tokenizer has no ids for, ranks that do not
    fit).
    """
    prepare(config, ranks)
    share(0, config.batch_windows, ranks.rank, ranks.size)  # an error now, rather than at the first step
    check_domains(corpus, config.objective)
    special = special_ids(corpus, config.objective)
    loader = Loader(
        corpus, config.sequence_length, shuffle_block=config.shuffle_block, pack_block=config.pack_block,
        seed=config.seed, plans=plans,
    )  # fmt: skip
    model, placed = build_placed(config, corpus.train.vocab_size, ranks)
    model.way = way_of(
        config.parallel.attention, ranks.device, head_width=config.model.width // config.model.heads,
        bias=config.model.positions == "relative", half=config.precision in HALVES,
        crossed=config.model.kind == "encoder-decoder",
    )  # fmt: skip
    optimizers = build_optimizers(model, config.optim, fused=ranks.device.type == "cuda")
    scaler = torch.amp.GradScaler(ranks.device.type, enabled=config.precision == "fp16")
    reader = Reader(loader, config.objective, special, config.seed)
    run = Run(config, corpus, reader, ranks, model, placed, optimizers, peak_rates(optimizers), scaler)
    if ranks.size > 1:
        ALIVE.append(run)
        if config.parallel.strategy == "ddp":
            rehearse(run)
    return run


def rehearse(run: Run) -> None:
    """A pass that teaches nothing. DistributedDataParallel lays its buckets anew after the first one of a process.

    Gradients of several ranks are rounded as the buckets lie: without it the first step after a restart would differ,
    in its last bits, from the same step of a run that was not stopped.
    """
    batch = to_batch(tensors(run.reader.rows(0, 1), run.ranks.device), run.corpus.train.pad_id)
    run.placed.eval()  # experts do not count these tokens
    with precision(run.config, run.ranks.device):
        run.placed(**replace(batch, targets=torch.full_like(batch.targets, IGNORED)).inputs()).backward()
    run.placed.train()
    for optimizer in run.optimizers:
        optimizer.zero_grad()


def prepare(config: TrainConfig, ranks: Ranks) -> None:
    """Seed, and make the CPU repeatable."""
    torch.manual_seed(config.seed)
    if ranks.device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        return
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs a pass over every buffer


def record(run: Run, root: str) -> dict[str, Any]:
    """What OUT/run.json says of a run."""
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    stream = run.corpus.train
    return {
        "corpus": root,
        "version": run.corpus.version,
        "tokenizer_sha256": run.corpus.tokenizer_sha256,
        "order_sha256": run.corpus.order_sha256,
        "started": time.time(),
        "parameters": parameters,
        "world_size": run.ranks.size,
        "device": device_name(run.ranks.device),
        "mfu": in_words(run.config, stream.vocab_size, device_name(run.ranks.device), run.ranks.size),
        "model": {"vocab_size": stream.vocab_size, "eos_id": stream.eos_id, "pad_id": stream.pad_id},
        "settings": json.loads(json.dumps(asdict(run.config))),
    }


def device_name(device: torch.device) -> str:
    """What the device calls itself; of a CPU the threads that are used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{threads} CPU thread{'s' if threads > 1 else ''}"
