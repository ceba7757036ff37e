"""The order: quotas are met, every prefix holds the ratios, and nothing but seed and ids decides."""

from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mixtures import order
from mixtures.merge import merge
from mixtures.order import fill
from mixtures.places import Pieces


def pieces(lengths: list[int], seed: int = 0) -> Pieces:
    n = len(lengths)
    drawn = np.random.default_rng(seed).integers(0, 2**63, n, dtype=np.int64).astype(np.uint64)
    zeros = np.zeros(n, np.int32)
    return Pieces(
        zeros,
        np.arange(n, dtype=np.int32),
        zeros,
        np.array(lengths, np.int32),
        zeros,
        np.ones(n, bool),
        drawn,
        zeros,
        [],
    )


LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=30)


@given(LENGTHS, st.integers(0, 2_000), st.integers(1, 40))
def test_a_quota_is_filled_to_within_the_smallest_piece(lengths: list[int], quota: int, stretch: int) -> None:
    with mock.patch.object(order, "_STRETCH", stretch):
        filled, epochs = fill(pieces(lengths), np.arange(len(lengths)), quota, seed=1)
    placed = sum(lengths[row] for row in filled.tolist())
    assert placed <= quota
    whole = quota // sum(lengths)
    assert (np.bincount(epochs, minlength=1)[:whole] == len(lengths)).all()
    last = filled[epochs == whole].tolist()
    left = [length for row, length in enumerate(lengths) if row not in last]
    assert len(set(last)) == len(last)
    assert not left or quota - placed < min(left)


def test_each_epoch_has_an_order_of_its_own() -> None:
    filled, epochs = fill(pieces([10] * 50), np.arange(50), 1_500, seed=1)
    first, second = filled[epochs == 0].tolist(), filled[epochs == 1].tolist()
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second != sorted(second)


@given(LENGTHS, st.randoms())
def test_the_order_does_not_depend_on_how_rows_came(lengths: list[int], random: object) -> None:
    one = pieces(lengths)
    shuffled = np.array(random.sample(range(len(lengths)), len(lengths)))  # type: ignore[attr-defined]
    a, _ = fill(one, np.arange(len(lengths)), sum(lengths) * 2, seed=3)
    b, _ = fill(one, shuffled, sum(lengths) * 2, seed=3)
    assert a.tolist() == b.tolist()


def farthest(lengths: list[np.ndarray], places: np.ndarray, shares: list[float]) -> float:
    """The largest distance of a domain from its share at any prefix, in tokens, counted anew."""
    length = np.empty(len(places), np.int64)
    length[np.argsort(places, kind="stable")] = np.concatenate(lengths)
    so_far = np.cumsum(length)
    return max(
        float(np.abs(np.cumsum(np.where(places == k, length, 0)) - so_far * share).max())
        for k, share in enumerate(shares)
    )


@given(st.lists(LENGTHS, min_size=1, max_size=9))
def test_every_prefix_holds_the_ratios_to_a_piece(domains: list[list[int]]) -> None:
    lengths = [np.array(each) for each in domains]
    shares = [each.sum() / sum(each.sum() for each in lengths) for each in lengths]
    places, worst = merge(lengths, shares)
    assert [np.count_nonzero(places == k) for k in range(len(lengths))] == [len(each) for each in lengths]
    assert abs(farthest(lengths, places, shares) - worst) < 1e-6
    assert worst <= max(max(each) for each in domains) + 1e-6


def test_many_domains_of_few_lengths_stay_within_a_piece() -> None:
    random = np.random.default_rng(5)
    for count in (2, 8, 61, 300):
        weights = random.dirichlet(np.full(count, 0.3))
        lengths = [random.integers(1, 2049, max(1, int(weight * 6_000))) for weight in weights]
        whole = sum(int(each.sum()) for each in lengths)
        _, worst = merge(lengths, [each.sum() / whole for each in lengths])
        assert worst <= 2_048


def test_pieces_of_one_length_keep_tijdemans_bound() -> None:
    random = np.random.default_rng(6)
    for count in (2, 3, 8, 61):
        lengths = [np.full(max(1, int(n)), 100) for n in random.integers(1, 500, count)]
        whole = sum(len(each) for each in lengths)
        _, worst = merge(lengths, [len(each) / whole for each in lengths])
        assert worst <= 100 * (1 - 1 / (2 * count - 2)) + 1e-6
