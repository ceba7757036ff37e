"""FineWeb's own quality rules: lists, menus and pages that repeat their lines.

2406.17557 section 3.6 and datatrove `fineweb_quality_filter.py`; a document is dropped when

    lines that end in terminal punctuation   < 0.12
    lines of 30 characters or fewer          > 0.67
    characters in duplicated lines           > 0.01
    newlines / words                         > 0.3 (not one of the paper's three)

The paper names 0.1 for duplicated lines in section 3.6 and 0.01 in appendix E.4; the default of datatrove is 0.01,
and FineWeb-2 raised it to 0.1. Lines are divided by "\\n"; blank ones do not count, and newlines are no characters.
Terminal punctuation is Unicode's Sentence_Terminal: no quotation mark, no "…". In a chain these numbers are taken after
C4's cuts, as in FineWeb's order.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from processors.filters.measure import IDENTITY, Measures, divide
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class FineWeb:
    """Every score is a float64 share, null where its divisor is 0; `lines` counts the lines that are not blank."""

    name: ClassVar[str] = "fineweb"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    min_lines: int = 1
    min_terminal_lines: float = 0.12
    max_short_lines: float = 0.67
    max_copied_characters: float = 0.01
    max_newlines: float = 0.3

    def number_settings(self) -> dict[str, object]:
        """The word splitter."""
        return dict(IDENTITY)

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The four numbers of the table and the lines they rest on."""
        visible = measures["characters"] - measures["newlines"]
        return {
            "lines": measures.count("full_lines"),
            "terminal_lines": measures.ratio("full_terminal", "full_lines"),
            "short_lines": measures.ratio("full_short", "full_lines"),
            "copied_characters": divide(measures["full_copied_characters"], visible, measures.texts),
            "newlines": measures.ratio("newlines", "words"),
        }

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order."""
        return in_force(
            Rule("empty", "lines", below=self.min_lines),
            Rule("terminal_lines", "terminal_lines", below=self.min_terminal_lines),
            Rule("short_lines", "short_lines", above=self.max_short_lines),
            Rule("copied_characters", "copied_characters", above=self.max_copied_characters),
            Rule("newlines", "newlines", above=self.max_newlines),
        )
