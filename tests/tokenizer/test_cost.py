"""The forecast of training: near what was measured, and a refusal where the memory is not there."""

import pytest

from corpus.errors import RecipeError
from corpus.recipe import TokenizerSettings
from tokenizer.cost import check_memory, training_cost

# benchmarks/tokens_training.py: type, vocabulary, sample, peak MB, CPU-seconds
MEASURED = [
    ("bpe", 8_192, 4_012_526, 236, 0.8),
    ("bpe", 32_000, 16_019_163, 429, 3.0),
    ("bpe", 8_192, 32_044_136, 621, 5.2),
    ("bpe", 32_000, 64_072_167, 974, 9.6),
    ("unigram", 8_192, 4_012_526, 256, 7.9),
    ("unigram", 8_192, 16_019_163, 595, 43.9),
    ("unigram", 32_000, 16_019_163, 595, 22.8),
    ("unigram", 32_000, 32_044_136, 1029, 58.2),
]


@pytest.mark.parametrize(("model_type", "vocabulary", "size", "peak", "seconds"), MEASURED)
def test_the_forecast_is_near_what_was_measured(
    model_type: str, vocabulary: int, size: int, peak: float, seconds: float
) -> None:
    memory, cpu = training_cost(TokenizerSettings(vocab_size=vocabulary, model_type=model_type), size)
    assert memory / 1e6 == pytest.approx(peak, rel=0.1)
    assert cpu == pytest.approx(seconds, rel=0.2)


def test_a_given_model_costs_no_training() -> None:
    assert training_cost(TokenizerSettings(model="a.model"), 1 << 30) == (0, 0.0)


def test_more_memory_than_there_is_is_refused() -> None:
    check_memory(TokenizerSettings(), 1 << 20)
    with pytest.raises(RecipeError, match=r"takes about .* GB of memory.*lower \[tokenizer\] sample_bytes or set"):
        check_memory(TokenizerSettings(model_type="unigram"), 1 << 45)
