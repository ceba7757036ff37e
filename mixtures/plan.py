"""The mixture plan: arithmetic from weights, caps and what there is to tokens per domain.

In: a mixture (TOML: its own or a preset beside this file) and the tokens available per domain. Out: a `Line` per domain
with what was asked for, what there is, what is planned, how many epochs that makes, and why.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.errors import RecipeError
from corpus.strict import NAME, Text, must, parse, read_toml, unknown
from mixtures.buckets import Buckets

PRESETS = Path(__file__).parent
_COLUMNS = ("source", "domain", "language", "bucket")


@dataclass(frozen=True)
class Domain:
    """One entry of a mixture. `select` maps source, domain, language or bucket to the values it takes; by default
    its domain is its name."""

    name: str
    weight: Any  # a number, or "rest"
    max_epochs: float = 1.0
    select: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mixture:
    """How much of each domain. `unit` is what the weights are shares of."""

    domain: tuple[Domain, ...]
    name: str = "own"
    source: str = ""
    note: str = ""
    unit: str = "tokens"  # tokens | bytes | documents
    shortfall: str = "redistribute"  # fail | redistribute | shrink
    tolerance: float = 0.005
    budget: int | None = None  # tokens in all; default: as many as the weights and caps allow
    bucket: tuple[Buckets, ...] = ()  # domains cut by a score


@dataclass(frozen=True)
class Available:
    """What a domain has to train on; `tokens` count one end-of-document mark a document."""

    documents: int
    bytes: int
    tokens: int


@dataclass(frozen=True)
class Line:
    """One domain of the plan. `asked` is its share of tokens (0 to 1); `planned` tokens; `why` says what bound it."""

    domain: str
    asked: float
    available: int
    planned: int
    epochs: float
    why: str


def load_mixture(table: dict[str, Any], folder: Path, text: Text) -> Mixture:
    """The recipe's ``[mixture]``: its own domains, or ``preset = "name or path"`` with keys laid over it.

    `text` is what the table was read from, `folder` where a preset given by path is looked for.

    Raises RecipeError for an unknown preset or key, a wrong weight, or more than one "rest".
    """
    own = dict(table)
    preset = own.pop("preset", None)
    if preset is not None:
        path = _preset(str(preset), folder, text.line("preset"))
        content, base = read_toml(path)
        own, text = base | own, Text(str(path), content)
    mixture = parse(Mixture, own, text)
    _check(mixture, text)
    return mixture


def _preset(name: str, folder: Path, where: str) -> Path:
    for path in (PRESETS / f"{name}.toml", folder / name):
        if path.is_file():
            return path
    known = [path.stem for path in PRESETS.glob("*.toml")]
    raise unknown(where, "mixture preset", name, known)


def _check(mixture: Mixture, text: Text) -> None:
    units, policies = ("tokens", "bytes", "documents"), ("fail", "redistribute", "shrink")
    must(mixture.unit in units, text, "unit", mixture.unit, f"one of {', '.join(units)}")
    must(mixture.shortfall in policies, text, "shortfall", mixture.shortfall, f"one of {', '.join(policies)}")
    names = [domain.name for domain in mixture.domain]
    must(bool(names) and len(set(names)) == len(names), text, "domain", names, "at least one, each named once")
    rests = [domain.name for domain in mixture.domain if domain.weight == "rest"]
    must(len(rests) <= 1, text, "weight", rests, 'one domain with "rest" at most: "rest" is given to one domain only')
    must(mixture.budget is None or mixture.budget >= 1, text, "budget", mixture.budget, "at least 1 token")
    cut = [buckets.domain for buckets in mixture.bucket]
    must(len({*cut}) == len(cut), text, "bucket", cut, "of each domain once")
    buckets = [name for each in mixture.bucket for name in each.names]
    for n, domain in enumerate(mixture.domain):
        _check_domain(domain, buckets, text.inside("domain", n))


def _check_domain(domain: Domain, buckets: Sequence[str], text: Text) -> None:
    number = isinstance(domain.weight, int | float) and not isinstance(domain.weight, bool)
    positive = number and math.isfinite(domain.weight) and domain.weight > 0
    must(positive or domain.weight == "rest", text, "weight", domain.weight, 'a number above 0, or "rest"')
    finite = math.isfinite(domain.max_epochs) and domain.max_epochs > 0
    must(finite, text, "max_epochs", domain.max_epochs, "a number above 0")
    must(bool(re.fullmatch(NAME, domain.name)), text, "name", domain.name, "letters, digits, . _ -")
    for column, values in domain.select.items():
        if column not in _COLUMNS:
            raise unknown(text.line("select"), "column", column, list(_COLUMNS))
        strings = isinstance(values, str) or (isinstance(values, list) and all(isinstance(v, str) for v in values))
        must(strings, text, "select", {column: values}, "a string or a list of strings")
        if column == "bucket":
            known = f"names of [[mixture.bucket]]: {', '.join(buckets) or 'there is none'}"
            must({*_values(values)} <= {*buckets}, text, "select", {column: values}, known)


def shares(mixture: Mixture) -> dict[str, float]:
    """Weights as shares of the mixture's unit that sum to 1. "rest" is what is left to 100 (or to 1)."""
    stated = {d.name: float(d.weight) for d in mixture.domain if d.weight != "rest"}
    given = sum(stated.values())
    whole = 1.0 if all(weight < 1 for weight in stated.values()) else 100.0
    rest = [d.name for d in mixture.domain if d.weight == "rest"]
    if rest and given > whole - 1e-9:
        raise RecipeError(
            f"mixture {mixture.name}: the weights sum to {given:g} of {whole:g}, nothing is left for `{rest[0]}`"
        )
    weights = {d.name: stated.get(d.name, whole - given) for d in mixture.domain}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def solve(mixture: Mixture, available: dict[str, Available]) -> list[Line]:
    """The plan in tokens.

    Raises RecipeError where the weights cannot be met and the policy is "fail", or nothing is there.
    """
    there = {d.name: available.get(d.name, Available(0, 0, 0)) for d in mixture.domain}
    asked = _token_shares(mixture, there)
    caps = {d.name: int(there[d.name].tokens * d.max_epochs) for d in mixture.domain}
    empty = [name for name, cap in caps.items() if cap == 0]
    if empty and mixture.shortfall == "fail":
        raise RecipeError(
            f"mixture {mixture.name}: {', '.join(empty)} has no document to train on; take it out of the mixture"
        )
    filled = {name: share for name, share in asked.items() if caps[name]}
    if not filled:
        raise RecipeError(f"mixture {mixture.name}: no document to train on in any of {', '.join(asked)}")
    most = min(caps[name] / share for name, share in filled.items())
    scale = sum(filled.values())
    budget = mixture.budget
    if budget is None or (mixture.shortfall == "shrink" and budget > most * scale):
        bound = min(filled, key=lambda name: caps[name] / filled[name])
        wanted = {name: min(int(share * most), caps[name]) for name, share in filled.items()} | {bound: caps[bound]}
    else:
        wanted, bound = _within(mixture, filled, caps, budget), ""
    total = sum(wanted.values())
    return [_line(mixture, name, asked[name], there[name], wanted.get(name, 0), total, bound) for name in asked]


def _token_shares(mixture: Mixture, there: dict[str, Available]) -> dict[str, float]:
    weights = shares(mixture)
    if mixture.unit != "tokens":  # a share of bytes or documents, at this corpus' tokens per byte or document
        of = {name: getattr(what, mixture.unit) for name, what in there.items()}
        weights = {name: w * there[name].tokens / of[name] if of[name] else 0.0 for name, w in weights.items()}
    total = sum(weights.values()) or 1.0
    return {name: weight / total for name, weight in weights.items()}


def _within(mixture: Mixture, shares: dict[str, float], caps: dict[str, int], budget: int) -> dict[str, int]:
    """Tokens by domain that sum to the budget or to all caps, what one lacks going to the others in proportion."""
    left, open_, out = budget, dict(shares), dict[str, int]()
    while open_:
        total = sum(open_.values())
        over = [name for name, share in open_.items() if share / total * left > caps[name]]
        if not over:
            return out | _rounded({name: share / total for name, share in open_.items()}, left)
        if mixture.shortfall == "fail":
            name = over[0]
            raise RecipeError(
                f"mixture {mixture.name}: {name} would need {int(open_[name] / total * left):,} tokens, it has "
                f"{caps[name]:,} with its epochs; lower its weight or the budget, raise max_epochs, "
                f"or set shortfall to redistribute or shrink"
            )
        for name in over:
            out[name] = caps[name]
            left -= caps[name]
            del open_[name]
    return out


def _rounded(shares: dict[str, float], total: int) -> dict[str, int]:
    """Largest remainder: integers that sum to `total`."""
    exact = {name: share * total for name, share in shares.items()}
    out = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda name: (out[name] - exact[name], name))[: total - sum(out.values())]:
        out[name] += 1
    return out


def _line(
    mixture: Mixture, name: str, asked: float, there: Available, planned: int, total: int, bound: str
) -> Line:  # fmt: skip
    epochs = next(d.max_epochs for d in mixture.domain if d.name == name)
    share = planned / total if total else 0.0
    if there.tokens == 0:
        why = "no document to train on"
    elif name == bound:
        why = "all it has, with its epochs: it sets the size of the mixture"
    elif planned == int(there.tokens * epochs) and share < asked:
        why = f"less than asked: capped at {epochs:g} epochs"
    elif share > asked + mixture.tolerance:
        why = "more than asked: others fell short"
    else:
        why = "as asked"
    return Line(name, asked, there.tokens, planned, planned / there.tokens if there.tokens else 0.0, why)


def domain_of(mixture: Mixture, source: str, domain: str, language: str, bucket: str = "") -> str | None:
    """The first entry of the mixture that takes such a document, or None; `bucket` is "" where it is in none."""
    facts = {"source": source, "domain": domain, "language": language, "bucket": bucket}
    for entry in mixture.domain:
        wanted = entry.select or {"domain": entry.name}
        if all(facts[column] in _values(values) for column, values in wanted.items()):
            return entry.name
    return None


def _values(values: Any) -> Sequence[str]:
    return values if isinstance(values, list) else [str(values)]


def achieved(lines: Sequence[Line], tokens: dict[str, int]) -> list[Line]:
    """The lines with the tokens that were really placed."""
    return [replace(line, planned=tokens.get(line.domain, 0)) for line in lines]
