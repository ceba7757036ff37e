"""Why an entry gets what it gets, in words: which limit bound it.

In: what was asked, what there is, what is planned. Out: the last column of the plan's table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from mixtures.ask import Ask
from mixtures.check import exact
from mixtures.entries import Entry
from mixtures.level import ZERO
from mixtures.mixture import Group, Mixture
from mixtures.settle import Settled


@dataclass(frozen=True)
class Facts:
    """All that a plan was made of."""

    mixture: Mixture
    asked: Ask
    entries: Mapping[str, Entry]
    settled: Settled


def why(facts: Facts, entry: Entry, planned: int, share: Fraction) -> str:
    """`planned` are its tokens, `share` their share of all."""
    epochs = f"{float(entry.max_epochs):g} epoch{'' if entry.max_epochs == 1 else 's'}"
    if not entry.available.tokens:
        return "no document to train on"
    if not entry.cap:
        return f"less than a token in its {epochs}"
    full = planned >= entry.cap - len(facts.asked.tokens)
    asked, off = facts.asked.share[entry.name], exact(facts.mixture.tolerance)
    if full and facts.settled.bound & {entry.name, entry.group}:
        return "all it has, with its epochs: it sets the size of the mixture"
    if full and planned < entry.min_tokens:
        return f"less than its min_tokens, {entry.min_tokens:,}: capped at {epochs}"
    if entry.name in facts.settled.short and full:
        return f"less than asked: capped at {epochs}"
    if _floor(facts, entry):
        return f"raised to its min_tokens, {entry.min_tokens:,}"
    if share > asked + off:
        return "more than asked: others fell short"
    if share < asked - off:
        too_little = facts.settled.short
        return f"less than asked: {'its stages found too little' if too_little else 'others have min_tokens'}"
    return f"as asked{_rule(facts.mixture, entry, full)}"


def _floor(facts: Facts, entry: Entry) -> bool:
    wanted = sum((stage.get(entry.name, ZERO) for stage in facts.asked.tokens), ZERO)
    return entry.min_tokens > 0 and wanted < min(entry.min_tokens, entry.cap)


def _rule(mixture: Mixture, entry: Entry, full: bool) -> str:
    """How its group came to ask for so much."""
    group: Group | None = next((group for group in mixture.group if group.name == entry.group), None)
    if group is None or group.rule == "weights":
        return ""
    if group.rule == "temperature":
        return f": {mixture.unit} ** {group.alpha:g} within {group.name}"
    if group.rule == "proportional":
        return f": in proportion to its {mixture.unit} within {group.name}"
    return ": all its epochs, as unimax takes small ones" if full else f": an even share of {group.name}"
