"""Words that another splitter gives, segmented languages, and hostile texts in linear time."""

import re
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.filters.kernel import COLUMNS
from processors.filters.measure import Measures
from processors.filters.segment import Bounds

TEXTS = st.lists(st.text("ab é日.…#\n_", max_size=30), min_size=1, max_size=4)


def bounds_of(texts: list[str], rows: list[bool]) -> Bounds:
    """The words that Measures finds itself, given from outside for some of the rows."""
    found = [
        [(len(text[: m.start()].encode()), len(text[: m.end()].encode())) for m in re.finditer(r"\w+|[^\w\s]+", text)]
        for text in texts
    ]
    words = [each if row else [] for each, row in zip(found, rows, strict=True)]
    flat = np.array([pair for each in words for pair in each], np.int64).reshape(-1, 2)
    offsets = np.cumsum([0, *map(len, words)]).astype(np.int64)
    return Bounds(np.array(rows), offsets, flat[:, 0].copy(), flat[:, 1].copy())


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_same_words_given_from_outside_give_the_same_counts(texts: list[str], rows: list[bool]) -> None:
    column = pa.array(texts, pa.large_string())
    own, given_ = Measures(column), Measures(column, bounds=bounds_of(texts, rows[: len(texts)]))
    for name in (*COLUMNS, *reversed(COLUMNS)):
        assert given_[name].tolist() == own[name].tolist(), name


def test_words_that_are_given_are_those_that_count() -> None:
    text = "don't stop the don't stop the"
    starts = np.array([0, 6, 11, 15, 21, 26])
    bounds = Bounds(np.array([True]), np.array([0, 6]), starts, starts + np.array([5, 4, 3, 5, 4, 3]))
    measures = Measures(pa.array([text], pa.large_string()), bounds=bounds)
    assert [int(measures[name][0]) for name in ("words", "plain_words", "stop_words")] == [6, 6, 1]
    assert measures["gram_2"].tolist() == [len("don't stop") * 2] and measures["gram_3"].tolist() == [28]


def test_languages_without_blanks_are_segmented() -> None:
    pytest.importorskip("icu4py")
    texts = pa.array(["今天天气很好我们去公园。"] * 2, pa.large_string())
    measures = Measures(texts, pa.array(["zh", None]))
    assert measures["words"][0] > 4 and measures["words"][1] == 2


@pytest.mark.parametrize("piece", ["x", "\n", "a ", "é", "._", "a\n\n", " ", "\x0b", "ab cd ", "a\u2028"])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    Measures(pa.array(["warm"], pa.large_string()))["gram_2"]
    measures = Measures(pa.array([piece * (4_000_000 // len(piece))], pa.large_string()))
    started = time.process_time()
    assert measures["gram_2"].size == 1
    assert time.process_time() - started < 8  # 0.4 s; what is quadratic takes hours
