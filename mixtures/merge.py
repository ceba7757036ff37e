"""Merge: in which order the domains' pieces follow each other, so that every prefix holds the ratios.

In: the lengths of each domain's pieces, in its own order, and the domain's share. Out: which domain comes next, piece
by piece. A piece may begin as soon as its end would not put its domain more than the slack ahead of its share, and must
begin before its domain is more than the slack behind; of those that may, the one that must first goes next. For pieces
of one length that is the schedule of Tijdeman (The chairman assignment problem, 1980), which stays within
1 - 1 / (2K - 2) of a piece for K domains; with pieces of many lengths one piece of slack has always been enough.
"""

import numpy as np
from numba import njit

Merged = tuple[np.ndarray, float]


def merge(lengths: list[np.ndarray], shares: list[float]) -> Merged:
    """The domain (int64) of each place of the merged stream, and the largest distance from the shares at any prefix.

    `lengths` are int32/int64[n] for each domain, in tokens; `shares` sum to 1. The distance is in tokens: that of a
    domain's tokens so far from its share of all tokens so far.
    """
    if not lengths:
        return np.zeros(0, np.int64), 0.0
    every = np.concatenate(lengths).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in lengths])]).astype(np.int64)
    longest, count = float(every.max(initial=0)), len(lengths)
    weights = np.array(shares, np.float64)
    tightest = 1 - 1 / (2 * count - 2) if count > 1 else 1.0
    first = _merge(every, starts, weights, tightest * longest)
    if first[1] <= tightest * longest:
        return first
    return min((first, _merge(every, starts, weights, longest)), key=_distance)


def _distance(merged: Merged) -> float:
    return merged[1]


@njit(nogil=True, cache=True)
def _merge(lengths, starts, weights, slack):
    count = len(weights)
    next_, placed = starts[:-1].copy(), np.zeros(count, np.int64)
    out = np.empty(len(lengths), np.int64)
    total, worst = 0, 0.0
    for i in range(len(out)):
        best, first, released = -1, np.inf, False
        for k in range(count):
            if next_[k] == starts[k + 1]:
                continue
            length = lengths[next_[k]]
            may = placed[k] + length - weights[k] * (total + length) <= slack
            deadline = (placed[k] + slack) / weights[k]
            if (may and not released) or (may == released and deadline < first):
                best, first, released = k, deadline, may
        length = lengths[next_[best]]
        placed[best] += length
        next_[best] += 1
        total += length
        out[i] = best
        for k in range(count):
            worst = max(worst, abs(placed[k] - weights[k] * total))
    return out, worst
