"""A run's folder, a checkpoint's or an int8 export's in, a model to write with out: prompts, marks, text."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import DataError, InputError, RecipeError

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: threads wait without spinning

import torch
from torch import nn

from pretrain import quantize
from pretrain.checkpoint import checkpoint_at, load_model
from pretrain.config import config_of
from pretrain.generate import generate, texts, window_of
from pretrain.objectives.rows import NAMES

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


@dataclass(frozen=True)
class Opened:
    """A model to generate with."""

    model: nn.Module
    tokenizer: "SentencePieceProcessor"
    fills: bool
    """Whether it was trained to fill in the middle."""

    def prompt(self, text: str, suffix: str | None = None) -> list[int]:
        """The ids to continue: of a text or, with a suffix, of the gap between both, in the order that
        `pretrain.objectives` writes most of them: prefix, suffix, middle.

        Raises InputError where the model was not trained to fill gaps, and for what is no text (lone surrogates, as
        Python makes of bytes that are not UTF-8).
        """
        eos, encode = self.tokenizer.eos_id(), self.tokenizer.encode
        try:
            (text + (suffix or "")).encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the text is not UTF-8 ({error.reason}): convert it first, with iconv say") from error
        if suffix is None:
            return [eos, *encode(text)]
        prefix_mark, suffix_mark, middle_mark = (
            self.tokenizer.piece_to_id(NAMES[key]) for key in ("fim_prefix", "fim_suffix", "fim_middle")
        )
        if not self.fills or self.tokenizer.unk_id() in (prefix_mark, suffix_mark, middle_mark):
            raise InputError('the model has not learned to fill gaps: train with objective "fim", or give no suffix')
        return [eos, prefix_mark, *encode(text), suffix_mark, *encode(suffix), middle_mark]

    def marks(self) -> list[int]:
        """Ids that stand for no text, but for EOS: a model that fills gaps says some of them in front of a document."""
        model = self.tokenizer
        none = (model.is_control, model.is_unknown, model.is_unused)
        return [i for i in range(len(model)) if i != model.eos_id() and any(kind(i) for kind in none)]

    def write(
        self, text: str, suffix: str | None = None, *, max_tokens: int, temperature: float, top_p: float, seed: int
    ) -> Iterator[str]:
        """What the model writes behind the text, or between text and suffix, part by part.

        A gap is filled within one window, for what slid out of it would be its beginning. Raises InputError where there
        is no room for it, and what `generate` raises.
        """
        ids = self.prompt(text, suffix)
        room = window_of(self.model)
        if suffix is not None and len(ids) > room:
            raise InputError(f"text and suffix take {len(ids):,} tokens, the model reads {room:,} at once: give less")
        new = generate(
            self.model, ids, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed,
            eos_id=self.tokenizer.eos_id(), banned=self.marks(), slide=suffix is None,
        )  # fmt: skip
        return texts(self.tokenizer, ids if suffix is None else ids[:1], new)


def open_model(path: Path, device: str = "cpu", int8: bool = False) -> Opened:
    """The model and tokenizer of a run's folder, of one checkpoint's, or of an int8 export's (`pretrain.quantize`).

    int8: its matrices rounded to 8 bits as it is opened. Raises InputError where there is none or no GPU,
    DataError where it cannot be read or the tokenizer is not the one that it was trained with.
    """
    if device not in ("cpu", "cuda"):
        raise RecipeError(f"device = {device!r}: give cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device here: use --device cpu")
    if (path / "generation_config.json").is_file():
        raise InputError(f"{path} was exported for transformers: give the run that it was made of, or an --int8 export")
    if quantize.is_export(path):
        model, facts = quantize.load(path)
        home, digest, objective = path, facts["tokenizer_sha256"], facts["objective"]
    else:
        home = run_folder(path)
        model, meta = load_model(path)
        digest, objective = meta.tokenizer_sha256, config_of(meta.settings).objective.name
        model = quantize.quantized(model) if int8 else model
    if device != "cpu" and quantize.is_int8(model):
        raise InputError(f"int8 models run on the CPU, not on {device}: use --device cpu")
    return Opened(model.to(device).eval(), open_tokenizer(home, digest), objective == "fim")


def run_folder(path: Path) -> Path:
    """The run's folder, given it or one checkpoint's. Raises InputError where there is no checkpoint."""
    return checkpoint_at(path).parents[1]


def open_tokenizer(folder: Path, digest: str) -> "SentencePieceProcessor":
    """The tokenizer of a run. Raises InputError where it is missing, DataError where it is another one."""
    from sentencepiece import SentencePieceProcessor

    path = folder / "tokenizer.model"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}): copy it there from the corpus") from error
    if (found := hashlib.sha256(data).hexdigest()) != digest:
        raise DataError(f"{path} is tokenizer {found[:12]}, the model was trained with {digest[:12]}: copy that there")
    return SentencePieceProcessor(model_proto=data)
