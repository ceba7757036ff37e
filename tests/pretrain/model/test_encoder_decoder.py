"""Encoder and encoder-decoder: who sees whom, and that they learn what their objectives ask."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest

from corpus.errors import RecipeError
from corpus.windows import Segments
from pretrain.config import ModelConfig, ObjectiveConfig
from pretrain.objectives.rows import Rows, Special
from pretrain.objectives.transform import apply

torch = pytest.importorskip("torch")

from pretrain.data import Batch, tensors, to_batch  # noqa: E402
from pretrain.model.build import build_model  # noqa: E402
from pretrain.model.decoder import LanguageModel  # noqa: E402
from pretrain.model.encoder_decoder import EncoderDecoder  # noqa: E402

EOS, PAD, MASK, VOCAB = 1, 2, 3, 44
SPECIAL = Special(EOS, PAD, mask=MASK, sentinels=np.arange(4, 12, dtype=np.int32), ordinary=np.arange(12, VOCAB))
CPU = torch.device("cpu")
POSITIONS = pytest.mark.parametrize("positions", ["rotary", "sinusoidal", "relative"])


def shape(kind: str, positions: str = "rotary", **more: object) -> ModelConfig:
    return ModelConfig(kind=kind, positions=positions, layers=2, width=32, heads=4, kv_heads=2, hidden=64, **more)  # type: ignore[arg-type]


def read(name: Literal["mlm", "span"], number: int, rows: int = 8, length: int = 32, **more: object) -> Rows:
    """Rows of documents of 15 ids that count upwards, after their EOS: what is masked can be told from the rest."""
    first = np.random.default_rng(number).integers(0, 32, (rows, -(-length // 16), 1))
    ids = np.concatenate([np.full_like(first, EOS), 12 + (first + np.arange(15)) % 32], axis=2).reshape(rows, -1)
    ids = np.append(ids, np.full((rows, 1), EOS), axis=1).astype(np.int32)
    starts = np.arange(0, rows * length, 16, dtype=np.int32)
    parts = Segments.of(starts, length, np.arange(number * rows, (number + 1) * rows))
    return apply(ObjectiveConfig(name=name, **more), ids, starts, lambda: parts, SPECIAL, 0)  # type: ignore[arg-type]


def scrambled(model: torch.nn.Module) -> torch.nn.Module:
    """Every weight matters: what starts at zero would hide what is seen."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def falls(model: torch.nn.Module, batch_of: Callable[[int], Batch], steps: int) -> tuple[float, float]:
    """Nats per target of the first step and of the last five."""
    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=0.01), []
    for step in range(steps):
        batch = batch_of(step)
        loss = model(**batch.inputs()) / (batch.targets >= 0).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], sum(losses[-5:]) / 5


@POSITIONS
def test_in_an_encoder_a_token_sees_its_document_both_ways_and_no_other(positions: str) -> None:
    model = scrambled(LanguageModel(shape("encoder", positions), VOCAB, 12))
    documents = torch.tensor([[1] * 5 + [2] * 7])
    x = torch.randn(1, 12, 32, requires_grad=True)
    model.head(model.hidden(x, documents))[0, 7].logsumexp(0).backward()
    seen = x.grad[0].abs().sum(1)
    assert (seen[5:] > 0).all()
    assert (seen[:5] == 0).all()


@POSITIONS
def test_a_target_sees_its_source_and_what_was_written_of_its_document(positions: str) -> None:
    model = scrambled(EncoderDecoder(shape("encoder-decoder", positions), VOCAB, 12))
    documents, of_source = torch.tensor([[1] * 4 + [2] * 4]), torch.tensor([[1] * 5 + [2] * 4 + [3] * 3])
    for place, mine, written in ((2, slice(0, 5), slice(0, 3)), (6, slice(5, 9), slice(4, 7))):
        x, source = torch.randn(1, 8, 32, requires_grad=True), torch.randn(1, 12, 32, requires_grad=True)
        hidden = model.decode(x, model.encode(source, of_source), documents, of_source)
        model.head(hidden)[0, place].logsumexp(0).backward()
        for tensor, wanted in ((source, mine), (x, written)):
            seen, there = tensor.grad[0].abs().sum(1), torch.zeros(tensor.shape[1], dtype=torch.bool)
            there[wanted] = True
            assert (seen[there] > 0).all()
            assert (seen[~there] == 0).all()


def test_a_row_is_worth_what_its_documents_are_alone() -> None:
    model = scrambled(EncoderDecoder(shape("encoder-decoder", "relative"), VOCAB, 32))
    rows = read("span", 0, rows=3)
    whole = model(**to_batch(tensors(rows, CPU), PAD).inputs())
    assert rows.source is not None
    assert rows.source_starts is not None
    alone = torch.zeros(())
    width, source_width = rows.tokens.shape[1], rows.source.shape[1]
    for row in range(3):
        places = [*(rows.starts[rows.starts // width == row] % width).tolist(), width]
        sources = (rows.source_starts[rows.source_starts // source_width == row] % source_width).tolist()
        for number, (begin, end) in enumerate(pairwise(places)):
            mine, other = slice(begin, end), slice(sources[number], sources[number + 1])
            one = Rows(
                rows.tokens[row : row + 1, mine], rows.targets[row : row + 1, mine], np.zeros(1, np.int32),
                rows.source[row : row + 1, other], np.zeros(1, np.int32),
            )  # fmt: skip
            alone = alone + model(**to_batch(tensors(one, CPU), PAD).inputs())
    assert whole.dtype == torch.float32
    torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-3)


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_agrees_with_dense_masks() -> None:
    model = scrambled(EncoderDecoder(shape("encoder-decoder", "relative"), VOCAB, 32)).eval()
    inputs = to_batch(tensors(read("span", 0, rows=1), CPU), PAD).inputs()
    del inputs["targets"]
    with torch.no_grad():
        dense = model(**inputs)
        model.way = "flex"
        torch.testing.assert_close(model(**inputs), dense, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("tied", [False, True])
def test_an_encoder_decoder_learns_to_fill_spans(tied: bool) -> None:
    torch.manual_seed(0)
    model = build_model(shape("encoder-decoder", tied=tied), VOCAB, 32)
    first, last = falls(model, lambda step: to_batch(tensors(read("span", step), CPU), PAD), 60)
    assert first == pytest.approx(np.log(VOCAB), abs=0.3)
    assert last < 0.35 * first


def test_an_encoder_learns_to_fill_masks() -> None:
    torch.manual_seed(0)
    model = build_model(shape("encoder"), VOCAB, 32)
    first, last = falls(model, lambda step: to_batch(tensors(read("mlm", step), CPU), PAD), 90)
    assert first == pytest.approx(np.log(VOCAB), abs=0.3)
    assert last < 0.35 * first


def test_documents_that_could_not_be_told_apart_are_refused() -> None:
    with pytest.raises(RecipeError, match="needs document_mask = true"):
        build_model(shape("encoder-decoder", document_mask=False), VOCAB, 32)
