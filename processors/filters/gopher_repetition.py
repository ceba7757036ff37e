"""Gopher's repetition rules: how much of a text says again what it said before.

Table A1 of 2112.11446; a document is dropped above

    duplicate lines 0.30          characters in them 0.20
    duplicate paragraphs 0.30     characters in them 0.20
    characters in the most frequent   2-gram 0.20   3-gram 0.18   4-gram 0.16
    characters in duplicate n-grams   5: 0.15   6: 0.14   7: 0.13   8: 0.12   9: 0.11   10: 0.10

How they are counted differs; `variant` says how:

    fineweb  Copies after the first count; characters are divided by those of the whole text. Lines are divided by
             `\\n+`, paragraphs by `\\n{2,}` of the stripped text, words are `\\w+` or `[^\\w\\s]+`. The most frequent
             n-gram counts with the blanks between its words, and even when it occurs once, so that very short texts
             exceed the bound (of equals the first met); overlapping occurrences count, so the number can exceed 1.
             Duplicate n-grams count without blanks, and the search goes on behind each one found. (datatrove
             compares them without blanks as well, so "1 12" equals "11 2" there: in 10 of 3,534 texts, by 0.01.)
    fineweb2 the same; lines count, but neither their characters nor paragraphs. Its bounds for n-grams and lines are
             set for each language: what is not set in the recipe is FineWeb's
    dclm     Every copy counts, the first as well. Lines and paragraphs are stripped, empty ones are none; characters
             are divided by those of all lines, or of all words. Words begin with a letter or digit. Of the most
             frequent n-grams the longest counts, none if all occur once; in duplicate n-grams no word counts twice.
             Without blanks.
    paper    as dclm, with words between blanks. The paper says only that overlapping n-grams count once: our reading
    dolma    Every copy counts; empty lines are lines; no paragraphs; words between blanks, whose characters all is
             divided by. The most frequent n-gram counts even when it occurs once; characters of duplicate n-grams are
             divided by those of all n-grams of that length, overlaps and all.
    dolma-cc-head  as dolma, with 0.30 for characters in duplicate lines. (That file asks for the scores of n-grams
             under names that the tagger does not give, `…_2gram` for `…_2grams`: there they drop nothing.)
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from processors.filters.measure import Measures, divide, word_identity
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force

_OFF = float("inf")
_TABLE: dict[str, float] = {
    "max_paragraphs": 0.30, "max_paragraph_characters": 0.20, "max_lines": 0.30, "max_line_characters": 0.20,
    "max_top_2_gram": 0.20, "max_top_3_gram": 0.18, "max_top_4_gram": 0.16,
    "max_copied_5_grams": 0.15, "max_copied_6_grams": 0.14, "max_copied_7_grams": 0.13, "max_copied_8_grams": 0.12,
    "max_copied_9_grams": 0.11, "max_copied_10_grams": 0.10,
}  # fmt: skip
_NO_PARAGRAPHS = {**_TABLE, "max_paragraphs": _OFF, "max_paragraph_characters": _OFF}
_NAMES = ("paragraphs", "paragraph_characters", "lines", "line_characters")
_GRAMS = {f"top_{n}_gram": f"gram_{n}" for n in (2, 3, 4)} | {f"copied_{n}_grams": f"gram_{n}" for n in range(5, 11)}


@dataclass(frozen=True)
class GopherRepetition:
    """Every score is a float64 share: 0 where a text has too few lines, paragraphs or words for it.

    Null where there is nothing to divide by, as in an empty text.
    """

    name: ClassVar[str] = "gopher_repetition"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ()
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "fineweb": _TABLE,
        "fineweb2": {**_NO_PARAGRAPHS, "max_line_characters": _OFF},
        "paper": _TABLE,
        "dolma": _NO_PARAGRAPHS,
        "dolma-cc-head": {**_NO_PARAGRAPHS, "max_line_characters": 0.30},
        "dclm": _TABLE,
    }
    SOURCES: ClassVar[dict[str, str]] = {
        "fineweb": "datatrove 0.10, `pipeline/filters/gopher_repetition_filter.py`",
        "fineweb2": "huggingface/fineweb-2, `fineweb-2-pipeline.py`",
        "paper": "2112.11446 table A1",
        "dolma": "allenai/dolma, `python/dolma/taggers/gopher.py`",
        "dolma-cc-head": "allenai/dolma, `configs/dolma-v1_6/mixing/cc-head.yaml`",
        "dclm": "mlfoundations/dclm, `baselines/mappers/filters/content_filters.py`: `massive_web_repetition_filters`",
    }

    variant: str = "fineweb"
    max_paragraphs: float = BY_VARIANT
    max_paragraph_characters: float = BY_VARIANT
    max_lines: float = BY_VARIANT
    max_line_characters: float = BY_VARIANT
    max_top_2_gram: float = BY_VARIANT
    max_top_3_gram: float = BY_VARIANT
    max_top_4_gram: float = BY_VARIANT
    max_copied_5_grams: float = BY_VARIANT
    max_copied_6_grams: float = BY_VARIANT
    max_copied_7_grams: float = BY_VARIANT
    max_copied_8_grams: float = BY_VARIANT
    max_copied_9_grams: float = BY_VARIANT
    max_copied_10_grams: float = BY_VARIANT

    def __post_init__(self) -> None:
        """Fills in the variant's bounds."""
        fill(self)

    def number_settings(self) -> dict[str, object]:
        """The word splitter, and what counts as what."""
        return {**word_identity(), "reading": self._reading()}

    def _reading(self) -> str:
        return {"fineweb2": "fineweb", "dolma-cc-head": "dolma"}.get(self.variant, self.variant)

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The thirteen numbers of the table."""
        if self._reading() == "fineweb":
            grams = {name: measures.ratio(column, "characters") for name, column in _GRAMS.items()}
            shares = {
                "paragraphs": measures.ratio("copied_paragraphs", "paragraphs"),
                "paragraph_characters": measures.ratio("copied_paragraph_characters", "characters"),
                "lines": measures.ratio("copied_lines", "lines"),
                "line_characters": measures.ratio("copied_line_characters", "characters"),
            }
            return shares | grams
        counts = measures.read("repetition", self._reading())
        parts = {name: (f"copied_{name}", name) for name in _NAMES}
        parts |= {name: (column, f"{column}_of") for name, column in _GRAMS.items()}
        return {name: divide(counts[part], counts[whole], measures.texts) for name, (part, whole) in parts.items()}

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order, each named like its score."""
        return in_force(*(Rule(name, name, above=getattr(self, f"max_{name}")) for name in (*_NAMES, *_GRAMS)))
