"""Floods of emoji, ornaments and repeated signs, and characters that nothing prints.

Shares of the characters that are no blanks; a page is dropped when

    emoji        > 0.1     pictures: the symbols of Unicode's emoji blocks
    ornaments    > 0.25    other symbols beyond ASCII: arrows, boxes, stars, mathematics
    repeated     > 0.3     characters after the tenth of the same in a row, blanks between them or not
    unprinted    > 0.01    control characters, private use, code points not assigned, U+FFFD

The thresholds are our own, set so that no sound page or book of the development corpus falls.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from processors.filters.characters import UNICODE, character_table
from processors.filters.classes import class_table
from processors.filters.measure import Measures, buffers, divide
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class Floods:
    """Scores are float64, null for a text of blanks."""

    name: ClassVar[str] = "floods"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    max_emoji: float = 0.1
    max_ornaments: float = 0.25
    max_repeated: float = 0.3
    max_unprinted: float = 0.01

    def number_settings(self) -> dict[str, object]:
        """What a symbol is."""
        return {"unicode": UNICODE}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The shares of the table."""
        from processors.filters.flood_kernel import SIGNS, scan_signs

        texts = batch.column("text")
        whole, *parts = scan_signs(*buffers(texts), character_table(), class_table())
        return {name: divide(part, whole, texts) for name, part in zip(SIGNS[1:], parts, strict=True)}

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("emoji", "emoji", above=self.max_emoji),
            Rule("ornaments", "ornaments", above=self.max_ornaments),
            Rule("repeated", "repeated", above=self.max_repeated),
            Rule("unprinted", "unprinted", above=self.max_unprinted),
        )
