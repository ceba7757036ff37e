"""Gopher's repetition rules: how much of a text says again what it said before.

Table A1 of 2112.11446, as FineWeb applies it (datatrove `gopher_repetition_filter.py`); a document is dropped above

    duplicate lines 0.30          characters in them 0.20
    duplicate paragraphs 0.30     characters in them 0.20
    characters in the most frequent   2-gram 0.20   3-gram 0.18   4-gram 0.16
    characters in duplicate n-grams   5: 0.15   6: 0.14   7: 0.13   8: 0.12   9: 0.11   10: 0.10

Copies after the first count; characters are divided by those of the whole text. Lines are divided by `\\n+`, paragraphs
by `\\n{2,}` of the stripped text. The most frequent n-gram counts with the blanks between its words, and even when it
occurs once, so that very short texts exceed the bound (of equals the first met); overlapping occurrences count, so the
number can exceed 1. Duplicate n-grams count without blanks, and the search goes on behind each one found.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from processors.filters.measure import IDENTITY, Measures
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class GopherRepetition:
    """Every score is a float64 share: 0 where a text has too few lines, paragraphs or words for it.

    Shares of characters are null for an empty text.
    """

    name: ClassVar[str] = "gopher_repetition"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    max_paragraphs: float = 0.30
    max_paragraph_characters: float = 0.20
    max_lines: float = 0.30
    max_line_characters: float = 0.20
    max_top_2_gram: float = 0.20
    max_top_3_gram: float = 0.18
    max_top_4_gram: float = 0.16
    max_copied_5_grams: float = 0.15
    max_copied_6_grams: float = 0.14
    max_copied_7_grams: float = 0.13
    max_copied_8_grams: float = 0.12
    max_copied_9_grams: float = 0.11
    max_copied_10_grams: float = 0.10

    def number_settings(self) -> dict[str, object]:
        """The word splitter."""
        return dict(IDENTITY)

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The thirteen numbers of the table."""
        scores = {f"top_{n}_gram": measures.ratio(f"gram_{n}", "characters") for n in (2, 3, 4)}
        scores |= {f"copied_{n}_grams": measures.ratio(f"gram_{n}", "characters") for n in (5, 6, 7, 8, 9, 10)}
        return {
            "paragraphs": measures.ratio("copied_paragraphs", "paragraphs"),
            "paragraph_characters": measures.ratio("copied_paragraph_characters", "characters"),
            "lines": measures.ratio("copied_lines", "lines"),
            "line_characters": measures.ratio("copied_line_characters", "characters"),
            **scores,
        }

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order, each named like its score."""
        names = ["paragraphs", "paragraph_characters", "lines", "line_characters"]
        names += [f"top_{n}_gram" for n in (2, 3, 4)] + [f"copied_{n}_grams" for n in (5, 6, 7, 8, 9, 10)]
        return in_force(*(Rule(name, name, above=getattr(self, f"max_{name}")) for name in names))
