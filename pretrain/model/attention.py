"""Attention behind one function, whatever computes it.

    documents int [B, T] → make_mask → Mask → attend(query, key, value, mask) in every layer

Three ways, one meaning: a token sees the tokens of its own document, with `causal` only those before it and itself.

    dense   scaled_dot_product_attention under a T x T block-diagonal mask; right everywhere, the oracle of the others
    flex    FlexAttention with a block mask; no backward on the CPU
    varlen  the documents laid end to end and their bounds, nothing computed between them; CUDA in bf16 or fp16 only
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from corpus.errors import RecipeError

Way = Literal["dense", "flex", "varlen"]


@dataclass(frozen=True)
class Mask:
    """Who sees whom, in the form that the way of computing wants; none of the three = everything, or all before."""

    causal: bool
    seen: Tensor | None = None
    """dense: bool [B, 1, T, S]."""
    blocks: BlockMask | None = None
    """flex."""
    bounds: Tensor | None = None
    """varlen: int32 [m], where documents begin in the B·T tokens laid end to end, and their end, perhaps repeated."""
    longest: int = 0
    """varlen: the most tokens that a document can have."""


def make_mask(
    documents: Tensor | None,
    *,
    causal: bool,
    way: Way = "dense",
    keys: Tensor | None = None,
    bounds: Tensor | None = None,
) -> Mask:
    """The mask of one forward pass.

    documents: int [B, T], which document each token belongs to; None = all to one.
    keys: int [B, S], the same of what is attended to, where it is something else.
    bounds: int32 [m], as `Mask` has them; needed for varlen.
    """
    if documents is None:
        return Mask(causal)
    if way == "varlen" and keys is None and bounds is not None:
        torch._dynamo.maybe_mark_dynamic(bounds, 0)  # or training stops to compile, each time m doubles
        return Mask(causal, bounds=bounds, longest=documents.shape[1])
    others = documents if keys is None else keys
    if way == "flex":
        return Mask(causal, blocks=_block_mask(documents, others, causal))
    seen = documents[:, None, :, None] == others[:, None, None, :]
    return Mask(causal, seen=seen.tril() if causal else seen)


def _block_mask(documents: Tensor, keys: Tensor, causal: bool) -> BlockMask:
    def seen(batch: Tensor, _head: Tensor, row: Tensor, column: Tensor) -> Tensor:
        same = documents[batch, row] == keys[batch, column]
        return same & (row >= column) if causal else same

    sizes = documents.shape[0], None, documents.shape[1], keys.shape[1]
    mask: BlockMask = _fused(create_block_mask, documents.is_cuda)(seen, *sizes, device=documents.device)
    return mask


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Mask, bias: Tensor | None = None) -> Tensor:
    """Mix the values that each query sees: [B, T, heads, D] → the same shape.

    key and value: [B, S, kv_heads, D], each head of theirs shared by heads / kv_heads queries.
    bias: float [heads, T, S], added to the scores before the softmax; dense and flex only.
    """
    grouped = query.shape[2] != key.shape[2]
    if mask.bounds is not None:
        from torch.nn.attention.varlen import varlen_attn

        flat = (x.flatten(0, 1) for x in (query, key, value))
        window = (-1, 0 if mask.causal else -1)
        sizes = mask.bounds, mask.bounds, mask.longest, mask.longest
        # Older torch has no such word for shared heads, and needs none.
        words = {"enable_gqa": True} if grouped and "enable_gqa" in varlen_attn.__kwdefaults__ else {}
        mixed: Any = varlen_attn(*flat, *sizes, window_size=window, **words)
        return mixed.view(query.shape)
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    if mask.blocks is not None:
        score_mod = None if bias is None else lambda score, _, head, row, column: score + bias[head, row, column]
        flex = _fused(flex_attention, query.is_cuda)
        mixed = flex(query, key, value, score_mod, mask.blocks, enable_gqa=grouped)
        return mixed.transpose(1, 2)
    seen, causal = mask.seen, mask.causal and mask.seen is None
    if bias is not None:
        if causal:
            seen = torch.ones(bias.shape[-2:], dtype=torch.bool, device=bias.device).tril()
        seen = (bias if seen is None else bias.masked_fill(~seen, -torch.inf)).to(query.dtype)
    mixed = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=seen, is_causal=causal and bias is None, enable_gqa=grouped
    )
    return mixed.transpose(1, 2)


def _fused(function: Any, on_gpu: bool) -> Any:
    """FlexAttention or its mask: a kernel where it is compiled, else the same in plain torch, all T x T pairs at once.

    Within a layer that is being compiled it is compiled with the layer.
    """
    return _compiled(function) if on_gpu and not torch.compiler.is_compiling() else function


@cache
def _compiled(function: Any) -> Any:
    return torch.compile(function, dynamic=False)


def way_of(asked: str, device: torch.device, *, head_width: int, bias: bool, half: bool, crossed: bool) -> Way:
    """What `[parallel] attention = "auto"` means on a device, for a model with heads of this width, with a bias, in
    half precision, with attention between two sequences. Raises RecipeError for a way that cannot train it there.
    """
    fits = head_width % 8 == 0 and head_width <= 256  # what FlashAttention's kernels are made for
    possible = ["varlen"] * (half and fits and not bias and not crossed and varlen_here()) + ["flex"]
    possible = [*(possible if device.type == "cuda" else []), "dense"]
    if asked not in ("auto", *possible):
        raise RecipeError(
            f"[parallel] attention = {asked!r} cannot train this model on this device (varlen: a GPU, bf16 or fp16, "
            f"heads of 8, 16, … 256, no relative positions, no encoder-decoder; flex: a GPU); it can by "
            f"{' or '.join(possible)}: say one of them"
        )
    return cast("Way", possible[0] if asked == "auto" else asked)


def varlen_here() -> bool:
    """Whether this torch has attention for sequences of varying length (2.10 and later)."""
    try:
        from torch.nn.attention import varlen
    except ImportError:
        return False
    return hasattr(varlen, "varlen_attn")
