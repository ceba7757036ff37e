"""Words and marks of languages: what is told of them holds."""

import re

import pyarrow as pa
import pytest

from processors.filters.languages import STOP_WORDS, TERMINALS, UNSPACED, code_of
from processors.filters.measure import STOP_WORDS as GOPHER
from processors.filters.segment import word_bounds


def test_stop_words_are_words_of_the_splitter() -> None:
    assert len(STOP_WORDS) >= 40
    for code, words in STOP_WORDS.items():
        assert 8 <= len(words) <= 24, code
        assert len(set(words)) == len(words), code
        assert all(word == word.lower() for word in words), code
        if code not in UNSPACED:
            assert all(re.fullmatch(r"\w+", word) for word in words), code
    assert set(STOP_WORDS["en"]) == set(GOPHER)


@pytest.mark.parametrize("code", UNSPACED)
def test_stop_words_of_unspaced_languages_are_not_cut(code: str) -> None:
    pytest.importorskip("icu4py")
    words = STOP_WORDS[code]
    bounds = word_bounds(pa.array([" ".join(words)], pa.large_string()), pa.array([code]))
    assert bounds is not None
    assert len(bounds.starts) == len(words)


def test_terminals_of_unspaced_languages_are_told() -> None:
    assert set(UNSPACED) <= set(TERMINALS)
    assert TERMINALS["th"] == TERMINALS["lo"] == ""
    assert "。" in TERMINALS["zh"]


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("en", "en"), ("eng_Latn", "en"), ("zh-Hant", "zh"), ("zho_Hans", "zh"), ("cmn_Hani", "zh"), ("yue", "zh"),
        ("arb_Arab", "ar"), ("EN_us", "en"), ("pt-BR", "pt"), ("gsw_Latn", "gsw"), ("nob_Latn", "nb"), ("no", "no"),
        ("fil_Latn", "tl"), ("iw", "he"), ("und", None), ("und_Latn", None), ("", None), ("zxx_Zxxx", None),
        ("english", None), ("12", None),
    ],
)  # fmt: skip
def test_codes(label: str, code: str | None) -> None:
    assert code_of(label) == code
