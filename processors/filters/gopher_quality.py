"""Gopher's quality rules: is this prose at all?

Table of "MassiveWeb quality filtering" in 2112.11446 appendix A.1.1, as FineWeb applies it (datatrove
`gopher_quality_filter.py`); a document is dropped when

    words that hold a letter or digit        < 50 or > 100,000
    their mean length                        < 3 or > 10
    "#" / words                              > 0.1
    ("..." + "…") / words                    > 0.1
    lines that start with "•" or "-"         > 0.9
    lines that end in an ellipsis            > 0.3
    words with a letter / words              < 0.8
    distinct stop words of eight             < 2

The eight are the, be, to, of, and, that, have, with: in lower case only. datatrove asks for a character outside its
list of punctuation where we ask for a letter or digit. Lines are those of str.splitlines.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from processors.filters.measure import IDENTITY, STOP_WORDS, Measures
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class GopherQuality:
    """Counts are int64, the rest float64; ratios are null where there are no words or no lines."""

    name: ClassVar[str] = "gopher_quality"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    min_words: int = 50
    max_words: int = 100_000
    min_word_length: float = 3.0
    max_word_length: float = 10.0
    max_hashes: float = 0.1
    max_ellipses: float = 0.1
    max_bullet_lines: float = 0.9
    max_ellipsis_lines: float = 0.3
    min_alpha_words: float = 0.8
    min_stop_words: int = 2

    def number_settings(self) -> dict[str, object]:
        """The word splitter and the stop words."""
        return {**IDENTITY, "stop_words": list(STOP_WORDS)}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The eight numbers of the table."""
        return {
            "words": measures.count("plain_words"),
            "word_length": measures.ratio("plain_word_characters", "plain_words"),
            "hashes": measures.ratio("hashes", "words"),
            "ellipses": measures.ratio("ellipses", "words"),
            "bullet_lines": measures.ratio("bullet_rows", "rows"),
            "ellipsis_lines": measures.ratio("ellipsis_rows", "rows"),
            "alpha_words": measures.ratio("alpha_words", "words"),
            "stop_words": measures.count("stop_words"),
        }

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order."""
        return in_force(
            Rule("few_words", "words", below=self.min_words),
            Rule("many_words", "words", above=self.max_words),
            Rule("short_words", "word_length", below=self.min_word_length),
            Rule("long_words", "word_length", above=self.max_word_length),
            Rule("hashes", "hashes", above=self.max_hashes),
            Rule("ellipses", "ellipses", above=self.max_ellipses),
            Rule("bullet_lines", "bullet_lines", above=self.max_bullet_lines),
            Rule("ellipsis_lines", "ellipsis_lines", above=self.max_ellipsis_lines),
            Rule("alpha_words", "alpha_words", below=self.min_alpha_words),
            Rule("stop_words", "stop_words", below=self.min_stop_words),
        )
