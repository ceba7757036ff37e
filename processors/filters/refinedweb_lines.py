"""RefinedWeb's line edits, as published and as DCLM applies them: page furniture is cut, pages full of it are dropped.

2306.01116 appendix G.2; DCLM `baselines/mappers/modifiers.py` with `baselines_configs/dclm_baseline_refinedweb.yaml`.
Lines are divided by newlines, words by blanks. A line that is not empty is cut when (in this order)

    upper-case letters / characters > 0.5
    digits / characters             > 0.999999
    it is a counter: a number and likes, shares, comments, retweets, reposts, quotes, bookmarks, upvotes, downvotes,
        downloads, views or followers, with nothing but signs around it ("3 likes", "1.2k views")
    it has fewer than 2 words

and from a line of at most 10 words these phrases are cut, with one blank, in either case of ASCII letters: "items in
cart" anywhere, "Read more" and three more characters (or "…") at its end, "Sign-in" at its beginning; a line of which
nothing is left goes whole. What is then blank at the ends of the text goes too. A word counts when it begins with a
letter or digit. Two shares are always scored, and the variants disagree about which of them drops a page:

    dclm     words that were cut / words > 0.05                           DCLM's `word_removal_ratio_filter`
    paper    words of all lines that were cut or edited / words > 0.05    2306.01116 G.2

DCLM's regular expression does not escape the dots of "Read more...", so any three characters match, here too; that "…"
matches as well is ours. It counts words by fastText's splitter, to which only ASCII blanks are blanks. DCLM's code
strips the whole text after every step, so that blanks at the beginning of a line whose predecessors all fell do not
count for it; here they do.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpus.text import SPANS
from processors.filters.characters import UNICODE, character_table
from processors.filters.classes import class_table
from processors.filters.measure import Measures, buffers, divide
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force
from processors.filters.rule import SPANS as SPANS_NAME

_COUNTED = (
    b"likes", b"shares", b"comments", b"retweets", b"reposts", b"quotes", b"bookmarks", b"upvotes", b"downvotes",
    b"downloads", b"views", b"followers",
)  # fmt: skip
_PHRASES = (b"items in cart", b"read more", b"sign-in")  # anywhere, at the end before dots, at the beginning
_CUTS = ("blank", "upper_case", "numeric", "counter", "few_words", "phrase")


@dataclass(frozen=True)
class RefinedWebLines:
    """Scores: `cut_words` and `flagged_words` (float64, null without words), `cut_lines` (int64); cuts come as spans.

    Attributes:
        variant: whose bound drops a page, see the table.
        max_cut_words: highest share of words that were cut.
        max_flagged_words: highest share of words in lines that were cut or edited.
        max_upper, max_digits: highest shares of a line's characters.
        counters: cut counters.
        min_line_words: fewer words cut the line.
        max_phrase_words: a line of more words is not searched for phrases; 0 leaves phrases alone.
        whole_lines: cut the whole line that holds a phrase.
    """

    name: ClassVar[str] = "refinedweb_lines"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "dclm": {"max_cut_words": 0.05, "max_flagged_words": float("inf")},
        "paper": {"max_cut_words": float("inf"), "max_flagged_words": 0.05},
    }
    SOURCES: ClassVar[dict[str, str]] = {
        "dclm": "DCLM `baselines_configs/dclm_baseline_refinedweb.yaml`, `mappers/modifiers.py`",
        "paper": "RefinedWeb, 2306.01116 appendix G.2",
    }

    variant: str = "dclm"
    max_cut_words: float = BY_VARIANT
    max_flagged_words: float = BY_VARIANT
    max_upper: float = 0.5
    max_digits: float = 0.999999
    counters: bool = True
    min_line_words: int = 2
    max_phrase_words: int = 10
    whole_lines: bool = False

    def __post_init__(self) -> None:
        fill(self)

    def number_settings(self) -> dict[str, object]:
        """The line rules: they decide what is cut."""
        names = ("max_upper", "max_digits", "counters", "min_line_words", "max_phrase_words", "whole_lines")
        return {"unicode": UNICODE, **{name: getattr(self, name) for name in names}}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The shares, and the spans that leave the lines kept."""
        from processors.filters.refinedweb_kernel import CUT, CUT_LINES, FLAGGED, WORDS, edit_lines

        texts = batch.column("text")
        limits = (
            self.max_upper, self.max_digits, self.counters, self.min_line_words, self.max_phrase_words, self.whole_lines
        )  # fmt: skip
        spans, counts = edit_lines(
            *buffers(texts), character_table(), class_table(), *_joined(_COUNTED), *_joined(_PHRASES),
            np.array(limits, np.float64),
        )  # fmt: skip
        missing = texts.is_null().to_numpy(zero_copy_only=False)
        return {
            "cut_words": divide(counts[CUT], counts[WORDS], texts),
            "flagged_words": divide(counts[FLAGGED], counts[WORDS], texts),
            "cut_lines": pa.array(counts[CUT_LINES], mask=missing),
            SPANS_NAME: _span_column(spans, len(texts)),
        }

    def rules(self) -> tuple[Rule, ...]:
        """The one that the variant has."""
        return in_force(
            Rule("cut_words", "cut_words", above=self.max_cut_words),
            Rule("flagged_words", "flagged_words", above=self.max_flagged_words),
        )


def _joined(phrases: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    return np.frombuffer(b"".join(phrases), np.uint8), np.cumsum([0, *map(len, phrases)]).astype(np.int64)


def _span_column(spans: np.ndarray, rows: int) -> pa.Array:
    """The kernel's spans as one list a row; null where a row has none."""
    counts = np.bincount(spans[:, 0], minlength=rows)
    rules = pa.array([f"{RefinedWebLines.name}.{cut}" for cut in _CUTS], pa.string()).take(pa.array(spans[:, 3]))
    starts, ends = (pa.array(np.ascontiguousarray(spans[:, n])) for n in (1, 2))
    columns = [starts, ends, rules, pa.repeat("", len(spans))]
    flat = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS, mask=pa.array(counts == 0))
