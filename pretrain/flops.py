"""Model FLOPs utilisation: the share of the devices' peak that goes into the model's own arithmetic.

In: a model's shape, a device's name, tokens per second. Out: FLOPs per token, the dense peak, their quotient (MFU as in
PaLM, Chowdhery et al. 2022, arXiv:2204.02311, appendix B). Work that only the machine needs counts for nothing:
activations computed anew, communication, padding. Several published MFUs are wrong by 2 because the peak was another
device's or the one with sparsity; so the formula and the peak used are told once a run, in words (`in_words`).
"""

import re

from pretrain.config import ModelConfig, ParallelConfig, TrainConfig

# Dense TFLOP/s of one device: (words of its name, bf16 and fp16, TF32). The first line whose words are all in the name
# counts. NVIDIA's data sheets of each product give most of them with 2:4 sparsity, that is doubled; where a product has
# only a figure for a board of eight (B200, B300) or for a pair (GB200, GB300), it is divided. GeForce: with fp32
# accumulation, as torch multiplies (whitepapers of Ada and RTX Blackwell, appendix A).
_PEAKS: tuple[tuple[tuple[str, ...], float, float], ...] = (
    (("GB300",), 2500, 1250),
    (("GB200",), 2500, 1250),
    (("B300",), 2250, 1125),
    (("B200",), 2250, 1125),
    (("GH200",), 989.4, 494.7),
    (("H200", "NVL"), 835.5, 417.5),
    (("H200",), 989.4, 494.7),
    (("H100", "NVL"), 835.5, 417.5),
    (("H100", "PCIE"), 756, 378),
    (("H100", "HBM2E"), 756, 378),  # what some PCIe boards call themselves
    (("H100",), 989.4, 494.7),
    (("H20",), 148, 74),
    (("A100",), 312, 156),
    (("A40",), 149.7, 74.8),
    (("A30",), 165, 82),
    (("L40S",), 362, 183),
    (("L40",), 181, 90.5),
    (("L4",), 121, 60),
    (("RTX", "6000", "ADA"), 364.2, 182.1),
    (("RTX", "A6000"), 154.8, 77.4),
    (("RTX", "5090"), 209.5, 104.8),
    (("RTX", "4090"), 165.2, 82.6),
    (("RTX", "3090"), 71, 35.6),
)
_OTHER = {"MIG", "LAPTOP", "D", "TI", "MAX"}  # a part of a device, or a slower one of the same name


def matrix_parameters(model: ModelConfig, vocab_size: int) -> int:
    """Parameters that one token is multiplied with: of all matrix products, the output head (tied or not) included.

    Not the embedding (a lookup), norms and biases. Of experts the `top_k` active ones, the shared one and the router.
    """
    key_value = model.width * model.kv_heads // model.heads
    attention = 2 * model.width * (model.width + key_value)  # query and out, key and value
    dense = 3 * model.width * model.hidden  # SwiGLU: gate, up, down
    feeds = model.layers * dense
    if model.moe:
        moe = model.moe
        plain = min(moe.dense_layers, model.layers)
        sparse = model.width * (3 * moe.top_k * moe.hidden + 3 * moe.shared_hidden + moe.experts)
        feeds = plain * dense + (model.layers - plain) * sparse
    stacks = 2 * feeds + 3 * model.layers * attention if _two(model) else feeds + model.layers * attention
    return stacks + model.width * vocab_size


def attention_flops(model: ModelConfig, sequence_length: int) -> float:
    """Training FLOPs per token of queries times keys and weights times values.

    12 x layers x length x width where attention looks both ways, half of it where it is causal. Document masks spare
    some of it, which is not subtracted: as in published figures.
    """
    both_ways = 12.0 * model.layers * sequence_length * model.width
    if _two(model):
        return 2.5 * both_ways  # encoder 1, decoder ½, its look at the encoder's output 1
    return both_ways if model.kind == "encoder" else both_ways / 2


def flops_per_token(model: ModelConfig, vocab_size: int, sequence_length: int) -> float:
    """Training FLOPs per token fed: forward and, at twice its cost, backward.

    6 x `matrix_parameters` (2 FLOPs a multiply-add, 3 passes) + `attention_flops` (PaLM, appendix B; Kaplan et al.
    2020, arXiv:2001.08361, table 1). Encoder-decoder: as if each stack read a token for every token of the window.
    """
    return 6.0 * matrix_parameters(model, vocab_size) + attention_flops(model, sequence_length)


def peak_tflops(device_name: str, precision: str) -> float | None:
    """Dense peak of one device in TFLOP/s, by the name that torch gives it; None for a CPU and what is not known.

    `fp32` is TF32's peak, in which the trainer multiplies on GPUs.
    """
    words = set(re.split(r"[^A-Z0-9]+", device_name.upper()))
    if words & _OTHER:
        return None
    found = (tf32 if precision == "fp32" else half for name, half, tf32 in _PEAKS if words.issuperset(name))
    return next(found, None)


def peak_of(config: TrainConfig, device_name: str) -> float | None:
    """The peak that a run's MFU is measured by: the one set, or the device's. None under float8.

    Under float8 some products run at twice the rate of the others: no one peak is right.
    """
    if config.parallel.float8:
        return None
    return config.peak_tflops or peak_tflops(device_name, config.precision)


def mfu(tokens_per_second: float, per_token: float, peak: float | None, devices: int = 1) -> float | None:
    """Share of the peak: `tokens_per_second` of the whole run, FLOPs `per_token`, `peak` in TFLOP/s of one device."""
    return None if peak is None else tokens_per_second * per_token / (devices * peak * 1e12)


def in_words(config: TrainConfig, vocab_size: int, device_name: str, devices: int = 1) -> str:
    """How a run's MFU is computed, with its numbers, or why there is none. For run.json and whoever watches."""
    model, length = config.model, config.sequence_length
    peak = peak_of(config, device_name)
    if peak is None:
        return f"no MFU: {_why_none(config.parallel, device_name)}"
    per_token = flops_per_token(model, vocab_size, length)
    kind = "both ways" if model.kind == "encoder" else "causal" if model.kind == "decoder" else "of both stacks"
    active = ", of experts the active ones" if model.moe else ""
    whose = "as set" if config.peak_tflops else f"{device_name}, dense {_UNIT[config.precision]}"
    return (
        f"MFU = tokens/s x {per_token / 1e9:,.3g} GFLOP per token / ({devices} x {peak:,g} TFLOP/s, {whose}); per "
        f"token: 6 x {matrix_parameters(model, vocab_size):,} parameters in matrix products (with the head, without "
        f"the embedding{active}) + {attention_flops(model, length) / 1e9:,.3g} GFLOP of attention ({kind}, document "
        f"masks not subtracted)"
    )


_UNIT = {"fp32": "TF32", "bf16": "bf16", "fp16": "fp16"}


def _why_none(parallel: ParallelConfig, device_name: str) -> str:
    if parallel.float8:
        return "under float8 products run at two rates, no one peak is right"
    return f"no dense peak is known for {device_name}; `peak_tflops` sets one"


def _two(model: ModelConfig) -> bool:
    return model.kind == "encoder-decoder"
