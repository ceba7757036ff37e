"""Keyword stuffing: one word over and over, long lists of keywords.

Words are `\\w+`, case does not count. Of pages with at least 50 words one is dropped when

    top_word        > 0.3     the share of the most frequent word of at least 4 letters
    listed          > 0.7     the share of words in lists: at least 10 pieces in a row, divided by commas or semicolons,
                              of at most 4 words and no other signs than hyphens, apostrophes and "&"
    unique_words    < -inf    different words / words; RedPajama v2 publishes it as rps_doc_frac_unique_words

The thresholds are our own, set so that no sound page of the development corpus falls. What repeats in longer phrases is
`gopher_repetition`'s; where a script puts no blanks between words there are only long ones, and nothing fires.
"""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np
import pyarrow as pa

from processors.filters.characters import UNICODE, character_table
from processors.filters.classes import lower_table
from processors.filters.measure import Measures, buffers, divide
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class Stuffing:
    """Scores are float64, null for a text of fewer words than `min_words`.

    Attributes:
        max_top_word, max_listed, min_unique_words: bounds of the shares.
        min_words: shorter texts are not judged.
    """

    name: ClassVar[str] = "stuffing"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    max_top_word: float = 0.3
    max_listed: float = 0.7
    min_unique_words: float = -inf
    min_words: int = 50

    def number_settings(self) -> dict[str, object]:
        """What a word is, and how many are judged."""
        return {"unicode": UNICODE, "min_words": self.min_words}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The shares of the table."""
        from processors.filters.flood_kernel import scan_stuffing

        texts = batch.column("text")
        words, top, distinct, listed = scan_stuffing(*buffers(texts), character_table(), lower_table())
        whole = np.where(words >= self.min_words, words, 0)
        parts = {"top_word": top, "listed": listed, "unique_words": distinct}
        return {name: divide(part, whole, texts) for name, part in parts.items()}

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("top_word", "top_word", above=self.max_top_word),
            Rule("keyword_lists", "listed", above=self.max_listed),
            Rule("few_unique_words", "unique_words", below=self.min_unique_words),
        )
