"""Scripts of texts, held against Unicode's own table."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.filters.scripts import _NAMES, _table, dominant_scripts


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Ein Satz.", "Latn"), ("Предложение", "Cyrl"), ("Μια πρόταση", "Grek"), ("جملة واحدة", "Arab"),
        ("משפט אחד", "Hebr"), ("एक वाक्य", "Deva"), ("একটি বাক্য", "Beng"), ("ประโยคหนึ่ง", "Thai"),
        ("ປະໂຫຍກ", "Laoo"), ("စာကြောင်း", "Mymr"), ("ប្រយោគ", "Khmr"), ("一个句子", "Hani"),
        ("一個句子abc", "Hani"), ("これは文章です", "Jpan"),
        ("東京都千代田区の地図", "Jpan"), ("カタカナ", "Jpan"), ("문장 하나", "Hang"), ("წინადადება", "Geor"),
        ("123 ... !?", None), ("", None), ("한국어 text", "Latn"), ("mostly English и слово", "Latn"),
    ],
)  # fmt: skip
def test_scripts(text: str, script: str | None) -> None:
    assert dominant_scripts(pa.array([text], pa.large_string())).to_pylist() == [script]


def test_nulls_and_slices() -> None:
    texts = pa.array(["a", None, "б", ""], pa.large_string())
    assert dominant_scripts(texts).to_pylist() == ["Latn", None, "Cyrl", None]
    assert dominant_scripts(texts.slice(2)).to_pylist() == ["Cyrl", None]
    assert dominant_scripts(texts.slice(0, 0)).to_pylist() == []


@given(st.text(st.sampled_from("ab1. бвあア我각\u0301\U0001f600"), max_size=20))
def test_most_letters_win(text: str) -> None:
    counts = {
        "Latn": sum(each in "ab" for each in text),
        "Cyrl": sum(each in "бв" for each in text),
        "Hani": sum(each == "我" for each in text),
        "Jpan": sum(each in "あア" for each in text),
        "Hang": text.count("각"),
    }
    if counts["Jpan"] and counts["Jpan"] * 10 >= counts["Hani"]:
        counts["Jpan"] += counts["Hani"]
    (script,) = dominant_scripts(pa.array([text], pa.large_string())).to_pylist()
    assert counts.get(script, 0) == max(counts.values())
    assert (script is None) == (max(counts.values()) == 0)


def test_every_letter_of_unicode() -> None:
    """The ranges hold each script's letters: by the package regex, which has the property."""
    regex = pytest.importorskip("regex")
    long = {
        "Latn": "Latin",
        "Cyrl": "Cyrillic",
        "Arab": "Arabic",
        "Deva": "Devanagari",
        "Hani": "Han",
        "Hang": "Hangul",
    }
    letters = [chr(point) for point in range(len(_table())) if chr(point).isalpha()]
    for short, name in long.items():
        is_script = regex.compile(rf"\p{{Script={name}}}")
        assert [each for each in letters if is_script.match(each) and _NAMES[_table()[ord(each)]] != short] == []
