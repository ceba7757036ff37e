"""A run's settings: one TOML file in, frozen dataclasses out.

Top-level keys are the run's (`TrainConfig`), `[model]` and `[optim]` are tables of their own. The file is read
strictly (`corpus.strict`). Places (corpus, output folder) are never in it: the same file describes the same run
anywhere.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from corpus.errors import InputError
from corpus.strict import Text, parse, read_toml


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The decoder's shape; the vocabulary comes from the corpus."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    """Key/value heads; fewer than `heads` is grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245)."""
    hidden: int
    """Inner width of the SwiGLU feed-forward; 8/3 of `width` costs what a plain one of 4 x `width` costs."""
    tied: bool = False
    """Output head and embedding share one matrix."""
    rope_theta: float = 10_000.0
    """Base of the rotary wavelengths (Su et al. 2021, arXiv:2104.09864)."""
    document_mask: bool = False
    """Attention stops at document boundaries."""

    def __post_init__(self) -> None:
        for key in ("layers", "width", "heads", "kv_heads", "hidden"):
            _check(getattr(self, key) >= 1, key, getattr(self, key), ">= 1")
        _check(self.width % (2 * self.heads) == 0, "width", self.width, f"a multiple of 2 x heads = {2 * self.heads}")
        _check(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads, f"a divisor of heads = {self.heads}")


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """Learning rates, in three groups: the matrices of the blocks, the embedding, the output head."""

    name: Literal["adamw", "muon"] = "adamw"
    """`muon`: Muon for the blocks' matrices (Jordan et al. 2024, github.com/KellerJordan/Muon), AdamW for the rest."""
    lr: float
    """Peak rate of the blocks; with `muon` scaled to AdamW's update size (Moonlight, arXiv:2502.16982)."""
    embedding_lr: float
    head_lr: float
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.1
    """Decoupled, on the blocks' matrices only."""
    clip: float = 1.0
    """Largest norm of the whole gradient; 0 = no clipping."""
    warmup: float = 0.02
    decay: float = 0.3
    """Shares of the steps for the linear rise and the linear fall of a warmup-stable-decay schedule."""

    def __post_init__(self) -> None:
        for key in ("lr", "embedding_lr", "head_lr"):
            rate = getattr(self, key)
            _check(math.isfinite(rate) and rate > 0, key, rate, "a number above 0")
        _check(self.decay >= 0, "decay", self.decay, ">= 0")
        _check(self.warmup >= 0 and self.warmup + self.decay <= 1, "warmup + decay", self.warmup + self.decay, "<= 1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run."""

    model: ModelConfig
    optim: OptimConfig
    steps: int
    sequence_length: int
    """Tokens a window feeds; window i covers ids [i*T, i*T+T], its last id being only a label."""
    batch_windows: int
    """Windows of one optimizer step, over all ranks and micro-batches."""
    micro_windows: int = 0
    """Windows of one forward pass on one rank; 0 = the whole batch at once."""
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16`: autocast over fp32 parameters."""
    compile: bool = False
    threads: int = 0
    """Threads of the CPU run; 0 = torch's choice, one a core. Results are bitwise equal only for an equal number."""
    heldout_tokens: int = 65_536
    """Tokens per domain that the final evaluation reads, from the start of the held-out stream; 0 = all."""
    log_every: int = 10
    save_every: int = 0
    """Steps between checkpoints; 0 = only at the end and when stopped."""
    keep: int = 2
    """Checkpoints that stay on disk."""

    def __post_init__(self) -> None:
        for key in ("steps", "sequence_length", "batch_windows", "log_every", "keep"):
            _check(getattr(self, key) >= 1, key, getattr(self, key), ">= 1")
        for key in ("micro_windows", "threads", "heldout_tokens", "save_every"):
            _check(getattr(self, key) >= 0, key, getattr(self, key), ">= 0")
        micro = self.micro_windows or self.batch_windows
        _check(self.batch_windows % micro == 0, "micro_windows", micro, f"a divisor of {self.batch_windows}")

    def identity(self) -> dict[str, Any]:
        """What two runs must share for one to continue the other: all but device, threads and how often it reports."""
        free = {"device", "threads", "compile", "micro_windows", "heldout_tokens", "log_every", "save_every", "keep"}
        return {key: value for key, value in asdict(self).items() if key not in free}


def _check(holds: bool, key: str, value: object, wanted: str) -> None:
    if not holds:
        raise ValueError(f"`{key}` is {value!r}, it must be {wanted}")


def load_config(name: str) -> TrainConfig:
    """Settings by name (`tiny`: a file beside this module) or by the path of a TOML file.

    Raises InputError when there is no such file, RecipeError when it cannot be followed.
    """
    here = Path(__file__).parent
    path = here / f"{name}.toml" if (here / f"{name}.toml").is_file() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in here.glob("*.toml")))
        raise InputError(f"no training settings {name!r}: give one of {known}, or the path of a TOML file")
    text, table = read_toml(path)
    return parse(TrainConfig, table, Text(str(path), text))
