import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.shard import TokenStream, open_corpus
from pretrain.config import TrainConfig

torch = pytest.importorskip("torch")

from pretrain import evaluate  # noqa: E402
from pretrain.evaluate import score_stream, total, unigram_bits  # noqa: E402
from pretrain.ranks import Ranks  # noqa: E402
from pretrain.run import Run, open_run  # noqa: E402

VOCAB, EOS, PAD = 64, 1, 2  # ids from 4 on have two bytes each
Changed = Callable[..., TrainConfig]  # the fixture of conftest.py


def stream(ids: list[int]) -> TokenStream:
    return TokenStream.of([np.array(ids, np.uint16)], vocab_size=VOCAB, eos_id=EOS, pad_id=PAD)


@pytest.fixture
def opened(corpus_root: str) -> Callable[[TrainConfig], Run]:
    """A run at its beginning: its head is zero, so every id has probability 1/64."""
    return lambda config: open_run(open_corpus(corpus_root), config, Ranks(torch.device("cpu")))


def test_the_unigram_model_by_hand() -> None:
    bits = unigram_bits(stream([4, 4, 4, 5, EOS, PAD, PAD]))
    assert bits[4] == pytest.approx(-math.log2(4 / 69))  # 5 ids counted, PAD not, 64 added
    assert bits[5] == pytest.approx(-math.log2(2 / 69))
    assert bits[PAD] == pytest.approx(-math.log2(1 / 69))


@pytest.mark.parametrize("length", [1, 3, 4, 32])
def test_bits_per_byte_by_hand_whatever_the_window(
    opened: Callable[[TrainConfig], Run], changed: Changed, length: int
) -> None:
    run, unigram = opened(changed(sequence_length=length, micro_windows=2)), unigram_bits(stream([4, 4, 4, 5, EOS]))
    score = score_stream(run, stream([8, 4, 5, EOS, 4]), unigram)
    assert (score.tokens, score.num_bytes) == (3, 6)  # targets 4, 5, 4; EOS has no bytes and does not count
    assert score.bpb == pytest.approx(3 * 6 / 6)
    by_hand = -(2 * math.log2(4 / 69) + math.log2(2 / 69)) / 6
    assert score.unigram_bpb == pytest.approx(by_hand)
    assert score.ratio == pytest.approx(3 / by_hand)


def test_the_limit_holds_and_an_empty_domain_scores_nothing(
    opened: Callable[[TrainConfig], Run], changed: Changed, tmp_path: Path
) -> None:
    run, unigram = opened(changed(sequence_length=2, heldout_tokens=3)), unigram_bits(stream([4, 5]))
    few = score_stream(run, stream([4, 5, 6, 7, 8, 9]), unigram)
    assert few.tokens == 3
    nothing = score_stream(run, stream([]), unigram)
    assert nothing.tokens == 0
    assert math.isnan(nothing.bpb)
    assert total({"a": few, "b": nothing}) == few


def test_a_long_stream_is_counted_by_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    monkeypatch.setattr(evaluate, "CHUNKS", 8)
    ids = np.random.default_rng(0).integers(4, 8, 4_000).tolist()
    few = unigram_bits(stream(ids))
    assert np.exp2(-few).sum() == pytest.approx(1)
    assert few[PAD] == pytest.approx(-math.log2(1 / (VOCAB + 32)))  # 8 stretches of 4 ids
    assert unigram_bits(stream(ids[:32]))[4] == pytest.approx(-math.log2((ids[:32].count(4) + 1) / 96))


def test_the_stream_is_counted_once_a_run(
    opened: Callable[[TrainConfig], Run], config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0

    def count(*given: object) -> np.ndarray:
        nonlocal counted
        counted += 1
        return unigram_bits(*given)

    monkeypatch.setattr(evaluate, "unigram_bits", count)
    run = opened(config)
    assert evaluate.score(run) == evaluate.score(run)
    assert counted == 1


def test_a_corpus_without_held_out_documents_says_so(opened: Callable[[TrainConfig], Run], config: TrainConfig) -> None:
    run = opened(config)
    run.corpus = replace(run.corpus, heldout={})
    assert evaluate.score(run) == {}
    assert [*evaluate.table({})] == ["the corpus holds no held-out documents: there is nothing to score"]
