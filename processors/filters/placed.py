"""A filter in a place of its own in a chain: under another name, or only for what others let pass.

    [[chain.web]]
    name = "classifier"
    as = "toxicity"          # its columns and rules are called so; a chain may hold several of a kind
    only_if = "language"     # scored only where that filter's rules did not fire, to save work

What was not scored has null scores and `judged` = 0, and the rule `not_judged` fires on it: never a silent pass.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pyarrow as pa

from corpus.own import defined
from processors.filters.measure import Measures
from processors.filters.rule import Filter, Rule

JUDGED = "judged"


class _Around(ABC):
    """What a filter around another one leaves to that."""

    @abstractmethod
    def inside(self) -> Filter:
        """The other one."""

    @property
    def version(self) -> int:
        """The filter's."""
        return self.inside().version

    @property
    def libraries(self) -> tuple[str, ...]:
        """The filter's."""
        return self.inside().libraries

    @property
    def columns(self) -> tuple[str, ...]:
        """The filter's."""
        return getattr(self.inside(), "columns", ())

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The filter's."""
        return self.inside().scores(batch, measures)


@dataclass(frozen=True)
class Placed(_Around):
    """A filter under the name `name`, scored where none of the rules of the filters named in `only_if` fired."""

    filter: Filter
    name: str
    only_if: tuple[str, ...] = ()

    def inside(self) -> Filter:
        """The filter."""
        return self.filter

    def number_settings(self) -> dict[str, object]:
        """The filter's, its kind, and what it waits for; the chain adds those filters' rules."""
        place = {"kind": self.filter.name, "only_if": list(self.only_if)}
        return {**self.filter.number_settings(), **place}

    def rules(self) -> tuple[Rule, ...]:
        """`not_judged` where that can be, then the filter's."""
        waiting = (Rule("not_judged", JUDGED, below=1),) if self.only_if else ()
        return (*waiting, *self.filter.rules())


@dataclass(frozen=True)
class Own(_Around):
    """A filter of the user's own, `file.py:Class` beside the recipe: its code travels with it to the workers."""

    code: str
    file: str
    what: str
    settings: tuple[tuple[str, object], ...] = ()

    def inside(self) -> Filter:
        """The filter itself. Raises InputError where the file defines none."""
        made: Filter = defined(self.code, self.file, self.what)(**dict(self.settings))
        return made

    @property
    def name(self) -> str:
        """The filter's."""
        return self.inside().name

    def number_settings(self) -> dict[str, object]:
        """The filter's, and its code, so that a change in it scores anew."""
        return {**self.inside().number_settings(), "code": self.code}

    def rules(self) -> tuple[Rule, ...]:
        """The filter's."""
        return self.inside().rules()
