"""The most alike of kept sets is found as by comparing with each, and many nearly alike ones cost little."""

import random
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from processors.dedupe.settle import Kept, Spilled


def spilled(sets: Sequence[set[int]]) -> Spilled:
    hashes = np.array([value for each in sets for value in sorted(each)], np.uint64)
    return Spilled([(np.cumsum([0, *map(len, sets)]), hashes)])


def family(draw: random.Random, count: int, size: int, own: range) -> list[set[int]]:
    """Sets that share most of `size` shingles, some of them missing, and have others by themselves or with a few."""
    base = [draw.getrandbits(63) + 1 for _ in range(size)]
    few = [draw.getrandbits(63) + 1 for _ in range(300)]
    return [
        {*draw.sample(base, size - draw.choice(own)), *draw.sample(few, draw.choice(own))}
        | {draw.getrandbits(63) + 1 for _ in range(draw.choice(own))}
        for _ in range(count)
    ]


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.7, 0.8, 0.95, 1.0])
@pytest.mark.parametrize(("size", "own"), [(3, range(3)), (40, range(6)), (400, range(1, 40)), (1500, range(75, 125))])
def test_the_nearest_kept_set_is_that_of_comparing_with_each(threshold: float, size: int, own: range) -> None:
    draw = random.Random(size)
    sets = family(draw, 80, size, own) + family(draw, 20, 2 * size, own) + family(draw, 20, size, range(1))
    names = draw.sample(range(len(sets)), len(sets))
    kept, before = Kept(spilled(sets), threshold), list[int]()
    found = 0
    for number, own_set in enumerate(sets):
        alike = [(Fraction(len(own_set & sets[at]), len(own_set | sets[at])), -names[at], at) for at in before]
        alike = [each for each in alike if each[0] >= Fraction(str(threshold))]
        best = max(alike)[2] if alike else -1
        expected = (names[best], len(own_set & sets[best]), len(own_set | sets[best])) if alike else None
        assert kept.nearest(number) == expected
        found += bool(alike)
        if not alike or number % 3:
            kept.add(number, names[number])
            before.append(number)
    assert found


def test_many_sets_around_the_threshold_cost_little() -> None:
    """A hundred shared shingles and 4 to 28 of their own: alike by 0.64 to 0.93, and two thirds of them are kept."""
    draw = random.Random(1)
    base = {draw.getrandbits(63) + 1 for _ in range(100)}
    own = sorted((draw.randint(4, 28) for _ in range(6_000)), reverse=True)
    sets = [base | {draw.getrandbits(63) + 1 for _ in range(count)} for count in own]
    texts = spilled(sets)

    def seconds(ask: bool) -> float:
        kept, start = Kept(texts, 0.8), time.process_time()
        for number in range(len(sets)):
            if not ask or not kept.nearest(number):
                kept.add(number, number)
        return time.process_time() - start

    seconds(True)
    asking, only_adding = (min(seconds(ask) for _ in range(3)) for ask in (True, False))
    assert asking < 20 * only_adding  # 6.5 times as a rule; comparing all of them takes 65
