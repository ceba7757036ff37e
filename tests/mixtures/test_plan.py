"""The plan is arithmetic: shares, caps and policies, checked against what they say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from corpus.strict import Text
from mixtures.plan import PRESETS, Available, Domain, Mixture, domain_of, load_mixture, shares, solve

TEXT = Text("recipe.toml", "", "mixture")
PLENTY = {"a": Available(100, 4_000, 1_000), "b": Available(50, 8_000, 2_000), "c": Available(10, 400, 100)}


def planned(mixture: Mixture) -> dict[str, int]:
    return {line.domain: line.planned for line in solve(mixture, PLENTY)}


def mix(*domains: Domain, **settings: object) -> Mixture:
    return Mixture(domains, **settings)  # type: ignore[arg-type]


def test_without_a_budget_ratios_are_exact_and_one_domain_sets_the_size() -> None:
    lines = solve(mix(Domain("a", 50), Domain("b", 30), Domain("c", "rest", 2.0)), PLENTY)
    assert {line.domain: line.planned for line in lines} == {"a": 500, "b": 300, "c": 200}
    assert "sets the size" in lines[2].why
    assert lines[2].epochs == 2.0


def test_a_budget_is_met_and_caps_pass_their_lack_on_in_proportion() -> None:
    got = planned(mix(Domain("a", 1), Domain("b", 1), Domain("c", 2), budget=1_000))
    assert got == {"a": 450, "b": 450, "c": 100}


def test_shrink_keeps_the_ratios_and_fail_says_what_would_do() -> None:
    domains = (Domain("a", 1), Domain("b", 1), Domain("c", 2))
    assert planned(mix(*domains, budget=1_000, shortfall="shrink")) == {"a": 50, "b": 50, "c": 100}
    with pytest.raises(RecipeError, match=r"c would need 500 tokens, it has 100 .* raise max_epochs"):
        planned(mix(*domains, budget=1_000, shortfall="fail"))


def test_bytes_are_turned_into_tokens_at_the_corpus_own_rate() -> None:
    lines = solve(mix(Domain("a", 1), Domain("b", 1), unit="bytes"), PLENTY)
    assert [line.asked for line in lines] == [0.5, 0.5]  # both hold 4 bytes a token
    lines = solve(mix(Domain("a", 1), Domain("c", 1), unit="documents"), PLENTY)
    assert [line.asked for line in lines] == [0.5, 0.5]  # both hold 10 tokens a document


def test_an_empty_domain_is_said_or_refused() -> None:
    (a, x) = solve(mix(Domain("a", 1), Domain("x", 1)), PLENTY)
    assert (a.planned, x.planned, x.why) == (1_000, 0, "no document to train on")
    with pytest.raises(RecipeError, match="x has no document"):
        solve(mix(Domain("a", 1), Domain("x", 1), shortfall="fail"), PLENTY)


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.sampled_from([0.5, 1.0, 3.0]), st.integers(2, 9_999)), min_size=1, max_size=6
    ),
    st.integers(1, 30_000),
)
def test_no_cap_is_passed_and_the_budget_is_spent_where_it_can_be(
    rows: list[tuple[int, float, int]], budget: int
) -> None:
    domains = tuple(Domain(f"d{n}", weight, epochs) for n, (weight, epochs, _) in enumerate(rows))
    there = {f"d{n}": Available(1, tokens, tokens) for n, (_, _, tokens) in enumerate(rows)}
    lines = solve(Mixture(domains, budget=budget), there)
    caps = [int(tokens * epochs) for _, epochs, tokens in rows]
    assert all(line.planned <= cap for line, cap in zip(lines, caps, strict=True))
    assert sum(line.planned for line in lines) == min(budget, sum(caps))


def test_every_preset_loads_and_sums_to_one() -> None:
    names = [path.stem for path in PRESETS.glob("*.toml")]
    assert {"the-pile", "stem30-web25-books15", "starter", "llama", "gpt3"} <= set(names)
    for name in names:
        mixture = load_mixture({"preset": name}, Path(), TEXT)
        assert sum(shares(mixture).values()) == pytest.approx(1)
        assert mixture.source


def test_the_pile_has_its_table() -> None:
    pile = load_mixture({"preset": "the-pile"}, Path(), TEXT)
    entries = {domain.name: domain for domain in pile.domain}
    assert len(entries) == 22
    assert (entries["pile-cc"].weight, entries["pile-cc"].max_epochs) == (18.11, 1.0)
    assert max(domain.max_epochs for domain in pile.domain) == 3.0


def test_the_share_left_over_is_the_rest() -> None:
    mixture = load_mixture({"preset": "stem30-web25-books15"}, Path(), TEXT)
    assert shares(mixture) == pytest.approx({"stem": 0.30, "web": 0.25, "books": 0.15, "general": 0.30})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"preset": "the-pyle"}, "did you mean `the-pile`"),
        ({"domain": [{"name": "a", "weight": -1}]}, "above 0"),
        ({"domain": [{"name": "a", "weight": "rest"}, {"name": "b", "weight": "rest"}]}, "one domain only"),
        ({"domain": [{"name": "a", "weight": 1, "select": {"lang": "de"}}]}, "unknown column `lang`"),
        ({"domain": [{"name": "a", "wieght": 1}]}, "did you mean `weight`"),
    ],
)
def test_mistakes_are_named(table: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        load_mixture(table, Path(), TEXT)


def test_entries_take_documents_by_column_the_first_that_fits() -> None:
    german = Domain("german", 1, select={"language": ["de"], "domain": "web"})
    mixture = mix(german, Domain("web", 1))
    assert domain_of(mixture, "crawl", "web", "de") == "german"
    assert domain_of(mixture, "crawl", "web", "fr") == "web"
    assert domain_of(mixture, "crawl", "books", "de") is None
