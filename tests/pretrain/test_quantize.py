"""Eight bits: numbers within half a step, the same text before and after the file, sizes and losses as they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from corpus.errors import DataError, GristmillError, InputError

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from pretrain.checkpoint import load_model  # noqa: E402
from pretrain.config import MoeConfig  # noqa: E402
from pretrain.export import export_int8  # noqa: E402
from pretrain.generate import generate  # noqa: E402
from pretrain.opened import open_model  # noqa: E402
from pretrain.quantize import Int8Linear, bits_per_byte, load, num_bytes, product, quantized, rounded  # noqa: E402

MadeRun = Callable[..., Path]
NUMBERS = st.floats(-1e6, 1e6, width=32)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timings of one run each."""
    monkeypatch.setattr("pretrain.quantize.TRY_SECONDS", 0.0)


@given(arrays(np.float32, (3, 5), elements=NUMBERS))
def test_a_number_is_off_by_half_a_step_of_its_row_at_most(rows: np.ndarray) -> None:
    integers, scale = rounded(torch.from_numpy(rows))
    assert integers.dtype == torch.int8 and int(integers.abs().max()) <= 127
    error = (integers * scale - torch.from_numpy(rows)).abs()
    assert (error <= scale * 0.5001).all()


@given(arrays(np.float32, (2, 3, 6), elements=NUMBERS), arrays(np.float32, (4, 6), elements=NUMBERS))
def test_a_product_is_that_of_the_rounded_numbers(x: np.ndarray, weight: np.ndarray) -> None:
    integers, scale = rounded(torch.from_numpy(weight))
    found = Int8Linear(integers, scale[:, 0])(torch.from_numpy(x))
    ours, ours_scale = rounded(torch.from_numpy(x).flatten(0, 1))
    expected = (ours.double() * ours_scale) @ (integers.double() * scale).T
    assert found.shape == (2, 3, 4)
    torch.testing.assert_close(found.flatten(0, 1).double(), expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("exact", [True, False])
def test_products_are_exact_on_every_processor(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch's own are not, large numbers show it; a sum of 2,500 has no room in float32."""
    if not exact:
        monkeypatch.setattr("pretrain.quantize.exact", lambda: False)
    for seed, shape in enumerate([(8, 2_500), (1, 7), (5, 1), (40, 64)]):
        random = torch.Generator().manual_seed(seed)
        for low in (-127, 120):
            x, weight = (torch.randint(low, 128, shape, generator=random, dtype=torch.int8) for _ in range(2))
            assert torch.equal(product(x, weight), (x.long() @ weight.long().t()).int())


@pytest.mark.parametrize("tied", [False, True])
def test_a_quarter_of_the_size_and_nearly_the_same_logits(tied: bool, made_run: MadeRun, tmp_path: Path) -> None:
    model, _ = load_model(made_run(tmp_path / "run", tied=tied, width=64))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    small = quantized(model)
    assert num_bytes(small) < 0.3 * num_bytes(model)
    ids = torch.arange(4, 36)[None]
    with torch.inference_mode():
        expected, found = model(ids), small(ids)
    assert 0 < (found - expected).norm() / expected.norm() < 0.1
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("model", [{}, {"tied": True, "qk_norm": False}, {"positions": "relative"}], ids=str)
def test_the_file_gives_the_model_back(model: dict[str, Any], made_run: MadeRun, tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", **model)
    path, found, _ = export_int8(run, tmp_path / "out")
    assert path.stat().st_size < 0.4 * found.num_bytes[0] and found.num_bytes[1] < path.stat().st_size
    expected = open_model(run, int8=True)
    opened = open_model(tmp_path / "out")
    write = lambda one: list(generate(one.model, [2], max_tokens=40, top_p=0.9))  # noqa: E731
    assert write(opened) == write(expected)
    assert min(found.reads + found.writes) > 0


def test_experts_and_their_router_stay_as_they_are(made_run: MadeRun, tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", moe=MoeConfig(experts=4, top_k=2, hidden=12, dense_layers=1))
    export_int8(run, tmp_path / "out")
    held = safetensors.load_file(tmp_path / "out/int8.safetensors")
    kinds = {name: tensor.dtype for name, tensor in held.items()}
    assert kinds["blocks.1.feed.router.weight"] == kinds["blocks.1.feed.gate.weight"] == torch.float32
    assert kinds["blocks.0.feed.gate.weight"] == kinds["head.weight"] == torch.int8
    assert next(generate(load(tmp_path / "out")[0], [2], max_tokens=1)) >= 0


def test_bits_per_byte_are_those_of_the_evaluation(
    made_run: MadeRun, made_corpus: Callable[..., str], tmp_path: Path
) -> None:
    """On a corpus with another tokenizer, only to compare two ways of counting."""
    from corpus.shard import open_corpus
    from pretrain.checkpoint import read_meta
    from pretrain.config import config_of
    from pretrain.evaluate import score, total
    from pretrain.ranks import Ranks
    from pretrain.run import open_run

    corpus = open_corpus(made_corpus(tmp_path / "corpus", vocab_size=400))
    run_folder = made_run(tmp_path / "run")
    meta = read_meta(run_folder / "checkpoints/step-00000007")
    model, _ = load_model(run_folder)
    run = open_run(corpus, config_of(meta.settings), Ranks(torch.device("cpu")))
    run.model.load_state_dict(model.state_dict())
    expected = total(score(run))
    found, tokens = bits_per_byte(model, corpus, 0)
    assert found == pytest.approx(expected.bpb, rel=1e-5)
    assert tokens == expected.tokens


def test_the_comparison_says_what_it_had_nothing_for(
    made_run: MadeRun, made_corpus: Callable[..., str], tmp_path: Path
) -> None:
    run = made_run(tmp_path / "run")
    _, found, note = export_int8(run, tmp_path / "a")
    assert found.bpb is None and "--corpus says where" in note
    root = made_corpus(tmp_path / "corpus", vocab_size=400)
    (run / "run.json").write_text(json.dumps({"corpus": root}))
    _, found, note = export_int8(run, tmp_path / "b")
    assert found.bpb is None and "another tokenizer" in note
    for named, said in (root, "another tokenizer"), (str(tmp_path / "none"), "no corpus is published"):
        with pytest.raises(GristmillError, match=said):  # what was asked for is not left out
            export_int8(run, tmp_path / "c", named)
    assert not (tmp_path / "c").exists()


def test_the_comparison_reads_the_runs_corpus(
    made_run: MadeRun, made_corpus: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.shard import Corpus, open_corpus

    run, root = made_run(tmp_path / "run"), made_corpus(tmp_path / "corpus", vocab_size=400)
    (run / "run.json").write_text(json.dumps({"corpus": root}))
    digest = json.loads((run / "checkpoints/step-00000007/meta.json").read_text())["tokenizer_sha256"]
    monkeypatch.setattr(Corpus, "tokenizer_sha256", digest)
    _, found, note = export_int8(run, tmp_path / "out")
    assert root in note and found.tokens == bits_per_byte(load_model(run)[0], open_corpus(root), 4_096)[1]
    assert found.bpb and found.bpb[0] != found.bpb[1] == pytest.approx(found.bpb[0], rel=0.05)
    bare = made_corpus(tmp_path / "bare", vocab_size=400, heldout={})
    _, found, note = export_int8(run, tmp_path / "again", bare)
    assert found.bpb is None and f"{bare} holds no held-out documents" in note


def test_other_models_and_damaged_files_are_refused(made_run: MadeRun, tmp_path: Path) -> None:
    model, _ = load_model(made_run(tmp_path / "run"))
    path, *_ = export_int8(tmp_path / "run", tmp_path / "out")
    safetensors.save_file({"embedding.weight": torch.zeros(2)}, path, metadata={"format": "pt"})
    with pytest.raises(DataError, match="format 'pt'"):
        load(tmp_path / "out")
    path.write_bytes(b"not one")
    with pytest.raises(DataError, match="export the model again"):
        load(tmp_path / "out")
    model.config = type("Config", (), {"kind": "encoder"})()
    with pytest.raises(InputError, match="encoder"):
        quantized(model)
