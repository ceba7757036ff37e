"""What a mixture file says.

In: TOML tables (`mixtures.load` reads them). Out: frozen dataclasses, one a table. Nothing is computed here;
`mixtures.entries` says which documents are whose, `mixtures.ask` what is asked, `mixtures.plan` what is taken.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from corpus.strict import Text
from mixtures.buckets import Buckets

COLUMNS = ("source", "domain", "language", "bucket")


@dataclass(frozen=True)
class Domain:
    """One entry. `select` maps source, domain, language or bucket to the values it takes; by default its domain is
    its name. Its target is a `weight` or an `amount`; in a group whose rule gives weights it has neither."""

    name: str
    weight: Any = None  # a number, or "rest": what the others leave to 100 (to 1 where all are below 1)
    max_epochs: float | None = None  # default: its group's, or 1.0
    select: dict[str, Any] = field(default_factory=dict)
    amount: int | None = None  # in the mixture's unit
    min_tokens: int = 0  # planned at least, whatever its weight
    heldout_tokens: int | None = None  # written at most of its held-out documents; default: its group's, or all
    group: str = ""


@dataclass(frozen=True)
class Group:
    """Entries with one target. With `by`, an entry for each value of that column, named ``group.value``, among the
    documents that `select` takes (default: all) and that no domain, and no group before it, takes."""

    name: str
    rule: Literal["proportional", "temperature", "unimax", "weights"] = "proportional"
    weight: Any = None
    amount: int | None = None
    alpha: float | None = None  # of the rule temperature: weights are sizes to that power
    by: Literal["source", "domain", "language", "bucket"] | None = None
    select: dict[str, Any] = field(default_factory=dict)
    fold_below: int = 0  # values with fewer tokens are one entry, ``group.other``
    max_epochs: float = 1.0  # of each of its entries that states none
    heldout_tokens: int | None = None  # of each of its entries that states none


@dataclass(frozen=True)
class StageSettings:
    """A stretch of the training: its length, and the weights of domains and groups in it; what `weights` does not
    name is not in it. Without `weights` it has the mixture's own."""

    name: str
    tokens: int | None = None
    share: float | None = None  # of all tokens
    weights: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mixture:
    """How much of each entry. `unit` is what weights, amounts and sizes count; how long something is, is in tokens."""

    domain: tuple[Domain, ...] = ()
    name: str = "own"
    source: str = ""
    note: str = ""
    unit: Literal["tokens", "bytes", "documents"] = "tokens"
    shortfall: Literal["fail", "redistribute", "shrink"] = "redistribute"
    tolerance: float = 0.005
    budget: int | None = None  # tokens in all; default: as many as the weights and caps allow
    bucket: tuple[Buckets, ...] = ()  # domains cut by a score
    group: tuple[Group, ...] = ()
    stage: tuple[StageSettings, ...] = ()
    seed: int | None = None  # of the order; default: the recipe's
    optional: tuple[str, ...] = ()  # domains and groups that may have no document at all; another is refused without

    @property
    def identity(self) -> "Mixture":
        """What decides a plan, and the name that its errors give: all but what is only said of it."""
        return replace(self, source="", note="")

    @property
    def length(self) -> int | None:
        """Tokens in all, where the file says it."""
        stated = [stage.tokens for stage in self.stage if stage.tokens is not None]
        return sum(stated) if stated else self.budget

    @property
    def targets(self) -> tuple[Domain | Group, ...]:
        """What has a target of its own: groups, and the domains that are in none."""
        return (*(domain for domain in self.domain if not domain.group), *self.group)

    def members(self, group: str) -> tuple[Domain, ...]:
        """The domains of a group, in the file's order."""
        return tuple(domain for domain in self.domain if domain.group == group)


@dataclass(frozen=True)
class Lines:
    """Where each key of a mixture stands: in the recipe, or in the preset that it is laid over."""

    own: Text
    keys: frozenset[str]
    preset: Text

    def at(self, key: str) -> Text:
        """The text that the key was read from."""
        return self.own if key in self.keys else self.preset

    def inside(self, key: str, index: int = 0) -> Text:
        """The text of a table inside it."""
        return self.at(key).inside(key, index)
