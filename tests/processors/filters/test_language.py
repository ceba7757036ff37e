"""The language filter: labels, scripts, pages of several languages, thresholds from a file that need no text."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError
from processors.filters import language
from processors.filters.language import Among, Language
from processors.filters.language_thresholds import Unsure, read_thresholds, sure_column
from processors.filters.measure import Measures
from processors.filters.rule import SPANS

ENGLISH = "The quick brown fox jumps over the lazy dog, and it does so every day of the week."
GERMAN = "Der schnelle braune Fuchs springt jeden Tag in der Woche über den faulen Hund."
RUSSIAN = "Быстрая коричневая лиса каждый день прыгает через ленивую собаку."


def scores(texts: list[str | None], **given_settings: Any) -> dict[str, list[Any]]:
    column = pa.array(texts, pa.large_string())
    batch = pa.RecordBatch.from_pydict({"id": pa.array(list(map(str, range(len(texts))))), "text": column})
    found = Language(**given_settings).scores(batch, Measures(column))
    assert all(len(each) == len(texts) for each in found.values())
    return {name: each.to_pylist() for name, each in found.items()}


def test_document() -> None:
    found = scores([ENGLISH, GERMAN, RUSSIAN, None, "?!", ""])
    assert found["label"][:4] == found["lang"][:4] == ["en", "de", "ru", None]
    assert found["script"] == ["Latn", "Latn", "Cyrl", None, None, None]
    assert found["sure"][:4] == [f"{a} {b:.4f}" for a, b in zip(("en", "de", "ru"), found["score"], strict=False)] + [
        None
    ]
    assert set(found) == {"label", "score", "sure", "lang", "script"}
    assert scores([]) == {name: [] for name in found}


def test_default_keeps_sure_english() -> None:
    rules = Language().rules()
    assert [(rule.name, rule.score) for rule in rules] == [("label", "label"), ("score", "score")]
    assert rules[0].fires(pa.array(["en", "de", None])).to_pylist() == [False, True, False]
    assert rules[1].fires(pa.array([0.65, 0.6499, None])).to_pylist() == [False, True, False]
    assert Language(keep=(), min_score=0).rules() == (Language().rules()[1].__class__("score", "score", below=0),)


def test_keep_takes_labels_and_codes() -> None:
    labels = pa.array(["deu_Latn", "eng_Latn", "zho_Hant", "zho_Hans", None, "zh"])
    assert Among("label", "label", not_in=("de",)).fires(labels).to_pylist() == [False, True, True, True, False, True]
    kept = Among("label", "label", not_in=("zho_Hans", "eng_Latn"))
    assert kept.fires(labels).to_pylist() == [True, False, True, False, False, True]
    assert Among("label", "label", not_in=("zh",)).fires(labels).to_pylist() == [True, True, False, False, False, False]


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    import fasttext_new

    lines = [f"__label__eng_Latn {ENGLISH}", f"__label__deu_Latn {GERMAN}"] * 30
    (tmp_path / "train.txt").write_text("\n".join(lines))
    fasttext_new.train_supervised(str(tmp_path / "train.txt"), epoch=30, lr=1.0, thread=1, dim=8).save_model(
        str(tmp_path / "m.bin")
    )
    found = scores([ENGLISH, GERMAN], model=str(tmp_path / "m.bin"))
    assert found["label"] == ["eng_Latn", "deu_Latn"]
    assert found["lang"] == ["en", "de"]
    one = Language(model=str(tmp_path / "m.bin")).number_settings()
    assert one != Language().number_settings()
    (tmp_path / "moved.bin").write_bytes((tmp_path / "m.bin").read_bytes())
    assert Language(model=str(tmp_path / "moved.bin")).number_settings() == one
    with pytest.raises(InputError, match=r"gone.bin"):
        Language(model=str(tmp_path / "gone.bin")).number_settings()


def test_paragraphs() -> None:
    mixed = "\n\n".join(["Kapitel 7", GERMAN, ENGLISH, GERMAN + " " + GERMAN, "x = 1;", ENGLISH])
    found = scores(
        [mixed, ENGLISH, None, "Ja, so ist es.", RUSSIAN + "\n\n" + mixed], mode="paragraphs", cut_others=True
    )
    assert found["label"] == ["de", "en", None, "de", "de"]
    sizes = [len(each.encode()) for each in (GERMAN, ENGLISH, GERMAN + " " + GERMAN)]
    assert found["share"][0] == round((sizes[0] + sizes[2]) / (sizes[0] + sizes[2] + 2 * sizes[1]), 4)
    assert found["share"][1:4] == [1.0, None, 1.0]
    assert found["score"][0] > 0.9
    assert found[SPANS][1:4] == [None, None, None]
    data = mixed.encode()
    cuts = [data[span["start"] : span["end"]].decode() for span in found[SPANS][0]]
    assert cuts == [ENGLISH + "\n\n", ENGLISH]
    assert {span["rule"] for span in found[SPANS][0]} == {"language.other_paragraph"}
    shift = len((RUSSIAN + "\n\n").encode())
    assert [(each["start"], each["end"]) for each in found[SPANS][4]] == [
        (0, shift),
        *((each["start"] + shift, each["end"] + shift) for each in found[SPANS][0]),
    ]
    assert SPANS not in scores([mixed], mode="paragraphs")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.lists(st.sampled_from([ENGLISH, GERMAN, RUSSIAN, "", "x", "\n", " "]), max_size=6))
    )
)
def test_a_page_is_judged_alone(pages: list[list[str] | None]) -> None:
    texts = [None if page is None else "\n\n".join(page) for page in pages]
    together = scores(list(texts), mode="paragraphs", cut_others=True)
    for row, text in enumerate(texts):
        alone = scores([text], mode="paragraphs", cut_others=True)
        assert {name: column[row] for name, column in together.items()} == {
            name: each[0] for name, each in alone.items()
        }
        for before, after in zip(alone[SPANS][0] or [], (alone[SPANS][0] or [])[1:], strict=False):
            assert before["start"] < before["end"] <= after["start"]


def test_slices_are_read_in_their_place() -> None:
    column = pa.array([RUSSIAN, GERMAN + "\n\n" + ENGLISH + ENGLISH, None, ENGLISH], pa.large_string())
    for mode in language.MODES:
        chain = Language(mode=mode)
        whole, part = (
            chain.scores(pa.RecordBatch.from_pydict({"text": each}), Measures(each))
            for each in (column, column.slice(1))
        )
        assert {name: each.slice(1).to_pylist() for name, each in whole.items()} == {
            name: each.to_pylist() for name, each in part.items()
        }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.tsv", "# label\tscore\n\ndeu_Latn\t0.9\nja\t0.5 # less\n"),
        ("t.toml", "# label = score\ndeu_Latn = 0.9\nja = 0.5\n"),
    ],
)
def test_thresholds_of_single_languages(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    each = Language(thresholds=str(tmp_path / name), keep=())
    (rule,) = each.rules()
    labels = pa.array(["deu_Latn", "deu_Latn", "de", "jpn_Jpan", "ja", "eng_Latn", "eng_Latn", None])
    sure = sure_column(labels, pa.array([0.9, 0.8999, 0.7, 0.51, 0.49, 0.65, 0.6499, None]))
    assert rule.fires(sure).to_pylist() == [False, True, False, False, True, False, True, False]
    assert json.loads(json.dumps(rule.settings())) == {
        "name": "score", "score": "sure", "below": 0.65, "thresholds": {"deu_Latn": 0.9, "ja": 0.5},
    }  # fmt: skip
    assert rule.fires(pa.nulls(3, pa.string())).to_pylist() == [False] * 3
    assert each.number_settings() == Language().number_settings()


@given(st.lists(st.tuples(st.sampled_from(["de", "deu_Latn", "x"]), st.integers(0, 10_000)), min_size=1))
def test_no_thresholds_are_the_one_threshold(rows: list[tuple[str, int]]) -> None:
    scores = pa.array([value / 10_000 for _, value in rows])
    sure = sure_column(pa.array([label for label, _ in rows]), scores)
    plain = Language().rules()[1]
    assert Unsure("score", "sure", below=0.65).fires(sure).equals(plain.fires(scores))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.tsv", "de\t0.5\nfr\n", r"t.tsv:2: 'fr' is no label and a number"),
        ("t.tsv", "de\thigh\n", r"t.tsv:1: 'high' is no number"),
        ("t.tsv", "de\t1.5\n", r"the threshold of de is 1.5; a probability"),
        ("t.tsv", "de\tnan\n", r"the threshold of de is nan; a probability"),
        ("t.toml", "de = 'x'\n", r"the threshold of de is 'x'; a probability"),
        ("t.toml", "de = \n", r"t.toml: no TOML"),
    ],
)
def test_bad_thresholds_are_said(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_thresholds(str(tmp_path / name))


def test_the_folder_that_fineweb_2_publishes(tmp_path: Path) -> None:
    (tmp_path / "deu_Latn.yml").write_text("dup_line_frac: 0.263\nlanguage_score: 0.821\nstopwords:\n- der\n")
    (tmp_path / "tha_Thai.yml").write_text("language_score: 0.9\n")
    (tmp_path / "notes.yml").write_text("nothing: 1\n")
    assert read_thresholds(str(tmp_path)) == (("deu_Latn", 0.821), ("tha_Thai", 0.9))
    (tmp_path / "xxx_Latn.yml").write_text("language_score: high\n")
    with pytest.raises(InputError, match=r"xxx_Latn.yml: 'high' is no number"):
        read_thresholds(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no file <label>\.yml in it"):
        read_thresholds(str(tmp_path / "empty"))


def test_missing_thresholds_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.tsv: cannot be read"):
        Language(thresholds=str(tmp_path / "none.tsv")).rules()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_score": 2}, "a probability lies between 0 and 1"),
        ({"window": -1}, "it must be at least 0"),
        ({"mode": "lines"}, 'it must be "document" or "paragraphs"'),
        ({"cut_others": True}, 'set mode = "paragraphs"'),
    ],
)
def test_wrong_settings_are_said(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Language(**wrong)


def test_long_line() -> None:
    found = scores(["слово за слово " * 100_000, "x" * 2_000_000], mode="paragraphs")
    assert found["label"][0] == "ru"
    assert found["script"] == ["Cyrl", "Latn"]
