"""FineWeb's own quality rules: lists, menus and pages that repeat their lines.

2406.17557 section 3.6 and datatrove `fineweb_quality_filter.py`; a document is dropped when

                                             datatrove   paper   fineweb2
    lines that end in terminal punctuation   < 0.12      < 0.12  < 0.12
    lines of 30 characters or fewer          > 0.67      > 0.67  off
    characters in duplicated lines           > 0.01      > 0.1   > 0.1
    newlines / words                         > 0.3       off     > 0.3

The paper names 0.1 for duplicated lines in section 3.6 and 0.01 in appendix E.4; the default of datatrove is 0.01, and
FineWeb-2 raised it to 0.1. FineWeb-2 sets the first and last bound for each language: what is not set in the recipe is
FineWeb's. Lines are divided by "\\n"; blank ones do not count, and newlines are no characters. Terminal punctuation is
Unicode's Sentence_Terminal: no quotation mark, no "…". With `terminals = "language"` it is what the document's language
ends its sentences with, quotation marks among it (languages.py); the score is null where a language has none. In a
chain these numbers are taken after C4's cuts, as in FineWeb's order.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from corpus.strict import unknown
from processors.filters.measure import Measures, divide, word_identity
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force

_DATATROVE: dict[str, float] = {
    "min_terminal_lines": 0.12, "max_short_lines": 0.67, "max_copied_characters": 0.01, "max_newlines": 0.3,
}  # fmt: skip


@dataclass(frozen=True)
class FineWeb:
    """Every score is a float64 share, null where its divisor is 0; `lines` counts the lines that are not blank."""

    name: ClassVar[str] = "fineweb"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ()
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "datatrove": _DATATROVE,
        "paper": {**_DATATROVE, "max_copied_characters": 0.1, "max_newlines": float("inf")},
        "fineweb2": {**_DATATROVE, "max_copied_characters": 0.1, "max_short_lines": float("inf")},
    }
    SOURCES: ClassVar[dict[str, str]] = {
        "datatrove": "datatrove 0.10, `pipeline/filters/fineweb_quality_filter.py`; 2406.17557 appendix E.4",
        "paper": "2406.17557 section 3.6",
        "fineweb2": "huggingface/fineweb-2, `fineweb-2-pipeline.py`",
    }

    variant: str = "datatrove"
    terminals: str = "unicode"
    min_lines: int = 1
    min_terminal_lines: float = BY_VARIANT
    max_short_lines: float = BY_VARIANT
    max_copied_characters: float = BY_VARIANT
    max_newlines: float = BY_VARIANT

    def __post_init__(self) -> None:
        """Fills in the variant's bounds."""
        fill(self)
        if self.terminals not in ("unicode", "language"):
            raise unknown(self.name, "terminals", self.terminals, ["unicode", "language"])

    def number_settings(self) -> dict[str, object]:
        """The word splitter and the terminal punctuation."""
        return {**word_identity(), "terminals": self.terminals}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The four numbers of the table and the lines they rest on."""
        visible = measures["characters"] - measures["newlines"]
        terminal = measures.ratio("full_terminal", "full_lines")
        return {
            "lines": measures.count("full_lines"),
            "terminal_lines": terminal if self.terminals == "unicode" else measures.language_terminal_lines(),
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
