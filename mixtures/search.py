"""Looking for a mixture: shares to try, a regression on what small trainings say of them, and a proposal.

In: a mixture and the stock; later, for each training, its shares and the bits per byte that it reached. Out: shares;
then what is expected of any other shares, a proposal, and how far both are to be trusted. All is NumPy and a seed.

    space_of ── limits ──> draw_shares ── trainings ──> fit ── resampled ──> propose ── trainings ──> paired

The regression is a ridge on shares, their roots and, penalised more, their pairwise products: bits per byte fall
steeply with the first tokens of a kind and slowly with later ones, which a polynomial follows badly. The idea of a
regression on a swarm is RegMix's (Liu et al. 2024, arXiv 2407.01492).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from corpus.errors import RecipeError
from mixtures.entries import Available, Kind, entries_of
from mixtures.mixture import Mixture
from mixtures.plan import Plan, solve

PENALTIES = 10.0 ** np.arange(-4.0, 3.0, 0.5)  # relative to the number of runs
LATER = 3.0  # products are penalised so much more, in the scale of a slope: they explain what is left by the others
CANDIDATES = 4_096  # shares that a proposal is chosen among
_APART = 8  # drawn for each that is taken: the one farthest from those before
_BROAD, _NARROW = 3.0, 30.0  # sums of the Dirichlet's parameters: from nearly even over all shares to near the middle
_T975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)  # Student's t, by degrees of freedom


@dataclass(frozen=True)
class Space:
    """What may vary: the targets of a mixture (a group is one), their shares now and the most that each can have with
    its epochs, both of the `total` tokens."""

    names: tuple[str, ...]
    base: np.ndarray  # float64[d], sums to 1
    most: np.ndarray  # float64[d]
    total: int


def space_of(mixture: Mixture, stock: Mapping[Kind, Available]) -> Space:
    """Raises RecipeError for a mixture in stages, for fewer than two targets with anything to give, and as `solve`."""
    if mixture.stage:
        raise RecipeError(
            f"mixture {mixture.name} has stages; a search finds shares of the whole: give --base a mixture without"
        )
    plan, entries = solve(mixture, stock), entries_of(mixture, stock)[1]
    total = sum(line.planned for line in plan.lines)
    shares = target_shares(mixture, plan)
    has = dict.fromkeys(shares, 0)
    for entry in entries.values():
        has[entry.group or entry.name] += entry.cap
    names = tuple(name for name in shares if has[name])
    if len(names) < 2 or not total:
        raise RecipeError(f"mixture {mixture.name}: {len(names)} of its targets have documents; a search needs two")
    return Space(
        names, np.array([shares[name] for name in names]), np.array([has[name] / total for name in names]), total
    )


def target_shares(mixture: Mixture, plan: Plan) -> dict[str, float]:
    """What each target of a mixture gets of all tokens, by a plan."""
    total = max(sum(line.planned for line in plan.lines), 1)
    out = {target.name: 0.0 for target in mixture.targets}
    for line in plan.lines:
        out[line.group or line.domain] += line.planned / total
    return out


def varied(mixture: Mixture, space: Space, shares: np.ndarray) -> Mixture:
    """The mixture with other shares, in tokens, as long as the space says; what has nothing to give is left out."""
    weight = dict(zip(space.names, np.maximum(np.round(100 * shares, 4), 1e-4).tolist(), strict=True))

    groups = [replace(g, weight=weight[g.name], amount=None) for g in mixture.group if g.name in weight]
    kept = {group.name for group in groups}
    domains = [
        domain if domain.group else replace(domain, weight=weight[domain.name], amount=None)
        for domain in mixture.domain
        if domain.name in weight or domain.group in kept
    ]
    return replace(
        mixture, domain=tuple(domains), group=tuple(groups), unit="tokens", budget=space.total,
        shortfall="redistribute", optional=tuple(name for name in mixture.optional if name in weight),
    )  # fmt: skip


def within(shares: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Shares (float64[n, d], rows sum to 1) with none above its limit; what one cannot take the others get in
    proportion, as the plan does it."""
    out = shares / shares.sum(axis=1, keepdims=True)
    for _ in range(out.shape[1]):
        full = out >= most
        held = np.where(full, most, 0.0)
        free = np.where(full, 0.0, out)
        room = free.sum(axis=1, keepdims=True)
        left = 1.0 - held.sum(axis=1, keepdims=True)
        out = held + free * np.divide(left, room, out=np.zeros_like(room), where=room > 0)
    return out


def draw_shares(space: Space, seed: int, count: int) -> np.ndarray:
    """Shares to try: float64[count, d]. More of them begin with the same ones.

    Dirichlet draws about the middle between the base and an even mixture, some narrow and some broad; of every eight
    the one that is farthest from the base and from those before it. Two may be the same where limits leave no choice.
    """
    taken = [space.base]
    for number in range(count):
        some = _candidates(space, np.random.default_rng([seed, number]), _APART)
        apart = ((np.sqrt(some)[:, None] - np.sqrt(np.array(taken))) ** 2).sum(axis=2).min(axis=1)
        taken.append(some[int(apart.argmax())])
    return np.array(taken[1:]).reshape(count, len(space.base))


def _candidates(space: Space, rng: np.random.Generator, count: int) -> np.ndarray:
    middle = (space.base + 1 / len(space.base)) / 2
    sums = np.exp(rng.uniform(np.log(_BROAD), np.log(_NARROW), (count, 1)))
    drawn = rng.standard_gamma(sums * middle * len(middle) / 2) + 1e-12
    return within(drawn, space.most)


def features(shares: np.ndarray) -> np.ndarray:
    """float64[n, d] → float64[n, 2 d + d (d - 1) / 2]: shares, their roots, products of two."""
    pairs = [shares[:, a] * shares[:, b] for a, b in combinations(range(shares.shape[1]), 2)]
    return np.column_stack([shares, np.sqrt(shares), *pairs])


@dataclass(frozen=True)
class Fit:
    """A ridge regression for several outcomes at once, each with a penalty of its own."""

    scale: np.ndarray  # float64[p]
    levels: np.ndarray  # float64[blocks, k]
    slopes: np.ndarray  # float64[p, k]
    penalties: np.ndarray  # float64[k]

    def __call__(self, shares: np.ndarray, block: int | None = None) -> np.ndarray:
        """What is expected of shares, float64[n, d], in a block or on average over them: float64[n, k]."""
        level = self.levels.mean(axis=0) if block is None else self.levels[block]
        return level + features(shares) / self.scale @ self.slopes


def fit(shares: np.ndarray, values: np.ndarray, blocks: np.ndarray, penalties: np.ndarray | None = None) -> Fit:
    """From float64[n, d], float64[n, k] and the block of each run (int[n], 0, 1, … without a gap): runs of a block saw
    the same stock with the same seed, and what that does to all of them alike is taken out.

    Without `penalties` each outcome gets the one of the least error when every run is left out in turn.
    """
    raw = features(shares)
    scale = raw.std(axis=0) + 1e-9
    scale[2 * shares.shape[1] :] *= LATER
    centres, means = _means(raw / scale, blocks), _means(values, blocks)
    left, sizes, right = np.linalg.svd(raw / scale - centres[blocks], full_matrices=False)
    residue = values - means[blocks]
    projected, count = left.T @ residue, len(values)
    if penalties is None:
        errors = []
        for penalty in PENALTIES:
            kept = sizes**2 / (sizes**2 + penalty * count)
            free = 1 - (left**2 * kept).sum(axis=1) - 1 / np.bincount(blocks)[blocks]
            missed = (residue - left @ (kept[:, None] * projected)) / np.maximum(free, 1e-6)[:, None]
            errors.append((missed**2).sum(axis=0))
        penalties = PENALTIES[np.argmin(errors, axis=0)]
    slopes = right.T @ (sizes[:, None] / (sizes[:, None] ** 2 + penalties * count) * projected)
    return Fit(scale, means - centres @ slopes, slopes, penalties)


def _means(values: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """The mean of each block: float64[blocks, p] of float64[n, p]."""
    sums = np.zeros((int(blocks.max()) + 1, values.shape[1]))
    np.add.at(sums, blocks, values)
    return sums / np.bincount(blocks)[:, None]


def left_out(shares: np.ndarray, values: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """What is expected of each run by a fit of the others, their penalty chosen without it: float64[n, k]."""
    every = np.arange(len(values))
    fits = [fit(*(each[every != n] for each in (shares, values, blocks))) for n in every]
    return np.concatenate([found(shares[[n]], int(blocks[n])) for n, found in enumerate(fits)])


def resampled(
    shares: np.ndarray, values: np.ndarray, blocks: np.ndarray, found: Fit, seed: int, times: int = 200
) -> list[Fit]:
    """Fits of runs drawn with replacement, as many of each block: how far other runs would have led elsewhere."""
    rng = np.random.default_rng([seed, 1 << 20])
    mine = [np.flatnonzero(blocks == block) for block in range(int(blocks.max()) + 1)]
    drawn = [np.concatenate([rng.choice(each, len(each)) for each in mine]) for _ in range(times)]
    return [fit(shares[rows], values[rows], blocks[rows], found.penalties) for rows in drawn]


def propose(
    space: Space, tried: np.ndarray, fits: Sequence[Fit], weights: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The shares (float64[d]) proposed for the least weighted sum of the outcomes, and their 5th and 95th percentile
    (float64[2, d]): mean and spread of each fit's best candidate. Candidates lie no farther out than what was tried."""
    some = _candidates(space, np.random.default_rng([seed, 1 << 21]), CANDIDATES)
    some = np.concatenate([space.base[None], tried, some])
    raw = features(tried)
    centre, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-9
    _, sizes, right = np.linalg.svd((raw - centre) / scale, full_matrices=False)
    shrunk = right.T / np.sqrt(sizes**2 + 1e-3 * len(tried))
    reach = (((features(some) - centre) / scale @ shrunk) ** 2).sum(axis=1)
    some = some[reach <= reach[1 : len(tried) + 1].max()]
    best = np.array([some[int((found(some) @ weights).argmin())] for found in fits])
    shares = best.mean(axis=0)
    return shares / shares.sum(), np.percentile(best, (5, 95), axis=0)


@dataclass(frozen=True)
class Trust:
    """How far a fit can be trusted, by runs that it had not seen: root of the mean squared error, share of the variance
    explained (1: all, 0 or less: no better than the mean), and rank correlation (Spearman)."""

    error: float
    explained: float
    rank: float


def trust(values: np.ndarray, expected: np.ndarray, blocks: np.ndarray) -> Trust:
    """Of float64[n] measured and float64[n] expected of each by a fit of the others; blocks as in `fit`."""
    level = _means(values[:, None], blocks)[blocks, 0]
    error = float(np.sqrt(((values - expected) ** 2).mean()))
    spread = float(((values - level) ** 2).mean())
    ranks = np.array([np.argsort(np.argsort(each - level, kind="stable")) for each in (values, expected)])
    apart = ranks - (len(values) - 1) / 2  # no ties: they are counted in their order
    rank = float((apart[0] * apart[1]).sum() / (apart[0] ** 2).sum()) if len(values) > 1 else 0.0
    return Trust(error, 1 - error**2 / spread if spread else 0.0, rank)


def difference(
    found: Fit, fits: Sequence[Fit], shares: np.ndarray, base: np.ndarray, errors: np.ndarray
) -> np.ndarray:  # fmt: skip
    """What the fit expects of shares minus what it expects of the base (float64[d] each), and its 95 % interval, by
    outcome: float64[k, 3].

    The spread over resampled runs alone is too narrow: shares that were chosen by the fit are where it errs to their
    favour. So what it misses of runs left out (`errors`, float64[k]) is added, though a part of that is their noise.
    """
    both = np.stack([shares, base])
    expected = np.subtract(*found(both))
    spread = np.std([np.subtract(*each(both)) for each in fits], axis=0)
    half = 1.96 * np.sqrt(spread**2 + errors**2)
    return np.column_stack([expected, expected - half, expected + half])


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of independent measurements and its 95 % interval (Student's t; infinitely wide for fewer than two)."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, -np.inf, np.inf
    t = _T975[count - 2] if count - 2 < len(_T975) else 1.96 + 2.5 / (count - 1)
    half = t * float(values.std(ddof=1)) / count**0.5
    return mean, mean - half, mean + half
