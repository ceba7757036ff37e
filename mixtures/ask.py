"""What is asked of each entry, in tokens, stage by stage, before anybody looks whether it is there.

In: a `Mixture` and its entries. Out: an `Ask`. Weights and amounts are in the mixture's unit and are turned into tokens
at each entry's own rate; a group's target is shared out by its rule:

    proportional   to the size of each entry
    temperature    to size ** alpha
    unimax         evenly, but none beyond its epochs; what small ones leave is shared by the others
                   (Chung et al. 2023, arXiv 2304.09151, algorithm 1)
    weights        by the entries' own

Without a budget the mixture is as long as its ratios last: the first target to run out sets the size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from corpus.errors import RecipeError
from mixtures.check import exact, with_rest
from mixtures.entries import Entry
from mixtures.level import ZERO, fill
from mixtures.mixture import Domain, Group, Mixture

Shares = dict[str, Fraction]
_ROUNDS = 16  # a group's rate in bytes depends on its shares, and under unimax they on its tokens
_FINE = 10**15


@dataclass(frozen=True)
class Ask:
    """`tokens` by stage and entry (of those that have something); `share` of all tokens by entry, 0 to 1."""

    tokens: tuple[Shares, ...]
    share: Shares
    items: dict[str, tuple[str, ...]]  # a target's entries that have something
    fixed: frozenset[str]  # targets by amount
    total: int | None  # tokens in all, where the file says it
    parts: tuple[Fraction, ...]  # each stage's share of it
    bound: str = ""  # the target that set the size, where nothing else did


def ask(mixture: Mixture, entries: Mapping[str, Entry]) -> Ask:
    """Raises RecipeError where amounts, turned into tokens, are more than the budget."""
    inside = {target.name: _inside(mixture, target, entries, None) for target in mixture.targets}
    for _ in range(_ROUNDS):
        sizes, bound = _sizes(mixture, entries, inside)
        after = {t.name: _inside(mixture, t, entries, _sum(sizes, t.name)) for t in mixture.targets}
        if after == inside:
            break
        inside = after
    tokens = tuple(
        {name: share * size[target] for target in size for name, share in inside[target].items()} for size in sizes
    )
    items = {target: tuple(shares) for target, shares in inside.items()}
    fixed = frozenset(target.name for target in mixture.targets if target.amount is not None)
    return Ask(
        tokens,
        _asked(mixture, entries, inside, sizes),
        items,
        fixed,
        mixture.length,
        tuple(stage_parts(mixture)),
        bound,
    )


def _sum(sizes: Sequence[Shares], name: str) -> Fraction:
    return sum((size.get(name, ZERO) for size in sizes), ZERO)


def members(target: Domain | Group, entries: Mapping[str, Entry]) -> list[Entry]:
    """A target's entries; a domain's is itself."""
    if isinstance(target, Domain):
        return [entries[target.name]]
    return [entry for entry in entries.values() if entry.group == target.name]


def _inside(
    mixture: Mixture, target: Domain | Group, entries: Mapping[str, Entry], total: Fraction | None
) -> Shares:  # fmt: skip
    """The shares of a target's tokens that its entries have; none for those that have nothing."""
    unit, there = mixture.unit, [entry for entry in members(target, entries) if entry.cap]
    weights = {entry.name: _weight(target, entry, unit) * entry.rate(unit) for entry in there}
    if isinstance(target, Group) and target.rule == "unimax" and total:
        weights = fill(total, weights, dict.fromkeys(weights, ZERO), {e.name: Fraction(e.cap) for e in there})
    if unit != "tokens" and weights:  # else numbers would grow from round to round
        top = max(weights.values())
        weights = {name: Fraction(round(weight / top * _FINE)) for name, weight in weights.items()}
    return _normal(weights)


def _weight(target: Domain | Group, entry: Entry, unit: str) -> Fraction:
    if isinstance(target, Domain) or target.rule == "unimax":
        return Fraction(1)
    if target.rule == "weights":
        return exact(entry.weight)
    size: int = getattr(entry.available, unit)
    if target.rule == "proportional":
        return Fraction(size)
    assert target.alpha is not None
    return Fraction(f"{float(size) ** target.alpha:.12g}")  # twelve digits: alike on every machine


def _rate(mixture: Mixture, inside: Shares, entries: Mapping[str, Entry]) -> Fraction:
    """Tokens for one of the unit, of a target as its entries are shared; of one that has nothing, those of all."""
    if mixture.unit == "tokens":
        return Fraction(1)
    if not inside:
        tokens, count = (sum(getattr(e.available, u) for e in entries.values()) for u in ("tokens", mixture.unit))
        return Fraction(tokens, count) if tokens and count else Fraction(1)
    units = sum((share / entries[name].rate(mixture.unit) for name, share in inside.items()), ZERO)
    return sum(inside.values(), ZERO) / units


def _sizes(
    mixture: Mixture, entries: Mapping[str, Entry], inside: Mapping[str, Shares]
) -> tuple[list[Shares], str]:  # fmt: skip
    """Tokens of each target that has something, by stage; and what set the size."""
    rates = {name: _rate(mixture, shares, entries) for name, shares in inside.items()}
    amounts = {t.name: t.amount * rates[t.name] for t in mixture.targets if t.amount is not None}
    parts = stage_parts(mixture)
    shares = [_normal({n: w * rates[n] for n, w in ws.items() if inside[n]}) for ws in stage_weights(mixture)]
    overall = {t.name: sum((p * s.get(t.name, ZERO) for p, s in zip(parts, shares, strict=True)), ZERO)
               for t in mixture.targets}  # fmt: skip
    total, bound = mixture.length, ""
    if total is not None:
        left = total - sum(amounts.values(), ZERO)
        if left < 0:
            raise RecipeError(
                f"mixture {mixture.name}: the amounts come to {int(total - left):,} tokens, there are {total:,} in "
                f"all; lower them, or raise the budget"
            )
    else:
        lasts = {name: _lasts(mixture, name, inside[name], entries) / of for name, of in overall.items() if of}
        bound = min(sorted(lasts), key=lambda name: lasts[name], default="")
        left = lasts.get(bound, ZERO)
    return [
        {name: part * (left * share.get(name, ZERO) + amounts.get(name, ZERO)) for name in inside}
        for part, share in zip(parts, shares, strict=True)
    ], bound


def _lasts(mixture: Mixture, name: str, inside: Shares, entries: Mapping[str, Entry]) -> Fraction:
    """The most tokens of a target that leave its entries' ratios as they are."""
    if any(group.name == name and group.rule == "unimax" for group in mixture.group):
        return Fraction(sum(entries[entry].cap for entry in inside))
    return min(entries[entry].cap / share for entry, share in inside.items())


def stage_weights(mixture: Mixture) -> list[Shares]:
    """The weights of each stage, by target, in the mixture's unit."""
    own = with_rest({t.name: t.weight for t in mixture.targets if t.weight is not None})
    return [with_rest(stage.weights) if stage.weights else own for stage in mixture.stage] or [own]


def stage_parts(mixture: Mixture) -> Sequence[Fraction]:
    """The share of all tokens that each stage has."""
    lengths = [Fraction(s.tokens) if s.tokens is not None else exact(s.share or 0) for s in mixture.stage]
    return [each / sum(lengths, ZERO) for each in lengths] or [Fraction(1)]


def _normal(weights: Shares) -> Shares:
    whole = sum(weights.values(), ZERO)
    return {name: weight / whole for name, weight in weights.items()} if whole else {}


def _asked(
    mixture: Mixture, entries: Mapping[str, Entry], inside: Mapping[str, Shares], sizes: Sequence[Shares]
) -> Shares:  # fmt: skip
    """Shares of all tokens as the file asks for them, those included that have nothing to give."""
    rates = {name: _rate(mixture, shares, entries) for name, shares in inside.items()}
    amounts = sum((t.amount * rates[t.name] for t in mixture.targets if t.amount is not None), ZERO)
    total = sum((sum(size.values(), ZERO) for size in sizes), ZERO)
    weighed = (total - amounts) / total if total else ZERO
    out = dict.fromkeys(entries, ZERO)
    every = [_normal({n: w * rates[n] for n, w in ws.items()}) for ws in stage_weights(mixture)]
    for target in mixture.targets:
        if target.amount is not None:
            share = target.amount * rates[target.name] / total if total else ZERO
        else:
            parts = zip(stage_parts(mixture), every, strict=True)
            share = weighed * sum((part * of.get(target.name, ZERO) for part, of in parts), ZERO)
        even = members(target, entries) if not inside[target.name] else []
        out |= {entry.name: share / len(even) for entry in even}
        out |= {name: share * of for name, of in inside[target.name].items()}
    return out
