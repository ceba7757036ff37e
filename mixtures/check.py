"""What a mixture file may say: every mistake is told with file, line, key, value and what it must be.

In: a parsed `Mixture` and where its keys stand. Out: nothing, or a RecipeError.
"""

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from corpus.strict import NAME, Text, must, unknown
from mixtures.mixture import COLUMNS, Domain, Group, Lines, Mixture, StageSettings

REST = "rest"
MAX_EPOCHS = 10_000
MAX_TOKENS = 1 << 62


def check_mixture(mixture: Mixture, lines: Lines) -> None:
    """Raise RecipeError for the first thing that cannot be meant."""
    must(
        bool(mixture.targets), lines.at("domain"), "domain", [], "at least one: [[mixture.domain]] or [[mixture.group]]"
    )
    _named_once(_places(mixture, lines))
    _at_least(mixture.budget, 1, lines.at("budget"), "budget", "at least 1 token")
    must((mixture.length or 0) <= MAX_TOKENS, lines.at("budget"), "budget", mixture.length, "at most 2**62 tokens")
    _at_least(mixture.seed, 0, lines.at("seed"), "seed", "at least 0 and below 2**63")
    must((mixture.seed or 0) < 1 << 63, lines.at("seed"), "seed", mixture.seed, "at least 0 and below 2**63")
    must(0 <= mixture.tolerance < 1, lines.at("tolerance"), "tolerance", mixture.tolerance, "at least 0 and below 1")
    known = [*(domain.name for domain in mixture.domain), *(group.name for group in mixture.group)]
    for name in mixture.optional:
        if name not in known:
            raise unknown(lines.at("optional").line("optional"), "domain or group", name, known)
    cut = [buckets.domain for buckets in mixture.bucket]
    must(len({*cut}) == len(cut), lines.at("bucket"), "bucket", cut, "of each domain once")
    buckets = [name for each in mixture.bucket for name in each.names]
    groups = {group.name: group for group in mixture.group}
    for n, domain in enumerate(mixture.domain):
        _domain(domain, groups, lines.inside("domain", n))
        _select(domain.select, buckets, lines.inside("domain", n))
    for n, group in enumerate(mixture.group):
        _group(group, mixture, lines.inside("group", n))
        _select(group.select, buckets, lines.inside("group", n))
    _stages(mixture, lines)
    _targets(mixture, lines)


def _places(mixture: Mixture, lines: Lines) -> list[tuple[str, Text]]:
    """Every domain and group by name, and where it stands."""
    domains = [(domain.name, lines.inside("domain", n)) for n, domain in enumerate(mixture.domain)]
    return domains + [(group.name, lines.inside("group", n)) for n, group in enumerate(mixture.group)]


def _named_once(places: Sequence[tuple[str, Text]]) -> None:
    seen = set()
    for name, text in places:
        must(name not in seen, text, "name", name, "another name: there is one of that name before it")
        seen.add(name)


def _at_least(value: int | None, least: int, text: Text, key: str, rule: str) -> None:
    must(value is None or value >= least, text, key, value, rule)


def _domain(domain: Domain, groups: dict[str, Group], text: Text) -> None:
    must(bool(re.fullmatch(NAME, domain.name)), text, "name", domain.name, "letters, digits, . _ -")
    if domain.group and domain.group not in groups:
        raise unknown(text.line("group"), "group", domain.group, list(groups))
    for name, group in groups.items():
        taken = group.by is not None and domain.name.startswith(f"{name}.")
        must(not taken, text, "name", domain.name, f"another name: {name}.… are the entries of the group {name}")
    _epochs(domain.max_epochs, text)
    _at_least(domain.min_tokens, 0, text, "min_tokens", "at least 0")
    _at_least(domain.heldout_tokens, 0, text, "heldout_tokens", "at least 0; leave it out to write all")
    if not domain.group:
        return
    must(domain.amount is None, text, "amount", domain.amount, f"left out: the group {domain.group} has the target")
    rule = groups[domain.group].rule
    if rule == "weights":
        must(_positive(domain.weight), text, "weight", domain.weight, f"a number above 0, its share of {domain.group}")
    else:
        remedy = f'left out: the rule of {domain.group} is {rule}; for weights of its own set rule = "weights"'
        must(domain.weight is None, text, "weight", domain.weight, remedy)


def _group(group: Group, mixture: Mixture, text: Text) -> None:
    must(bool(re.fullmatch(NAME, group.name)), text, "name", group.name, "letters, digits, . _ -")
    members = [domain.name for domain in mixture.members(group.name)]
    if group.by is None:
        listed = f'given, or some [[mixture.domain]] must say group = "{group.name}"'
        must(bool(members), text, "by", None, listed)
        must(not group.select, text, "select", group.select, "left out where the group has no `by`")
        must(group.fold_below == 0, text, "fold_below", group.fold_below, "left out where the group has no `by`")
    else:
        must(not members, text, "by", group.by, f"left out, or {', '.join(members)} taken out of the group")
        one = "proportional, temperature or unimax where the group has `by`: nobody states its entries' weights"
        must(group.rule != "weights", text, "rule", group.rule, one)
    _at_least(group.fold_below, 0, text, "fold_below", "at least 0")
    tempered = group.alpha is not None and 0 <= group.alpha <= 1
    if group.rule == "temperature":
        must(tempered, text, "alpha", group.alpha, "between 0 (even) and 1 (in proportion); 0.3 is usual")
    else:
        must(group.alpha is None, text, "alpha", group.alpha, f'left out, or rule = "temperature": it is {group.rule}')
    _epochs(group.max_epochs, text)
    _at_least(group.heldout_tokens, 0, text, "heldout_tokens", "at least 0; leave it out to write all")


def _epochs(value: float | None, text: Text) -> None:
    must(value is None or 0 < value <= MAX_EPOCHS, text, "max_epochs", value, f"above 0 and at most {MAX_EPOCHS:,}")


def _positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0


def _select(select: dict[str, Any], buckets: Sequence[str], text: Text) -> None:
    for column, values in select.items():
        if column not in COLUMNS:
            raise unknown(text.line("select"), "column", column, list(COLUMNS))
        strings = isinstance(values, str) or (isinstance(values, list) and all(isinstance(v, str) for v in values))
        must(strings and values != [], text, "select", {column: values}, "a string or a list of strings")
        if column == "bucket":
            known = f"names of [[mixture.bucket]]: {', '.join(buckets) or 'there is none'}"
            asked = {values} if isinstance(values, str) else {*values}
            must(asked <= {*buckets}, text, "select", {column: values}, known)


def _targets(mixture: Mixture, lines: Lines) -> None:
    """Each target is a weight or an amount, one "rest" at most, and something is left for it."""
    needed = not mixture.stage or any(not stage.weights for stage in mixture.stage)
    places = dict(_places(mixture, lines))
    for target in mixture.targets:
        text = places[target.name]
        _at_least(target.amount, 1, text, "amount", f"at least 1 of the unit, {mixture.unit}")
        if target.amount is not None:
            must(target.weight is None, text, "weight", target.weight, "left out where `amount` is given")
        elif needed or target.weight is not None:
            good = _positive(target.weight) or target.weight == REST
            must(good, text, "weight", target.weight, 'a number above 0, or "rest"; or give an `amount`')
    weighed = {target.name: target.weight for target in mixture.targets if target.weight is not None}
    _rest(weighed, places, "weight")
    amounts = sum(target.amount or 0 for target in mixture.targets)
    budget = mixture.length
    if budget is not None and mixture.unit == "tokens":
        left = "at least what the amounts sum to"
        must(amounts <= budget, lines.at("budget"), "budget", budget, f"{left}, {amounts:,}")
    if budget is not None:
        some = any(target.amount is None for target in mixture.targets)
        remedy = 'left out where every entry has an amount; or give one of them weight = "rest"'
        must(some, lines.at("budget"), "budget", budget, remedy)
        least = sum(domain.min_tokens for domain in mixture.domain)
        must(least <= budget, lines.at("budget"), "budget", budget, f"at least what min_tokens sum to, {least:,}")


def _rest(weights: dict[str, Any], places: Mapping[str, Text], key: str) -> None:
    """One "rest" at most, and something is left for it."""
    rests = [name for name, weight in weights.items() if weight == REST]
    if len(rests) > 1:
        must(False, places[rests[1]], key, REST, f'a number: "rest" is for one of them only, {rests[0]} has it')
    if rests:
        stated, whole = _stated(weights)
        left = f"a number: the others sum to {float(stated):g} of {float(whole):g}, nothing is left"
        must(stated < whole, places[rests[0]], key, REST, left)


def _stated(weights: dict[str, Any]) -> tuple[Fraction, Fraction]:
    numbers = [exact(weight) for weight in weights.values() if weight != REST]
    return sum(numbers, Fraction(0)), Fraction(1 if all(number < 1 for number in numbers) and numbers else 100)


def exact(number: float) -> Fraction:
    """A number as it was written: 1.1 is 11/10."""
    return Fraction(str(number))


def with_rest(weights: dict[str, Any]) -> dict[str, Fraction]:
    """Weights as numbers: "rest" is what the others leave to 100, or to 1 where all of them are below 1."""
    stated, whole = _stated(weights)
    return {name: whole - stated if weight == REST else exact(weight) for name, weight in weights.items()}


def _stages(mixture: Mixture, lines: Lines) -> None:
    if not mixture.stage:
        return
    where = lines.at("stage")
    names = [stage.name for stage in mixture.stage]
    places = [(stage.name, lines.inside("stage", n)) for n, stage in enumerate(mixture.stage)]
    _named_once(places)
    for n, stage in enumerate(mixture.stage):
        _stage(stage, mixture, lines.inside("stage", n))
    by_tokens = [stage.tokens is not None for stage in mixture.stage]
    must(all(by_tokens) or not any(by_tokens), where, "stage", names, "all by `tokens`, or all by `share`")
    if all(by_tokens):
        total = sum(stage.tokens or 0 for stage in mixture.stage)
        fits = mixture.budget in (None, total)
        must(fits, lines.at("budget"), "budget", mixture.budget, f"left out, or the sum of the stages, {total:,}")
    else:
        shares = sum((exact(stage.share or 0) for stage in mixture.stage), Fraction(0))
        last, text = mixture.stage[-1].share, places[-1][1]
        one = f"such that all of them sum to 1: they sum to {float(shares):g}"
        must(abs(shares - 1) <= Fraction(1, 10**6), text, "share", last, one)
    if all(stage.weights for stage in mixture.stage):
        named = {name for stage in mixture.stage for name in stage.weights}
        for target in mixture.targets:
            good = target.amount is not None or target.name in named
            text = dict(_places(mixture, lines))[target.name]
            must(good, text, "name", target.name, "in the weights of some stage, or taken out: no stage takes it")


def _stage(stage: StageSettings, mixture: Mixture, text: Text) -> None:
    must(bool(re.fullmatch(NAME, stage.name)), text, "name", stage.name, "letters, digits, . _ -")
    one = (stage.tokens is None) != (stage.share is None)
    must(one, text, "tokens", stage.tokens, "given, or `share` in its place")
    _at_least(stage.tokens, 1, text, "tokens", "at least 1")
    must(stage.share is None or 0 < stage.share <= 1, text, "share", stage.share, "above 0 and at most 1")
    targets = {target.name: target for target in mixture.targets}
    inner = {domain.name: domain.group for domain in mixture.domain if domain.group}
    for name, weight in stage.weights.items():
        if name in inner:
            must(False, text, "weights", name, f"its group, {inner[name]}: a stage weighs groups as wholes")
        if name not in targets:
            raise unknown(text.line("weights"), "domain or group", name, list(targets))
        fixed = targets[name].amount is not None
        must(not fixed, text, "weights", name, "without an amount: amounts are spread over all stages")
        good = _positive(weight) or weight == REST
        must(good, text, "weights", {name: weight}, 'a number above 0, or "rest"; leave out what is not in the stage')
    _rest(stage.weights, dict.fromkeys(stage.weights, text), "weights")
