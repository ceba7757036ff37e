"""C4's rules: variants, final marks by language, phrases wherever they stand, hostile texts in linear time."""

import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.text import render_column
from processors.filters.c4 import C4
from processors.filters.measure import Measures

PHRASES = [
    "javascript",
    "uses cookies",
    "use cookies",
    "use of cookies",
    "cookie policy",
    "privacy policy",
    "terms of use",
]
PAGE = "One two three four five.\nA line of words without end\nThree words here.\nShort one.\n"


def left(c4: C4, texts: list[str], languages: list[str | None] | None = None) -> list[str]:
    column = pa.array(texts, pa.large_string())
    measures = Measures(column, None if languages is None else pa.array(languages, pa.string()))
    found: list[str] = render_column(
        column, c4.scores(pa.RecordBatch.from_arrays([column], ["text"]), measures)["spans"]
    ).to_pylist()
    return found


def test_variants_differ_in_words_and_final_marks() -> None:
    assert left(C4(), [PAGE]) == ["One two three four five.\nA line of words without end\nThree words here."]
    assert left(C4(variant="paper"), [PAGE]) == left(C4(variant="dclm"), [PAGE]) == ["One two three four five."]
    assert left(C4(variant="paper", min_line_words=3), [PAGE]) == ["One two three four five.\nThree words here."]
    rules = {variant: {rule.name: rule.below for rule in C4(variant=variant).rules()} for variant in C4.VARIANTS}
    assert [rules[variant]["few_sentences"] for variant in ("fineweb", "paper", "dclm")] == [5, 3, 3]
    assert "many_characters" in rules["dclm"] and "many_characters" not in rules["paper"]


def test_final_marks_go_by_the_language_where_the_recipe_asks() -> None:
    texts = ["यह एक वाक्य है और भी।", "นี่ คือ ประโยค ของ เรา", "one two three four five।", "one two three four five"]
    languages = ["hi", "th", "en", None]
    assert left(C4(variant="paper", finals="language"), texts, languages) == [*texts[:2], "", ""]
    assert left(C4(variant="paper"), texts, languages) == [""] * 4


@settings(max_examples=200, deadline=None)
@given(st.text("abcx .[]1é", max_size=12), st.sampled_from(PHRASES), st.text("abcx .[]1é", max_size=12), st.booleans())
def test_a_phrase_is_found_wherever_it_stands(before: str, phrase: str, after: str, capitals: bool) -> None:
    line = f"one two three {before}{phrase.upper() if capitals else phrase}{after}"
    assert left(C4(), [f"{line}\nfour five six"]) == ["four five six"]
    assert left(C4(phrases=False, citations=False), [line]) == [line.strip()]


def test_long_words_count_characters_and_not_bytes() -> None:
    texts = [
        "two more " + "é" * 1000,
        "two more " + "é" * 1001,
        "é" * 999 + "\u3000" + "e" * 1000 + " a",
        "a b " + "x" * 1001,
    ]
    assert left(C4(), texts) == [texts[0], "", texts[2], ""]


HOSTILE = ["x" * 9, "\n", "a ", "a. ", "[", "ki", "\u3000", ".", "a.A", "[1", "[]", "\r", "{ "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    column = pa.array([piece * (2_000_000 // len(piece))], pa.large_string())
    batch = pa.RecordBatch.from_arrays([column], ["text"])
    C4().scores(batch.slice(0, 0), Measures(column.slice(0, 0)))
    started = time.process_time()
    C4().scores(batch, Measures(column))
    assert time.process_time() - started < 8  # 0.4 s; what is quadratic takes hours
