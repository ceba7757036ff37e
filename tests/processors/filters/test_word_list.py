import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError
from processors.filters.chain import judge, score
from processors.filters.measure import buffers
from processors.filters.phrases import count_hits, folding, tree_of
from processors.filters.word_list import WordList


def hits(text: str, phrases: list[str], alone: bool = True) -> int:
    tree, rows = tree_of(phrases), np.zeros(1, np.int64)
    data = buffers(pa.array([text], pa.large_string()))
    return int(count_hits(*data, rows, tree.first, tree.keys, tree.nodes, tree.ends, *folding(), alone)[0])


def counted(text: str, phrases: list[str], alone: bool) -> int:
    """The same by Python's regular expressions, for text of one-to-one case folding."""
    ordered = sorted({" ".join(each.split()).casefold() for each in phrases} - {""}, key=len, reverse=True)
    if not ordered:
        return 0
    found = "|".join(r"\s+".join(map(re.escape, each.split(" "))) for each in ordered)
    return len(re.findall(rf"(?<!\w)(?:{found})(?!\w)" if alone else found, text.casefold()))


@pytest.mark.parametrize(
    ("text", "phrases", "expected"),
    [
        ("Damn, damned DAMN!", ["damn"], 2),
        ("jail bait, jail\n  Bait; jailbait", ["jail bait"], 2),
        ("ball gag", ["ball", "ball gag", "gag"], 1),
        ("ball gags", ["ball", "ball gag"], 1),
        ("a$$ and s&m. \U0001f595\U0001f595", ["a$$", "s&m", "\U0001f595"], 4),
        ("x_damn damn_x damn1 (damn)", ["damn"], 1),
        ("ПЛОХО и плохо́", ["плохо"], 1),  # the second goes on with a mark
        ("ΚΑΚΟΣ κακος κακοσ", ["κακός", "κακοσ"], 3),
        ("hindi कुत्ता कुत्ते", ["कुत्त"], 0),  # what follows are vowel signs
        ("\U00050000damn\U00050000", ["damn", "\U00050001"], 1),
        ("", ["damn"], 0),
    ],
)
def test_words_stand_alone_in_either_case(text: str, phrases: list[str], expected: int) -> None:
    assert hits(text, phrases) == expected


def test_without_blanks_between_words_a_hit_begins_anywhere() -> None:
    assert hits("これは馬鹿野郎です馬鹿", ["馬鹿", "馬鹿野郎"], alone=False) == 2
    assert hits("これは馬鹿野郎です馬鹿", ["馬鹿", "馬鹿野郎"], alone=True) == 0


@given(
    st.text("aAbB é_-\n", max_size=40), st.lists(st.text("aAb é-", min_size=1, max_size=4), max_size=6), st.booleans()
)
@example("aa aab", ["aa b", "a", "aa", "aab"], True)
def test_it_counts_as_a_regular_expression_would(text: str, phrases: list[str], alone: bool) -> None:
    assert hits(text, phrases, alone) == counted(text, phrases, alone)


@given(st.text(max_size=30), st.lists(st.text(max_size=4), max_size=5), st.booleans())
def test_any_text_and_any_list_can_be_read(text: str, phrases: list[str], alone: bool) -> None:
    assert 0 <= hits(text, phrases, alone) <= len(text)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    lists = tmp_path / "lists"
    lists.mkdir()
    for name, text in [
        ("en", "damn\n"), ("de.txt", "# grob\nverdammt\nMist\n"), ("ja", "馬鹿\n"), ("fr", "zut\n"),
        ("fr-CA-u-sd-caqc", "tabarnak\n"), ("README.md", "damn"), ("LICENSE", "damn"),
    ]:  # fmt: skip
        (lists / name).write_text(text, "utf-8")
    return str(lists)


def scored(
    texts: list[str | None], languages: list[str | None], each: WordList
) -> tuple[pa.RecordBatch, list[list[str]]]:
    columns = {"id": pa.array(range(len(texts))), "text": pa.array(texts, pa.large_string())}
    batch = pa.RecordBatch.from_pydict({**columns, "language": pa.array(languages, pa.string())})
    scores = score(batch, (each,))
    return scores, judge(scores, (each,)).to_pylist()


def test_each_text_is_judged_by_the_list_of_its_language(folder: str) -> None:
    texts = ["damn mist", "damn mist", "この馬鹿", "zut, tabarnak damn", "damn", None, "damn", "damn", ""]
    languages = ["en", "de-AT", "ja", "fr", "pl", "en", None, "EN", "en"]
    scores, _ = scored(texts, languages, WordList(folder))
    assert scores["word_list.hits"].to_pylist() == [1, 1, 1, 2, None, None, None, 1, 0]
    assert scores["word_list.per_thousand"].to_pylist()[:4] == [500, 500, 500, pytest.approx(2000 / 3)]
    assert scores["word_list.per_thousand"].to_pylist()[4:] == [None, None, None, 1000, None]
    scores, _ = scored(texts, languages, WordList(folder, always=("en",)))
    assert scores["word_list.hits"].to_pylist() == [1, 2, 1, 3, 1, None, 1, 1, 0]


def test_the_rate_leaves_a_single_word_alone_and_c4_does_not(folder: str) -> None:
    texts = ["damn " + "word " * 30, "damn " + "word " * 9]
    assert scored(texts, ["en", "en"], WordList(folder))[1] == [[], ["word_list.rate"]]
    assert scored(texts, ["en", "en"], WordList(folder, variant="c4"))[1] == [["word_list.hits"]] * 2


def test_a_changed_list_counts_anew(folder: str) -> None:
    before = WordList(folder).number_settings()
    assert scored(["damn word"], ["en"], WordList(folder))[0]["word_list.hits"].to_pylist() == [1]
    (Path(folder) / "en").write_text("damn\nword\n")
    assert scored(["damn word"], ["en"], WordList(folder))[0]["word_list.hits"].to_pylist() == [2]
    assert WordList(folder).number_settings() != before


def test_what_is_wrong_with_the_lists_is_told(folder: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="`folder` is not given"):
        scored(["x"], ["en"], WordList())
    with pytest.raises(RecipeError, match="`always` names 'xx'"):
        scored(["x"], ["en"], WordList(folder, always=("xx",)))
    (Path(folder) / "pl").write_text("# nothing yet\n")
    with pytest.raises(InputError, match="pl: this list has no entry"):
        scored(["x"], ["en"], WordList(folder))
    (tmp_path / "README").write_text("x")
    with pytest.raises(InputError, match="no list is in it"):
        scored(["x"], ["en"], WordList(str(tmp_path / "README")))
