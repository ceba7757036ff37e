"""Tokens are those of plain Python: `re.findall(r"\\w+", text.lower())`, and what else the units say."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.dedupe.letters import TAGS
from processors.dedupe.shingles import num_common, shingle_column, shingle_set
from processors.filters.characters import TABLE_SIZE

HOSTILE = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("aB _İςΣK\u0301\u200d日本ไทย9٣-éЖ")), max_size=80
)
GREEK = st.text(st.sampled_from("ΣΣΣσςaB1'’.: \u00ad\u0301\u0345ªİ日\U000e0101\U0001d7cb\U000f0000-"), max_size=12)
ASCII = st.lists(st.tuples(st.sampled_from("aZ_9éΣ"), st.integers(1, 70), st.sampled_from([" ", "-", "\n\n", "—", ""])))
RUNS = ASCII.map(lambda runs: "".join(character * count + after for character, count, after in runs))
UNBROKEN = (
    "BALINESE", "BOPOMOFO", "CJK COMPAT", "CJK UNIFIED", "HALFWIDTH KATAKANA", "HANGZHOU", "HENTAIGANA", "HIRAGANA",
    "IDEOGRAPHIC CLOSING", "IDEOGRAPHIC ITERATION", "IDEOGRAPHIC NUMBER", "JAVANESE", "KATAKANA", "KHITAN", "KHMER",
    "LAO", "MASU", "MYANMAR", "NEW TAI LUE", "NUSHU", "OLD CHINESE", "TAI ", "TANGUT", "THAI", "TIBETAN",
    "VERTICAL IDEOGRAPHIC", "VERTICAL KANA", "YI ",
)  # fmt: skip
TANGUT = range(0x17000, 0x18D90)  # most of it has no names in Python


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def is_unbroken(character: str) -> bool:
    return ord(character) in TANGUT or unicodedata.name(character, "").startswith(UNBROKEN)


def segmented(text: str) -> list[str]:
    apart = "".join(f" {character} " if is_unbroken(character) else character for character in text.lower())
    return re.findall(r"\w+", apart)


def name(word: str, unit: str) -> int:
    count, hashes = shingle_set(word, 1, unit)
    assert count == 1
    return int(hashes[0])


@given(st.one_of(HOSTILE, GREEK, RUNS))
@example("ὈΔΥΣΣΕΎΣ ΣΑΣ'Σ' Σ A'Σ A.Σ:b İSTANBUL ǅ K ﬀ ß ẞ")
@example("a" * 63 + "Σ" + " b" * 40 + "É" * 90)
def test_words_are_those_of_re_and_lower(text: str) -> None:
    count, hashes = shingle_set(text, 1)
    assert count == len(words(text))
    assert set(hashes.tolist()) == {name(word, "words") for word in words(text)}
    assert len(hashes) == len(set(words(text)))


@given(HOSTILE)
@example("日本語とtext、ไทย 語9語")
@example("0𗀀ꀀ")
def test_scripts_without_blanks_are_segmented(text: str) -> None:
    count, hashes = shingle_set(text, 1, "segmented")
    assert count == len(segmented(text))
    assert set(hashes.tolist()) == {name(word, "segmented") for word in segmented(text)}
    assert len(hashes) == len(set(segmented(text)))


@given(st.text(st.sampled_from("ab \t\n\u3000\x1cé日"), max_size=40), st.text(st.sampled_from("ab é"), max_size=40))
def test_characters_are_those_of_the_text_with_blanks_folded(left: str, right: str) -> None:
    sets = [shingle_set(text, 3, "characters") for text in (left, right)]
    folded = [" ".join(text.split()) for text in (left, right)]
    runs = [{text[i : i + 3] for i in range(len(text) - 2)} for text in folded]
    assert [count for count, _ in sets] == [len(text) for text in folded]
    assert [len(hashes) for _, hashes in sets] == [len(each) for each in runs]
    assert num_common(sets[0][1], sets[1][1]) == len(runs[0] & runs[1])


def test_every_character_is_what_python_says() -> None:
    points = [*range(0xD800), *range(0xE000, TABLE_SIZE), *range(TAGS, TAGS + 512), 0x10FFFF]
    characters = [chr(point) for point in points]
    found = shingle_column(pa.array(characters, pa.large_string()), "words", 1)
    assert found.tokens.tolist() == [len(words(character)) for character in characters]
    lowered = shingle_column(pa.array([character.lower() for character in characters], pa.large_string()), "words", 1)
    assert np.array_equal(found.hashes, lowered.hashes)
    assert len(set(found.hashes.tolist())) == len({word for character in characters for word in words(character)})


@pytest.mark.parametrize("unit", ["words", "segmented", "characters"])
def test_what_lies_around_a_text_is_not_read(unit: str) -> None:
    texts = ["", "Σ", "aΣ", "one two", "日本", "'", "b" * 64, "b" * 63 + " ", "é"]
    alone = [shingle_set(text, 1, unit)[1].tolist() for text in texts]
    column = pa.array(["bcd", *texts, "xyz", *texts], pa.large_string())
    for array in (
        column.slice(1, len(texts)),
        column.slice(len(texts) + 2),
        column.slice(len(texts) + 2).cast("string"),
    ):
        found = shingle_column(array, unit, 1)
        assert [found.hashes[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)] == alone


@given(st.binary(max_size=200))
@example(b"a\xc0 b")  # read as a blank of two bytes
def test_bytes_that_are_no_text_come_to_an_end(raw: bytes) -> None:
    buffers = [None, pa.py_buffer(np.array([0, len(raw)])), pa.py_buffer(raw)]
    array = pa.Array.from_buffers(pa.large_string(), 1, buffers)
    for unit in ("words", "segmented", "characters"):
        assert shingle_column(array, unit, 1).tokens[0] <= len(raw)
