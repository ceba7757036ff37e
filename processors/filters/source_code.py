"""StarCoder's rules for source code: minified, generated and data files.

2305.06161 section 3.1 and bigcode-dataset `preprocessing/filtering.py`; a file is dropped when

    its longest line                > 1,000 characters
    its mean line                   > 100 characters
    letters and digits / characters < 0.25
    `<?xml` in the first 100 characters

Lines are those of str.splitlines, characters are code points.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from processors.filters.measure import IDENTITY, Measures
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class SourceCode:
    """`longest_line` and `xml` (1 or 0) are int64, the others float64, null for an empty file."""

    name: ClassVar[str] = "code"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    max_line: int = 1000
    max_mean_line: float = 100.0
    min_alphanumeric: float = 0.25
    max_xml: int = 0

    def number_settings(self) -> dict[str, object]:
        """What a letter is."""
        return dict(IDENTITY)

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The four numbers of the table."""
        heads = pc.utf8_slice_codeunits(batch.column("text"), 0, 100)
        return {
            "longest_line": measures.count("longest_row"),
            "mean_line": measures.ratio("row_characters", "rows"),
            "alphanumeric": measures.ratio("alnum_characters", "characters"),
            "xml": pc.cast(pc.match_substring(heads, "<?xml"), pa.int64()),
        }

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("longest_line", "longest_line", above=self.max_line),
            Rule("mean_line", "mean_line", above=self.max_mean_line),
            Rule("alphanumeric", "alphanumeric", below=self.min_alphanumeric),
            Rule("xml", "xml", above=self.max_xml),
        )
