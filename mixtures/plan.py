"""The mixture plan: arithmetic from what is asked and what there is to tokens per entry.

In: a `Mixture` and a stock, documents, bytes and tokens of every `Kind`. Out: a `Plan`: whose each kind is, and for
every entry what was asked for, what there is, what is planned in each stage, how many epochs that makes, and why.

Where an entry cannot give what is asked of it, `shortfall` decides. "fail": an error. "redistribute": it gives what
it has, and the others get its lack in proportion, those of its group first. "shrink": all is made smaller until it
fits, and the ratios stay. Epoch caps hold over all stages.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from corpus.errors import RecipeError
from mixtures.ask import ask, stage_parts
from mixtures.entries import NOTHING, Available, Kind, entries_of
from mixtures.explain import Facts, why
from mixtures.level import ZERO
from mixtures.load import PRESETS, load_mixture
from mixtures.mixture import Domain, Group, Mixture, StageSettings
from mixtures.settle import settle

__all__ = [
    "NOTHING",
    "PRESETS",
    "Available",
    "Domain",
    "Group",
    "Kind",
    "Line",
    "Mixture",
    "Plan",
    "Stage",
    "StageSettings",
    "byte_shares",
    "load_mixture",
    "refuse_empty",
    "solve",
]  # fmt: skip

BYTES_PER_TOKEN = 4  # before there is a tokenizer


@dataclass(frozen=True)
class Line:
    """One entry of the plan. `asked` is its share of all tokens (0 to 1); `available` and `planned` are tokens;
    `epochs` may be fractional; `why` says what bound it."""

    domain: str
    asked: float
    available: int
    planned: int
    epochs: float
    why: str
    group: str = ""


@dataclass(frozen=True)
class Stage:
    """A stretch of the training: tokens by entry. Named "" where the file has no stages."""

    name: str
    tokens: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """`entry`: whose each kind is; kinds that no entry takes are absent. `heldout`: the most tokens of held-out
    documents that are written, by entry; None: all."""

    entry: dict[Kind, str]
    lines: tuple[Line, ...]
    stages: tuple[Stage, ...]
    heldout: dict[str, int | None]


def solve(mixture: Mixture, stock: Mapping[Kind, Available]) -> Plan:
    """The plan for what there is. Kinds with nothing to train on may be among the stock: they get an entry as well.

    Raises RecipeError where the shortfall policy is "fail" and something falls short, or where no entry, or none of a
    stage, has anything to give.
    """
    taken, entries = entries_of(mixture, stock)
    asked = ask(mixture, entries)
    settled = settle(mixture, asked, entries)
    facts = Facts(mixture, asked, entries, settled)
    planned = settled.planned
    lines = tuple(_line(facts, name, planned) for name in entries)
    names = [stage.name for stage in mixture.stage] or [""]
    stages = tuple(
        Stage(name, {entry: tokens for entry, tokens in of.items() if tokens})
        for name, of in zip(names, planned, strict=True)
    )
    for stage in stages:
        if not stage.tokens:
            told = f"the stage {stage.name}" if stage.name else "it"
            raise RecipeError(
                f"mixture {mixture.name}: {told} has nothing to train on: its entries have no document, or no tokens "
                f"left; give it others, or take it out"
            )
    return Plan(taken, lines, stages, {name: entry.heldout_tokens for name, entry in entries.items()})


def _line(facts: Facts, name: str, planned: Sequence[Mapping[str, int]]) -> Line:
    entry = facts.entries[name]
    tokens = sum(stage.get(name, 0) for stage in planned)
    total = sum(sum(stage.values()) for stage in planned)
    share = Fraction(tokens, total) if total else ZERO
    there = entry.available.tokens
    said = why(facts, entry, tokens, share)
    return Line(
        name, float(facts.asked.share[name]), there, tokens, tokens / there if there else 0.0, said, entry.group
    )


def byte_shares(mixture: Mixture, stock: Mapping[Kind, Available]) -> tuple[dict[Kind, str], dict[str, float]]:
    """Before there are tokens: whose each kind is, and the share of bytes that each entry has in the mixture (0 to 1).

    Tokens are taken to be bytes / 4. Whatever falls short, something is given, for the tokenizer needs a sample; raises
    RecipeError only for a stage with nothing to train on, or where the whole is less than a token.
    """
    guessed = {kind: replace(there, tokens=-(-there.bytes // BYTES_PER_TOKEN)) for kind, there in stock.items()}
    taken, entries = entries_of(mixture, guessed)
    has = {name: entry.available.bytes for name, entry in entries.items() if entry.available.bytes}
    if not has:
        return taken, {}
    easy = replace(mixture, shortfall="redistribute")
    try:
        plan = solve(easy, guessed)
    except RecipeError:  # the amounts are more than the budget at this guess, or the epochs leave nothing
        plan = solve(_loose(easy), guessed)
    share = {line.domain: line.planned for line in plan.lines if line.planned} or has  # less than a token of all
    return taken, {name: tokens / sum(share.values()) for name, tokens in share.items()}


def _loose(mixture: Mixture) -> Mixture:
    """Without a length, and with an epoch of everything."""
    parts = [float(part) for part in stage_parts(mixture)] if mixture.stage else []
    return replace(
        mixture,
        budget=None,
        domain=tuple(replace(domain, max_epochs=1.0) for domain in mixture.domain),
        group=tuple(replace(group, max_epochs=1.0) for group in mixture.group),
        stage=tuple(replace(s, tokens=None, share=part) for s, part in zip(mixture.stage, parts, strict=True)),
    )


def refuse_empty(mixture: Mixture, filled: Collection[str]) -> None:
    """Raise RecipeError where an entry that the mixture names has no document to train on, and is not `optional`.

    `filled` are the entries that have some. Of a group that expands one value is enough.
    """
    named = [domain.name for domain in mixture.domain if domain.name not in filled]
    groups = [group.name for group in mixture.group if group.by]
    named += [name for name in groups if not any(entry.startswith(f"{name}.") for entry in filled)]
    missing = [name for name in named if name not in mixture.optional]
    if missing:
        raise RecipeError(
            f"mixture {mixture.name}: {', '.join(missing)} has no document to train on; look at what filters and "
            f'select leave of it, take it out of the mixture, or allow it: optional = ["{missing[0]}"]'
        )
