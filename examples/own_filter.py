"""A filter of one's own: one file. This one drops texts with too few or too many vowels among their letters.

In a recipe beside this file:

    [[chain.mine]]
    name = "own_filter.py:Vowels"
    below = 0.25

    [[source]]
    name = "notes"
    kind = "books"
    chain = "mine"
    root = "notes"
    files = ["*.txt"]

What a filter is stands in processors/filters/rule.py: fields are settings, `scores` gives numbers and opens the text,
`rules` says which numbers are too low or too high and opens nothing. The file's text counts among what the numbers
depend on, so a changed filter scores anew. One that belongs in the house goes into processors/filters/ with its test,
and one line into `FILTERS` in processors/filters/load.py; then its name is a plain word, and docs/filters.md tells it.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from processors.filters.measure import Measures
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class Vowels:
    """`share` is float64: vowels / letters, both of a to z in either case; null for a text without such letters.

    Attributes:
        below, above: a lower, a higher share drops the text; infinite ones are off.
    """

    name: ClassVar[str] = "vowels"
    version: ClassVar[int] = 1  # raise it when the numbers move
    libraries: ClassVar[tuple[str, ...]] = ()  # packages whose version can move them

    below: float = 0.2
    above: float = 0.6

    def number_settings(self) -> dict[str, object]:
        """What changes a number: nothing. Bounds don't, so another one needs no text."""
        return {}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """One column for each score, as long as the batch, by Arrow's own kernels: no Python loop over texts."""
        texts = batch.column("text")
        vowels = pc.count_substring_regex(texts, "[aeiouAEIOU]")
        letters = pc.count_substring_regex(texts, "[a-zA-Z]")
        known = pc.if_else(pc.greater(letters, 0), letters, None)
        return {"share": pc.divide(pc.cast(vowels, pa.float64()), pc.cast(known, pa.float64()))}

    def rules(self) -> tuple[Rule, ...]:
        """The rules in force, in the order in which they are reported."""
        return in_force(Rule("few", "share", below=self.below), Rule("many", "share", above=self.above))
