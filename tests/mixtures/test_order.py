"""The order: quotas are met, every prefix holds the ratios, and nothing but seed and ids decides."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mixtures.order import Pieces, fill, merge


def pieces(lengths: list[int], seed: int = 0) -> Pieces:
    n = len(lengths)
    drawn = np.random.default_rng(seed).integers(0, 2**63, n, dtype=np.int64).astype(np.uint64)
    zeros = np.zeros(n, np.int64)
    return Pieces(zeros, np.arange(n), zeros, np.array(lengths, np.int64), zeros, np.ones(n, bool), drawn, zeros)


LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=30)


@given(LENGTHS, st.integers(0, 2_000))
def test_a_quota_is_filled_to_within_the_smallest_piece(lengths: list[int], quota: int) -> None:
    filled, epochs = fill(pieces(lengths), quota, seed=1)
    assert filled.tokens <= quota
    whole, rest = divmod(quota, sum(lengths))
    assert (np.bincount(epochs, minlength=1)[:whole] == len(lengths)).all()
    last = filled.row[epochs == whole].tolist()
    left = [length for row, length in enumerate(lengths) if row not in last]
    assert len(set(last)) == len(last)
    assert not left or quota - filled.tokens < min(left)
    assert (
        filled.tokens == whole * sum(lengths) + sum(lengths[row] for row in last)
        and sum(lengths[r] for r in last) <= rest
    )


def test_each_epoch_has_an_order_of_its_own() -> None:
    filled, epochs = fill(pieces([10] * 50), 1_500, seed=1)
    first, second = filled.row[epochs == 0].tolist(), filled.row[epochs == 1].tolist()
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second != sorted(second)


@given(LENGTHS, st.randoms())
def test_the_order_does_not_depend_on_how_rows_came(lengths: list[int], random: object) -> None:
    one = pieces(lengths)
    shuffled = np.array(random.sample(range(len(lengths)), len(lengths)))  # type: ignore[attr-defined]
    a, _ = fill(one, sum(lengths) * 2, seed=3)
    b, _ = fill(one.take(shuffled), sum(lengths) * 2, seed=3)
    assert a.row.tolist() == b.row.tolist()


@given(st.lists(LENGTHS, min_size=1, max_size=5))
def test_every_prefix_holds_the_ratios_to_about_a_piece(domains: list[list[int]]) -> None:
    filled = [pieces(lengths) for lengths in domains]
    places = merge(filled)
    length = np.concatenate([d.length for d in filled])[places]
    number = np.repeat(np.arange(len(domains)), [len(d) for d in domains])[places]
    total = length.sum()
    longest = max(max(lengths) for lengths in domains)
    so_far = np.cumsum(length)
    for k, d in enumerate(filled):
        mine = np.cumsum(np.where(number == k, length, 0))
        assert np.abs(mine - so_far * (d.tokens / total)).max() <= len(domains) / 2 * longest + max(domains[k])
