"""A run's model as a folder that Hugging Face's `transformers` opens, with the same logits.

    checkpoint → config.json, generation_config.json, model.safetensors (parts of 5 GB and an index), tokenizer files

The layout is one that transformers has code for: Llama; with normed queries and keys Qwen3 (arXiv:2505.09388); with
experts GLM-4.5's (arXiv:2508.06471), whose router is DeepSeek-V3's. Rotary pairs, norms and layers agree with theirs
number for number, so tensors are only given other names. The folder is written aside and renamed when it is complete.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.errors import DataError, GristmillError, InputError, RecipeError, StoreError
from corpus.shard import Corpus, open_corpus
from pretrain import quantize
from pretrain.checkpoint import Meta, load_model
from pretrain.config import ModelConfig, config_of
from pretrain.opened import open_tokenizer, run_folder
from pretrain.quantize import Compared

PART_BYTES = 5_000_000_000  # of one file; what transformers itself wrote for years
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
TOKENIZER_FILES = ("tokenizer.model", "tokenizer.json", "tokenizer_config.json")
NAMES = {
    "embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head",
    "attention_norm": "input_layernorm", "feed_norm": "post_attention_layernorm",
    "attention.query": "self_attn.q_proj", "attention.key": "self_attn.k_proj", "attention.value": "self_attn.v_proj",
    "attention.out": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm", "attention.key_norm": "self_attn.k_norm",
    "feed.gate": "mlp.gate_proj", "feed.up": "mlp.up_proj", "feed.down": "mlp.down_proj",
    "feed.router": "mlp.gate",
    "feed.shared.gate": "mlp.shared_experts.gate_proj", "feed.shared.up": "mlp.shared_experts.up_proj",
    "feed.shared.down": "mlp.shared_experts.down_proj",
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """What was written."""

    architecture: str
    """The class of transformers that reads it."""
    files: dict[str, int]
    """Bytes of each file, by name."""
    notes: tuple[str, ...]
    """What is not as one might expect."""


def export(path: Path, out: Path, *, dtype: str = "fp32", part_bytes: int = PART_BYTES) -> Exported:
    """Write the model of a run's folder (its latest checkpoint) or of one checkpoint's into `out`.

    dtype: of the tensors, "fp32", "bf16" or "fp16". Raises InputError where there is no checkpoint, no layout fits, or
    `out` is there already; RecipeError for another dtype; DataError where the checkpoint cannot be read; StoreError
    where `out` cannot be written.
    """
    if dtype not in DTYPES:
        raise RecipeError(f"dtype = {dtype!r}: give one of {', '.join(DTYPES)}")
    model, meta = load_model(path)
    config, home = config_of(meta.settings), run_folder(path)
    name = architecture(config.model)
    tokenizer = open_tokenizer(home, meta.tokenizer_sha256)
    eos, pad = tokenizer.eos_id(), tokenizer.pad_id()
    marks = {"bos_token_id": eos, "eos_token_id": eos, "pad_token_id": pad if pad >= 0 else tokenizer.unk_id()}
    shape = settings(config.model, meta.vocab_size, config.sequence_length) | marks
    with aside(out) as folder:
        write(folder / "config.json", shape | {"dtype": str(DTYPES[dtype]).removeprefix("torch.")})
        write(folder / "generation_config.json", marks)
        save(tensors(model, DTYPES[dtype]), folder, meta, part_bytes)
        found = [name for name in TOKENIZER_FILES if (home / name).is_file()]
        for file in found:
            shutil.copyfile(home / file, folder / file)
        sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    notes = ["texts begin with EOS, as in training: put bos_token_id before a prompt's ids"]
    if "tokenizer.json" not in found:
        notes.append("no tokenizer.json lies in the run's folder: read tokenizer.model with sentencepiece")
    return Exported(name, sizes, tuple(notes))


def export_int8(path: Path, out: Path, corpus_root: str = "", max_tokens: int = 4_096) -> tuple[Path, Compared, str]:
    """Write the model with 8-bit matrices into `out`, with its tokenizer, and compare it with what it was.

    The comparison reads the first `max_tokens` of each held-out domain of `corpus_root`, by default the run's corpus.
    Gives the file, the comparison, and a line on what was read. Raises as `export` does.
    """
    model, meta = load_model(path)
    home = run_folder(path)
    tokenizer = open_tokenizer(home, meta.tokenizer_sha256)
    small = quantize.quantized(model)
    corpus, note = _corpus(corpus_root, home, meta)
    with aside(out) as folder:
        quantize.save(small, folder, meta)
        shutil.copyfile(home / "tokenizer.model", folder / "tokenizer.model")
    found = quantize.compare(model, small, tokenizer.eos_id(), corpus, max_tokens)
    if corpus and not found.tokens:
        note = f"{note} holds no held-out documents to compare bits per byte on; threads: {torch.get_num_threads()}"
    elif corpus:
        note = f"bits per byte on {found.tokens:,} held-out tokens of {note}; threads: {torch.get_num_threads()}"
    return out / quantize.FILE, found, note


def _corpus(named: str, home: Path, meta: Meta) -> tuple[Corpus | None, str]:
    """The corpus to compare on and its place, or None and why not; one that was named must do."""
    try:
        root = named or json.loads((home / "run.json").read_text(encoding="utf-8"))["corpus"]
        corpus = open_corpus(root, check=False)
        if corpus.tokenizer_sha256 != meta.tokenizer_sha256:
            raise DataError(f"{root} has another tokenizer than the model was trained with")
    except (OSError, ValueError, KeyError, GristmillError) as error:
        if named:
            raise
        return None, f"no held-out documents at hand ({error}): --corpus says where the corpus lies"
    return corpus, root


def architecture(config: ModelConfig) -> str:
    """The class of transformers that computes the same. Raises InputError where there is none."""
    if config.kind != "decoder":
        raise InputError(f"the model is an {config.kind}: only decoders have a layout in transformers that fits")
    if config.positions != "rotary":
        raise InputError(f"positions = {config.positions!r} has no layout in transformers that fits: train with rotary")
    if config.moe:
        if config.moe.experts < 2:
            raise InputError("experts = 1 has no layout in transformers: its router chooses among 2 or more")
        return "Glm4MoeForCausalLM"
    return "Qwen3ForCausalLM" if config.qk_norm else "LlamaForCausalLM"


def settings(config: ModelConfig, vocab_size: int, sequence_length: int) -> dict[str, Any]:
    """The content of config.json, but for the ids of marks and the tensors' dtype."""
    name = architecture(config)
    rope = {"rope_type": "default", "rope_theta": config.rope_theta}
    found = {
        "architectures": [name],
        "model_type": {"L": "llama", "Q": "qwen3", "G": "glm4_moe"}[name[0]],
        "vocab_size": vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.width // config.heads,
        "hidden_act": "silu",
        "max_position_embeddings": sequence_length,
        "rms_norm_eps": 1e-6,
        "rope_theta": config.rope_theta,  # read by transformers 4, rope_parameters by 5
        "rope_parameters": rope,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": config.tied,
    }
    if name == "LlamaForCausalLM":
        found["mlp_bias"] = False
    if moe := config.moe:
        found |= {
            "moe_intermediate_size": moe.hidden,
            "n_routed_experts": moe.experts,
            "num_experts_per_tok": moe.top_k,
            "n_shared_experts": _shared(config),
            "first_k_dense_replace": min(moe.dense_layers, config.layers),
            "norm_topk_prob": True,
            "routed_scaling_factor": 1.0,
            "n_group": 1,
            "topk_group": 1,
            "use_qk_norm": config.qk_norm,
            "partial_rotary_factor": 1.0,
            "num_nextn_predict_layers": 0,
            "rope_parameters": rope | {"partial_rotary_factor": 1.0},
        }
    return found


def _shared(config: ModelConfig) -> int:
    """How many experts wide the shared one is there: it is never absent, so zeros fill what ours does not have."""
    return max(-(-config.moe.shared_hidden // config.moe.hidden), 1) if config.moe else 0


def tensors(model: nn.Module, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    """The model's tensors under their names in transformers; a tied head is not among them."""
    config: ModelConfig = model.config
    for name, tensor in model.state_dict().items():
        if name == "head.weight" and config.tied:
            continue
        begin, inner = "", name
        if name.startswith("blocks."):
            _, number, inner = name.split(".", 2)
            begin = f"model.layers.{number}."
        part = inner.removesuffix(".weight")
        if inner == "feed.bias":
            yield f"{begin}mlp.gate.e_score_correction_bias", tensor.float()
        elif tensor.dim() == 3:
            kind = part.rsplit(".", 1)[-1]
            for number, matrix in enumerate(tensor):
                yield f"{begin}mlp.experts.{number}.{kind}_proj.weight", matrix.to(dtype)
        else:
            filled = _filled(part, tensor, config) if part.startswith("feed.shared.") else tensor
            yield f"{begin}{NAMES[part]}.weight", filled.to(dtype)
        if config.moe and part == "feed.router" and not config.moe.shared_hidden:
            for kind, shape in (("gate", (0, config.width)), ("up", (0, config.width)), ("down", (config.width, 0))):
                shared = f"feed.shared.{kind}"
                yield f"{begin}{NAMES[shared]}.weight", _filled(shared, torch.zeros(shape), config).to(dtype)


def _filled(part: str, tensor: Tensor, config: ModelConfig) -> Tensor:
    """A matrix of the shared expert, made as wide as `_shared` says with zeros: silu(0) x 0 adds nothing."""
    assert config.moe
    missing = _shared(config) * config.moe.hidden - config.moe.shared_hidden
    return functional.pad(tensor, (0, missing) if part.endswith("down") else (0, 0, 0, missing))


def save(named: Iterator[tuple[str, Tensor]], folder: Path, meta: Meta, part_bytes: int) -> None:
    """Write tensors as one safetensors file or, beyond `part_bytes`, as several and an index."""
    from safetensors.torch import save_file

    parts: list[dict[str, Tensor]] = [{}]
    room = part_bytes
    for name, tensor in named:
        if parts[-1] and tensor.nbytes > room:
            parts.append({})
            room = part_bytes
        parts[-1][name] = tensor.contiguous()
        room -= tensor.nbytes
    said = {
        "format": "pt", "step": str(meta.step), "tokenizer_sha256": meta.tokenizer_sha256,
        "order_sha256": meta.order_sha256,
    }  # fmt: skip
    where: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        whole = len(parts) == 1
        file = "model.safetensors" if whole else f"model-{number:05d}-of-{len(parts):05d}.safetensors"
        save_file(part, folder / file, metadata=said)
        where |= dict.fromkeys(part, file)
    if len(parts) > 1:
        total = sum(tensor.nbytes for part in parts for tensor in part.values())
        write(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": where})


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A folder to fill; it appears at `out` when all went well, and only then.

    Raises InputError where something lies there, StoreError where it cannot be written.
    """
    from safetensors import SafetensorError

    if out.exists():
        raise InputError(f"{out}: something lies there already; remove it, or export to another place")
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # left by a kill
        part.mkdir(parents=True)
        yield part
        for file in part.iterdir():
            file.chmod(part.stat().st_mode & 0o666)  # safetensors makes them readable by the owner alone
        part.rename(out)
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"{out} cannot be written ({why}): make room there, or export to another place") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
