from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import RecipeError

torch = pytest.importorskip("torch")

from pretrain.data import Tensors, to_batch  # noqa: E402
from pretrain.model.attention import attend, make_mask, varlen_here, way_of  # noqa: E402
from pretrain.model.positions import RelativeBias, rotary, rotate  # noqa: E402


def by_definition(query: Any, key: Any, value: Any, documents: Any, causal: bool, bias: Any = None) -> Any:
    """Softmax over the allowed scores, one head at a time."""
    length, heads = query.shape[1], query.shape[2]
    allowed = documents[:, :, None] == documents[:, None, :]
    allowed = allowed.tril() if causal else allowed
    mixed = torch.zeros_like(query)
    for head in range(heads):
        other = head * key.shape[2] // heads
        scores = query[:, :, head] @ key[:, :, other].transpose(1, 2) / query.shape[3] ** 0.5
        scores = scores if bias is None else scores + bias[head, :length, :length]
        mixed[:, :, head] = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1) @ value[:, :, other]
    return mixed


@given(st.integers(0, 1 << 30), st.booleans(), st.sampled_from([1, 2, 4]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_dense_masks_agree_with_the_definition(seed: int, causal: bool, kv_heads: int, biased: bool) -> None:
    torch.manual_seed(seed)
    query, (key, value) = torch.randn(2, 9, 4, 8), torch.randn(2, 2, 9, kv_heads, 8)
    documents = torch.randint(0, 2, (2, 9)).cumsum(dim=1)
    bias = torch.randn(4, 9, 9) if biased else None
    found = attend(query, key, value, make_mask(documents, causal=causal), bias)
    torch.testing.assert_close(found, by_definition(query, key, value, documents, causal, bias))


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_flex_agrees_with_the_oracle(causal: bool, biased: bool) -> None:
    torch.manual_seed(3)
    query, (key, value) = torch.randn(2, 32, 4, 16), torch.randn(2, 2, 32, 2, 16)
    documents = torch.randint(0, 2, (2, 32)).cumsum(dim=1)
    bias = torch.randn(4, 32, 32) if biased else None
    masks = (make_mask(documents, causal=causal, way=way) for way in ("dense", "flex"))
    dense, flex = (attend(query, key, value, mask, bias) for mask in masks)
    torch.testing.assert_close(flex, dense)


def by_bounds(
    query: Any, key: Any, value: Any, bounds: Any, _: Any, longest: int, __: int, *,
    window_size: Any = (-1, -1), enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """What torch.nn.attention.varlen says of its kernels, which need a GPU: a sequence from each bound to the next."""
    assert bounds.dtype == torch.int32
    assert query.dtype == key.dtype == value.dtype
    mixed = torch.full_like(query, torch.nan)
    for start, end in pairwise(bounds.tolist()):
        assert end - start <= longest
        one = (x[None, start:end].transpose(1, 2) for x in (query, key, value))
        mixed[start:end] = torch.nn.functional.scaled_dot_product_attention(
            *one, is_causal=window_size == (-1, 0), enable_gqa=enable_gqa
        ).transpose(1, 2)[0]
    return mixed


def by_bounds_before_2_13(query: Any, key: Any, *others: Any, window_size: Any = (-1, -1)) -> Any:
    """The same without a word for fewer key/value heads: they are seen."""
    return by_bounds(query, key, *others, window_size=window_size, enable_gqa=query.shape[1] != key.shape[1])


@pytest.mark.skipif(not varlen_here(), reason="needs torch 2.10")
@pytest.mark.parametrize("kernel", [by_bounds, by_bounds_before_2_13])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_varlen_is_asked_for_what_the_oracle_computes(
    monkeypatch: pytest.MonkeyPatch, kernel: Any, causal: bool, kv_heads: int
) -> None:
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel)
    torch.manual_seed(5)
    query, (key, value) = torch.randn(3, 16, 4, 8), torch.randn(2, 3, 16, kv_heads, 8)
    tokens = torch.ones(3, 16, dtype=torch.int32)
    batch = to_batch(Tensors(tokens, tokens, torch.tensor([0, 1, 9, 16, 32, 47], dtype=torch.int32)), pad_id=2)
    masks = [make_mask(batch.documents, causal=causal, way=way, bounds=batch.starts) for way in ("dense", "varlen")]
    dense, varlen = (attend(query, key, value, mask) for mask in masks)
    torch.testing.assert_close(varlen, dense)


@pytest.mark.skipif(not varlen_here(), reason="needs torch 2.10")
def test_a_layer_is_compiled_once_for_any_number_of_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 82 documents on average are padded to 128 bounds and to 256: a training would stop to compile."""
    from torch._dynamo.testing import CompileCounter

    def kernel(query: Any, key: Any, value: Any, bounds: Any, *_: Any, window_size: Any) -> Any:
        return query + key + value + bounds.sum()

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel)
    counted = CompileCounter()
    layer = torch.compile(attend, backend=counted, fullgraph=True)
    for opened in ([0], [0, 3, 9, 17], [0, *range(2, 32)]):
        tokens, starts = torch.ones(2, 16, dtype=torch.int32), torch.tensor(sorted({*opened, 16}), dtype=torch.int32)
        batch, x = to_batch(Tensors(tokens, tokens, starts), pad_id=2), torch.ones(2, 16, 2, 8)
        layer(x, x, x, make_mask(batch.documents, causal=True, way="varlen", bounds=batch.starts))
    assert counted.frame_count == 1


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore")  # the compiler's
@pytest.mark.skipif(not torch.cuda.is_available() or not varlen_here(), reason="needs a GPU")
@pytest.mark.parametrize("way", ["varlen", "flex"])
def test_the_gpus_ways_agree_with_the_oracle(way: Any) -> None:
    torch.manual_seed(4)
    query, key, value = (torch.randn(2, 256, h, 64, device="cuda", dtype=torch.bfloat16) for h in (4, 2, 2))
    documents = (torch.rand(2, 256, device="cuda") < 0.05).cumsum(dim=1)
    flat = documents + 1000 * torch.arange(2, device="cuda")[:, None]
    starts = torch.cat([torch.zeros(1, device="cuda"), flat.flatten().diff().nonzero()[:, 0] + 1])
    bounds = torch.nn.functional.pad(starts, (0, 5), value=512).int()
    results = []
    for kind in ("dense", way):
        leaves = [x.clone().requires_grad_() for x in (query, key, value)]
        mixed = attend(*leaves, make_mask(documents, causal=True, way=kind, bounds=bounds))
        mixed.float().square().sum().backward()
        results.append([mixed, *(leaf.grad for leaf in leaves)])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=0.05, rtol=0.05)


def test_what_a_device_computes_by() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    usual: Any = {"head_width": 64, "bias": False, "half": True, "crossed": False}
    assert way_of("auto", cpu, **usual) == "dense"
    assert way_of("auto", gpu, **usual) == ("varlen" if varlen_here() else "flex")
    assert way_of("dense", gpu, **usual) == "dense"
    for other in ({"bias": True}, {"half": False}, {"crossed": True}, {"head_width": 12}, {"head_width": 264}):
        assert way_of("auto", gpu, **usual | other) == "flex"
    for asked, device, bias in [("flex", cpu, False), ("varlen", cpu, False), ("varlen", gpu, True)]:
        with pytest.raises(RecipeError, match=f"attention = '{asked}' cannot train this model on this device"):
            way_of(asked, device, **usual | {"bias": bias})


def test_rotation_keeps_lengths_and_depends_on_distance_alone() -> None:
    torch.manual_seed(2)
    cos, sin = rotary(16, 8, 10_000.0)
    query, key = (rotate(torch.randn(8).expand(1, 16, 1, 8), cos, sin)[0, :, 0] for _ in range(2))
    torch.testing.assert_close(query.norm(dim=1), query.norm(dim=1)[:1].expand(16))
    products = query @ key.T
    torch.testing.assert_close(products[5, 3], products[12, 10])
    assert abs(products[5, 3] - products[5, 4]) > 1e-3


def test_relative_buckets_are_t5s() -> None:
    """The bucket of each distance, worked out from the paper's words: exact up to 15, then by the logarithm."""
    causal, both = RelativeBias(1, both_ways=False), RelativeBias(1, both_ways=True)
    far = torch.tensor([0, 1, 15, 16, 32, 64, 127, 128, 5_000, -3])
    assert causal.bucket(far).tolist() == [0, 1, 15, 16, 21, 26, 31, 31, 31, 0]
    assert both.bucket(torch.tensor([3, -3, 8, -8, 500, -500])).tolist() == [3, 19, 8, 24, 15, 31]
