"""A run's settings: one TOML file in, frozen dataclasses out.

Top-level keys are the run's (`TrainConfig`); `[model]`, `[objective]`, `[optim]` and `[parallel]` are tables of their
own. The file is read strictly (`corpus.strict`). Places (corpus, output folder, cache) are never in it: the same file
describes the same run anywhere.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from corpus.errors import DataError, InputError
from corpus.strict import Text, parse, read_toml


def _check(holds: bool, key: str, value: object, wanted: str) -> None:
    if not holds:
        raise ValueError(f"`{key}` is {value!r}, it must be {wanted}")


@dataclass(frozen=True, kw_only=True)
class MoeConfig:
    """Experts instead of one feed-forward: `[model.moe]`."""

    experts: int
    top_k: int
    """Experts that each token goes to."""
    hidden: int
    """Inner width of one expert."""
    shared_hidden: int = 0
    """Inner width of an expert that every token goes to; 0 = none."""
    dense_layers: int = 0
    """The first layers that keep the plain feed-forward."""
    balance_rate: float = 0.001
    """What a step adds to the bias of an expert with too few tokens (DeepSeek-V3, arXiv:2412.19437); 0 = no balance."""

    def __post_init__(self) -> None:
        for key in ("experts", "top_k", "hidden"):
            _check(getattr(self, key) >= 1, key, getattr(self, key), ">= 1")
        _check(self.top_k <= self.experts, "top_k", self.top_k, f"at most experts = {self.experts}")
        for key in ("shared_hidden", "dense_layers", "balance_rate"):
            _check(getattr(self, key) >= 0, key, getattr(self, key), ">= 0")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The model's shape; the vocabulary comes from the corpus."""

    kind: Literal["decoder", "encoder", "encoder-decoder"] = "decoder"
    """`encoder`: attention in both directions, for `[objective] name = "mlm"`. `encoder-decoder`: both stacks of
    `layers`, for `"span"`."""
    layers: int
    width: int
    heads: int
    kv_heads: int
    """Key/value heads; fewer than `heads` is grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245)."""
    hidden: int
    """Inner width of the SwiGLU feed-forward; 8/3 of `width` costs what a plain one of 4 x `width` costs."""
    tied: bool = False
    """Output head and embedding share one matrix."""
    positions: Literal["rotary", "sinusoidal", "relative"] = "rotary"
    """`rotary`: Su et al. 2021, arXiv:2104.09864. `sinusoidal`: added to the embedding (Vaswani et al. 2017,
    arXiv:1706.03762). `relative`: a learned bias for each head and distance (T5, arXiv:1910.10683)."""
    rope_theta: float = 10_000.0
    """Base of the rotary wavelengths."""
    qk_norm: bool = True
    """Queries and keys normed per head before the rotation (Henry et al. 2020, arXiv:2010.04245)."""
    document_mask: bool = True
    """Attention stops at document boundaries."""
    moe: MoeConfig | None = None

    def __post_init__(self) -> None:
        for key in ("layers", "width", "heads", "kv_heads", "hidden"):
            _check(getattr(self, key) >= 1, key, getattr(self, key), ">= 1")
        _check(self.width % (2 * self.heads) == 0, "width", self.width, f"a multiple of 2 x heads = {2 * self.heads}")
        _check(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads, f"a divisor of heads = {self.heads}")
        if self.moe:
            _check(self.moe.dense_layers < self.layers, "moe.dense_layers", self.moe.dense_layers, "below layers")
        _check(0 < self.rope_theta < math.inf, "rope_theta", self.rope_theta, "a number above 0")
        if self.positions != "rotary" and self.rope_theta != 10_000.0:
            raise ValueError(f"`rope_theta` means nothing where positions = {self.positions!r}: leave it out")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What is to be predicted. Each document is transformed by a seed of its own, so a run can be repeated."""

    name: Literal["next", "fim", "mlm", "span"] = "next"
    """`next`: the next token. `fim`: fill-in-the-middle (Bavarian et al. 2022, arXiv:2207.14255). `mlm`: masked tokens
    (BERT, arXiv:1810.04805). `span`: spans behind sentinels (T5, arXiv:1910.10683), or UL2's mixture of them."""
    rate: float = 0.0
    """Share of documents (`fim`) or of tokens (`mlm`, `span`) that are transformed; 0 = the published 0.5 and 0.15."""
    domains: tuple[str, ...] = ()
    """`fim`: only documents of these domains; none = of all."""
    spm_rate: float = 0.5
    """`fim`: share of the transformed documents that are written suffix, prefix, middle."""
    mean_span: float = 3.0
    """`span`: mean length of a masked span, in tokens."""
    ul2: bool = False
    """`span`: UL2's seven denoisers (Tay et al. 2022, arXiv:2205.05131) in place of one `rate` and `mean_span`."""

    def __post_init__(self) -> None:
        for key in ("rate", "spm_rate"):
            _check(0 <= getattr(self, key) <= 1, key, getattr(self, key), "0 to 1")
        _check(self.mean_span >= 1, "mean_span", self.mean_span, ">= 1")
        read = {"next": (), "fim": ("rate", "domains", "spm_rate"), "mlm": ("rate",), "span": ("ul2",)}[self.name]
        read += ("rate", "mean_span") if self.name == "span" and not self.ul2 else ()
        for key in (each.name for each in fields(self) if getattr(self, each.name) != each.default):
            if key not in ("name", *read):
                beside = " with ul2" if self.ul2 and self.name == "span" else ""
                raise ValueError(f"`{key}` means nothing where name = {self.name!r}{beside}: leave it out")


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """How the ranks of a run share the work. Nothing of it changes what is learned but for rounding, so a run may go on
    under other values."""

    strategy: Literal["ddp", "fsdp"] = "ddp"
    """`ddp`: a whole model on each rank. `fsdp`: parameters, gradients and optimizer state cut over ranks (FSDP2)."""
    shard_ranks: int = 0
    """`fsdp`: ranks that share one copy (HSDP, the copies being kept equal as by DDP); 0 = all ranks."""
    checkpointing: Literal["none", "selective", "full"] = "none"
    """Activations computed anew in the backward pass: of no layer, all but the matrix products and attention, all."""
    compile: bool = False
    """Each layer by torch.compile."""
    float8: Literal["", "tensorwise", "rowwise", "rowwise_with_gw_hp"] = ""
    """Matrix products of the layers in float8, by a recipe of torchao; pays from about 1 B parameters, on Hopper and
    later. `tensorwise` is the fastest, `rowwise` the more exact."""
    attention: Literal["auto", "dense", "flex", "varlen"] = "auto"
    """`auto`: varlen on a GPU, flex where there are relative positions, dense masks (the others' oracle) on the CPU."""

    def __post_init__(self) -> None:
        _check(self.shard_ranks >= 0, "shard_ranks", self.shard_ranks, ">= 0")
        _check(not self.shard_ranks or self.strategy == "fsdp", "shard_ranks", self.shard_ranks, "0 without fsdp")


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
    schedule: Literal["wsd", "cosine"] = "wsd"
    """`wsd`: warmup, plateau, linear fall (MiniCPM, arXiv:2404.06395). `cosine`: warmup, half a cosine wave."""
    warmup: float = 0.02
    decay: float = 0.3
    """Shares of the steps for the linear rise and, with `wsd`, the fall."""
    final: float = 0.0
    """Share of the peak rate that the last step still has, at least one step's share of the fall."""

    def __post_init__(self) -> None:
        for key in ("lr", "embedding_lr", "head_lr"):
            rate = getattr(self, key)
            _check(math.isfinite(rate) and rate > 0, key, rate, "a number above 0")
        for key in ("beta1", "beta2"):
            _check(0 <= getattr(self, key) < 1, key, getattr(self, key), "0 or more and below 1")
        for key in ("decay", "weight_decay", "clip"):
            _check(0 <= getattr(self, key) < math.inf, key, getattr(self, key), "a number, 0 or more")
        _check(0 <= self.final <= 1, "final", self.final, "0 to 1")
        falls = self.decay if self.schedule == "wsd" else 0.0
        _check(self.warmup >= 0 and self.warmup + falls <= 1, "warmup + decay", self.warmup + falls, "<= 1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run."""

    model: ModelConfig
    optim: OptimConfig
    objective: ObjectiveConfig = ObjectiveConfig()
    parallel: ParallelConfig = ParallelConfig()
    steps: int
    sequence_length: int
    """Tokens a window feeds; window i covers ids [i*T, i*T+T], its last id being only a label."""
    batch_windows: int
    """Windows of one optimizer step, over all ranks and micro-batches."""
    micro_windows: int = 0
    """Windows of one forward pass on one rank, at most; 0 = all of a rank's share at once."""
    shuffle_block: int = 1
    pack_block: int = 0
    """As `corpus.loader.Loader` takes them: windows shuffled in blocks, documents packed into rows."""
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of matrix products, attention and what flows from layer to layer, over fp32 parameters; `fp16` with a loss scale
    that finds its own size."""
    threads: int = 0
    """Threads of a CPU rank; 0 = torch's choice, one a core. Results are bitwise equal only for an equal number."""
    heldout_tokens: int = 65_536
    """Tokens per domain that an evaluation reads, from the start of the held-out stream; 0 = all."""
    eval_every: int = 0
    """Steps between evaluations; 0 = only at the end."""
    log_every: int = 10
    profile_every: int = 500
    """Steps between two that are profiled for the time in communication, with several ranks; 0 = none."""
    peak_tflops: float = 0.0
    """Dense peak of one device at the run's precision, for the MFU; 0 = from the table in `pretrain.flops`."""
    save_every: int = 0
    """Steps between checkpoints; 0 = only at the end and when stopped."""
    keep: int = 2
    """Checkpoints that stay on disk."""

    def __post_init__(self) -> None:
        for key in ("steps", "sequence_length", "batch_windows", "log_every", "keep", "shuffle_block"):
            _check(getattr(self, key) >= 1, key, getattr(self, key), ">= 1")
        for key in ("micro_windows", "threads", "heldout_tokens", "eval_every", "profile_every", "save_every",
                    "pack_block", "peak_tflops"):  # fmt: skip
            _check(getattr(self, key) >= 0, key, getattr(self, key), ">= 0")
        _check(self.threads <= 1024, "threads", self.threads, "at most 1,024")  # thousands crash OpenMP
        _check(0 <= self.seed < 2**63, "seed", self.seed, "0 or more, in 63 bits")
        wanted = {"decoder": ("next", "fim"), "encoder": ("mlm",), "encoder-decoder": ("span",)}[self.model.kind]
        name = self.objective.name
        _check(name in wanted, "objective.name", name, f"{' or '.join(wanted)} for kind = {self.model.kind!r}")

    def identity(self) -> dict[str, Any]:
        """What two runs must share for one to continue the other: not where it runs, nor how often it reports."""
        free = {
            "parallel", "micro_windows", "device", "threads", "heldout_tokens", "eval_every", "log_every",
            "profile_every", "peak_tflops", "save_every", "keep",
        }  # fmt: skip
        return {key: value for key, value in asdict(self).items() if key not in free}


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


def config_of(settings: dict[str, Any]) -> TrainConfig:
    """The settings from plain data, as a checkpoint keeps them."""
    filled = {key: value for key, value in settings.items() if value is not None}
    filled["model"] = {key: value for key, value in filled["model"].items() if value is not None}
    return parse(TrainConfig, json.loads(json.dumps(filled)), Text("checkpoint", ""))


def load_run(out: Path) -> tuple[TrainConfig, int, str]:
    """The settings of the run in a folder, the version of the corpus that it reads, and the hash of that one's order.

    Raises InputError where there is no run, DataError where its run.json cannot be read.
    """
    try:
        found = json.loads((out / "run.json").read_text(encoding="utf-8"))
        return config_of(found["settings"]), int(found["version"]), str(found["order_sha256"])
    except FileNotFoundError as error:
        raise InputError(f"{out} holds no run: give the folder that `gristmill train --out` named") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{out / 'run.json'} cannot be read ({error}): restore it, or train elsewhere") from error


def flat(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Tables in tables as one: {"model.width": 64}."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return found
