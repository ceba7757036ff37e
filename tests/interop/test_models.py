"""Exported models are read by transformers, with the same logits, texts and token ids. `make interop` installs it."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentencepiece import SentencePieceProcessor

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from pretrain.checkpoint import load_model  # noqa: E402
from pretrain.config import MoeConfig  # noqa: E402
from pretrain.export import export  # noqa: E402
from pretrain.generate import generate  # noqa: E402

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "builds/interop/bin/python"
pytestmark = pytest.mark.skipif(
    not (ROOT / "builds/interop/ready").exists(), reason="transformers is not installed: make interop"
)

EXPERTS = {"experts": 4, "top_k": 2, "hidden": 12}
MODELS: dict[str, dict[str, Any]] = {
    "LlamaForCausalLM": {"qk_norm": False},
    "LlamaForCausalLM, tied, every head its own keys": {"qk_norm": False, "tied": True, "kv_heads": 4},
    "LlamaForCausalLM, other wavelengths": {"qk_norm": False, "rope_theta": 500_000.0, "kv_heads": 1},
    "Qwen3ForCausalLM": {},
    "Qwen3ForCausalLM, tied": {"tied": True, "rope_theta": 300.0},
    "Qwen3ForCausalLM, in parts": {"layers": 3},
    "Glm4MoeForCausalLM": {"moe": MoeConfig(**EXPERTS, dense_layers=1)},
    "Glm4MoeForCausalLM, shared": {"moe": MoeConfig(**EXPERTS, shared_hidden=20), "qk_norm": False, "tied": True},
}
TEXTS = ["the mill grinds grain", "  def mill(x):\n\treturn x + 1\n", "Mühle — 水車 \u2581", "<fim_prefix></s>", ""]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, made_run: Callable[..., Path]) -> dict[str, Path]:
    """A run of each shape, exported beside."""
    folder = tmp_path_factory.mktemp("models")
    asked = {"ids": [2, *range(4, 390, 13)], "texts": TEXTS}
    made = {}
    for name, model in MODELS.items():
        made[name] = made_run(folder / "runs" / name, **model)
        export(made[name], folder / name, part_bytes=60_000 if "parts" in name else 1 << 30)
        (folder / name / "asked.json").write_text(json.dumps(asked))
    return made


@pytest.fixture(scope="module")
def found(runs: dict[str, Path]) -> dict[str, Any]:
    """What transformers says, of all folders in one process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    folders = [run.parents[1] / name for name, run in runs.items()]
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("models.py"), *folders],
        env=environment | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    result = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and result, done.stderr[-4_000:]
    return {Path(row["folder"]).name: row for row in json.loads(result[1])}


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_the_same(name: str, found: dict[str, Any], runs: dict[str, Path]) -> None:
    model, _ = load_model(runs[name])
    ids = [2, *range(4, 390, 13)]
    with torch.inference_mode():
        expected = model(torch.tensor([ids]))[0]
    assert found[name]["class"] == name.split(",")[0]
    assert found[name]["wrong"] == []
    assert expected.std() > 0.5
    torch.testing.assert_close(torch.tensor(found[name]["logits"]), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_texts_are_the_same(name: str, found: dict[str, Any], runs: dict[str, Path]) -> None:
    model, _ = load_model(runs[name])
    written = list(generate(model, [2, 4, 17, 30], max_tokens=12, temperature=0, eos_id=2))
    assert found[name]["written"][: len(written)] == written
    assert found[name]["written"][len(written) :] in ([], [2])


def test_ids_are_those_of_sentencepiece(found: dict[str, Any], runs: dict[str, Path]) -> None:
    for name, run in runs.items():
        model = SentencePieceProcessor(model_proto=(run / "tokenizer.model").read_bytes())
        assert found[name]["ids"] == [model.encode(text) for text in TEXTS]
        assert found[name]["texts"][:2] == TEXTS[:2]
