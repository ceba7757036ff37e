import tracemalloc
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.normalize import is_blank, normalize, normalize_to_utf8


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\n\r \t\ufeff\u0301\u0344\x85a"))))
@example("\u0344" * 2000)
@example("a" + "\u0301\u0323" * 3000)
@example("\ufeff \n\ufeffa")
def test_normalizing_is_idempotent_and_encodes(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & {"\r", "\x00", "\u2581", "\x85", "\u2028"}
    once.encode()


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        (
            "one\r\ntwo\rthree\nfour\x0bfive\x0csix\x85seven\u2028eight",
            "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight",
        ),
        ("if x:\n    y  \n\tz\t\n", "if x:\n    y\n\tz"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("e\x00\u0301\x07", "é"),
        ("\n\n\ufeff    indented", "    indented"),
        ("▁blank", "▂blank"),
        ("\ud800", "\ufffd"),
    ],
)
def test_what_changes(given_text: str, expected: str) -> None:
    assert normalize(given_text) == expected


def test_many_marks_on_one_letter_stay_cheap() -> None:
    marks = "\u0301\u0323" * 100_000  # NFC alone takes the square of this
    assert len(normalize("a" + marks + "b")) > 100_000


def test_a_long_run_without_letters_takes_little_memory() -> None:
    text = "🙂" * 200_000 + "a" + "\u0301" * 100
    tracemalloc.start()
    normal = normalize(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert normal.startswith("🙂" * 200_000 + "á")
    assert peak < 20 * len(text)


def test_many_short_lines_with_an_emoji_take_little_memory() -> None:
    text = "a🙂b \n" * 400_000  # 3.2 MB, as `str` four times as many
    tracemalloc.start()
    normal = normalize(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert normal == ("a🙂b\n" * 400_000).rstrip()
    assert peak < 12 * len(text.encode())


@given(
    st.lists(st.sampled_from(["\n", "\r", "\r\n", " ", "a", "e\u0301", "\u0301", "🙂", "\x85", "\x0c", "\0", "\ud800"]))
)
def test_a_text_is_the_same_in_pieces(characters: list[str]) -> None:
    text = "".join(characters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("processors.normalize._PIECE", 3)
        pieced = normalize(text)
    assert pieced == normalize(text)


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200f\u2060", "\ufffd\ufffd", "\u00ad \u3164 \u2800"])
def test_nothing_to_see(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "。", "ا", "\u200b7", "🙂"])
def test_something_to_see(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize("odd", ["", "🙂"])
@pytest.mark.parametrize("start", ["", "\n\ufeff\n", "  \n"])
@pytest.mark.parametrize("end", ["", " \t\n\n", "\n\u2003 \n \n"])
def test_a_long_text_is_normalized_as_a_short_one(start: str, end: str, odd: str) -> None:
    middle = f"words {odd} \n\n\n\n\n" * 30_000
    long = normalize(start + middle + end)
    line = f"words {odd}".rstrip()
    assert long == normalize(start + "x\n").removesuffix("x") + "\n\n\n".join([line] * 30_000)
    assert normalize_to_utf8(start + middle + end) == long.encode()
