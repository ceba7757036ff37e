"""A search's arithmetic against surfaces that are known: shares, the fit and its error bars, the proposal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from mixtures.mixture import Domain, Group, Mixture, StageSettings
from mixtures.plan import Available, Kind, solve
from mixtures.search import (
    PENALTIES,
    Space,
    difference,
    draw_shares,
    fit,
    interval,
    left_out,
    propose,
    resampled,
    space_of,
    target_shares,
    trust,
    varied,
    within,
)

STOCK = {
    Kind("crawl", "web", "en"): Available(800, 4_000_000, 1_000_000),
    Kind("crawl", "web", "de"): Available(200, 1_000_000, 250_000),
    Kind("shelf", "books", "en"): Available(10, 800_000, 200_000),
    Kind("forge", "code", "und"): Available(300, 600_000, 200_000),
}
BASE = Mixture(
    domain=(Domain("web", 60, 4.0), Domain("books", 25, 2.0), Domain("code", "rest", 4.0)), budget=800_000
)  # fmt: skip
LEVELS = np.array([0.0, 0.08, -0.05, 0.03])


def even(count: int, most: float = 1.0) -> Space:
    return Space(
        tuple(f"d{n}" for n in range(count)), np.full(count, 1 / count), np.full(count, most), 1_000_000
    )  # fmt: skip


def surface(seed: int, count: int):  # type: ignore[no-untyped-def]
    """Bits per byte of each domain by shares: they fall as a power of what is seen, of the others' text in part."""
    rng = np.random.default_rng(seed)
    power, height, floor = rng.uniform(0.05, 0.35, count), rng.uniform(0.5, 2, count), rng.uniform(0.8, 1.5, count)
    shared = rng.uniform(0, 0.4, (count, count))
    np.fill_diagonal(shared, 1)
    return lambda shares: floor + height * (100 * shares @ shared.T + 1) ** -power


def swarm(space: Space, seed: int, draws: int, noise: float):  # type: ignore[no-untyped-def]
    """Shares, values (the last one is the target: the mean of all), and blocks, of a search on such a surface."""
    truth, rng = surface(seed, len(space.names)), np.random.default_rng([seed, 9])
    shares = draw_shares(space, seed, draws)
    blocks = np.arange(len(shares)) % 4
    values = truth(shares) + LEVELS[blocks][:, None]
    values = np.column_stack([values, values.mean(axis=1)]) + noise * rng.standard_normal((len(shares), 1))
    return truth, shares, values, blocks


@given(
    st.lists(st.tuples(st.floats(1e-6, 1), st.floats(0.05, 1)), min_size=2, max_size=8).filter(
        lambda rows: sum(most for _, most in rows) >= 1.01
    )
)
def test_shares_keep_to_their_limits(rows: list[tuple[float, float]]) -> None:
    wanted, most = (np.array(column) for column in zip(*rows, strict=True))
    (found,) = within(wanted[None], most)
    assert found.sum() == pytest.approx(1)
    assert (found <= most + 1e-9).all()
    free = found < most - 1e-9
    assert np.ptp(found[free] / wanted[free]) <= 1e-6 * max((found / wanted)[free], default=1)


@given(st.integers(2, 7), st.integers(0, 1000), st.integers(1, 12))
def test_draws_are_mixtures_and_more_of_them_begin_with_the_same(count: int, seed: int, draws: int) -> None:
    space = even(count, most=0.8)
    shares = draw_shares(space, seed, draws)
    assert shares.shape == (draws, count)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares <= 0.8 + 1e-9).all()
    assert (shares > 0).all()
    assert (draw_shares(space, seed, draws + 3)[:draws] == shares).all()


def test_another_seed_draws_others() -> None:
    assert not np.isclose(draw_shares(even(4), 0, 8), draw_shares(even(4), 1, 8)).any()


@pytest.mark.parametrize(("count", "draws"), [(3, 28), (4, 28), (6, 56)])
def test_a_known_surface_is_recovered_within_the_error_bars(count: int, draws: int) -> None:
    space, held, gained, explained, seeds = even(count), 0, 0.0, 0.0, range(8)
    for seed in seeds:
        truth, shares, values, blocks = swarm(space, seed, draws, noise=0.003)
        found = fit(shares, values, blocks)
        fits = resampled(shares, values, blocks, found, seed, 40)
        best, (low, high) = propose(space, shares, fits, np.eye(count + 1)[-1], seed)
        assert best.sum() == pytest.approx(1)
        assert (low - 1e-9 <= high).all()
        guessed = left_out(shares, values, blocks)
        trusts = [trust(values[:, k], guessed[:, k], blocks) for k in range(count + 1)]
        explained += trusts[-1].explained
        assert trusts[-1].rank > 0.5
        errors = np.array([each.error for each in trusts])
        expected, least, most = difference(found, fits, best, space.base, errors)[-1]
        true = float((truth(best) - truth(space.base)).mean())
        held += least <= true <= most
        assert most - least < 0.1  # not by being wide
        some = np.random.default_rng(0).dirichlet(np.ones(count), 2_000)
        possible = float((truth(some) - truth(space.base)).mean(axis=1).min())
        gained += true / possible
        assert abs(expected - true) < 0.02
    assert held >= len(seeds) - 1
    assert gained / len(seeds) > 0.5
    assert explained / len(seeds) > 0.6


def test_noise_alone_is_not_explained() -> None:
    space = even(4)
    for seed in range(4):
        shares, blocks = draw_shares(space, seed, 40), np.arange(40) % 4
        values = np.random.default_rng(seed).standard_normal((40, 1))
        found = fit(shares, values, blocks)
        assert trust(values[:, 0], left_out(shares, values, blocks)[:, 0], blocks).explained < 0.2
        fits = resampled(shares, values, blocks, found, seed, 40)
        best, _ = propose(space, shares, fits, np.ones(1), seed)
        _, low, high = difference(found, fits, best, space.base, values.std(axis=0))[0]
        assert low < 0 < high


def test_what_a_block_has_in_common_changes_nothing() -> None:
    space = even(4)
    _, shares, values, blocks = swarm(space, 1, 24, noise=0.01)
    moved = values + np.array([5.0, -3.0, 0.0, 1.0])[blocks][:, None]
    one, other = fit(shares, values, blocks), fit(shares, moved, blocks)
    assert np.allclose(one.slopes, other.slopes)
    assert np.allclose(one.levels + np.array([[5.0], [-3.0], [0.0], [1.0]]), other.levels)
    guessed = left_out(shares, values, blocks)
    assert trust(values[:, 0], guessed[:, 0], blocks).explained == pytest.approx(
        trust(moved[:, 0], left_out(shares, moved, blocks)[:, 0], blocks).explained
    )


def test_the_penalty_is_the_one_that_errs_least_on_runs_left_out() -> None:
    _, shares, values, blocks = swarm(even(3), 2, 20, noise=0.02)
    errors = []
    for penalty in PENALTIES:
        penalties = np.full(values.shape[1], penalty)
        missed = []
        for n in range(len(shares)):
            others = np.arange(len(shares)) != n
            part = fit(shares[others], values[others], blocks[others], penalties * len(shares) / others.sum())
            if not np.allclose(part.scale, fit(shares, values, blocks).scale, rtol=0.2):
                pytest.fail("one run decides the scale")
            missed.append((values[n] - part(shares[[n]], int(blocks[n]))[0]) ** 2)
        errors.append(np.sum(missed, axis=0))
    chosen = [int(np.flatnonzero(penalty == PENALTIES)[0]) for penalty in fit(shares, values, blocks).penalties]
    assert np.abs(np.argmin(errors, axis=0) - chosen).max() <= 1  # the scales differ a little


def test_intervals_hold_what_they_say() -> None:
    mean, low, high = interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - 3.182 * 1.29099 / 2, 2.5 + 3.182 * 1.29099 / 2), abs=1e-3)
    assert interval(np.array([1.0]))[1:] == (-np.inf, np.inf)
    rng = np.random.default_rng(0)
    held = [low < 0 < high for _, low, high in (interval(rng.standard_normal(4)) for _ in range(2_000))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_the_space_is_what_the_mixture_plans_and_could() -> None:
    space = space_of(BASE, STOCK)
    assert space.names == ("web", "books", "code")
    assert space.base == pytest.approx([0.6, 0.25, 0.15])
    assert space.most == pytest.approx([5.0 / 0.8, 0.5, 1.0])
    shares = np.array([0.3, 0.45, 0.25])
    other = varied(BASE, space, shares)
    assert [*target_shares(other, solve(other, STOCK)).values()] == pytest.approx(shares, abs=1e-5)
    assert sum(line.planned for line in solve(other, STOCK).lines) == space.total == 800_000


def test_what_there_is_nothing_of_is_left_out() -> None:
    mixture = Mixture(domain=(*BASE.domain[:2], Domain("law", 15)), budget=800_000, optional=("law", "web"))
    space = space_of(mixture, STOCK)
    assert space.names == ("web", "books")
    other = varied(mixture, space, space.base)
    assert [domain.name for domain in other.domain] == ["web", "books"]
    assert other.optional == ("web",)


def test_amounts_bytes_and_groups_become_shares_of_tokens() -> None:
    group = Group("web", "unimax", weight=50, by="language", select={"domain": "web"}, max_epochs=4.0)
    mixture = Mixture(
        domain=(Domain("books", amount=200_000, max_epochs=4.0),), group=(group,), unit="bytes", budget=600_000
    )  # fmt: skip
    space = space_of(mixture, STOCK)
    assert space.names == ("books", "web")
    assert space.base == pytest.approx([50_000 / 600_000, 550_000 / 600_000], abs=1e-5)
    plan = solve(varied(mixture, space, np.array([0.4, 0.6])), STOCK)
    assert {line.domain: line.planned for line in plan.lines} == {
        "books": 240_000,
        "web.de": 180_000,
        "web.en": 180_000,
    }


def test_what_cannot_be_searched_is_refused() -> None:
    staged = Mixture(domain=BASE.domain, budget=1000, stage=(StageSettings("all", share=1.0),))
    with pytest.raises(RecipeError, match="has stages"):
        space_of(staged, STOCK)
    with pytest.raises(RecipeError, match="1 of its targets"):
        space_of(Mixture(domain=(Domain("web", 1), Domain("law", 1)), shortfall="shrink"), STOCK)
