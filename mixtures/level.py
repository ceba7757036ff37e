"""Sharing out: amounts in proportion to weights, between limits, exactly.

In: a total, and for each name a weight, a least and a most. Out: `fill`, amounts that sum to the total; `whole`,
integers that do. All arithmetic is in fractions, so that no order of names changes a result.
"""

from collections.abc import Mapping
from fractions import Fraction

ZERO = Fraction(0)


def fill(
    total: Fraction, weights: Mapping[str, Fraction], low: Mapping[str, Fraction], high: Mapping[str, Fraction | None]
) -> dict[str, Fraction]:
    """For each name its weight times one common factor, but not less than `low` and not more than `high` (None: no
    limit), so that all sum to `total`; to the nearest sum that there is where the limits leave none.

    What a name cannot take goes to the others in proportion to their weights.
    """
    turns: list[tuple[Fraction, str, Fraction]] = []  # the factors at which a name begins to grow, and ends
    for name, weight in weights.items():
        most = high[name]
        if weight > 0 and (most is None or most > low[name]):
            turns.append((low[name] / weight, name, weight))
            turns += [] if most is None else [(most / weight, name, -weight)]
    factor, slope, left = ZERO, ZERO, total - sum((low[name] for name in weights), ZERO)
    for turn, _, weight in sorted(turns):
        if left <= slope * (turn - factor):
            break
        left -= slope * (turn - factor)
        factor, slope = turn, slope + weight
    if left > 0 and slope > 0:
        factor += left / slope
    return {name: _between(low[name], factor * weight, high[name]) for name, weight in weights.items()}


def _between(low: Fraction, value: Fraction, high: Fraction | None) -> Fraction:
    return max(low, value if high is None else min(value, high))


def whole(exact: Mapping[str, Fraction], total: int, room: Mapping[str, int]) -> dict[str, int]:
    """Integers near the exact amounts that sum to `total`, by largest remainder (ties: the first name), none above its
    `room`; less in sum only where there is no room."""
    out = {name: min(int(value), room[name]) for name, value in exact.items()}
    while (left := total - sum(out.values())) > 0:
        open_ = [name for name, value in exact.items() if value > 0 and out[name] < room[name]]
        if not open_:
            break
        for name in sorted(open_, key=lambda name: (out[name] - exact[name], name))[:left]:
            out[name] += 1
    return out
