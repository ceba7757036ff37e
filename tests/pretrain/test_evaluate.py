import math

import numpy as np
import pytest

from corpus.shard import TokenStream

torch = pytest.importorskip("torch")

from pretrain.config import ModelConfig  # noqa: E402
from pretrain.evaluate import score_stream, total, unigram_bits  # noqa: E402
from pretrain.model import Decoder  # noqa: E402

EOS, PAD = 0, 1
BYTES = np.array([0, 0, 1, 3, 2, 2, 2, 2], np.int32)


def stream(ids: list[int]) -> TokenStream:
    return TokenStream.of([np.array(ids, np.uint16)], vocab_size=8, eos_id=EOS, pad_id=PAD)


def uniform() -> Decoder:
    """A new model: its head is zero, so every id has probability 1/8."""
    return Decoder(ModelConfig(layers=1, width=8, heads=1, kv_heads=1, hidden=8), 8, 4)


def test_the_unigram_model_by_hand() -> None:
    bits = unigram_bits(stream([2, 2, 2, 3, EOS, PAD, PAD]))
    smoothed = np.array([2, 1, 4, 2, 1, 1, 1, 1]) / 13  # 5 ids counted, PAD not, 8 added
    np.testing.assert_allclose(bits, -np.log2(smoothed))


@pytest.mark.parametrize("length", [1, 3, 4, 100])
def test_bits_per_byte_by_hand_whatever_the_window(length: int) -> None:
    unigram = unigram_bits(stream([2, 2, 2, 3, EOS]))
    score = score_stream(uniform(), stream([4, 2, 3, EOS, 2]), BYTES, unigram, length=min(length, 4), at_once=2)
    assert (score.tokens, score.num_bytes) == (3, 5)  # targets 2, 3, 2; EOS has no bytes and does not count
    assert score.bpb == pytest.approx(3 * 3 / 5)
    by_hand = -(2 * math.log2(4 / 13) + math.log2(2 / 13)) / 5
    assert score.unigram_bpb == pytest.approx(by_hand)
    assert score.ratio == pytest.approx(9 / 5 / by_hand)


def test_the_limit_holds_and_an_empty_domain_scores_nothing() -> None:
    unigram = unigram_bits(stream([2, 3]))
    model = uniform()
    few = score_stream(model, stream([2, 3, 4, 5, 6, 7]), BYTES, unigram, length=2, max_tokens=3)
    assert few.tokens == 3
    nothing = score_stream(model, stream([]), BYTES, unigram, length=2)
    assert nothing.tokens == 0
    assert math.isnan(nothing.bpb)
    assert total({"a": few, "b": nothing}) == few
