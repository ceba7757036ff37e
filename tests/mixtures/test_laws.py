"""Laws of every plan, whatever the mixture: caps, lengths, stages, policies, and that nothing but numbers decides."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from corpus.strict import Text
from mixtures.plan import Available, Kind, Mixture, Plan, byte_shares, load_mixture, solve

NAMES = ("a", "b", "c", "d")
EPOCHS = st.sampled_from([0.3, 1.0, 1.1, 4.0])
WEIGHTS = st.integers(1, 99) | st.sampled_from([0.5, 12.07])
COUNTS = st.integers(0, 5_000)


def read(table: dict[str, Any]) -> Mixture:
    return load_mixture(table, Path(), Text("recipe.toml", "", "mixture"))


@st.composite
def tables(draw: st.DrawFn, staged: bool | None = None, amounts: bool = True) -> dict[str, Any]:
    """Mixture files of three or four domains and at times a group, with or without a length."""
    domains: list[dict[str, Any]] = []
    for name in NAMES[: draw(st.integers(2, 4))]:
        entry: dict[str, Any] = {"name": name, "max_epochs": draw(EPOCHS)}
        fixed = amounts and domains and draw(st.integers(0, 4)) == 0
        entry |= {"amount": draw(st.integers(1, 900))} if fixed else {"weight": draw(WEIGHTS)}
        entry |= {"min_tokens": draw(st.integers(1, 90))} if not fixed and draw(st.integers(0, 4)) == 0 else {}
        domains.append(entry)
    table: dict[str, Any] = {"domain": domains, "unit": draw(st.sampled_from(["tokens", "bytes", "documents"]))}
    if draw(st.booleans()):
        rule = draw(st.sampled_from(["proportional", "temperature", "unimax"]))
        alpha = {"alpha": 0.3} if rule == "temperature" else {}
        group = {"name": "g", "weight": draw(WEIGHTS), "rule": rule, "by": "language", "max_epochs": draw(EPOCHS)}
        table["group"] = [group | alpha]
    names = [entry["name"] for entry in (*domains, *table.get("group", ())) if "weight" in entry]
    if draw(st.booleans()) if staged is None else staged:
        lengths = draw(st.lists(st.integers(500, 4_000), min_size=2, max_size=3))
        table["stage"] = [{"name": f"s{n}", "tokens": length} for n, length in enumerate(lengths)]
        for stage in table["stage"][1:]:
            stage["weights"] = {name: draw(WEIGHTS) for name in names if draw(st.booleans())} or {names[0]: 1}
    elif draw(st.booleans()):
        table["budget"] = draw(st.integers(4_000, 20_000))
    return table


@st.composite
def stocks(draw: st.DrawFn) -> dict[Kind, Available]:
    kinds = [Kind(name, name, "en") for name in NAMES] + [Kind("crawl", "web", lang) for lang in ("de", "en", "")]
    there = {}
    for kind in kinds:
        tokens = draw(COUNTS)
        there[kind] = Available(-(-tokens // 7), tokens * draw(st.integers(2, 5)), tokens)
    return there


def planned(plan: Plan) -> dict[str, int]:
    return {line.domain: line.planned for line in plan.lines}


def caps(table: dict[str, Any], plan: Plan) -> dict[str, int]:
    epochs = {entry["name"]: entry["max_epochs"] for entry in (*table["domain"], *table.get("group", ()))}
    return {line.domain: int(line.available * Fraction(str(epochs[line.group or line.domain]))) for line in plan.lines}


def solved(table: dict[str, Any], there: dict[Kind, Available]) -> Plan:
    try:
        return solve(read(table), there)
    except RecipeError:
        assume(False)
        raise


@given(tables(), stocks(), st.sampled_from(["redistribute", "shrink", "fail"]))
def test_no_cap_and_no_length_is_passed_and_stages_sum_up(
    table: dict[str, Any], there: dict[Kind, Available], policy: str
) -> None:
    plan = solved(table | {"shortfall": policy}, there)
    most = caps(table, plan)
    assert all(0 <= line.planned <= most[line.domain] for line in plan.lines)
    assert all(line.why for line in plan.lines)
    for line in plan.lines:
        assert line.planned == sum(stage.tokens.get(line.domain, 0) for stage in plan.stages)
        assert line.epochs == (line.planned / line.available if line.available else 0)
    assert [stage.name for stage in plan.stages] == [stage["name"] for stage in table.get("stage", [{"name": ""}])]
    for stage, wanted in zip(plan.stages, table.get("stage", [{"tokens": table.get("budget")}]), strict=True):
        length = sum(stage.tokens.values())
        assert wanted["tokens"] is None or length <= wanted["tokens"]
        assert policy != "fail" or wanted["tokens"] is None or length == wanted["tokens"]
        assert "weights" not in wanted or not {*stage.tokens} & {
            entry["name"] for entry in table["domain"] if "weight" in entry and entry["name"] not in wanted["weights"]
        }


@given(tables(), stocks())
def test_what_is_asked_sums_to_one(table: dict[str, Any], there: dict[Kind, Available]) -> None:
    plan = solved(table, there)
    assert sum(line.asked for line in plan.lines) == pytest.approx(1)


@given(tables(staged=False, amounts=False), stocks(), st.integers(1, 20_000))
def test_a_budget_is_met_where_it_can_be(table: dict[str, Any], there: dict[Kind, Available], budget: int) -> None:
    assume(sum(entry.get("min_tokens", 0) for entry in table["domain"]) <= budget)
    plan = solved(table | {"budget": budget}, there)
    assert sum(planned(plan).values()) == min(budget, sum(caps(table, plan).values()))


@given(st.lists(WEIGHTS, min_size=1, max_size=4), st.integers(1, 10**12))
def test_shares_are_exact_to_the_integer(weights: list[float], budget: int) -> None:
    domains = [{"name": name, "weight": weight} for name, weight in zip(NAMES, weights, strict=False)]
    there = {Kind(name, name, "en"): Available(1, 1, 10**12) for name in NAMES}
    got = planned(solve(read({"domain": domains, "budget": budget}), there))
    exact = [Fraction(str(weight)) for weight in weights]
    for name, weight in zip(NAMES, exact, strict=False):
        assert abs(got[name] - budget * weight / sum(exact)) < 1
    assert sum(got.values()) == budget


@given(tables(), stocks(), st.randoms(use_true_random=False))
def test_the_order_of_tables_and_of_the_stock_does_not_matter(
    table: dict[str, Any], there: dict[Kind, Available], random: Any
) -> None:
    plan = solved(table, there)
    mixed = [*there.items()]
    random.shuffle(mixed)
    domains = [*table["domain"]]
    random.shuffle(domains)
    stages = [stage | {"weights": dict(reversed(stage["weights"].items()))} if "weights" in stage else stage
              for stage in table.get("stage", ())]  # fmt: skip
    again = solve(read(table | {"domain": domains, "stage": stages}), dict(mixed))
    assert planned(again) == planned(plan)
    assert [stage.tokens for stage in again.stages] == [stage.tokens for stage in plan.stages]
    assert (again.entry, again.heldout) == (plan.entry, plan.heldout)


@given(tables(amounts=False), stocks(), st.integers(2, 9))
def test_a_larger_stock_and_length_make_a_larger_plan_of_the_same_shape(
    table: dict[str, Any], there: dict[Kind, Available], times: int
) -> None:
    whole = table | {"domain": [{k: v for k, v in d.items() if k != "min_tokens"} for d in table["domain"]]}
    for entry in (*whole["domain"], *whole.get("group", ())):
        entry["max_epochs"] = max(1.0, round(entry["max_epochs"]))
    larger = dict(whole)
    if "budget" in table:
        larger["budget"] = table["budget"] * times
    if "stage" in table:
        larger["stage"] = [stage | {"tokens": stage["tokens"] * times} for stage in table["stage"]]
    more = {
        kind: Available(has.documents * times, has.bytes * times, has.tokens * times) for kind, has in there.items()
    }
    if any(group["rule"] == "temperature" for group in table.get("group", ())):
        return  # sizes to a power are rounded to twelve digits
    one, other = solved(whole, there), solved(larger, more)
    for name, tokens in planned(one).items():
        assert abs(planned(other)[name] - times * tokens) <= times * (1 + len(one.stages))


@given(tables(staged=False), stocks(), st.integers(1, 3_000))
def test_a_longer_mixture_takes_no_less_of_anything(
    table: dict[str, Any], there: dict[Kind, Available], more: int
) -> None:
    table = {"budget": 4_000} | table
    one = planned(solved(table, there))
    other = planned(solved(table | {"budget": table["budget"] + more}, there))
    assert all(other[name] >= tokens - 1 for name, tokens in one.items())  # the largest remainder may move a token


@given(tables(amounts=False), stocks())
def test_fail_is_silent_only_where_everything_is_as_asked(table: dict[str, Any], there: dict[Kind, Available]) -> None:
    table = {"budget": 4_000} | table if "stage" not in table else table
    free = {"domain": [{k: v for k, v in d.items() if k != "min_tokens"} for d in table["domain"]]}
    plan = solved(table | free, there)
    try:
        strict = solve(read(table | free | {"shortfall": "fail"}), there)
    except RecipeError:
        return
    total = sum(planned(strict).values())
    for line in strict.lines:
        assert abs(line.planned - line.asked * total) <= 1 + len(plan.stages) + 1e-6
    assert planned(strict) == planned(plan)


@given(tables(amounts=False), stocks())
def test_shrink_keeps_every_ratio(table: dict[str, Any], there: dict[Kind, Available]) -> None:
    table = {"budget": 4_000} | table if "stage" not in table else table
    free = {"domain": [{k: v for k, v in d.items() if k != "min_tokens"} for d in table["domain"]]}
    plan = solved(table | free | {"shortfall": "shrink"}, there)
    filled = [line for line in plan.lines if caps(table, plan)[line.domain]]
    total, asked = sum(planned(plan).values()), sum(line.asked for line in filled)
    for line in filled:
        if all("weights" not in stage for stage in table.get("stage", ())):
            assert abs(line.planned - line.asked / asked * total) <= 1 + len(plan.stages) + 1e-6


@given(tables(), stocks())
def test_a_sample_has_shares_of_what_there_is(table: dict[str, Any], there: dict[Kind, Available]) -> None:
    try:
        taken, shares = byte_shares(read(table | {"shortfall": "fail"}), there)
    except RecipeError as error:
        assert "has nothing to train on" in str(error)
        return
    assert not shares or sum(shares.values()) == pytest.approx(1)
    assert {*shares} <= {*taken.values()}
    some = any(there[kind].bytes for kind in taken)
    assert bool(shares) == some


def test_a_later_stage_finds_what_it_asks_for() -> None:
    """A scarce domain is not used up before the stage that wants most of it."""
    table = {
        "domain": [{"name": "a"}, {"name": "b"}],
        "stage": [
            {"name": "main", "tokens": 900, "weights": {"a": 90, "b": 10}},
            {"name": "anneal", "tokens": 100, "weights": {"a": 10, "b": 90}},
        ],
    }
    there = {Kind("a", "a", "en"): Available(1, 1, 5_000), Kind("b", "b", "en"): Available(1, 1, 90)}
    plan = solve(read(table), there)
    assert [stage.tokens for stage in plan.stages] == [{"a": 855, "b": 45}, {"a": 55, "b": 45}]
    assert [line.why for line in plan.lines][1] == "less than asked: capped at 1 epoch"
    plan = solve(read(table | {"shortfall": "shrink"}), there)
    assert [stage.tokens for stage in plan.stages] == [{"a": 405, "b": 45}, {"a": 5, "b": 45}]
    with pytest.raises(RecipeError, match="b would need 180 tokens, it has 90"):
        solve(read(table | {"shortfall": "fail"}), there)


def test_what_is_used_up_in_one_stage_is_made_up_in_proportion_in_the_next() -> None:
    table = {
        "domain": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        "stage": [
            {"name": "main", "tokens": 900, "weights": {"a": 90, "b": 10}},
            {"name": "anneal", "tokens": 100, "weights": {"a": 3, "b": 90, "c": 7}},
        ],
    }
    there = {Kind(name, name, "en"): Available(1, 1, 90 if name == "b" else 5_000) for name in "abc"}
    assert solve(read(table), there).stages[1].tokens == {"a": 17, "b": 45, "c": 38}


def test_stages_by_share_of_a_budget_and_of_what_there_is() -> None:
    table: dict[str, Any] = {
        "domain": [{"name": "a", "weight": 1}, {"name": "b", "amount": 100}],
        "stage": [{"name": "main", "share": 0.9}, {"name": "end", "share": 0.1, "weights": {"a": 1}}],
    }
    there = {Kind(name, name, "en"): Available(1, 1, 900) for name in "ab"}
    assert [stage.tokens for stage in solve(read(table | {"budget": 500}), there).stages] == [
        {"a": 360, "b": 90}, {"a": 40, "b": 10},
    ]  # fmt: skip
    assert [stage.tokens for stage in solve(read(table), there).stages] == [{"a": 810, "b": 90}, {"a": 90, "b": 10}]
