"""What hits come to: shares, phrases, paragraphs, windows; against plain counting."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.contamination import PRESETS, Contamination
from processors.contamination import verdict
from processors.contamination.benchmarks import Item
from processors.contamination.find import find
from processors.contamination.index import GramSettings, Index, build_index
from processors.contamination.stages import common_grams
from processors.contamination.verdict import MOST_ITEMS, Verdicts, judge_hits

text_of = st.lists(st.sampled_from(["a", "b", "c", "d", "\n\n"]), max_size=25).map(" ".join)


def judged(items: list[str], documents: list[str], phrases: tuple[str, ...] = (), **settings: object) -> Verdicts:
    c = replace(Contamination(n=3, short=0), **settings)  # type: ignore[arg-type]
    index = build_index([Item("b", str(n), text, ()) for n, text in enumerate(items)], GramSettings.of(c))
    texts = pa.array(documents, pa.large_string())
    return judge_hits(texts, len(texts), find(texts, index), grams_of(index, phrases), index, c)


def grams_of(index: Index, phrases: tuple[str, ...]) -> np.ndarray:
    said = [" ".join(index.text_of(gram).split()) for gram in range(index.grams.num_rows)]
    return np.array([gram for gram, text in enumerate(said) if text in phrases], np.int64)


def grams(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]


@given(st.lists(text_of, max_size=4), st.lists(text_of, max_size=4), st.sets(st.sampled_from(grams("a b c d a b a c"))))
def test_an_items_share_is_what_of_its_other_n_grams_the_text_holds(
    items: list[str], documents: list[str], phrases: set[str]
) -> None:
    verdicts = judged(items, documents, tuple(phrases), measure="grams", least=0.5)
    expected = []
    for row, document in enumerate(documents):
        held = set(grams(document)) - phrases
        shares = []
        for number, item in enumerate(items):
            of = set(grams(item)) - phrases
            both = len(of & held)
            shares.append(both / len(of) if both else 0.0)
            if both and shares[-1] >= 0.5:
                expected.append((row, str(number), shares[-1], both))
        assert verdicts.share[row] == max(shares, default=0.0)
        assert verdicts.items[row] == sum(share >= 0.5 for share in shares)
    told = [(r["row"], r["item"], r["share"], r["grams"]) for r in verdicts.found.to_pylist()]
    assert sorted(told) == sorted(expected)


@given(text_of, text_of)
def test_words_are_counted_once_however_many_n_grams_cover_them(item: str, document: str) -> None:
    verdicts = judged([item], [document], measure="words", least=0.1)
    words, held = item.split(), set(grams(document))
    covered = {at + k for at, gram in enumerate(grams(item)) if gram in held for k in range(3)}
    assert verdicts.share[0] == (len(covered) / len(words) if covered else 0.0)


def test_a_paragraphs_share_leaves_phrases_out_of_both() -> None:
    item = "a b c d e f g"
    document = "x y z a b c\n\na b c d e x\n\na b c"  # 1 of 4 n-grams; 3 of 4; 1 of 1
    of = {"within": "paragraph", "measure": "paragraph", "least": 0.6}
    assert judged([item], [document], **of).share[0] == 1.0
    spared = judged([item], [document], ("a b c",), **of)
    assert spared.share[0] == 2 / 3 and spared.items[0] == 1
    assert judged([item], [document], ("a b c", "b c d", "c d e"), **of).share[0] == 0.0


def test_a_paragraph_that_falls_takes_its_blank_lines_with_it() -> None:
    document = "first one\n\nsays a b c here\n \nthird é one"
    (spans,) = judged(["a b c"], [document], falls="paragraph").spans.to_pylist()
    (span,) = spans
    assert document.encode()[: span["start"]].decode() == "first one\n\n"
    assert document.encode()[span["end"] :].decode() == "third é one"


@pytest.mark.parametrize(
    ("document", "left", "pieces"),
    [
        ("é" * 20 + " a b c " + "ü" * 20, ["é" * 16, "ü" * 16], 2),
        ("é" * 8 + " a b c " + "ü" * 20, ["ü" * 16], 2),  # too small a piece falls, and is counted
        ("a b c", [], 0),
        ("é" * 20 + " a b c " + "x" * 12 + " a b c " + "ü" * 20, ["é" * 16, "ü" * 16], 3),
        ("é" * 20 + " a b c " + "x" * 6 + " a b c " + "ü" * 20, ["é" * 16, "ü" * 16], 2),
        ("é" * 20 + " a b c d " + "ü" * 20, ["é" * 16, "ü" * 16], 2),
    ],
)
def test_windows_fall_in_characters_and_small_pieces_with_them(document: str, left: list[str], pieces: int) -> None:
    verdicts = judged(["a b c d"], [document], falls="window", window=5, piece=10)
    spans, at, kept = verdicts.spans.to_pylist()[0], 0, []
    data = document.encode()
    for span in spans:
        kept.append(data[at : span["start"]].decode())
        at = span["end"]
    kept.append(data[at:].decode())
    assert [piece for piece in kept if piece] == left
    assert verdicts.pieces[0] == pieces


def test_a_template_in_thousands_of_items_is_counted_and_told_in_part() -> None:
    items = [f"choose the right answer {chr(97 + n % 26)}{n}" for n in range(500)]
    verdicts = judged(items, ["please choose the right answer", "nothing"])
    assert verdicts.items.tolist() == [500, 0] and verdicts.found.num_rows == MOST_ITEMS


def test_stretches_are_of_the_item_that_they_are_told_of() -> None:
    verdicts = judged(["a b c d", "x y z"], ["é a b c d x y z a b c"])
    told = {row["item"]: [(s["start"], s["end"]) for s in row["stretches"]] for row in verdicts.found.to_pylist()}
    assert told == {"0": [(3, 10), (17, 22)], "1": [(11, 16)]}


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=30), max_size=6),
    st.integers(1, 4),
)
def test_a_gram_is_common_by_its_different_texts(parts: list[list[tuple[int, int]]], most: int) -> None:
    given_parts = [
        (np.array([gram for gram, _ in part], np.int64), np.array([text for _, text in part], np.uint64))
        for part in parts
    ]
    pairs = {pair for part in parts for pair in part}
    expected = [gram for gram in range(6) if sum(gram == other for other, _ in pairs) > most]
    assert common_grams(given_parts, 6, most).tolist() == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_make_a_whole_leak_fall(preset: str) -> None:
    c = Contamination(**{"preset": preset} | PRESETS[preset])  # type: ignore[arg-type]
    question = "Why does a copper lantern glow brighter in the northern valley than one made of tin when it snows there"
    answer = "because copper reflects the red part of the light far better than tin does in snow and in rain"
    index = build_index([Item("b", "1", question, (answer,))], GramSettings.of(c))
    filler = "\n\n" + "The mill grinds grain into flour and water turns the great wheel all day long. " * 20 + "\n\n"
    texts = pa.array([f"{filler}{question}\n{answer}{filler}", filler], pa.large_string())
    verdicts = judge_hits(texts, 2, find(texts, index), np.zeros(0, np.int64), index, c)
    assert verdicts.items.tolist() == [1, 0]
    assert verdicts.share[0] >= max(c.least, 0.01) and verdicts.share[1] == 0
    assert (verdicts.spans.is_valid().to_pylist() == [True, False]) == (c.falls != "document")


def test_texts_judged_some_at_a_time_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [f"choose the right answer {chr(97 + n % 26)}{n} to this" for n in range(40)]
    documents = ["x", *(f"please choose the right answer {items[n]}" for n in range(0, 40, 3)), "", "the right answer"]
    whole = judged(items, documents, falls="paragraph", measure="grams", least=0.2)
    monkeypatch.setattr(verdict, "_AT_ONCE", 90)
    some = judged(items, documents, falls="paragraph", measure="grams", least=0.2)
    assert some.found.to_pylist() == whole.found.to_pylist()
    assert some.spans.equals(whole.spans) and whole.items.max() > 0
    for name in ("share", "items", "pieces"):
        assert getattr(some, name).tolist() == getattr(whole, name).tolist()
