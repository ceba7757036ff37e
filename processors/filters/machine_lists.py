"""Lists that a program wrote: lines that begin, end or are built alike, numbers one after another, tables of numbers.

Shares of the lines that are not blank, of texts with at least 20 of them; a page is dropped when

    same_start    > 0.8    lines of at least 4 words that begin with the same two words, the most frequent two
    same_end      > 0.8    such lines that end with the same two words
    same_shape    > 0.9    such lines that are the same when every run of letters, of digits and of blanks is one sign
    numbered      > 0.9    lines whose first number is one more than that of the numbered line before
    numbers       > 0.8    lines with at least two numbers and as many digits as letters

Words are `\\w+`, case does not count. The thresholds are our own, set so that no sound page of the development corpus
falls.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from processors.filters.characters import UNICODE, character_table
from processors.filters.classes import lower_table
from processors.filters.measure import Measures, buffers, divide
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class MachineLists:
    """Scores are float64, null for a text of fewer lines than `min_lines`.

    Attributes:
        max_same_start, max_same_end, max_same_shape, max_numbered, max_numbers: bounds of the shares.
        min_lines: shorter texts are not judged.
    """

    name: ClassVar[str] = "machine_lists"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    max_same_start: float = 0.8
    max_same_end: float = 0.8
    max_same_shape: float = 0.9
    max_numbered: float = 0.9
    max_numbers: float = 0.8
    min_lines: int = 20

    def number_settings(self) -> dict[str, object]:
        """What a word is, and how many lines are judged."""
        return {"unicode": UNICODE, "min_lines": self.min_lines}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The shares of the table."""
        from processors.filters.line_kernel import LISTS, scan_lists

        texts = batch.column("text")
        lines, *parts = scan_lists(*buffers(texts), character_table(), lower_table())
        whole = np.where(lines >= self.min_lines, lines, 0)
        return {name: divide(part, whole, texts) for name, part in zip(LISTS[1:], parts, strict=True)}

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("same_start", "same_start", above=self.max_same_start),
            Rule("same_end", "same_end", above=self.max_same_end),
            Rule("same_shape", "same_shape", above=self.max_same_shape),
            Rule("numbered", "numbered", above=self.max_numbered),
            Rule("numbers", "numbers", above=self.max_numbers),
        )
