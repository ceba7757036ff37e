"""FLOPs by hand, peaks by the names that torch gives."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrain.config import ModelConfig, MoeConfig, ObjectiveConfig, OptimConfig, ParallelConfig, TrainConfig
from pretrain.flops import attention_flops, flops_per_token, in_words, matrix_parameters, mfu, peak_of, peak_tflops

GPT2 = ModelConfig(layers=12, width=768, heads=12, kv_heads=12, hidden=2048)
OPTIM = OptimConfig(lr=0.1, embedding_lr=0.1, head_lr=0.1)


def run(**values: object) -> TrainConfig:
    return TrainConfig(**{"model": GPT2, "optim": OPTIM, "steps": 1, "sequence_length": 1024, "batch_windows": 1,
                          "precision": "bf16", **values})  # fmt: skip


def test_a_model_of_gpt2s_size_by_hand() -> None:
    layer = 4 * 768 * 768 + 3 * 768 * 2048
    assert matrix_parameters(GPT2, 50_257) == 12 * layer + 768 * 50_257
    assert attention_flops(GPT2, 1024) == 6 * 12 * 1024 * 768
    assert flops_per_token(GPT2, 50_257, 1024) == 6 * (12 * layer + 768 * 50_257) + 6 * 12 * 1024 * 768


def test_a_tied_head_is_multiplied_with_too_and_grouped_heads_cost_less() -> None:
    assert matrix_parameters(replace(GPT2, tied=True), 100) == matrix_parameters(GPT2, 100)
    spared = matrix_parameters(GPT2, 100) - matrix_parameters(replace(GPT2, kv_heads=4), 100)
    assert spared == 12 * 2 * 768 * 512


def test_only_active_experts_count() -> None:
    moe = MoeConfig(experts=64, top_k=2, hidden=512, shared_hidden=256, dense_layers=1)
    sparse = 768 * (3 * 2 * 512 + 3 * 256 + 64)
    dense = 3 * 768 * 2048
    assert matrix_parameters(replace(GPT2, moe=moe), 100) == 12 * 4 * 768**2 + dense + 11 * sparse + 76_800


def test_attention_both_ways_is_twice_causal_and_two_stacks_cost_more() -> None:
    encoder, both = replace(GPT2, kind="encoder"), replace(GPT2, kind="encoder-decoder")
    assert attention_flops(encoder, 512) == 2 * attention_flops(GPT2, 512)
    assert attention_flops(both, 512) == 5 * attention_flops(GPT2, 512)
    assert matrix_parameters(both, 10) - 7680 == 12 * (3 * 4 * 768**2 + 2 * 3 * 768 * 2048)


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"kv_heads": 1, "tied": True},
        {"kind": "encoder"},
        {"kind": "encoder-decoder"},
        {"moe": MoeConfig(experts=8, top_k=2, hidden=16, shared_hidden=24, dense_layers=1)},
    ],
)
def test_torch_counts_the_same(what: dict[str, Any]) -> None:
    """Its counter sees each product of a forward and a backward pass; causal attention it counts as whole."""
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from pretrain.model.build import build_model
    from pretrain.model.loss import whole_logits

    shape = ModelConfig(**{"layers": 3, "width": 64, "heads": 4, "kv_heads": 4, "hidden": 80, **what})
    model, ids = build_model(shape, 96, 32), torch.ones(2, 32, dtype=torch.int64)
    model.loss = whole_logits
    source = {"source": ids, "source_documents": ids} if shape.kind == "encoder-decoder" else {}
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(ids, ids, ids, **source).backward()
    uncounted = 0 if shape.kind == "encoder" else attention_flops(replace(shape, kind="decoder"), 32)
    assert counter.get_total_flops() == ids.numel() * (flops_per_token(shape, 96, 32) + uncounted)


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_longer_windows_cost_more_by_attention_alone(short: int, more: int) -> None:
    extra = flops_per_token(GPT2, 100, short + more) - flops_per_token(GPT2, 100, short)
    assert extra == attention_flops(GPT2, more)


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", "bf16", 989.4),
        ("NVIDIA H100 PCIe", "bf16", 756),
        ("NVIDIA H100 NVL", "fp16", 835.5),
        ("NVIDIA H200", "bf16", 989.4),
        ("NVIDIA H200", "fp32", 494.7),
        ("NVIDIA GH200 480GB", "bf16", 989.4),
        ("NVIDIA A100-SXM4-80GB", "bf16", 312),
        ("NVIDIA L40S", "bf16", 362),
        ("NVIDIA L4", "bf16", 121),
        ("NVIDIA B200", "bf16", 2250),
        ("NVIDIA GeForce RTX 4090", "bf16", 165.2),
        ("NVIDIA RTX 6000 Ada Generation", "bf16", 364.2),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", None),
        ("NVIDIA GeForce RTX 3090 Ti", "bf16", None),
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", "bf16", None),
        ("NVIDIA H1000", "bf16", None),
        ("cpu", "fp32", None),
        ("", "bf16", None),
    ],
)
def test_peaks_are_dense_and_of_the_very_device(name: str, precision: str, peak: float | None) -> None:
    assert peak_tflops(name, precision) == peak


def test_the_share_of_the_peak() -> None:
    per_token = flops_per_token(GPT2, 50_257, 1024)
    assert mfu(989.4e12 / per_token, per_token, 989.4) == pytest.approx(1)
    assert mfu(989.4e12 / per_token, per_token, 989.4, devices=8) == pytest.approx(1 / 8)
    assert mfu(1e6, per_token, None) is None


def test_under_float8_and_without_a_peak_there_is_none_and_why_is_told() -> None:
    float8 = run(parallel=ParallelConfig(float8="tensorwise"), peak_tflops=989.4)
    assert peak_of(float8, "NVIDIA H200") is None
    assert "under float8" in in_words(float8, 100, "NVIDIA H200")
    assert in_words(run(), 100, "cpu") == "no MFU: no dense peak is known for cpu; `peak_tflops` sets one"
    assert peak_of(run(peak_tflops=2.5), "cpu") == 2.5
    assert "2 x 2.5 TFLOP/s, as set" in in_words(run(peak_tflops=2.5), 100, "cpu", 2)


def test_formula_and_peak_are_told() -> None:
    told = in_words(run(), 50_257, "NVIDIA H200", 8)
    assert "x 0.798 GFLOP per token / (8 x 989.4 TFLOP/s, NVIDIA H200, dense bf16)" in told
    assert "6 x 123,532,032 parameters" in told
    assert "0.0566 GFLOP of attention (causal, document masks not subtracted)" in told
    both = run(model=replace(GPT2, kind="encoder-decoder"), objective=ObjectiveConfig(name="span"))
    assert "of both stacks" in in_words(both, 100, "NVIDIA H200")
