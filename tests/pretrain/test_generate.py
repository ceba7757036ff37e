"""What is written is what the model says: cached or not, inside the nucleus only, whole characters, from EOS on."""

import copy
import io
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from corpus.errors import DataError, InputError, RecipeError

torch = pytest.importorskip("torch")

from pretrain.checkpoint import load_model  # noqa: E402
from pretrain.export import export  # noqa: E402
from pretrain.generate import draw, generate, nucleus, read, texts, window_of, window_start  # noqa: E402
from pretrain.model.cache import Cache  # noqa: E402
from pretrain.opened import open_model  # noqa: E402

MadeRun = Callable[..., Path]
POSITIONS = ("rotary", "sinusoidal", "relative")
EOS = 2  # of the tokenizer in tests/trained.py


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, made_run: MadeRun) -> dict[str, Path]:
    """A run for each kind of positions, with windows of 32 tokens; one trained to fill gaps."""
    folder = tmp_path_factory.mktemp("runs")
    made = {name: made_run(folder / name, positions=name) for name in POSITIONS}
    return made | {"fim": made_run(folder / "fim", objective="fim", tied=True, qk_norm=False)}


@pytest.fixture(scope="module")
def models(runs: dict[str, Path]) -> dict[str, Any]:
    return {name: load_model(path)[0] for name, path in runs.items()}


@pytest.fixture(scope="module")
def tokenizer(runs: dict[str, Path]) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_proto=(runs["fim"] / "tokenizer.model").read_bytes())


@given(name=st.sampled_from(POSITIONS), ids=st.lists(st.integers(0, 399), min_size=2, max_size=32), data=st.data())
def test_logits_with_the_cache_are_those_without(name: str, ids: list[int], data: st.DataObject, models: Any) -> None:
    model, first = models[name], data.draw(st.integers(1, len(ids)))
    cache = Cache(model.config.layers, 32)
    found = [read(model, ids[:first], cache)] + [read(model, [i], cache) for i in ids[first:]]
    assert cache.length == len(ids)
    with torch.inference_mode():
        expected = model(torch.tensor([ids]))[0, first - 1 :]
    torch.testing.assert_close(torch.stack(found), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", POSITIONS)
def test_a_text_longer_than_the_window_is_what_rereading_the_window_gives(name: str, models: Any) -> None:
    model, ids = models[name], [EOS, 5, 6]
    written = list(generate(model, ids, max_tokens=75, temperature=0))
    for _ in range(75):
        begin = window_start(len(ids), window_of(model))
        ids.append(int(read(model, ids[begin:]).argmax()))
    assert written == ids[3:]


def test_a_prompt_longer_than_the_window_is_read_from_its_end(models: Any) -> None:
    model, ids = models["rotary"], [EOS, *range(10, 90)]
    assert next(generate(model, ids, max_tokens=1, temperature=0)) == int(read(model, ids[64:]).argmax())


@given(st.integers(1, 500), st.integers(1, 64))
def test_the_window_holds_at_least_half_and_ends_with_the_text(length: int, room: int) -> None:
    begin = window_start(length, room)
    assert 0 < length - begin <= room
    assert begin == 0 or length - begin > room - max(room // 2, 1)
    assert (begin == 0) == (length <= room)


def test_without_sliding_the_text_ends_with_the_window(models: Any) -> None:
    written = list(generate(models["rotary"], [EOS] * 30, max_tokens=75, temperature=0, slide=False))
    assert len(written) == 3  # the window's 32 inputs say 33 tokens


@pytest.mark.parametrize("name", POSITIONS)
def test_a_prompt_is_read_as_training_reads_a_document(name: str, models: Any) -> None:
    model, before, document = models[name], [EOS, 9, 8, 7], [EOS, 20, 21, 22, 23]
    documents = torch.tensor([[0] * len(before) + [1] * len(document)])
    with torch.inference_mode():
        trained = model(torch.tensor([before + document]), documents)[0, -1]
    torch.testing.assert_close(read(model, document), trained, rtol=1e-4, atol=1e-4)


def test_a_seed_gives_a_text(models: Any) -> None:
    write = lambda seed: list(generate(models["rotary"], [EOS], max_tokens=20, top_p=0.9, seed=seed))  # noqa: E731
    assert write(1) == write(1) != write(2)


def test_the_end_of_a_document_ends_the_text(models: Any) -> None:
    free = list(generate(models["rotary"], [EOS], max_tokens=20, temperature=0))
    end = free[7]
    assert list(generate(models["rotary"], [EOS], max_tokens=20, temperature=0, eos_id=end)) == free[: free.index(end)]


def test_marks_never_come(runs: dict[str, Path]) -> None:
    opened = open_model(runs["fim"])
    assert {opened.tokenizer.id_to_piece(i) for i in opened.marks()} >= {"<pad>", "<unk>", "<fim_prefix>"}
    assert EOS not in opened.marks()
    free = list(generate(opened.model, [EOS], max_tokens=20, temperature=0))
    kept = list(generate(opened.model, [EOS], max_tokens=20, temperature=0, banned=[free[0]]))
    (first,) = opened.model(torch.tensor([[EOS]])).detach()[0].topk(2).indices.tolist()
    assert [free[0], kept[0]] == first and free[0] not in kept


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=50), st.floats(0.01, 1))
def test_the_nucleus_is_the_smallest_that_reaches_its_share(weights: list[float], top_p: float) -> None:
    shares = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    kept = nucleus(shares, top_p)
    inside = kept > 0
    assert kept.sum().item() == pytest.approx(1)
    assert shares[inside].sum() >= top_p - 1e-9
    assert shares[inside].sum() - shares[inside].min() < top_p + 1e-9
    assert inside.all() or shares[~inside].max() <= shares[inside].min()
    torch.testing.assert_close(kept[inside], shares[inside] / shares[inside].sum())


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=30), st.floats(0.05, 1), st.floats(0.1, 3), st.integers(0, 99))
def test_no_id_outside_the_nucleus_is_drawn(logits: list[float], top_p: float, temperature: float, seed: int) -> None:
    given_ = torch.tensor(logits)
    random = torch.Generator().manual_seed(seed)
    inside = nucleus((given_.double() / temperature).softmax(0), top_p)
    assert all(inside[draw(given_, temperature, top_p, random)] > 0 for _ in range(20))
    assert draw(given_, 0, top_p, random) == given_.argmax()
    assert given_[draw(given_, 1e-320, top_p, random)] == given_.max()


def test_draws_follow_their_shares() -> None:
    random = torch.Generator().manual_seed(0)
    shares = torch.tensor([0.5, 0.3, 0.15, 0.05])
    drawn = np.bincount([draw(shares.log(), 1.0, 0.9, random) for _ in range(4_000)], minlength=4) / 4_000
    assert drawn == pytest.approx(np.array([50, 30, 15, 0]) / 95, abs=0.03)


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"temperature": math.inf}, {"top_p": 0}, {"top_p": 1.1}, {"max_tokens": -1}, {"seed": 2**64}],
)
def test_values_out_of_range_are_refused_at_once(wrong: dict[str, Any], models: Any) -> None:
    with pytest.raises(RecipeError, match=str(next(iter(wrong.values())))):
        generate(models["rotary"], [EOS], **{"max_tokens": 1} | wrong)


def test_what_cannot_continue_a_text_is_refused(models: Any) -> None:
    encoder = SimpleNamespace(config=SimpleNamespace(kind="encoder"))
    with pytest.raises(InputError, match="encoder"):
        generate(encoder, [EOS], max_tokens=1)
    with pytest.raises(InputError, match="EOS"):
        generate(models["rotary"], [], max_tokens=1)
    diverged = copy.deepcopy(models["rotary"])
    with torch.no_grad():
        next(diverged.parameters()).fill_(torch.nan)
    for temperature in (0.0, 1.0):
        with pytest.raises(DataError, match="diverged"):
            next(generate(diverged, [EOS], max_tokens=1, temperature=temperature))


@given(before=st.lists(st.integers(0, 399), max_size=4), ids=st.lists(st.integers(0, 399), max_size=40))
def test_the_parts_are_the_text_of_all_ids(
    before: list[int], ids: list[int], tokenizer: SentencePieceProcessor
) -> None:
    before = [i for i in before if not tokenizer.is_byte(i)]  # a prompt is whole characters
    begin = tokenizer.decode(before)
    assert begin + "".join(texts(tokenizer, before, ids)) == tokenizer.decode(before + ids)


@given(text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ufffd\0"), max_size=30))
def test_no_part_holds_half_a_character(text: str, tokenizer: SentencePieceProcessor) -> None:
    parts = list(texts(tokenizer, [EOS], tokenizer.encode(text)))
    assert "".join(parts) == text
    assert not any("\ufffd" in part for part in parts)


def test_a_character_is_told_with_its_last_byte(tokenizer: SentencePieceProcessor) -> None:
    came: list[int] = []
    for part in texts(tokenizer, [EOS], (came.append(i) or i for i in tokenizer.encode("a水b"))):  # type: ignore[func-returns-value]
        assert tokenizer.decode(came).endswith(part)
    assert len(tokenizer.encode("水")) >= 3


def test_a_prompt_begins_as_documents_do(runs: dict[str, Path], tokenizer: SentencePieceProcessor) -> None:
    opened = open_model(runs["fim"])
    with pytest.raises(InputError, match="not UTF-8"):
        opened.prompt(os.fsdecode(b"mill \xff"))
    assert opened.prompt("the mill") == [EOS, *tokenizer.encode("the mill")]
    marks = [tokenizer.piece_to_id(f"<fim_{name}>") for name in ("prefix", "suffix", "middle")]
    assert opened.prompt("a", " b") == [
        EOS, marks[0], *tokenizer.encode("a"), marks[1], *tokenizer.encode(" b"), marks[2]
    ]  # fmt: skip


def test_gaps_are_filled_within_a_window_by_a_model_that_was_trained_to(runs: dict[str, Path]) -> None:
    options = {"max_tokens": 99, "temperature": 0.0, "top_p": 1.0, "seed": 0}
    with pytest.raises(InputError, match="not learned to fill"):
        open_model(runs["rotary"]).write("a", "b", **options)
    opened = open_model(runs["fim"])
    with pytest.raises(InputError, match="at once: give less"):
        opened.write("word " * 20, "word " * 20, **options)
    assert "".join(opened.write("the mill", " grinds", **options))


def test_what_cannot_be_opened_is_said(runs: dict[str, Path], tmp_path: Path, made_run: MadeRun) -> None:
    with pytest.raises(InputError, match="holds no checkpoint"):
        open_model(tmp_path)
    with pytest.raises(RecipeError, match="tpu"):
        open_model(runs["fim"], "tpu")
    out = made_run(tmp_path / "run")
    export(out, tmp_path / "exported")
    with pytest.raises(InputError, match="exported for transformers: give the run"):
        open_model(tmp_path / "exported")
    (out / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(DataError, match="was trained with"):
        open_model(out)
    (out / "tokenizer.model").unlink()
    with pytest.raises(InputError, match="copy it there"):
        open_model(out)


def test_the_command_prints_text_and_continuation(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from report.model import generate as command

    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    command(runs["fim"], "the mill", max_tokens=9, temperature=0.0)
    opened = open_model(runs["fim"] / "checkpoints/step-00000007")
    expected = "".join(opened.write("the mill", max_tokens=9, temperature=0, top_p=1, seed=0))
    assert out.buffer.getvalue().decode() == f"the mill{expected}\n"  # type: ignore[attr-defined]
