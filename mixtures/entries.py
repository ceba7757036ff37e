"""Which documents are whose: the entries of a mixture, and what each of them has.

In: a `Mixture` and a stock, which is what there is of every kind of document. Out: `Entry`, one a domain of the file
and one for every value that a group expands to, and the entry's name for each kind. The first that takes a kind has it:
domains in the file's order, then the groups that expand, in the file's order.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from mixtures.check import exact
from mixtures.mixture import Domain, Group, Mixture


class Kind(NamedTuple):
    """What entries select by; `bucket` is "" where a document is in none."""

    source: str
    domain: str
    language: str
    bucket: str = ""


@dataclass(frozen=True)
class Available:
    """What there is to train on; `tokens` count one end-of-document mark a document."""

    documents: int
    bytes: int
    tokens: int


NOTHING = Available(0, 0, 0)


@dataclass(frozen=True)
class Entry:
    """One line of the plan: what it has, and its limits in tokens."""

    name: str
    group: str
    available: Available
    max_epochs: Fraction
    min_tokens: int
    heldout_tokens: int | None
    weight: Any  # inside its group, where that goes by weights
    foreseen: bool  # the file names it; else a group expanded to it

    @property
    def cap(self) -> int:
        """The most tokens it can give, over all stages."""
        return int(self.available.tokens * self.max_epochs)

    def rate(self, unit: str) -> Fraction:
        """Tokens for one of the unit; 0 where it has nothing."""
        count = getattr(self.available, unit)
        return Fraction(self.available.tokens, count) if count else Fraction(0)


def entries_of(mixture: Mixture, stock: Mapping[Kind, Available]) -> tuple[dict[Kind, str], dict[str, Entry]]:
    """The entry of each kind (absent where none takes it), and all entries by name, in the file's order."""
    taken: dict[Kind, str] = {}
    unforeseen: dict[str, Group] = {}
    empty: list[Group] = []
    for kind in sorted(stock):
        name = next((domain.name for domain in mixture.domain if _takes(domain_select(domain), kind)), None)
        if name is not None:
            taken[kind] = name
    for group in mixture.group:
        if group.by is not None:
            left = {kind: stock[kind] for kind in sorted(stock) if kind not in taken and _takes(group.select, kind)}
            named = _expanded(group, left)
            taken |= named
            unforeseen |= dict.fromkeys(sorted({*named.values()}), group)
            empty += [] if named else [group]
    has: dict[str, list[Available]] = {}
    for kind, name in taken.items():
        has.setdefault(name, []).append(stock[kind])
    groups = {group.name: group for group in mixture.group}
    entries = {d.name: _entry(d, groups.get(d.group), has.get(d.name, ())) for d in mixture.domain}
    entries |= {name: _entry(Domain(name), group, has[name], foreseen=False) for name, group in unforeseen.items()}
    entries |= {group.name: _entry(Domain(group.name), group, ()) for group in empty}  # so that a line says so
    return taken, entries


def _takes(select: Mapping[str, Any], kind: Kind) -> bool:
    return all(
        getattr(kind, column) in (values if isinstance(values, list) else (values,))
        for column, values in select.items()
    )


def domain_select(domain: Domain) -> Mapping[str, Any]:
    """What an entry selects; its name is its domain where it says nothing."""
    return domain.select or {"domain": domain.name}


def _expanded(group: Group, stock: Mapping[Kind, Available]) -> dict[Kind, str]:
    """An entry for every value, those with too little being one; a value is never lost, whatever it is."""
    assert group.by is not None
    named = {kind: _plain(getattr(kind, group.by)) for kind in stock}
    tokens: dict[str, int] = {}
    for kind, value in named.items():
        tokens[value] = tokens.get(value, 0) + stock[kind].tokens
    fold = {value for value, count in tokens.items() if count < group.fold_below}
    return {kind: f"{group.name}.{'other' if value in fold else value}" for kind, value in named.items()}


def _plain(value: str) -> str:
    """A value as part of a name, and of a path; values that are written alike are one entry."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", value) or "none"


def _entry(domain: Domain, group: Group | None, has: Iterable[Available], foreseen: bool = True) -> Entry:
    there = [*has]
    available = Available(*(sum(getattr(each, unit) for each in there) for unit in ("documents", "bytes", "tokens")))
    epochs, heldout = domain.max_epochs, domain.heldout_tokens
    if group is not None:
        epochs = group.max_epochs if epochs is None else epochs
        heldout = group.heldout_tokens if heldout is None else heldout
    return Entry(
        domain.name, group.name if group else "", available, exact(1.0 if epochs is None else epochs),
        domain.min_tokens, heldout, domain.weight, foreseen,
    )  # fmt: skip
