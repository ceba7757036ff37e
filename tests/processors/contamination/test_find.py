"""Laws of the index and the search, against a plain Python reading of the same rules."""

import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.contamination import PRESETS, Contamination
from processors.contamination.benchmarks import Item
from processors.contamination.find import find
from processors.contamination.index import GramSettings, Index, build_index

ALONE, PUNCTUATION = "中文字", "'.,-!_$”"
words = st.text("abcÉéΣς9中文" + PUNCTUATION, min_size=1, max_size=4)
texts = st.lists(st.tuples(words, st.sampled_from([" ", "\n", "  ", "\t", "\n\n", "\u00a0"])), max_size=30)
flat = texts.map(lambda pairs: "".join(word + blank for word, blank in pairs))


def plain_words(text: str) -> list[str]:
    """What `no_punctuation` makes of a text, said in other words."""
    kept = "".join(c for c in text if c not in PUNCTUATION).lower().replace("ς", "σ")
    return "".join(f" {c} " if c in ALONE else c for c in kept).split()


def plain_grams(text: str, n: int) -> set[tuple[str, ...]]:
    held = plain_words(text)
    return {tuple(held[at : at + n]) for at in range(len(held) - n + 1)}


def index_of(*items: str, **settings: object) -> Index:
    c = replace(Contamination(n=3, short=0), **settings)  # type: ignore[arg-type]
    return build_index([Item("b", str(n), text, ()) for n, text in enumerate(items)], GramSettings.of(c))


def column(*given_texts: str | None) -> pa.Array:
    return pa.array(given_texts, pa.large_string())


@given(st.lists(flat, max_size=4), st.lists(flat, max_size=4), st.integers(1, 4))
def test_found_is_what_both_hold_and_nothing_else(items: list[str], documents: list[str], n: int) -> None:
    index = index_of(*items, n=n)
    hits = find(column(*documents), index)
    lettered = {g for text in items for g in plain_grams(text, n) if any(c.isalpha() for w in g for c in w)}
    for row, document in enumerate(documents):
        own = hits.row == row
        stretches = zip(hits.start[own].tolist(), hits.end[own].tolist(), strict=True)
        data = document.encode()
        found = [tuple(plain_words(data[start:end].decode())) for start, end in stretches]
        held = plain_words(document)
        expected = [tuple(held[at : at + n]) for at in range(len(held) - n + 1)]
        assert found == [gram for gram in expected if gram in lettered]
        assert [tuple(plain_words(index.text_of(gram))) for gram in hits.gram[own].tolist()] == found


@given(st.lists(flat, max_size=5))
def test_every_gram_stands_once_with_all_its_places(items: list[str]) -> None:
    index = index_of(*items)
    grams = [tuple(plain_words(index.text_of(gram))) for gram in range(index.grams.num_rows)]
    assert len(set(grams)) == len(grams)
    which, item, place = index.postings(np.arange(len(grams)))
    told = {(grams[a], b, c) for a, b, c in zip(which.tolist(), item.tolist(), place.tolist(), strict=True)}
    held = [plain_words(text) for text in items]
    places = {(tuple(ws[at : at + 3]), n, at) for n, ws in enumerate(held) for at in range(len(ws) - 2)}
    assert told == {each for each in places if any(c.isalpha() for w in each[0] for c in w)}
    assert index.items["grams"].to_pylist() == [len({g for g, n, _ in told if n == item}) for item in range(len(items))]


@given(flat, st.lists(words, min_size=5, max_size=9), flat)
def test_what_is_planted_is_found_whole(before: str, planted: list[str], after: str) -> None:
    item = " ".join(["marker", *planted])
    index = index_of(item)
    hits = find(column(f"{before} {item.upper().replace(' ', '  ')}\n{after}"), index)
    assert set(range(index.grams.num_rows)) <= set(hits.gram.tolist())


def test_texts_side_by_side_are_as_alone() -> None:
    random_ = random.Random(3)
    documents = [" ".join(random_.choices(["a", "b", "c", "d", "e"], k=random_.randint(0, 40))) for _ in range(50)]
    index = index_of("a b c d e a b", "e d c b a")
    hits = find(column(*documents), index)
    for row, document in enumerate(documents):
        alone, own = find(column(document), index), hits.only(hits.row == row)
        assert (alone.start.tolist(), alone.end.tolist(), alone.gram.tolist()) == (
            own.start.tolist(), own.end.tolist(), own.gram.tolist(),
        )  # fmt: skip


def test_more_hits_than_there_is_room_for_at_once_are_all_found() -> None:
    index = index_of("one two three one two")
    few = "one two three " * 11_000
    hits = find(column(few, "", few, few * 3, few), index)
    assert np.bincount(hits.row).tolist() == [32_998, 0, 32_998, 98_998, 32_998]
    assert hits.start[hits.row == 4].tolist() == hits.start[hits.row == 0].tolist()


def test_a_null_text_and_a_slice_are_read_right() -> None:
    index = index_of("one two three")
    hits = find(column("one two three", None, "", "x one two three")[1:], index)
    assert (hits.row.tolist(), hits.start.tolist(), hits.end.tolist()) == ([2], [2], [15])


def test_an_equal_hash_of_other_words_is_no_hit() -> None:
    index, other = index_of("one two three"), index_of("four five six")
    forged = replace(index, lookup=index.lookup._replace(keys=other.lookup.keys, bits=other.lookup.bits))
    assert len(find(column("four five six"), other).row) == 1
    assert len(find(column("four five six"), forged).row) == 0


def test_short_items_are_matched_whole_or_told() -> None:
    index = index_of("alpha beta gamma delta", "so few", n=6, short=3)
    assert index.items["grams"].to_pylist() == [1, 0]
    assert len(find(column("x Alpha, beta; gamma delta y"), index).row) == 1
    assert len(find(column("alpha beta gamma"), index).row) == 0


def test_an_answers_side_asks_for_a_word_of_the_answer() -> None:
    item = Item("b", "1", "where does the miller live", ("in town", "by the river bank"))
    index = build_index([item], GramSettings.of(Contamination(n=3, short=0, sides="answer")))
    grams = {index.text_of(gram).replace("\n", " ") for gram in range(index.grams.num_rows)}
    assert grams == {
        "miller live in",
        "live in town",
        "miller live by",
        "live by the",
        "by the river",
        "the river bank",
    }


def test_lines_and_paragraphs_bound_what_is_compared() -> None:
    whole = index_of("one two three four\nfive six", unit="lines", within="line", n=4)
    assert whole.grams.num_rows == 1
    assert len(find(column("x\none  two three four\ny"), whole).row) == 1
    assert len(find(column("x one two three four"), whole).row) == 0
    paragraphs = index_of("one two\nthree four\n\nfive six seven\n\neight nine", within="paragraph", n=3, short=2)
    assert {paragraphs.text_of(g) for g in range(paragraphs.grams.num_rows)} == {
        "one two\nthree", "two\nthree four", "five six seven", "eight nine",
    }  # fmt: skip
    assert len(find(column("eight nine\n\nx eight nine"), paragraphs).row) == 1


@pytest.mark.parametrize(
    ("fold", "left", "right", "alike"),
    [
        ("no_punctuation", "The well-known MILLER'S wheel", "the wellknown millers wheel", True),
        ("no_punctuation", "one-two three four", "one two three four", False),
        ("simplified", "Café №1: 12 francs", "cafe no1 9 francs", False),
        ("simplified", "Café costs 12 francs", "cafe costs 9000 francs", True),
        ("simplified", "one-two three", "one two three", True),
        ("simplified", "한국어 시험 문제", "하국어 시험 문제", False),
        ("exact", "The mill grinds", "the mill grinds", False),
        ("exact", "The  mill\tgrinds", "The mill grinds", True),
        ("no_punctuation", "山川草", "山 川、草", True),
    ],
)
def test_folds(fold: str, left: str, right: str, alike: bool) -> None:
    assert (len(find(column(right), index_of(left, fold=fold)).row) > 0) == alike


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_finds_a_leak_and_spares_other_text(preset: str) -> None:
    c = Contamination(**{"preset": preset} | PRESETS[preset])  # type: ignore[arg-type]
    text = "Why does a copper lantern glow brighter in the northern valley than one made of tin when it snows"
    item = Item("b", "1", text, ("because copper reflects the red part of the light far better than tin does in snow",))
    index = build_index([item], GramSettings.of(c))
    leak = f"Some page.\n\n{text}\n{item.answers[0]}\n\nMore."
    hits = find(column(leak, "The mill grinds grain into flour and water turns the great wheel all day long."), index)
    assert set(hits.row.tolist()) == {0}
