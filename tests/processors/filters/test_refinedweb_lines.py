"""RefinedWeb's line edits against plain Python, written from their definition."""

import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.text import render_column
from processors.filters.measure import Measures
from processors.filters.refinedweb_lines import RefinedWebLines

COUNTED = "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers"
COUNTER = re.compile(rf"^\W*\d[,.\d]*[kmb]?\s+(?:{COUNTED})\W*\Z")
PHRASES = (r"\s?items in cart", r"\s?read more(?:[^\n]{3}|…)\Z", r"\Asign-in\s?")


def words(text: str) -> int:
    return sum(word[0].isalnum() for word in text.split())


def lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def without(phrase: str, line: str) -> str:
    pieces, at = [], 0
    for found in re.finditer(phrase, lower(line)):
        pieces.append(line[at : found.start()])
        at = found.end()
    return "".join((*pieces, line[at:]))


def falls(line: str) -> bool:
    if sum(map(str.isupper, line)) > 0.5 * len(line) or sum(map(str.isdigit, line)) > 0.999999 * len(line):
        return True
    return bool(COUNTER.search(lower(line))) or len(line.split()) < 2


def edited(line: str) -> str:
    for phrase in PHRASES:
        shorter = without(phrase, line)
        if line and not shorter.strip():
            return ""
        line = shorter
    return line


def plain(text: str, whole: bool) -> tuple[str, int, int, int]:
    """What is left, words, words cut, words of lines that were touched."""
    kept, cut, flagged = [], 0, 0
    for line in text.strip().split("\n"):
        left = line
        if line and falls(line):
            left = ""
        elif len(line.split()) <= 10:
            left = edited(line)
            left = "" if whole and left != line else left
        cut += words(line) - words(left)
        flagged += words(line) if left != line else 0
        if left or not line:
            kept.append(left)
    return "\n".join(kept).strip(), words(text), cut, flagged


PIECES = ["\n", "\n", "\n\n", " ", " ", "\t", "\u3000", "a word", "The mill grinds", "ABC", "É", "é", "1", "²", "٣",
          ".", ",", "…", "...", "5k", "3 likes", "1,000 Views", "items in cart", "Items In Cart", "Read more...", 
          "READ MORE", "read more…", "sign-in", "Sign-in", "likes", "!", "_", "日本 語", "\r", "\x85"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def scored(texts: list[str | None], whole: bool = False) -> dict[str, pa.Array]:
    column = pa.array(texts, pa.large_string())
    batch = pa.RecordBatch.from_arrays([column], ["text"])
    scores = RefinedWebLines(whole_lines=whole).scores(batch, Measures(column))
    return scores | {"left": render_column(column, scores["spans"])}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXTS), max_size=4), st.booleans())
@example(["a b\n\nCUT\n \nCUT\n\n", "\n\n5 likes\n\nSign-in a b\nc d Read more...\n3 shares\n", "", None], False)
def test_lines_fall_and_phrases_are_cut_as_plain_python_does(texts: list[str | None], whole: bool) -> None:
    scores = scored(texts, whole)
    expected = [plain(text or "", whole) for text in texts]
    left = [None if text is None else row[0] for text, row in zip(texts, expected, strict=True)]
    assert scores["left"].to_pylist() == left
    assert scores["cut_words"].to_pylist() == [cut / all_ if all_ else None for _, all_, cut, _ in expected]
    assert scores["flagged_words"].to_pylist() == [flagged / all_ if all_ else None for _, all_, _, flagged in expected]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("3 items in cart today", "3 today"),
        ("Sign-in to see the price", "to see the price"),
        ("The whole story. Read more...", "The whole story."),
        ("The whole story. Read more…", "The whole story."),
        ("a b c d e f g h i j Read more...", "a b c d e f g h i j Read more..."),
        ("* 1.2K Followers *", ""),
        ("12 likes and shares", "12 likes and shares"),
        ("HELLO DEAR world", ""),
        ("home", ""),
    ],
)
def test_a_line_is_edited_as_told(line: str, left: str) -> None:
    assert scored([line])["left"].to_pylist() == [left]


def test_the_variants_count_what_was_cut_or_what_was_touched() -> None:
    line = "Sign-in to read the whole of this page"
    scores = scored([line])
    assert scores["cut_words"].to_pylist() == [1 / 8] and scores["flagged_words"].to_pylist() == [1.0]
    (by_dclm,), (by_paper,) = RefinedWebLines().rules(), RefinedWebLines("paper").rules()
    assert (by_dclm.score, by_paper.score) == ("cut_words", "flagged_words")


def test_long_lines_and_many_lines_take_linear_time() -> None:
    for text in ("A" * 2_000_000, "\n" * 2_000_000, "sign-in " * 250_000, "1 likes\n" * 250_000):
        assert scored([text])["cut_lines"].to_pylist()[0] >= 0
