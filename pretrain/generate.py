"""Text from a trained model, as it comes.

    prompt → EOS + its ids → one pass fills the cache → logits → nucleus → an id → text
                                    ↑ one token a pass ────────────────────┘

A prompt begins with EOS, as documents do in training: there the first token of a document is predicted from it alone.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from corpus.errors import DataError, InputError, RecipeError
from pretrain.model.cache import Cache

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


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
