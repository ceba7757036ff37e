"""From what is asked to what is taken: floors, caps, the shortfall policy, and whole tokens.

In: an `Ask` and the entries. Out: tokens by stage and entry, and what bound them. Epoch caps hold over all stages; what
a later stage asks of an entry is kept for it, as far as there is enough for all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from corpus.errors import RecipeError
from mixtures.ask import Ask, Shares
from mixtures.entries import Entry
from mixtures.level import ZERO, fill, whole
from mixtures.mixture import Mixture


@dataclass(frozen=True)
class Settled:
    """`planned` by stage and entry; `raised`: what was asked with min_tokens; `short`: entries that have less than
    that; `bound`: the entries or groups whose end set the size."""

    planned: list[dict[str, int]]
    raised: list[Shares]
    short: frozenset[str]
    bound: frozenset[str]


def settle(mixture: Mixture, asked: Ask, entries: Mapping[str, Entry]) -> Settled:
    """Raises RecipeError where the shortfall policy is "fail" and something falls short, or where nothing is there."""
    low = _floors(mixture, asked, entries)
    raised = _raised(asked, low)
    if mixture.shortfall == "fail":
        _refuse(mixture, entries, raised)
    if not any(asked.tokens):
        raise RecipeError(f"mixture {mixture.name}: no document to train on in any of {', '.join(entries)}")
    short = frozenset(name for name in _names(raised) if _lacks(raised, entries[name]))
    bound = {asked.bound} - {""}
    if asked.total is not None and mixture.shortfall == "redistribute" and short:
        return Settled(_redistributed(asked, entries, raised, low), raised, short, frozenset(bound))
    scaled, least = _shrunk(mixture, asked, entries, raised, low)
    return Settled(_rounded(scaled, entries), raised, short, frozenset(bound | ({least} - {""})))


def _names(tokens: Sequence[Shares]) -> list[str]:
    return sorted({name for stage in tokens for name in stage})


def _over(tokens: Sequence[Mapping[str, Fraction]], name: str) -> Fraction:
    """Its tokens over all stages."""
    return sum((stage.get(name, ZERO) for stage in tokens), ZERO)


def _lacks(tokens: Sequence[Shares], entry: Entry) -> bool:
    """Whether an entry has less than is asked, by a whole token: shares are rounded somewhere."""
    return _over(tokens, entry.name) >= entry.cap + 1


def _floors(mixture: Mixture, asked: Ask, entries: Mapping[str, Entry]) -> list[Shares]:
    """By stage, the tokens that `min_tokens` asks of each entry: in the proportions that it is asked for anyway."""
    out: list[Shares] = [{} for _ in asked.tokens]
    for name in _names(asked.tokens):
        entry, whole_ask = entries[name], _over(asked.tokens, name)
        if mixture.shortfall == "fail" and entry.min_tokens > entry.cap:
            raise RecipeError(
                f"mixture {mixture.name}: {name} is to give min_tokens = {entry.min_tokens:,}, it has {entry.cap:,} "
                f"with its epochs; lower min_tokens, raise max_epochs, or set shortfall to redistribute or shrink"
            )
        least = min(entry.min_tokens, entry.cap)
        for stage, low in zip(asked.tokens, out, strict=True):
            low[name] = least * stage.get(name, ZERO) / whole_ask if whole_ask else ZERO
    return out


def _raised(asked: Ask, low: Sequence[Shares]) -> list[Shares]:
    """What is asked once `min_tokens` are met; of a given length the others give them up in proportion."""
    if asked.total is None:
        return [
            {name: max(tokens, least[name]) for name, tokens in stage.items()}
            for stage, least in zip(asked.tokens, low, strict=True)
        ]
    return [
        _spread(asked, stage, least, dict.fromkeys(stage), total=sum(stage.values(), ZERO))
        for stage, least in zip(asked.tokens, low, strict=True)
    ]


def _spread(
    asked: Ask, want: Shares, low: Mapping[str, Fraction], high: Mapping[str, Fraction | None], total: Fraction
) -> Shares:  # fmt: skip
    """A total shared out between targets, then within each, in proportion to what is wanted and between limits; what
    is asked as an amount neither gives nor takes."""
    least = dict(low)
    most = dict(high)
    for target in asked.fixed:
        for name in asked.items[target]:
            limit = high[name]
            least[name] = most[name] = want[name] if limit is None else min(want[name], limit)
    tops = fill(
        total,
        {target: sum((want[name] for name in names), ZERO) for target, names in asked.items.items()},
        {target: sum((least[name] for name in names), ZERO) for target, names in asked.items.items()},
        {target: _limit([most[name] for name in names]) for target, names in asked.items.items()},
    )
    out: Shares = {}
    for target, names in asked.items.items():
        lows = {name: least[name] for name in names}
        out |= fill(tops[target], {name: want[name] for name in names}, lows, {name: most[name] for name in names})
    return out


def _limit(limits: Sequence[Fraction | None]) -> Fraction | None:
    known = [limit for limit in limits if limit is not None]
    return sum(known, ZERO) if len(known) == len(limits) else None


def _refuse(mixture: Mixture, entries: Mapping[str, Entry], raised: Sequence[Shares]) -> None:
    empty = [entry.name for entry in entries.values() if entry.foreseen and not entry.cap]
    if empty:
        raise RecipeError(
            f"mixture {mixture.name}: {', '.join(empty)} has no document to train on; take it out of the mixture"
        )
    for name in _names(raised):
        if _lacks(raised, entries[name]):
            needed, cap = int(_over(raised, name)), entries[name].cap
            raise RecipeError(
                f"mixture {mixture.name}: {name} would need {needed:,} tokens, it has {cap:,} with its epochs; lower "
                f"its weight or the budget, raise max_epochs, or set shortfall to redistribute or shrink"
            )


def _shrunk(
    mixture: Mixture, asked: Ask, entries: Mapping[str, Entry], raised: Sequence[Shares], low: Sequence[Shares]
) -> tuple[list[Shares], str]:  # fmt: skip
    """All made smaller by one factor until every cap holds, but nothing below its `min_tokens`; and whose cap it was.

    Without a budget only amounts can be too large: they alone are cut, or shrink together.
    """
    fixed = {name for target in asked.fixed for name in asked.items[target]}
    among = [name for name in _names(raised) if asked.total is not None or name in fixed]
    factors = {name: entries[name].cap / _over(raised, name) for name in among if _lacks(raised, entries[name])}
    least = min(sorted(factors), key=lambda name: factors[name], default="")
    together = asked.total is not None or mixture.shortfall == "shrink"

    def factor(name: str) -> Fraction:
        if not least or (asked.total is None and name not in fixed):
            return Fraction(1)
        return factors[least] if together else factors.get(name, Fraction(1))

    return [
        {name: max(tokens * factor(name), of[name]) for name, tokens in stage.items()}
        for stage, of in zip(raised, low, strict=True)
    ], least if together else ""


def _rounded(exact: Sequence[Shares], entries: Mapping[str, Entry]) -> list[dict[str, int]]:
    """Integers, each stage as long as it was down to a token, no cap passed."""
    used = dict.fromkeys(entries, 0)
    out, given, so_far = [], 0, ZERO
    for stage in exact:
        so_far += sum(stage.values(), ZERO)
        out.append(whole(stage, int(so_far) - given, {name: entries[name].cap - used[name] for name in stage}))
        given += sum(out[-1].values())
        for name, tokens in out[-1].items():
            used[name] += tokens
    return out


def _redistributed(
    asked: Ask, entries: Mapping[str, Entry], raised: Sequence[Shares], low: Sequence[Shares]
) -> list[dict[str, int]]:  # fmt: skip
    """Stage by stage, each as long as the file says where that can be; what later stages ask is kept for them."""
    assert asked.total is not None
    kept = {name: min(Fraction(1), entries[name].cap / of) for name in _names(raised) if (of := _over(raised, name))}
    used = dict.fromkeys(entries, 0)
    out: list[dict[str, int]] = []
    lengths = _lengths(asked)
    for n, (stage, least) in enumerate(zip(raised, low, strict=True)):
        later = {name: _over(raised[n + 1 :], name) * kept.get(name, ZERO) for name in stage}
        room = {name: entries[name].cap - used[name] - int(later[name]) for name in stage}
        high = {name: Fraction(max(room[name], 0)) for name in stage}
        floor = {name: min(least[name], high[name]) for name in stage}
        spread = _spread(asked, stage, floor, high, Fraction(lengths[n]))
        total = min(lengths[n], int(sum(spread.values(), ZERO)))
        out.append(whole(spread, total, {name: entries[name].cap - used[name] for name in stage}))
        for name, tokens in out[-1].items():
            used[name] += tokens
    return out


def _lengths(asked: Ask) -> list[int]:
    """Tokens of each stage, where the file says how many there are in all."""
    assert asked.total is not None
    exact = {f"{n:06d}": part * asked.total for n, part in enumerate(asked.parts)}
    return [*whole(exact, asked.total, dict.fromkeys(exact, asked.total)).values()]
