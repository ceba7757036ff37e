"""Text from a trained model, as it comes.

    prompt → EOS + its ids → one pass fills the cache → logits → nucleus → an id → text
                                    ↑ one token a pass ────────────────────┘

A prompt begins with EOS, as documents do in training: there the first token of a document is predicted from it alone.
"""

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import DataError, InputError, RecipeError

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: threads wait without spinning

import torch
from torch import Tensor, nn

from pretrain.checkpoint import checkpoint_at, load_model
from pretrain.config import config_of
from pretrain.objectives.rows import NAMES

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


class Cache:
    """Keys and values of the tokens read so far: per layer two tensors [B, capacity, kv_heads, D], made when first
    needed and never moved.

    The first pass may read any number of tokens, each later one reads one.
    """

    def __init__(self, layers: int, capacity: int) -> None:
        self.layers, self.capacity = layers, capacity
        self.length = 0
        """Tokens read by all layers; the last layer's `extend` moves it on."""
        self._held: list[tuple[Tensor, Tensor]] = []

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add one layer's keys and values of T new tokens, [B, T, kv_heads, D]; those of all tokens so far."""
        begin, end = self.length, self.length + key.shape[1]
        assert end <= self.capacity, f"{end} tokens for a cache of {self.capacity}"
        assert not begin or end == begin + 1, "tokens behind the first pass come one by one: a mask sees to no more"
        if layer == len(self._held):
            shape = key.shape[0], self.capacity, *key.shape[2:]
            self._held.append((key.new_empty(shape), value.new_empty(shape)))
        for held, new in zip(self._held[layer], (key, value), strict=True):
            held[:, begin:end] = new
        if layer == self.layers - 1:
            self.length = end
        keys, values = self._held[layer]
        return keys[:, :end], values[:, :end]


def generate(
    model: nn.Module,
    ids: Sequence[int],
    *,
    max_tokens: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    eos_id: int = -1,
    banned: Sequence[int] = (),
    slide: bool = True,
) -> Iterator[int]:
    """The ids that a decoder puts behind `ids`, one by one, until `eos_id` (not given out) or `max_tokens` of them.

    temperature: logits are divided by it; 0 = always the likeliest id. top_p: `nucleus`. banned: ids that never come.
    Draws are made on the CPU from `seed`: the same logits give the same ids on any device.

    Where the text grows beyond the window that the model was trained on, the cache is filled anew from the window's
    later half (`window_start`); what lies before is forgotten. With `slide` off the text ends there instead.

    Raises InputError for an encoder or encoder-decoder and for an empty prompt, RecipeError for values out of range;
    while it goes on, DataError for a model that gives no numbers.
    """
    if model.config.kind != "decoder":
        raise InputError(f"the model is an {model.config.kind}: only a decoder continues a text")
    if not ids:
        raise InputError("nothing to continue: give at least one id, a document's first is EOS")
    if max_tokens < 0:
        raise RecipeError(f"max_tokens = {max_tokens}: it must be 0 or more")
    if not 0 <= temperature < math.inf:
        raise RecipeError(f"temperature = {temperature}: it must be 0 (always the likeliest token) or a number above")
    if not 0 < top_p <= 1:
        raise RecipeError(f"top_p = {top_p}: it must be above 0 and at most 1; for the likeliest token, temperature 0")
    if not -(2**63) <= seed < 2**64:
        raise RecipeError(f"seed = {seed}: it must fit 64 bits")
    return _generated(model, [*ids], max_tokens, temperature, top_p, seed, eos_id, [*banned], slide)


def _generated(
    model: nn.Module, ids: list[int], max_tokens: int, temperature: float, top_p: float, seed: int, eos_id: int,
    banned: list[int], slide: bool,
) -> Iterator[int]:  # fmt: skip
    room, random = window_of(model), torch.Generator().manual_seed(seed)
    cache, first = Cache(model.config.layers, room), -1
    never = torch.tensor(banned, dtype=torch.int64)
    for _ in range(max_tokens):
        begin = window_start(len(ids), room)
        if begin and not slide:
            return
        if begin != first:
            cache, first = Cache(model.config.layers, room), begin
        logits = read(model, ids[begin + cache.length :], cache).index_fill(0, never, -torch.inf)
        if logits.isnan().any():
            raise DataError("the model's logits are no numbers: its training has diverged; try an earlier checkpoint")
        chosen = draw(logits, temperature, top_p, random)
        if chosen == eos_id:
            return
        ids.append(chosen)
        yield chosen


def window_of(model: nn.Module) -> int:
    """Tokens that the model reads at once, at most: the length of the windows it was trained on."""
    return len(model.cos)


def window_start(length: int, room: int) -> int:
    """The first of `length` tokens that is still read: 0 while they fit, then in strides of half a window."""
    stride = max(room // 2, 1)
    return -(-max(length - room, 0) // stride) * stride


@torch.inference_mode()
def read(model: nn.Module, ids: Sequence[int], cache: Cache | None = None) -> Tensor:
    """What the model says of the id behind `ids` and those in the cache: logits, float32 [V] on the CPU."""
    tokens = torch.tensor([ids], device=model.cos.device)
    logits: Tensor = model.head(model.hidden(model.embedding(tokens), cache=cache)[0, -1])
    return logits.float().cpu()


def draw(logits: Tensor, temperature: float, top_p: float, random: torch.Generator) -> int:
    """An id by its share of the nucleus; the likeliest where the temperature is 0. logits: float [V]."""
    if not temperature:
        return int(logits.argmax())
    logits = logits.double()
    shares = nucleus(((logits - logits.max()) / temperature).softmax(0), top_p)  # below 0 nothing can grow too large
    return int(torch.multinomial(shares, 1, generator=random))


def nucleus(shares: Tensor, top_p: float) -> Tensor:
    """Of probabilities [V] only the likeliest, as few as reach `top_p` together; all others 0, the sum 1 again.

    Nucleus sampling (Holtzman et al. 2020, arXiv:1904.09751).
    """
    if top_p == 1:
        return shares
    ids = (shares >= (1 - top_p) / len(shares)).nonzero()[:, 0]  # those below have less than 1 - top_p together
    ordered, order = shares[ids].sort(descending=True, stable=True)
    kept = torch.where(ordered.cumsum(0) - ordered < top_p, ordered, 0)
    return torch.zeros_like(shares).scatter(0, ids[order], kept / kept.sum())


def texts(tokenizer: "SentencePieceProcessor", before: Sequence[int], ids: Iterable[int]) -> Iterator[str]:
    """The ids as text, as they come: the parts joined are what the tokenizer makes of all ids together.

    Bytes of a character wait for its last one; what can become none is told as U+FFFD. `before` are the ids in front,
    not told: they say whether a blank begins a text.
    """
    held, shown = [*before], tokenizer.decode([*before])
    for i in ids:
        held.append(i)
        if tokenizer.is_byte(i) and _unfinished(tokenizer, held):
            continue
        text = tokenizer.decode(held)
        if new := text[len(shown) :]:
            yield new
        shown = text
        if not tokenizer.is_byte(i) and tokenizer.decode([i]):
            held, shown = [i], tokenizer.decode([i])  # enough to go on from: the work stays the same for each id
    if new := tokenizer.decode(held)[len(shown) :]:
        yield new


def _unfinished(tokenizer: "SentencePieceProcessor", ids: Sequence[int]) -> bool:
    """Whether the bytes at the end begin a character of UTF-8 that more bytes can complete."""
    last = b""
    for i in reversed(ids[-3:]):
        if not tokenizer.is_byte(i):
            break
        last = bytes([int(tokenizer.id_to_piece(i)[3:-1], 16)]) + last  # <0xE2>
        if last[0] >= 0xC0:  # a character's first byte says how many there are
            return len(last) < (2 if last[0] < 0xE0 else 3 if last[0] < 0xF0 else 4 if last[0] < 0xF8 else 0)
    return False


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
    from pretrain import quantize

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
