"""Words of languages without blanks, held against a plain reading of the rule, whatever stands beside them."""

import re
import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError
from processors.filters import segment
from processors.filters.segment import VARIANTS, word_bounds


def words(texts: list[str | None], languages: list[str | None], variant: str = "icu") -> list[list[str]] | None:
    bounds = word_bounds(pa.array(texts, pa.large_string()), pa.array(languages, pa.string()), variant)
    if bounds is None:
        return None
    assert bounds.offsets[0] == 0
    assert bounds.offsets[-1] == len(bounds.starts) == len(bounds.ends)
    found = []
    for row, text in enumerate(texts):
        span = slice(bounds.offsets[row], bounds.offsets[row + 1])
        data = (text or "").encode()
        places = zip(bounds.starts[span].tolist(), bounds.ends[span].tolist(), strict=True)
        found.append([data[start:end].decode() for start, end in places])
        assert found[-1] == [] or bounds.rows[row]
    return found


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("我们用Git2来管理foo_bar，好。』", "zh-Hans", "我们 用 Git2 来 管理 foo_bar ， 好 。』"),
        ("東京都に⚠️住んで", "ja", "東京 都 に ⚠️ 住 んで"),
        ("ภาษาไทยเป็นที่\u200bมี", "tha_Thai", "ภาษา ไทย เป็น ที่ มี"),
        ("ປະເທດລາວແມ່ນປະເທດ", "lo", "ປະເທດ ລາວ ແມ່ນ ປະເທດ"),
        ("လူများနှင့် မရှိပါ။", "my", "လူ များ နှင့် မ ရှိ ပါ ။"),
        ("ខ្មែរជាភាសា", "khm_Khmr", "ខ្មែរ ជា ភាសា"),
    ],
)
def test_words_of_dictionaries(text: str, language: str, expected: str) -> None:
    pytest.importorskip("icu4py")
    assert words([text], [language]) == [expected.split()]


def test_pairs_of_characters() -> None:
    assert words(["我们用Git2来管理，好", "ภาษาไทย"], ["zh", "th"], "bigrams") == [
        ["我们", "用", "Git2", "来管", "理", "，", "好"],
        ["ภา", "ษา", "ไท", "ย"],
    ]


def test_other_languages_are_left_alone() -> None:
    assert words(["hello", "", None], ["en", None, "zh"]) is None
    assert word_bounds(pa.array(["我"], pa.large_string()), None) is None
    assert word_bounds(pa.array([], pa.large_string()), pa.array([], pa.string())) is None
    assert words(["hello", "我", None, ""], ["en", "zh", "zh", "zh"], "bigrams") == [[], ["我"], [], []]


def test_missing_package_is_said(monkeypatch: Any) -> None:
    monkeypatch.setattr(segment, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="1 texts in ja need word segmentation: pip install icu4py"):
        words(["hello", "東京"], ["en", "ja"])
    assert words(["hello"], ["en"]) is None
    with pytest.raises(RecipeError, match="unknown word segmentation `jieba`; there are icu, bigrams"):
        words(["東京"], ["ja"], "jieba")


def test_identity_names_the_package() -> None:
    assert segment.segment_identity("bigrams") == {"segment": "bigrams"}
    assert "icu4py" in segment.segment_identity()


ALPHABET = st.sampled_from("aZ9_ \n\t.,。我们東カがภาี่ที\u0e49ລາວကို\u200b\u200dé\u0301⚠\ufe0f𠀀🙂")
TEXTS = st.lists(st.text(ALPHABET, max_size=30), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(VARIANTS))
def test_words_of_a_text_do_not_depend_on_its_neighbours(texts: list[str], variant: str) -> None:
    if variant == "icu":
        pytest.importorskip("icu4py")
    languages: list[str | None] = ["zh" if row % 3 else "th" for row in range(len(texts))]
    together = words(list(texts), languages, variant)
    assert together == [
        found for text, code in zip(texts, languages, strict=True) for found in words([text], [code], variant) or []
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(ALPHABET, max_size=40), st.sampled_from(VARIANTS))
def test_words_hold_all_but_blanks_and_refine_the_plain_splitter(text: str, variant: str) -> None:
    if variant == "icu":
        pytest.importorskip("icu4py")
    (found,) = words([text], ["zh"], variant) or [[]]
    assert "".join(found) == re.sub(r"[\s\u200b]", "", text)
    joined = {"\u200d", *(each for each in text if unicodedata.category(each)[0] == "M")}
    for word in found:
        bare = "".join(each for each in word if each not in joined)
        assert bare == "" or re.fullmatch(r"\w+|[^\w\s]+", bare)
        assert re.search(r"[\s\u200b]", word) is None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["我们", "ภาษาไทย", "คน", "a1", "é\u0301", "\u0301x", "..", "🙂"]), max_size=20),
    st.sampled_from(VARIANTS),
)
def test_a_text_in_pieces_has_the_same_words(parts: list[str], variant: str) -> None:
    if variant == "icu":
        pytest.importorskip("icu4py")
    text = " ".join(parts)
    whole = words([text], ["th"], variant)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segment, "_PIECE", 16)
        assert words([text], ["th"], variant) == whole


def test_latin_text_is_split_as_everywhere() -> None:
    pytest.importorskip("icu4py")
    text = "Don't panic: foo.bar(1,2) == 3.14 && x_y -> 'ok'..."
    assert words([text], ["ja"]) == [re.findall(r"\w+|[^\w\s]+", text)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_long_line(variant: str) -> None:
    if variant == "icu":
        pytest.importorskip("icu4py")
    text = "我们用ภาษาไทย" * 20_000  # 660 kB without a blank
    bounds = word_bounds(pa.array([text], pa.large_string()), pa.array(["zh"]), variant)
    assert bounds is not None
    assert bounds.ends[-1] == len(text.encode())
    assert np.array_equal(bounds.starts[1:], bounds.ends[:-1])
