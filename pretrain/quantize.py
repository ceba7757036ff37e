"""A model with 8-bit matrices, for the CPU: a quarter of the size, and faster where the matrices are what costs.

    model → quantized → model with Int8Linear, Int8Embedding → save → FOLDER/int8.safetensors → load

Each row of a matrix has a scale of its own, its largest magnitude / 127; each token's activations are scaled alike as
they come (dynamic), so nothing needs to be calibrated. The products are sums of integers, exact until they are scaled
back. Norms, routers of experts and the experts themselves stay as they are.
"""

import copy
import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from corpus.errors import DataError, InputError
from corpus.shard import Corpus
from corpus.strict import Text, parse
from pretrain.checkpoint import Meta
from pretrain.config import ModelConfig, config_of
from pretrain.data import micro_batches
from pretrain.evaluate import heldout_windows
from pretrain.generate import generate, read, window_of
from pretrain.model.build import build_model
from pretrain.model.loss import token_losses
from pretrain.objectives.rows import Rows

FILE, FORMAT = "int8.safetensors", "gristmill-int8-1"
WRITTEN, TRY_SECONDS = 32, 0.5  # tokens that a timing writes, and how long one is repeated
WHOLE = 1024  # products of int8 that float32 adds up exactly: 1024 x 127² < 2²⁴


def rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers float [n, k] as int8 [n, k] and a float32 scale for each row [n, 1]: row ≈ integers x scale."""
    scale = rows.abs().amax(1, keepdim=True).float().clamp(min=1e-30) / 127
    return (rows / scale).round().to(torch.int8), scale


@functools.cache
def exact() -> bool:
    """Whether torch's product of int8 matrices is exact here.

    On x86 without VNNI it is not: oneDNN adds pairs of products up in 16 bits, where large ones are cut off (see
    "Nuances of int8 computations" in oneDNN's developer guide).
    """
    large = torch.full((8, 64), 127, dtype=torch.int8)
    return bool((torch._int_mm(large, large.t()) == 64 * 127**2).all())


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x int8 [n, k] and weight int8 [m, k] → their exact product, int32 [n, m]."""
    if exact() and x.shape[1] > 1:  # it misreads a matrix of one column
        # private, but what torchao calls too: the public operators want quantized tensors, which torch is giving up
        return torch._int_mm(x, weight.t())
    summed = torch.zeros(len(x), len(weight), dtype=torch.int32)
    for a, b in zip(x.split(WHOLE, 1), weight.split(WHOLE, 1), strict=True):
        summed += (a.float() @ b.float().t()).int()
    return summed


class Int8(nn.Module):
    """A matrix as int8 [rows, columns] with a float32 scale for each row [rows]."""

    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)


class Int8Linear(Int8):
    """A linear layer without bias, a row for each output."""

    def forward(self, x: Tensor) -> Tensor:
        """x float [..., in] → [..., out]."""
        integers, scale = rounded(x.reshape(-1, x.shape[-1]))
        summed = product(integers, self.weight)
        return (summed * scale * self.scale).to(x.dtype).view(*x.shape[:-1], -1)


class Int8Embedding(Int8):
    """An embedding, a row for each id."""

    def forward(self, ids: Tensor) -> Tensor:
        """Ids int [...] → float32 [..., width]."""
        return self.weight[ids] * self.scale[ids, None]


def quantized(model: nn.Module) -> nn.Module:
    """A copy of a decoder on the CPU with its embedding and its linear layers in 8 bits: it gives logits, no losses.

    Raises InputError for other models.
    """
    if model.config.kind != "decoder":
        raise InputError(f"the model is an {model.config.kind}: int8 is for decoders")
    memo = {id(p): p for p in model.parameters()}  # shared, not copied
    small = copy.deepcopy(model, memo).eval()
    for path, module in [*small.named_modules()]:
        if isinstance(module, nn.Linear | nn.Embedding) and not path.endswith("router"):
            weight, scale = rounded(module.weight.detach())
            kind = Int8Linear if isinstance(module, nn.Linear) else Int8Embedding
            small.set_submodule(path, kind(weight, scale[:, 0]))
    if model.config.tied:
        small.head = Int8Linear(small.embedding.weight, small.embedding.scale)
    return small


def is_int8(model: nn.Module) -> bool:
    """Whether `quantized` made it."""
    return isinstance(model.embedding, Int8Embedding)


def save(model: nn.Module, folder: Path, meta: Meta) -> Path:
    """Write a quantized model into a folder that is there: int8 matrices, their scales, the rest as it is; its path."""
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tied:  # the same as the embedding's
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}
    settings = config_of(meta.settings)
    facts = {
        "format": FORMAT,
        "model": json.dumps(asdict(settings.model)),
        "vocab_size": str(meta.vocab_size),
        "sequence_length": str(settings.sequence_length),
        "objective": settings.objective.name,
        "tokenizer_sha256": meta.tokenizer_sha256,
        "step": str(meta.step),
    }
    save_file(tensors, folder / FILE, metadata=facts)
    return folder / FILE


def is_export(folder: Path) -> bool:
    """Whether a folder holds what `save` wrote."""
    return (folder / FILE).is_file()


def load(folder: Path) -> tuple[nn.Module, dict[str, str]]:
    """The model that `save` wrote into the folder, and what the file says of it.

    Raises DataError where it cannot be read or is something else.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} cannot be read ({error}): export the model again") from error
    if facts.get("format") != FORMAT:
        raise DataError(f"{path} is no int8 model of this program (format {facts.get('format')!r}): export it again")
    plain = {key: value for key, value in json.loads(facts["model"]).items() if value is not None}
    config = parse(ModelConfig, plain, Text(str(path), ""))
    model = build_model(config, int(facts["vocab_size"]), int(facts["sequence_length"]))
    small = quantized(model)
    if config.tied:
        tensors |= {f"head.{key}": tensors[f"embedding.{key}"] for key in ("weight", "scale")}
    try:
        small.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        raise DataError(f"{path} does not hold what its settings ask for: export the model again") from error
    return small, facts


@dataclass(frozen=True)
class Compared:
    """A model and its 8-bit form on this machine's CPU; each pair is before and after."""

    num_bytes: tuple[int, int]
    """Of all tensors."""
    reads: tuple[float, float]
    """Tokens a second of a prompt as long as the window."""
    writes: tuple[float, float]
    """Tokens a second of text, one by one."""
    bpb: tuple[float, float] | None
    """Bits per byte of held-out documents; None where there were none at hand."""
    tokens: int
    """Held-out tokens that were read for it."""


def compare(model: nn.Module, small: nn.Module, eos_id: int, corpus: Corpus | None, max_tokens: int) -> Compared:
    """Both forms side by side: size, speed and, on the first `max_tokens` of each held-out domain, bits per byte."""
    speeds = [(0.0, 0.0), (0.0, 0.0)]
    for _ in range(2):  # in turn, and the better of two: another program may have taken the processor
        for k, one in enumerate((model, small)):
            reads, writes = speed(one, eos_id)
            speeds[k] = max(speeds[k][0], reads), max(speeds[k][1], writes)
    bits, tokens = [0.0, 0.0], 0
    if corpus:
        for k, one in enumerate((model, small)):
            bits[k], tokens = bits_per_byte(one, corpus, max_tokens)
    before, after = num_bytes(model), num_bytes(small)
    bpb = (bits[0], bits[1]) if tokens else None
    return Compared((before, after), (speeds[0][0], speeds[1][0]), (speeds[0][1], speeds[1][1]), bpb, tokens)


def num_bytes(model: nn.Module) -> int:
    """Bytes of a model's tensors, each counted once."""
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in model.state_dict().values()}.values())


def speed(model: nn.Module, eos_id: int) -> tuple[float, float]:
    """Tokens a second read at once, and written one by one behind an EOS: the best of some tries, by the clock."""
    prompt = (torch.arange(window_of(model)) % model.embedding.weight.shape[0]).tolist()
    reads = _best(lambda: read(model, prompt))
    writes = _best(lambda: [*generate(model, [eos_id], max_tokens=WRITTEN, temperature=0.0)])
    return len(prompt) / reads, WRITTEN / writes


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of as many runs as fit into `TRY_SECONDS`, at least one."""
    began = time.perf_counter()
    times: list[float] = []
    while not times or time.perf_counter() - began < TRY_SECONDS:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@torch.inference_mode()
def bits_per_byte(model: nn.Module, corpus: Corpus, max_tokens: int) -> tuple[float, int]:
    """Over the first `max_tokens` of each held-out domain, as `pretrain.evaluate` counts it; and tokens counted."""
    bits, sizes, tokens = 0.0, 0, 0
    for stream in corpus.heldout.values():
        for _, windows, starts in heldout_windows(stream, window_of(model), max_tokens, 4):
            ids = windows.astype(np.int32)
            rows = Rows(ids[:, :-1], ids[:, 1:], starts)
            (batch,) = micro_batches(rows, 0, stream.pad_id, torch.device("cpu"))
            nats = token_losses(model(batch.tokens, batch.documents), batch.targets).double().numpy()
            found = corpus.token_bytes[rows.targets]
            bits += float(nats[found > 0].sum()) / np.log(2)
            sizes, tokens = sizes + int(found.sum()), tokens + int((found > 0).sum())
    return bits / max(sizes, 1), tokens
