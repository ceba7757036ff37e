"""Boilerplate, floods, stuffing and lists: the numbers against plain Python, and what falls for which reason."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.filters.boilerplate import PHRASES, Boilerplate
from processors.filters.floods import Floods
from processors.filters.machine_lists import MachineLists
from processors.filters.measure import Measures
from processors.filters.stuffing import Stuffing

PROSE = """The owner of this old house went to the market with his two sons early in the morning.
Rain had been falling since midnight, and nobody wanted to carry the heavy baskets home again.
His neighbour, who keeps bees behind the chapel, offered them a ride on a wooden cart.
They have known each other for thirty years, so thanks were neither given nor expected.
Later that evening somebody asked whether honey from lime trees tastes different from clover.
No answer came before supper, because everyone at the table was busy eating fresh bread.
"""
CITIES = ("York", "Leeds", "Derby", "Ripon", "Truro", "Wells", "Bath", "Ely", "Exeter", "Lincoln")
NEAR = "".join(f"Cheap hotels {n} near {city}\n" for n, city in enumerate(CITIES * 3))
FIND = "".join(f"{city} {city}: find cheap hotels\n" for city in CITIES * 3)
FRAME = "Home\n\nAbout us | Contact\nSign in\n© All rights reserved\nRead more…\n"


def scored(each: Any, text: str | None) -> tuple[dict[str, float | None], list[str]]:
    """Scores of one text, and the rules that fire."""
    column = pa.array([text], pa.large_string())
    scores = each.scores(pa.RecordBatch.from_arrays([column], ["text"]), Measures(column))
    fired = [rule.name for rule in each.rules() if rule.fires(scores[rule.score]).to_pylist()[0]]
    return {name: value.to_pylist()[0] for name, value in scores.items()}, fired


@pytest.mark.parametrize(
    ("each", "text", "rules"),
    [
        (Floods(), PROSE + "😀😂🎉 " * 30, ["emoji"]),
        (Floods(), PROSE + "★→═" * 100, ["ornaments"]),
        (Floods(), PROSE + "!" * 400, ["repeated"]),
        (Floods(), PROSE + "! " * 400, ["repeated"]),
        (Floods(), PROSE + "\ue000" * 10, ["unprinted"]),
        (Stuffing(), PROSE + "shoes cheap Shoes " * 60, ["top_word"]),
        (Stuffing(), PROSE + ", ".join(f"red shoes {city}, {city}" for city in CITIES * 10), ["keyword_lists"]),
        (Stuffing(min_unique_words=0.99), PROSE, ["few_unique_words"]),
        (MachineLists(), NEAR, ["same_start", "same_shape"]),
        (MachineLists(), FIND, ["same_end", "same_shape"]),
        (MachineLists(), "".join(f"({n}) {city}\n" for n, city in enumerate(CITIES * 3)), ["numbered"]),
        (MachineLists(), "1.5 22 17\n-3; 4; 2011\n" * 15, ["numbers"]),
        (Boilerplate(max_furniture=0.5), FRAME * 2 + PROSE, ["furniture"]),
        (Boilerplate(), FRAME * 3 + PROSE[:180], ["furniture_characters"]),
        (Boilerplate(), "\n".join(f"{a} | {b} | {a}" for a in CITIES for b in CITIES), ["menus"]),
        (Boilerplate(max_bare=0.5, max_bare_characters=0.5), "\n".join(CITIES), ["bare_lines", "bare_characters"]),
    ],
)  # fmt: skip
def test_each_rule_has_pages_that_it_drops(each: Any, text: str, rules: list[str]) -> None:
    assert scored(each, text)[1] == rules


@pytest.mark.parametrize("each", [Floods(), Stuffing(), MachineLists(min_lines=2), Boilerplate()])
def test_prose_stays_and_null_and_short_texts_are_not_judged(each: Any) -> None:
    assert scored(each, PROSE)[1] == [] and None not in scored(each, PROSE)[0].values()
    for text in (None, "", "\n", " \u3000\n"):
        assert set(scored(each, text)[0].values()) == {None}


PIECES = ["\n", "\n", " ", ", ", "; ", ". ", "-", "Red", "red", "shoes", "a b c d", "7", "12 ", "é", "É",
          "日本", "、", "😀", "★", "!" * 12, "\ufffd", "\u200d", "_"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_floods_and_words_are_counted_as_plain_python_does(text: str) -> None:
    solid = re.sub(r"\s", "", text)
    runs = sum(max(len(run[0]) - 10, 0) for run in re.finditer(r"(.)\1*", solid, re.DOTALL))
    scores, _ = scored(Floods(), text)
    expected = {
        "emoji": solid.count("😀"),
        "ornaments": solid.count("★"),
        "repeated": runs,
        "unprinted": solid.count("\ufffd"),
    }
    assert scores == {name: count / len(solid) if solid else None for name, count in expected.items()}
    words = [word.lower() for word in re.findall(r"\w+", text)]
    scores, _ = scored(Stuffing(min_words=1), text)
    if not words:
        assert set(scores.values()) == {None}
        return
    assert scores["unique_words"] == len(set(words)) / len(words)
    most = max((n for word, n in Counter(words).items() if sum(map(str.isalpha, word)) >= 4), default=0)
    assert scores["top_word"] == most / len(words)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_lines_are_compared_as_plain_python_does(text: str) -> None:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    scores, _ = scored(MachineLists(min_lines=1), text)
    if not lines:
        assert set(scores.values()) == {None}
        return
    split = [re.findall(r"\w+", line.lower()) for line in lines]
    long = [words for words in split if len(words) >= 4]
    shapes = [
        re.sub(r"[^\W\d_]+", "a", re.sub(r"[^\W0-9\s]+", "a", re.sub(r"\s+", " ", re.sub(r"\d+", "0", line))))
        for line, words in zip(lines, split, strict=True)
        if len(words) >= 4
    ]
    assert scores["same_start"] == most(tuple(words[:2]) for words in long) / len(lines)
    assert scores["same_end"] == most(tuple(words[-2:]) for words in long) / len(lines)
    assert scores["same_shape"] == most(shapes) / len(lines)


def most(items: Iterable[object]) -> int:
    return max(Counter(items).values(), default=0)


def test_phrases_of_navigation_are_of_few_words_and_found() -> None:
    for phrase in PHRASES.split(","):
        words = " ".join(phrase.split())
        assert 1 <= len(re.findall(r"\w+", words)) <= 4
        assert scored(Boilerplate(min_lines=1), f"» {words.title()} «")[0]["furniture"] in (1.0, 1), words


@pytest.mark.parametrize("piece", ["x", "\n", "a,", "1\n", "| ", "a b ", "😀", "home\n", "\x00"])
@pytest.mark.parametrize("each", [Floods(), Stuffing(), MachineLists(), Boilerplate()])
def test_hostile_texts_take_linear_time(each: Any, piece: str) -> None:
    scored(each, piece * (500_000 // len(piece)))
