"""The plan is arithmetic: shares, caps and policies, checked against what they say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from corpus.strict import Text
from mixtures.plan import Available, Group, Kind, Line, Mixture, Plan, byte_shares, load_mixture, refuse_empty, solve

Tables = list[dict[str, Any]]


def mix(*domains: dict[str, Any], **settings: Any) -> Mixture:
    return load_mixture({"domain": [*domains], **settings}, Path(), Text("recipe.toml", "", "mixture"))


def d(name: str, weight: Any = None, **settings: Any) -> dict[str, Any]:
    return {"name": name, **({} if weight is None else {"weight": weight}), **settings}


def stock(**tokens: int) -> dict[Kind, Available]:
    """Domains of one source and language each: ten tokens a document, four bytes a token."""
    return {Kind(name, name, "en"): Available(-(-count // 10), count * 4, count) for name, count in tokens.items()}


def languages(**tokens: int) -> dict[Kind, Available]:
    return {Kind("crawl", "web", name): Available(count, count * 4, count) for name, count in tokens.items()}


PLENTY = stock(a=1_000, b=2_000, c=100)


def planned(plan: Plan) -> dict[str, int]:
    return {line.domain: line.planned for line in plan.lines}


def line(plan: Plan, name: str) -> Line:
    return next(line for line in plan.lines if line.domain == name)


def test_without_a_budget_ratios_are_exact_and_one_domain_sets_the_size() -> None:
    plan = solve(mix(d("a", 50), d("b", 30), d("c", "rest", max_epochs=2.0)), PLENTY)
    assert planned(plan) == {"a": 500, "b": 300, "c": 200}
    assert "sets the size" in line(plan, "c").why
    assert line(plan, "c").epochs == 2.0
    assert [stage.tokens for stage in plan.stages] == [{"a": 500, "b": 300, "c": 200}]


def test_a_budget_is_met_and_caps_pass_their_lack_on_in_proportion() -> None:
    plan = solve(mix(d("a", 1), d("b", 1), d("c", 2), budget=1_000), PLENTY)
    assert planned(plan) == {"a": 450, "b": 450, "c": 100}
    assert [line.why for line in plan.lines] == [
        "more than asked: others fell short",
        "more than asked: others fell short",
        "less than asked: capped at 1 epoch",
    ]


def test_shrink_keeps_the_ratios_and_fail_says_what_would_do() -> None:
    domains = (d("a", 1), d("b", 1), d("c", 2))
    assert planned(solve(mix(*domains, budget=1_000, shortfall="shrink"), PLENTY)) == {"a": 50, "b": 50, "c": 100}
    with pytest.raises(RecipeError, match=r"c would need 500 tokens, it has 100 .* raise max_epochs"):
        solve(mix(*domains, budget=1_000, shortfall="fail"), PLENTY)


def test_an_amount_is_taken_first_and_weights_share_what_it_leaves() -> None:
    plan = solve(mix(d("a", amount=300), d("b", 90), d("c", "rest"), budget=1_000), PLENTY)
    assert planned(plan) == {"a": 300, "b": 630, "c": 70}
    assert [line.asked for line in plan.lines] == pytest.approx([0.3, 0.63, 0.07])


def test_amounts_alone_need_no_budget() -> None:
    assert planned(solve(mix(d("a", amount=300), d("b", amount=50)), PLENTY)) == {"a": 300, "b": 50}
    short = mix(d("a", amount=300), d("c", amount=200))
    assert planned(solve(short, PLENTY)) == {"a": 300, "c": 100}
    assert planned(solve(mix(d("a", amount=300), d("c", amount=200), shortfall="shrink"), PLENTY)) == {
        "a": 150,
        "c": 100,
    }


def test_what_an_amount_lacks_goes_to_the_weights_and_not_to_other_amounts() -> None:
    plan = solve(mix(d("a", amount=300), d("c", amount=200), d("b", "rest"), budget=1_000), PLENTY)
    assert planned(plan) == {"a": 300, "c": 100, "b": 600}


def test_min_tokens_raise_an_entry_and_the_others_give_them_up_in_proportion() -> None:
    plan = solve(mix(d("a", 70), d("b", 20), d("c", 10, min_tokens=100), budget=550), PLENTY)
    assert planned(plan) == {"a": 350, "b": 100, "c": 100}
    assert line(plan, "c").why == "raised to its min_tokens, 100"
    plan = solve(mix(d("a", 70), d("c", 10, min_tokens=400), budget=500), PLENTY)
    assert planned(plan) == {"a": 400, "c": 100}
    assert "less than its min_tokens, 400" in line(plan, "c").why
    with pytest.raises(RecipeError, match="c is to give min_tokens = 400, it has 100"):
        solve(mix(d("a", 70), d("c", 10, min_tokens=400), budget=500, shortfall="fail"), PLENTY)


def test_amounts_do_not_give_up_tokens_for_the_min_tokens_of_others() -> None:
    mixture = mix(d("a", amount=300), d("b", 1), d("c", 1, min_tokens=90), budget=400)
    assert planned(solve(mixture, PLENTY)) == {"a": 300, "b": 10, "c": 90}


def test_nothing_shrinks_below_its_min_tokens() -> None:
    mixture = mix(d("c", 1), d("b", 1, min_tokens=300), budget=1_000, shortfall="shrink")
    assert planned(solve(mixture, PLENTY)) == {"c": 100, "b": 300}


def test_the_last_token_goes_to_the_largest_remainder() -> None:
    assert planned(solve(mix(d("a", 40), d("b", 60), budget=1), PLENTY)) == {"a": 0, "b": 1}
    assert planned(solve(mix(d("a", 1), d("b", 1), budget=1), PLENTY)) == {"a": 1, "b": 0}


def test_bytes_and_documents_are_turned_into_tokens_at_the_corpus_own_rate() -> None:
    there = {Kind("a", "a", "en"): Available(10, 4_000, 1_000), Kind("z", "z", "zh"): Available(50, 2_000, 1_000)}
    plan = solve(mix(d("a", 1), d("z", 1), unit="bytes", budget=600), there)
    assert planned(plan) == {"a": 200, "z": 400}  # 800 bytes each
    plan = solve(mix(d("a", 1), d("z", 1), unit="documents", budget=600), there)
    assert planned(plan) == {"a": 500, "z": 100}  # 5 documents each
    plan = solve(mix(d("a", amount=40), d("z", "rest"), unit="bytes", budget=600), there)
    assert planned(plan) == {"a": 10, "z": 590}


def test_a_stage_with_nothing_to_give_is_refused() -> None:
    stages = [{"name": "main", "share": 0.9, "weights": {"a": 1}}, {"name": "end", "share": 0.1, "weights": {"x": 1}}]
    for settings in ({"budget": 500}, {}, {"budget": 500, "shortfall": "shrink"}):
        with pytest.raises(RecipeError, match=r"mixture own: the stage end has nothing to train on"):
            solve(mix(d("a", 1), d("x", 1), stage=stages, **settings), PLENTY)


def test_an_empty_domain_is_said_or_refused() -> None:
    plan = solve(mix(d("a", 1), d("x", 1)), PLENTY)
    assert planned(plan) == {"a": 1_000, "x": 0}
    assert line(plan, "x").why == "no document to train on"
    assert line(plan, "x").asked == 0.5
    with pytest.raises(RecipeError, match="x has no document"):
        solve(mix(d("a", 1), d("x", 1), shortfall="fail"), PLENTY)
    with pytest.raises(RecipeError, match="no document to train on in any of x, y"):
        solve(mix(d("x", 1), d("y", 1)), PLENTY)


def test_a_named_entry_without_documents_is_refused_unless_it_is_optional() -> None:
    mixture = mix(d("a", 1), d("x", 1), d("y", 1))
    refuse_empty(mixture, {"a", "x", "y"})
    with pytest.raises(RecipeError, match=r'x, y has no document to train on; .* optional = \["x"\]'):
        refuse_empty(mixture, {"a"})
    refuse_empty(replace(mixture, optional=("x", "y")), {"a"})
    group = replace(mixture, group=(Group("all", weight=1, by="language"),), optional=("x", "y"))
    refuse_empty(group, {"a", "all.de"})
    with pytest.raises(RecipeError, match="all has no document"):
        refuse_empty(group, {"a", "allied.de"})


def test_entries_take_kinds_by_column_the_first_that_fits() -> None:
    mixture = mix(d("german", 1, select={"language": ["de"], "domain": "web"}), d("web", 1))
    kinds = [Kind("crawl", "web", "de"), Kind("crawl", "web", "fr"), Kind("shop", "books", "de")]
    plan = solve(mixture, dict.fromkeys(kinds, Available(1, 40, 10)))
    assert plan.entry == {kinds[0]: "german", kinds[1]: "web"}


def test_a_kind_with_nothing_to_train_on_has_an_entry_all_the_same() -> None:
    only_heldout = Kind("crawl", "web", "fo")
    there = languages(en=100) | {only_heldout: Available(0, 0, 0)}
    group = {"name": "web", "weight": 1, "by": "language"}
    plan = solve(load_mixture({"group": [group], "shortfall": "fail"}, Path(), Text("", "")), there)
    assert plan.entry[only_heldout] == "web.fo"
    assert planned(plan) == {"web.en": 100, "web.fo": 0}


def test_the_heldout_reserve_is_told_by_entry() -> None:
    group = {"name": "web", "weight": 1, "by": "language", "heldout_tokens": 7}
    mixture = mix(d("a", 1, heldout_tokens=5), d("b", 1), group=[group])
    assert solve(mixture, PLENTY | languages(fr=9)).heldout == {"a": 5, "b": None, "web.en": 7, "web.fr": 7}


def test_bytes_of_a_sample_are_shared_before_there_are_tokens() -> None:
    there = {kind: Available(has.documents, has.bytes, 0) for kind, has in PLENTY.items()}
    taken, shares = byte_shares(mix(d("a", 50), d("b", 30), d("c", "rest", max_epochs=2.0)), there)
    assert shares == pytest.approx({"a": 0.5, "b": 0.3, "c": 0.2})
    assert taken == {kind: kind.domain for kind in there}


def test_a_sample_is_short_of_what_the_mixture_will_be_short_of() -> None:
    there = {Kind("a", "a", "en"): Available(2, 8_000, 0), Kind("c", "c", "en"): Available(500, 400, 0)}
    assert byte_shares(mix(d("a", 1), d("c", 1), budget=1_000), there)[1] == pytest.approx({"a": 0.9, "c": 0.1})


def test_a_sample_is_never_refused() -> None:
    hard = mix(d("a", amount=900), d("x", 1, min_tokens=50), unit="bytes", budget=100, shortfall="fail")
    _, shares = byte_shares(hard, PLENTY)
    assert shares == {"a": 1.0}
    assert byte_shares(hard, {})[1] == {}
    tiny = mix(d("a", 1, max_epochs=1e-9))
    assert byte_shares(tiny, PLENTY)[1] == {"a": 1.0}


ROWS = st.lists(
    st.tuples(st.integers(1, 99), st.sampled_from([0.3, 1.0, 1.1, 3.0]), st.integers(4, 9_999)), min_size=1, max_size=6
)


@given(ROWS, st.integers(1, 30_000))
def test_no_cap_is_passed_and_the_budget_is_spent_where_it_can_be(
    rows: list[tuple[int, float, int]], budget: int
) -> None:
    domains = [d(f"d{n}", weight, max_epochs=epochs) for n, (weight, epochs, _) in enumerate(rows)]
    there = stock(**{f"d{n}": tokens for n, (*_, tokens) in enumerate(rows)})
    plan = solve(mix(*domains, budget=budget), there)
    caps = [tokens * round(epochs * 10) // 10 for _, epochs, tokens in rows]
    assert all(line.planned <= cap for line, cap in zip(plan.lines, caps, strict=True))
    assert sum(line.planned for line in plan.lines) == min(budget, sum(caps))
