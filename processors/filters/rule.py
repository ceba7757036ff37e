"""What a filter is: numbers that it gives for a batch, and rules that say which numbers are too low or too high.

A filter is one file with one frozen dataclass. Its fields are settings; `scores` turns a batch into columns of numbers
and opens the text; `rules` turns thresholds into data and opens nothing. So another threshold needs only the stored
numbers. Filters are named in one visible place, `chain.FILTERS`.

Where publications disagree, a filter has a field `variant`, a table `VARIANTS` with the thresholds of each, and
`SOURCES`, which says where they stand; fields that are `BY_VARIANT` take the value of the variant chosen.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from corpus.strict import unknown
from processors.filters.measure import Measures

BY_VARIANT = math.nan  # a threshold that the variant sets
SPANS = "spans"  # the name under which a filter that cuts or masks returns its spans, beside its scores


@dataclass(frozen=True)
class Rule:
    """Fires when the score is below or above a bound (the bound itself passes), none of `not_in`, or one of `among`.

    A null score never fires: what was not judged is not condemned. `score` is the score's name without the filter's.
    """

    name: str
    score: str
    below: float | None = None
    above: float | None = None
    not_in: tuple[str, ...] | None = None
    among: tuple[str, ...] | None = None

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops: a boolean array without nulls, as long as `scores`."""
        fired = pa.scalar(False)
        if self.below is not None:
            fired = pc.or_(fired, pc.less(scores, self.below))
        if self.above is not None:
            fired = pc.or_(fired, pc.greater(scores, self.above))
        if self.not_in is not None:
            named = pc.is_in(scores, value_set=pa.array(self.not_in, pa.string()))
            fired = pc.or_(fired, pc.and_(pc.is_valid(scores), pc.invert(named)))
        if self.among is not None:
            fired = pc.or_(fired, pc.is_in(scores, value_set=pa.array(self.among, pa.string())))
        if isinstance(fired, pa.Scalar):
            return pa.repeat(fired, len(scores))
        return pc.fill_null(fired, False)

    def settings(self) -> dict[str, object]:
        """The rule as data for JSON, without what is not set."""
        fields: dict[str, object] = {"name": self.name, "score": self.score, "below": self.below, "above": self.above}
        if self.not_in is not None:
            fields["not_in"] = list(self.not_in)
        if self.among is not None:
            fields["among"] = list(self.among)
        return {key: value for key, value in fields.items() if value is not None}


def in_force(*rules: Rule) -> tuple[Rule, ...]:
    """The rules that can fire. A bound of -inf below or inf above is how a recipe switches a rule off."""
    return tuple(
        rule
        for rule in rules
        if rule.not_in is not None
        or rule.among is not None
        or math.isfinite(-math.inf if rule.below is None else rule.below)
        or math.isfinite(math.inf if rule.above is None else rule.above)
    )


def fill(each: Any) -> None:
    """For a filter's `__post_init__`: each threshold that is `BY_VARIANT` takes its variant's value.

    Raises RecipeError for a variant that there is not.
    """
    if each.variant not in each.VARIANTS:
        raise unknown(each.name, "variant", each.variant, list(each.VARIANTS))
    for key, value in each.VARIANTS[each.variant].items():
        if isinstance(getattr(each, key), float) and math.isnan(getattr(each, key)):
            object.__setattr__(each, key, value)


class Filter(Protocol):
    """A frozen dataclass with thresholds as fields; every field has the published value as its default.

    One that judges what ingest found names those columns of a document in `columns: ClassVar[tuple[str, ...]]`; they
    are strings, null where the document has none. Settings that are paths stand in `paths: ClassVar[tuple[str, ...]]`:
    in a recipe they are relative to its folder, and their content counts (`digest.digest`), not their place.
    """

    @property
    def name(self) -> str:
        """What its columns and rules are called by; a ClassVar, as are the next two."""

    @property
    def version(self) -> int:
        """Raised by hand when the numbers move."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose installed version can move the numbers."""

    def number_settings(self) -> dict[str, object]:
        """What changes a number, for the fingerprint of the scores; thresholds are not among it."""
        ...

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """A column for each score, as long as the batch; null where there is nothing to judge.

        `batch` has the columns `id` and `text` (large_string) and those that the filter asks for in `columns`;
        `measures` are the shared statistics of that text. Spans, if the filter cuts or masks, come under the name
        `SPANS`, in UTF-8 bytes of that text.
        """
        ...

    def rules(self) -> tuple[Rule, ...]:
        """The rules in force, in the order in which they are reported."""
        ...
