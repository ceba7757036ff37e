"""A search for a mixture: many small trainings, a regression on what they reached, a proposal, and its trial.

In: a published corpus, a base mixture, what is to be good. Out: in a folder of its own, ``runs/``, one JSON a training,
named by all that decides it; ``stock.<hash>.npz``, what they train on; ``proposal.toml``; ``search.json``.

    1. drawn shares, each with one of four seeds; a seed is a part of the stock, an order and a start
    2. a fit of bits per byte on shares, judged by runs left out (`mixtures.search`); its best shares
    3. base and proposal with four other seeds: their difference is measured on runs that the choice has not seen

A training is a process on one core. Its result is written whole under its name, so a killed search goes on where it was
and two at once write the same. The same seed gives the same draws, models and results on the same machine.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import RecipeError
from corpus.layout import Tokenizer
from corpus.pool import Pool
from corpus.store import Store
from corpus.strict import unknown
from corpus.version import read_version
from flows.trials import VERSION, Job, job_of, keep, name_of, small_at, train_jobs
from mixtures.pieces import available
from mixtures.plan import Mixture, Plan, solve
from mixtures.search import (
    Space,
    Trust,
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
)
from mixtures.subsample import Small, subsample
from mixtures.write import to_toml
from pretrain.config import TrainConfig

REPEATS = 4  # seeds of the draws, and as many others that both base and proposal are trained with
TARGET = "target"
LEAST = 20  # runs in all: below there is nothing to fit
Progress = Callable[[int, int, int], None]  # runs done, of how many, of which this search trained


@dataclass(frozen=True)
class Ask:
    """What is searched for. `target`: weights by domain or group of the base. `tokens` of each of the `runs`."""

    target: Mapping[str, float]
    runs: int
    tokens: int
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """A search's end. Bits per byte throughout; differences are proposal minus base, below 0 is better."""

    space: Space
    shares: np.ndarray  # float64[d], proposed
    spread: np.ndarray  # float64[2, d]: 5th and 95th percentile of the shares that resampled runs propose
    outcomes: tuple[str, ...]  # what was scored, then `TARGET`
    base: np.ndarray  # float64[outcomes]: mean of the base's runs
    noise: np.ndarray  # float64[outcomes]: their standard deviation, from seed to seed
    trusts: tuple[Trust, ...]  # by outcome
    expected: np.ndarray  # float64[outcomes, 3]: the fit's difference and its 95 % interval
    measured: np.ndarray  # float64[outcomes, 3]: that of the trial
    seconds: float  # of a run, the median
    ratio: float  # of the stock that a run trains on
    mixture: Mixture

    @property
    def verdict(self) -> str:
        """better, worse, or neither: what the trial's interval says of the target."""
        _, low, high = self.measured[-1]
        return "better" if high < 0 else "worse" if low > 0 else "neither"


def search(
    store: Store, base: Mixture, ask: Ask, config: TrainConfig, folder: Path, workers: int, progress: Progress
) -> Found:
    """Run what is missing of a search, and conclude.

    Raises RecipeError for a base or a target that cannot be searched, and as `subsample` does.
    """
    config = _sized(config, ask)
    what = read_version(store)
    stock = available(what["stock"], what["domains"])
    space = space_of(base, stock)
    if ask.tokens > space.total:
        raise RecipeError(f"--tokens is {ask.tokens:,}, the mixture has {space.total:,} in all; give it fewer")
    base, weights = varied(base, space, space.base), _weights(ask, space)
    plan = solve(base, stock)
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    name, small = _stock(store, what, plan, base, ask, config, folder)
    _heldout(small, plan, space, weights)
    tokenizer = Tokenizer(**what["tokenizer"])
    blank = Job(str(folder), "", name, {}, config, tokenizer, bytes(store.get(tokenizer.token_bytes_path)))

    def trained(pool: Pool, rows: np.ndarray, first: int, before: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        plans = [solve(varied(base, space, row), stock) for row in rows]
        seeds = [_seed(ask.seed, first + number % REPEATS) for number in range(len(rows))]
        jobs = [job_of(blank, each, seed) for each, seed in zip(plans, seeds, strict=True)]
        records = train_jobs(pool, jobs, lambda done, ran: progress(before + done, ask.runs, ran))
        shares = [target_shares(base, each) for each in plans]
        return np.array([[each[name] for name in space.names] for each in shares]), records

    with Pool(workers, Store(str(folder))) as pool:
        drawn = draw_shares(space, ask.seed, ask.runs - 2 * REPEATS)
        shares, swarm = trained(pool, drawn, 0, 0)
        outcomes, values = _values(swarm, plan, space, weights)
        blocks = np.arange(len(values)) % REPEATS
        found = fit(shares, values, blocks)
        fits = resampled(shares, values, blocks, found, ask.seed)
        best, spread = propose(space, shares, fits, (np.array(outcomes) == TARGET) * 1.0, ask.seed)
        both = np.repeat(np.stack([space.base, best]), REPEATS, axis=0)
        met, pairs = trained(pool, both, REPEATS, len(swarm))
    _, trial = _values(pairs, plan, space, weights)
    before, after = trial[:REPEATS], trial[REPEATS:]
    guessed = left_out(shares, values, blocks)
    trusts = tuple(trust(values[:, k], guessed[:, k], blocks) for k in range(len(outcomes)))
    errors = np.array([each.error for each in trusts])
    result = Found(
        space=space, shares=met[-1], spread=spread, outcomes=outcomes, base=before.mean(axis=0),
        noise=before.std(axis=0, ddof=1), trusts=trusts, expected=difference(found, fits, met[-1], met[0], errors),
        measured=np.array([interval(column) for column in (after - before).T]),
        seconds=float(np.median([record["seconds"] for record in swarm + pairs])),
        ratio=min(1.0, ask.tokens / space.total),
        mixture=replace(varied(base, space, best), name="proposal", source=f"a search with seed {ask.seed}", note=""),
    )  # fmt: skip
    keep(folder / "proposal.toml", to_toml(result.mixture).encode())
    keep(folder / "search.json", json.dumps(as_data(result), indent=1).encode() + b"\n")
    return result


def _sized(config: TrainConfig, ask: Ask) -> TrainConfig:
    """A training of so many tokens on one core."""
    if ask.runs < LEAST:
        raise RecipeError(
            f"--runs is {ask.runs}; {LEAST} is the least, {2 * REPEATS} of them to measure base and proposal"
        )
    step = config.sequence_length * config.batch_windows
    if ask.tokens < 10 * step:
        raise RecipeError(f"--tokens is {ask.tokens:,}, and a step takes {step:,}; give it {10 * step:,} or more")
    return replace(config, steps=ask.tokens // step, device="cpu", threads=1)


def _weights(ask: Ask, space: Space) -> np.ndarray:
    """The target's weights over what varies, summing to 1: float64[d]."""
    for name, weight in ask.target.items():
        if name not in space.names:
            raise unknown("--target", "domain or group of the mixture", name, list(space.names))
        if not 0 < weight < float("inf"):
            raise RecipeError(f"--target: {name} weighs {weight}, it must be above 0")
    raw = np.array([ask.target.get(name, 0.0) for name in space.names])
    if not raw.any():
        raise RecipeError("--target names nothing; say what is to be good, as --target web=.5,books=.5")
    return raw / raw.sum()


def _seed(seed: int, number: int) -> int:
    return int(np.random.default_rng([seed, number, 1]).integers(1 << 31))


def _stock(store: Store, what: Mapping[str, Any], plan: Plan, base: Mixture, ask: Ask, config: TrainConfig,
           folder: Path) -> tuple[str, Small]:  # fmt: skip
    """The stock's file in the folder, and what it holds; taken where it is not there."""
    read = [[file["path"], file["sha256"]] for file in what["files"] if file["path"].startswith(("tokens/", "pieces/"))]
    decides = [VERSION, read, what["domains"], base.identity, ask.tokens, ask.seed, config.heldout_tokens]
    path = folder / f"stock.{name_of(decides)}.npz"
    if not path.is_file():
        small = subsample(store, what, plan, ask.tokens, ask.seed, config.heldout_tokens)
        keep(path, small.to_bytes())
    return path.name, small_at(str(path))


def _heldout(small: Small, plan: Plan, space: Space, weights: np.ndarray) -> None:
    """Raise RecipeError for a target that nothing is held out of."""
    held = {line.group or line.domain for n, line in enumerate(plan.lines) if n + len(plan.lines) in small.entry}
    for name, weight in zip(space.names, weights, strict=True):
        if weight and name not in held:
            raise RecipeError(f"--target: nothing is held out of {name}; raise [heldout] share in the recipe and build")


def _values(
    records: Sequence[Mapping[str, Any]], plan: Plan, space: Space, weights: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:  # fmt: skip
    """What was scored, "target" last, and bits per byte: float64[runs, outcomes]. A group's entries are one."""
    of = {line.domain: line.group or line.domain for line in plan.lines}
    columns, target = {}, np.zeros(len(records))
    for name, weight in zip(space.names, weights, strict=True):
        mine = [[score for entry, score in record["scores"].items() if of[entry] == name] for record in records]
        size = [sum(score["num_bytes"] for score in scores) for scores in mine]
        if all(size):
            bits = [sum(score["model_bits"] for score in scores) for scores in mine]
            columns[name] = np.array(bits) / np.array(size)
            target += weight * columns[name]
    columns[TARGET] = target
    return tuple(columns), np.column_stack([*columns.values()])


def as_data(found: Found) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "verdict": found.verdict, "names": found.space.names, "base": found.space.base.tolist(),
        "most": found.space.most.tolist(), "proposal": found.shares.tolist(), "spread": found.spread.tolist(),
        "outcomes": found.outcomes, "base_bpb": found.base.tolist(), "noise": found.noise.tolist(),
        "trust": [asdict(each) for each in found.trusts], "expected": found.expected.tolist(),
        "measured": found.measured.tolist(), "seconds": found.seconds, "ratio": found.ratio,
    }  # fmt: skip
