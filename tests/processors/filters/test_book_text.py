"""What betrays a bad scan: which words and lines count, and which books fall."""

from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import InputError
from processors.filters.book_text import BookText
from processors.filters.measure import Measures

PROSE = (
    'It was the best of times, it was the worst of times; and O\'Brien, who had a half-penny, said: "Well!"\n\n'
    "Donaudampfschifffahrtsgesellschaft. 3.14 and 1,000,000 are numbers. Don't. U.S.A. e.g. rhythms IEEE AAA.\n"
)


def scored(text: str | None, **changes: object) -> tuple[dict[str, float | None], list[str]]:
    """Scores of one text, and the rules that fire."""
    column = pa.array([text], pa.large_string())
    each = BookText(**changes)  # type: ignore[arg-type]
    scores = each.scores(pa.RecordBatch.from_arrays([column], ["text"]), Measures(column))
    fired = [rule.name for rule in each.rules() if rule.fires(scores[rule.score]).to_pylist()[0]]
    return {name: value.to_pylist()[0] for name, value in scores.items()}, fired


@pytest.mark.parametrize(
    "word",
    ["x" * 4, "abcdefghij" * 5, "a~'b", "tHe", "bcdfghjk", "aeiouaei", "strngths" + "bcd", "14.9~;tv~;<F"],
)  # fmt: skip
def test_words_that_no_writer_wrote_are_garbage(word: str) -> None:
    assert scored(f"word {word}, word")[0]["garbage"] == 1 / 3


@pytest.mark.parametrize("word", ["th1s", "w|th", "c@t", "cAt"])
def test_words_with_a_strange_sign_inside_are_odd(word: str) -> None:
    assert scored(f'word "{word}". word')[0]["odd"] == 1 / 3


@pytest.mark.parametrize(
    "text",
    [PROSE, "Straße Œuvre naïve", "«Привет, мир»", "नमस्ते दुनिया", "它把整个句子写在一起。" * 5, "สวัสดีชาวโลกสวัสดี" * 3],
)  # fmt: skip
def test_sound_words_are_neither(text: str) -> None:
    scores, fired = scored(text)
    assert scores["garbage"] in (0, None) and scores["odd"] in (0, None) and fired == []


def test_lines_are_told_by_their_ends_and_beginnings() -> None:
    scores, fired = scored(
        "The gre-\nat mill turns\nwith the water.\n\nA new paragraph,\nand so on\n12\n- xiv -\n%\n--\nab\n"
    )
    assert scores["hyphens"] == 1 / 10 and scores["broken"] == 3 / 10
    assert scores["page_numbers"] == 2 / 10 and scores["tiny"] == 2 / 10
    assert fired == []


@pytest.mark.parametrize(
    ("line", "share"), [("12", 1), ("[ 12 ]", 1), ("3-12", 1), ("12.", 1), ("10.7.4", 0), ("9.1", 0)]
)
def test_a_section_number_is_no_page_number(line: str, share: int) -> None:
    assert scored(line)[0]["page_numbers"] == share


def test_running_heads_are_lines_with_numbers_that_come_again() -> None:
    pages = "".join(f"{n} THE MILL ON THE HILL\nIt turns {n} times.\nIt turns well.\n" for n in range(10))
    scores, fired = scored(pages, max_running_heads=0.3)
    assert scores["running_heads"] == 1 / 3 and fired == ["running_heads"]
    assert scored("Chapter 1\nChapter 2\nIt turns.\n")[0]["running_heads"] == 0


def test_a_dictionary_knows_words_in_any_case_and_its_content_counts(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("The\nmill\n\nÉtude\nturns\n")
    scores, fired = scored("THE mill turns, étude! Mil1 x2 teh", dictionary=str(words), min_known=0.9)
    assert scores["known"] == 4 / 5 and fired == ["unknown_words"]
    before = BookText(dictionary=str(words)).number_settings()
    words.write_text("The\nmill\nturns\nteh\nétude")
    assert scored("the teh", dictionary=str(words))[0]["known"] == 1
    assert BookText(dictionary=str(words)).number_settings() != before
    assert scored("the mill")[0]["known"] is None
    words.write_bytes(b"\xff")
    with pytest.raises(InputError, match="UTF-8"):
        scored("the", dictionary=str(words))
    with pytest.raises(InputError, match="no such file"):
        scored("the", dictionary=str(tmp_path / "none"))


def test_a_bad_scan_falls_and_null_texts_are_not_judged() -> None:
    noise = PROSE.translate(str.maketrans("eot", "~0|"))
    assert "odd_words" in scored(noise)[1]
    assert "page_numbers" in scored("1200\n\n1300\n\nxviii\n\nThe end\n")[1]
    assert scored("* * * = = =\n" * 9 + "The end")[1] == ["non_letters"]
    for text in (None, "", "\n \n"):
        assert set(scored(text)[0].values()) == {None}


@pytest.mark.parametrize("piece", ["x", "\n", "1\n", "a-\n", "~", "a1 \n"])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    scored(piece * (500_000 // len(piece)))
