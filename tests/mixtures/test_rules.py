"""Groups and their rules: against the formulas, against the paper's algorithm, and no document lost."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.strict import Text
from mixtures.plan import Available, Kind, Mixture, Plan, load_mixture, solve

SIZES = st.lists(st.integers(1, 10_000), min_size=1, max_size=8)


def grouped(rule: str, table: dict[str, Any] | None = None, **keys: Any) -> Mixture:
    group = {"name": "web", "weight": 1, "by": "language", "rule": rule} | keys
    return load_mixture({"group": [group], **(table or {})}, Path(), Text("recipe.toml", "", "mixture"))


def web(sizes: dict[str, int], bytes_a_token: int = 4) -> dict[Kind, Available]:
    return {Kind("crawl", "web", name): Available(size, size * bytes_a_token, size) for name, size in sizes.items()}


def named(sizes: list[int]) -> dict[str, int]:
    return {f"l{n}": size for n, size in enumerate(sizes)}


def planned(plan: Plan) -> dict[str, int]:
    return {line.domain.removeprefix("web."): line.planned for line in plan.lines}


def unimax(sizes: dict[str, int], budget: int, epochs: int) -> dict[str, Fraction]:
    """Algorithm 1 of arXiv 2304.09151, as it is written: from the smallest language on, an even share of what is left,
    or all of its epochs where that is less."""
    left, out = Fraction(budget), {}
    ordered = sorted(sizes, key=lambda name: sizes[name])
    for n, name in enumerate(ordered):
        out[name] = min(left / (len(ordered) - n), Fraction(sizes[name] * epochs))
        left -= out[name]
    return out


@given(SIZES, st.integers(1, 100_000), st.integers(1, 5))
def test_unimax_is_the_papers_algorithm(sizes: list[int], budget: int, epochs: int) -> None:
    there = named(sizes)
    plan = solve(grouped("unimax", {"budget": budget}, max_epochs=epochs), web(there))
    oracle = unimax(there, budget, epochs)
    assert all(abs(planned(plan)[name] - oracle[name]) < 1 for name in there)
    assert sum(planned(plan).values()) == min(budget, epochs * sum(sizes))


def test_unimax_gives_the_example_of_another_implementation() -> None:
    """Characters and budget of the page of unimax-sampling on PyPI, and the budgets that it prints."""
    sizes = {"swe": 179955884499, "fas": 184595788282, "ekk": 42541080893, "isl": 10027573389, "fao": 549707867}
    got = planned(solve(grouped("unimax", {"budget": 250_000_000_000}, max_epochs=4), web(sizes)))
    assert (got["fao"], got["isl"]) == (2198831468, 40110293556)
    assert {got["swe"], got["fas"], got["ekk"]} <= {69230291658, 69230291659}


def test_unimax_in_bytes_is_even_in_bytes() -> None:
    wide = web({"zh": 9_000}, 2) | web({"en": 9_000}, 4) | web({"fo": 10}, 4)
    plan = solve(grouped("unimax", {"budget": 3_010, "unit": "bytes"}), wide)
    assert planned(plan) == {"en": 1_000, "fo": 10, "zh": 2_000}


@given(SIZES, st.integers(500, 30_000))
def test_the_caps_of_unimax_are_no_shortfall_in_any_unit(sizes: list[int], budget: int) -> None:
    there = {
        Kind("crawl", "web", f"l{n}"): Available(1 + size // (n + 3), size * (n + 1), size)
        for n, size in enumerate(sizes)
    }
    for unit in ("tokens", "bytes", "documents"):
        for policy in ("redistribute", "fail", "shrink"):
            table = {"budget": min(budget, sum(sizes)), "unit": unit, "shortfall": policy}
            plan = solve(grouped("unimax", table), there)
            assert sum(planned(plan).values()) == table["budget"]
            assert all(line.why.startswith("as asked") for line in plan.lines)


def test_a_groups_weight_in_bytes_is_met_in_bytes_whatever_its_rule() -> None:
    there = web({"zh": 9_000}, 2) | web({"en": 90_000}, 4) | web({"fo": 10}, 4)
    there |= {Kind("shelf", "books", "en"): Available(100, 500_000, 100_000)}  # 5 bytes a token
    for rule, keys in (("unimax", {}), ("proportional", {}), ("temperature", {"alpha": 0.5})):
        table = {"budget": 6_000, "unit": "bytes", "domain": [{"name": "books", "weight": 3}]}
        got = planned(solve(grouped(rule, table, weight=2, select={"domain": "web"}, max_epochs=9.0, **keys), there))
        inside = 2 * got["zh"] + 4 * (got["en"] + got["fo"])
        assert inside / (5 * got["books"]) == pytest.approx(2 / 3, abs=0.002), rule
        assert sum(got.values()) == 6_000


@given(SIZES, st.floats(0, 1))
def test_temperature_is_its_formula(sizes: list[int], alpha: float) -> None:
    there = named(sizes)
    budget = min(sizes)  # so that no cap binds
    plan = solve(grouped("temperature", {"budget": budget}, alpha=alpha), web(there))
    powers = {name: size**alpha for name, size in there.items()}
    for name, power in powers.items():
        assert abs(planned(plan)[name] - budget * power / sum(powers.values())) < 1 + 1e-6


@given(SIZES, st.integers(1, 9))
def test_in_proportion_is_temperature_of_one_and_everyone_has_the_same_epochs(sizes: list[int], epochs: int) -> None:
    plan = solve(grouped("proportional", max_epochs=epochs), web(named(sizes)))
    assert planned(plan) == {name: size * epochs for name, size in named(sizes).items()}
    assert {line.epochs for line in plan.lines} == {float(epochs)}
    budget = max(1, sum(sizes) // 2)
    one = solve(grouped("proportional", {"budget": budget}), web(named(sizes)))
    other = solve(grouped("temperature", {"budget": budget}, alpha=1.0), web(named(sizes)))
    assert all(abs(planned(one)[name] - planned(other)[name]) <= 1 for name in planned(one))


def test_what_an_entry_lacks_goes_to_its_group_first() -> None:
    there = web({"en": 1_000, "fo": 10}) | {Kind("shelf", "books", "en"): Available(1, 1, 1_000)}
    table = {"budget": 400, "domain": [{"name": "books", "weight": 50}]}
    got = planned(solve(grouped("temperature", table, weight=50, select={"domain": "web"}, alpha=0.0), there))
    assert got == {"books": 200, "en": 190, "fo": 10}
    there |= web({"en": 100})
    got = planned(solve(grouped("temperature", table, weight=50, select={"domain": "web"}, alpha=0.0), there))
    assert got == {"books": 290, "en": 100, "fo": 10}


def test_listed_entries_go_by_the_rule_or_by_weights_of_their_own() -> None:
    there = web({"en": 1_000, "de": 500, "fr": 500})
    listed = [{"name": name, "group": "web", "select": {"language": name}} for name in ("en", "de")]
    group = {"name": "web", "weight": 1, "rule": "proportional"}
    mixture = load_mixture({"domain": listed, "group": [group], "budget": 300}, Path(), Text("", ""))
    assert planned(solve(mixture, there)) == {"en": 200, "de": 100}
    listed = [entry | {"weight": weight} for entry, weight in zip(listed, (1, 3), strict=True)]
    mixture = load_mixture(
        {"domain": listed, "group": [group | {"rule": "weights"}], "budget": 400}, Path(), Text("", "")
    )
    plan = solve(mixture, there)
    assert planned(plan) == {"en": 100, "de": 300}
    assert [line.group for line in plan.lines] == ["web", "web"]


def test_values_nobody_foresaw_have_an_entry_each_and_none_is_lost() -> None:
    there = web({"en": 100, "": 5, "x/y": 7, "x y": 9})
    plan = solve(grouped("proportional"), there)
    assert planned(plan) == {"en": 100, "none": 5, "x_y": 16}
    assert set(plan.entry) == set(there)


def test_values_with_little_are_folded_into_one() -> None:
    there = web({"en": 100, "de": 50, "fo": 5, "xx": 7})
    plan = solve(grouped("unimax", fold_below=50), there)
    assert planned(plan) == {"en": 100, "de": 50, "other": 12}


def test_a_domain_comes_before_a_group_that_expands_and_a_group_before_the_next() -> None:
    there = web({"en": 100, "de": 50}) | {Kind("shelf", "books", "en"): Available(1, 1, 30)}
    groups = [
        {"name": "web", "weight": 1, "by": "language", "select": {"domain": "web"}},
        {"name": "all", "weight": 1, "by": "source"},
    ]
    german = {"name": "german", "weight": 1, "select": {"language": "de"}}
    plan = solve(load_mixture({"domain": [german], "group": groups}, Path(), Text("", "")), there)
    assert {kind.language + kind.source: name for kind, name in plan.entry.items()} == {
        "encrawl": "web.en", "decrawl": "german", "enshelf": "all.shelf",
    }  # fmt: skip


def test_a_group_without_any_value_says_so() -> None:
    there = {Kind("shelf", "books", "en"): Available(1, 1, 30)}
    table = {"domain": [{"name": "books", "weight": 1}]}
    plan = solve(grouped("unimax", table, select={"domain": "web"}), there)
    assert [(line.domain, line.group, line.planned, line.why) for line in plan.lines][1] == (
        "web", "web", 0, "no document to train on",
    )  # fmt: skip


def test_why_names_the_rule() -> None:
    there = web({"en": 1_000, "fo": 10})
    said = {line.domain: line.why for line in solve(grouped("unimax", {"budget": 500}), there).lines}
    assert said == {
        "web.en": "as asked: an even share of web",
        "web.fo": "as asked: all its epochs, as unimax takes small ones",
    }
    said = {line.domain: line.why for line in solve(grouped("temperature", {"budget": 20}, alpha=0.3), there).lines}
    assert said["web.fo"] == "as asked: tokens ** 0.3 within web"
