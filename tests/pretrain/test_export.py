"""The exported folder, read by a forward pass written anew in NumPy, gives the model's logits.

tests/interop reads the same folders with transformers itself.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus.errors import InputError, RecipeError, StoreError

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")

from pretrain import export as module  # noqa: E402
from pretrain.checkpoint import load_model  # noqa: E402
from pretrain.config import ModelConfig, MoeConfig  # noqa: E402
from pretrain.export import architecture, export  # noqa: E402

MadeRun = Callable[..., Path]
EXPERTS = {"experts": 4, "top_k": 2, "hidden": 12, "dense_layers": 1}
SHAPES: dict[str, dict[str, Any]] = {
    "LlamaForCausalLM": {"qk_norm": False},
    "LlamaForCausalLM tied": {"qk_norm": False, "tied": True, "rope_theta": 500_000.0, "kv_heads": 4},
    "Qwen3ForCausalLM": {"kv_heads": 1},
    "Qwen3ForCausalLM tied": {"tied": True, "rope_theta": 300.0},
    "Glm4MoeForCausalLM": {"moe": EXPERTS},
    "Glm4MoeForCausalLM shared": {"moe": EXPERTS | {"shared_hidden": 20, "dense_layers": 0}, "qk_norm": False},
}


def make(out: Path, made_run: MadeRun, **model: Any) -> Path:
    if moe := model.get("moe"):
        model["moe"] = MoeConfig(**moe)
    return made_run(out, **model)


class Folder:
    """A Hugging Face folder as its config.json describes it, computed in NumPy."""

    def __init__(self, path: Path) -> None:
        self.said: dict[str, Any] = json.loads((path / "config.json").read_text())
        self.held = {k: v for file in path.glob("*.safetensors") for k, v in safetensors.load_file(file).items()}

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.held[f"{name}.weight"].T

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.said["rms_norm_eps"]) * self.held[f"{name}.weight"]

    def rotated(self, x: np.ndarray) -> np.ndarray:
        """x [T, heads, D]: the pair (i, i + D/2) as a complex number, turned by its place."""
        half = x.shape[-1] // 2
        theta = float(self.said["rope_parameters"]["rope_theta"])
        turns = np.arange(len(x))[:, None] * theta ** (-np.arange(half) / half)
        z = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * turns)[:, None]
        return np.concatenate([z.real, z.imag], -1)

    def attention(self, x: np.ndarray, name: str) -> np.ndarray:
        said, width = self.said, self.said["head_dim"]
        q, k, v = (self.linear(x, f"{name}.{p}_proj").reshape(len(x), -1, width) for p in "qkv")
        if f"{name}.q_norm.weight" in self.held:
            q, k = self.norm(q, f"{name}.q_norm"), self.norm(k, f"{name}.k_norm")
        shared = said["num_attention_heads"] // said["num_key_value_heads"]
        q, k, v = self.rotated(q), self.rotated(k).repeat(shared, 1), v.repeat(shared, 1)
        scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(width)
        scores[:, np.triu_indices(len(x), 1)[0], np.triu_indices(len(x), 1)[1]] = -np.inf
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hts,shd->thd", shares / shares.sum(-1, keepdims=True), v)
        return self.linear(mixed.reshape(len(x), -1), f"{name}.o_proj")

    def feed(self, x: np.ndarray, name: str) -> np.ndarray:
        gate = self.linear(x, f"{name}.gate_proj")
        return self.linear(gate / (1 + np.exp(-gate)) * self.linear(x, f"{name}.up_proj"), f"{name}.down_proj")

    def experts(self, x: np.ndarray, name: str) -> np.ndarray:
        """Every expert on every token, weighted: 0 where it is not among the chosen."""
        scores = 1 / (1 + np.exp(-self.linear(x, f"{name}.gate")))
        order = np.argsort(-(scores + self.held[f"{name}.gate.e_score_correction_bias"]), 1)
        chosen = np.zeros_like(scores)
        np.put_along_axis(chosen, order[:, : self.said["num_experts_per_tok"]], 1.0, 1)
        weights = chosen * scores / (chosen * scores).sum(1, keepdims=True) * self.said["routed_scaling_factor"]
        mixed = sum(weights[:, [e]] * self.feed(x, f"{name}.experts.{e}") for e in range(self.said["n_routed_experts"]))
        return mixed + self.feed(x, f"{name}.shared_experts")

    def logits(self, ids: list[int]) -> np.ndarray:
        x = self.held["model.embed_tokens.weight"][ids].astype(np.float64)
        for layer in range(self.said["num_hidden_layers"]):
            name = f"model.layers.{layer}"
            x = x + self.attention(self.norm(x, f"{name}.input_layernorm"), f"{name}.self_attn")
            feed = self.experts if f"{name}.mlp.gate.weight" in self.held else self.feed
            x = x + feed(self.norm(x, f"{name}.post_attention_layernorm"), f"{name}.mlp")
        head = "model.embed_tokens" if self.said["tie_word_embeddings"] else "lm_head"
        return self.linear(self.norm(x, "model.norm"), head)


@pytest.mark.parametrize("name", SHAPES)
def test_the_folder_gives_the_models_logits(name: str, made_run: MadeRun, tmp_path: Path) -> None:
    run = make(tmp_path / "run", made_run, **SHAPES[name])
    done = export(run, tmp_path / "out")
    said = json.loads((tmp_path / "out/config.json").read_text())
    assert [done.architecture] == said["architectures"] == [name.split()[0]]
    ids = np.random.default_rng(0).integers(0, 400, 32).tolist()
    model, _ = load_model(run)
    with torch.inference_mode():
        expected = model(torch.tensor([ids]))[0].numpy()
    folder = Folder(tmp_path / "out")
    np.testing.assert_allclose(folder.logits(ids), expected, atol=1e-4)
    held = set(folder.held)
    assert ("lm_head.weight" in held) == (not said["tie_word_embeddings"])
    folder.held["model.layers.1.self_attn.q_proj.weight"] = -folder.held["model.layers.1.self_attn.q_proj.weight"]
    assert np.abs(folder.logits(ids) - expected).max() > 0.1  # what is compared depends on what is read


def test_marks_and_tokenizer_come_along(made_run: MadeRun, tmp_path: Path) -> None:
    run = made_run(tmp_path / "run")
    done = export(run, tmp_path / "out")
    marks = {"bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 3}  # texts begin with EOS
    assert json.loads((tmp_path / "out/generation_config.json").read_text()) == marks
    assert json.loads((tmp_path / "out/config.json").read_text()).items() >= (marks | {"dtype": "float32"}).items()
    for file in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "out" / file).read_bytes() == (run / file).read_bytes()
    assert done.files == {file.name: file.stat().st_size for file in (tmp_path / "out").iterdir()}
    assert len({file.stat().st_mode for file in (tmp_path / "out").iterdir()}) == 1
    (run / "tokenizer.json").unlink()
    assert "sentencepiece" in export(run, tmp_path / "without").notes[-1]


def test_large_models_are_cut_into_parts_with_an_index(made_run: MadeRun, tmp_path: Path) -> None:
    run = made_run(tmp_path / "run")
    export(run, tmp_path / "whole")
    export(run, tmp_path / "parts", part_bytes=60_000)
    index = json.loads((tmp_path / "parts/model.safetensors.index.json").read_text())
    files = sorted((tmp_path / "parts").glob("*.safetensors"))
    assert [file.name for file in files] == sorted(set(index["weight_map"].values()))
    assert len(files) > 2 and files[0].name == f"model-00001-of-{len(files):05d}.safetensors"
    found = {file.name: safetensors.load_file(file) for file in files}
    whole = safetensors.load_file(tmp_path / "whole/model.safetensors")
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in whole.values())
    assert index["weight_map"].keys() == whole.keys()
    for name, file in index["weight_map"].items():
        np.testing.assert_array_equal(found[file][name], whole[name])


def test_half_precision_is_half_the_size(made_run: MadeRun, tmp_path: Path) -> None:
    run = made_run(tmp_path / "run")
    done = {dtype: export(run, tmp_path / dtype, dtype=dtype) for dtype in ("fp32", "bf16", "fp16")}
    sizes = {dtype: each.files["model.safetensors"] for dtype, each in done.items()}
    assert sizes["bf16"] < 0.52 * sizes["fp32"] and sizes["fp16"] < 0.52 * sizes["fp32"]
    assert json.loads((tmp_path / "bf16/config.json").read_text())["dtype"] == "bfloat16"
    with pytest.raises(RecipeError, match="fp8"):
        export(run, tmp_path / "other", dtype="fp8")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"kind": "encoder"}, "encoder"),
        ({"kind": "encoder-decoder"}, "encoder-decoder"),
        ({"positions": "sinusoidal"}, "sinusoidal"),
        ({"positions": "relative"}, "relative"),
    ],
)
def test_what_no_layout_fits_is_refused(model: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        architecture(ModelConfig(layers=1, width=8, heads=1, kv_heads=1, hidden=8, **model))


def test_the_command_says_what_was_written(
    made_run: MadeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from report.model import export_model

    monkeypatch.setattr("pretrain.quantize.TRY_SECONDS", 0.0)
    run = made_run(tmp_path / "run")
    export_model(run, tmp_path / "hf")
    said = capsys.readouterr().out
    assert "transformers' Qwen3ForCausalLM" in said and "put bos_token_id before" in said
    export_model(run, tmp_path / "small", int8=True)
    said = capsys.readouterr().out
    assert "writes, tokens/s" in said and "int8.safetensors" in said


def test_options_that_would_mean_nothing_are_refused(tmp_path: Path) -> None:
    from report.model import export_model
    from report.train import train

    with pytest.raises(RecipeError, match="leave one of them out"):
        export_model(tmp_path, tmp_path / "out", dtype="bf16", int8=True)
    with pytest.raises(RecipeError, match="give --int8 too"):
        export_model(tmp_path, tmp_path / "out", corpus="c")
    with pytest.raises(RecipeError, match="give --nodes too"):
        train("c", out=tmp_path / "run", rendezvous="node0:29400")


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from report import model
    from report.train import prove, train

    monkeypatch.setattr(model, "find_spec", lambda name: name != "safetensors")
    with pytest.raises(RecipeError, match=r"safetensors.*pip install"):
        model.export_model(tmp_path, tmp_path / "out")
    monkeypatch.setattr(model, "find_spec", lambda name: name != "torch")
    for command in (partial(train, processes=2), prove):
        with pytest.raises(RecipeError, match=r"need torch.*pip install"):
            command("corpus")


def test_nothing_is_left_of_an_export_that_fails(
    made_run: MadeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made_run(tmp_path / "run")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "save", full)
        with pytest.raises(StoreError, match="make room"):
            export(run, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
    export(run, tmp_path / "out")
    with pytest.raises(InputError, match="lies there already"):
        export(run, tmp_path / "out")
