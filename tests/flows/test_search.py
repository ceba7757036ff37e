"""A search from end to end: what it concludes, that it goes on, and one real training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from corpus.errors import RecipeError
from corpus.stage import plain
from corpus.store import Store
from corpus.strict import Text, read_toml
from corpus.version import path_of, point, sealed
from flows import trials
from flows.search import REPEATS, Ask, Found, search
from flows.trials import Job, keep
from mixtures.load import load_mixture
from mixtures.mixture import Domain, Mixture
from mixtures.pieces import available
from mixtures.plan import solve
from pretrain.config import ModelConfig, OptimConfig, TrainConfig
from report.search import closing, outcome_table, read_base, read_target, shares_table
from report.search import search as command

BASE = Mixture(domain=(Domain("web", 60, 9.0), Domain("books", 20, 9.0), Domain("code", 20, 9.0)), budget=30_000)
CONFIG = TrainConfig(
    model=ModelConfig(layers=1, width=8, heads=2, kv_heads=1, hidden=8),
    optim=OptimConfig(lr=0.01, embedding_lr=0.01, head_lr=0.01), steps=1, sequence_length=16, batch_windows=4,
)  # fmt: skip
ASK = Ask({"books": 1.0}, runs=24, tokens=3_000)
Fake = Callable[[Callable[[dict[str, float]], dict[str, float]]], list[str]]


@pytest.fixture(scope="module")
def what(tmp_path_factory: pytest.TempPathFactory, made_encoded: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("encoded")
    return made_encoded(root, {"web": 400, "books": 160, "code": 80}) | {"root": str(root)}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a known surface in place of trainings; the list that comes back tells what was trained."""

    def put(surface: Callable[[dict[str, float]], dict[str, float]]) -> list[str]:
        trained: list[str] = []

        def train(job: Job) -> dict[str, Any]:
            trained.append(job.path)
            rng = np.random.default_rng([job.config.seed, len(job.path)])
            level = 0.1 * rng.standard_normal() + 0.001 * np.random.default_rng(len(trained)).standard_normal()
            scores = {
                name: {"num_bytes": 800, "model_bits": 800 * (value + level)}
                for name, value in surface(dict(job.shares)).items()
            }
            record = {"shares": dict(job.shares), "scores": scores, "seconds": 1.0}
            keep(Path(job.folder) / job.path, json.dumps(record).encode())
            return record

        monkeypatch.setattr(trials, "train_one", train)
        return trained

    return put


def better_with_its_own(shares: dict[str, float]) -> dict[str, float]:
    return {name: 2.0 - 0.3 * shares.get(name, 0.0) ** 0.5 for name in ("web", "books", "code")}


def run(what: dict[str, Any], folder: Path, ask: Ask = ASK, base: Mixture = BASE) -> Found:
    return search(Store(what["root"]), base, ask, CONFIG, folder, 1, lambda done, total, ran: None)


def test_a_better_mixture_is_found_and_said(what: dict[str, Any], fake: Fake, tmp_path: Path) -> None:
    fake(better_with_its_own)
    found = run(what, tmp_path)
    assert found.verdict == "better"
    books = found.space.names.index("books")
    assert found.shares[books] > 0.4
    true = 0.3 * (0.2**0.5 - found.shares[books] ** 0.5)
    for mean, low, high in (found.expected[-1], found.measured[-1]):
        assert low <= true <= high
        assert mean == pytest.approx(true, abs=0.02)
    assert found.trusts[-1].explained > 0.8
    assert "better than the base" in closing(found, 20, 3_000)
    assert [row[0] for row in shares_table(found)[1]] == ["web", "books", "code"]
    assert [row[0] for row in outcome_table(found)[1]] == ["web", "books", "code", "target"]


def test_the_proposal_is_a_mixture_file(what: dict[str, Any], fake: Fake, tmp_path: Path) -> None:
    fake(better_with_its_own)
    found = run(what, tmp_path)
    text, table = read_toml(tmp_path / "proposal.toml")
    mixture = load_mixture(table, tmp_path, Text("proposal", text))
    assert mixture == found.mixture
    lines = solve(mixture, available(what["stock"], what["domains"])).lines
    assert [line.planned / 30_000 for line in lines] == pytest.approx(found.shares, abs=1e-4)
    assert [line.why for line in lines] == ["as asked"] * 3


def test_no_better_is_said_where_nothing_helps(what: dict[str, Any], fake: Fake, tmp_path: Path) -> None:
    fake(lambda shares: dict.fromkeys(("web", "books", "code"), 2.0))
    found = run(what, tmp_path)
    assert found.verdict == "neither"
    assert "no better than the base" in closing(found, 20, 3_000)
    assert "explains little" in closing(found, 20, 3_000)


def test_a_killed_search_goes_on(what: dict[str, Any], fake: Fake, tmp_path: Path) -> None:
    fake(better_with_its_own)
    whole = run(what, tmp_path / "whole")
    calls = []

    def dies(shares: dict[str, float]) -> dict[str, float]:
        calls.append(shares)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return better_with_its_own(shares)

    fake(dies)
    with pytest.raises(KeyboardInterrupt):
        run(what, tmp_path / "killed")
    left = sorted((tmp_path / "killed" / "runs").iterdir())
    assert len(left) == 7
    left[0].write_bytes(left[0].read_bytes()[:20])  # a disk's mishap: done again
    trained = fake(better_with_its_own)
    again = run(what, tmp_path / "killed")
    assert len(trained) == ASK.runs - 6
    assert {path.name for path in (tmp_path / "whole" / "runs").iterdir()} >= {path.name for path in left}
    assert again.shares == pytest.approx(whole.shares, abs=0.05)
    assert fake(better_with_its_own) == []
    once_more = run(what, tmp_path / "killed")
    assert (once_more.shares == again.shares).all()
    assert (once_more.measured == again.measured).all()


def test_more_runs_use_those_that_are_there(what: dict[str, Any], fake: Fake, tmp_path: Path) -> None:
    fake(better_with_its_own)
    run(what, tmp_path, Ask({"books": 1.0}, runs=20, tokens=3_000))
    trained = fake(better_with_its_own)
    run(what, tmp_path, Ask({"books": 1.0, "code": 1.0}, runs=24, tokens=3_000))
    assert len(trained) == 4 + REPEATS  # more draws, another proposal; not the base
    trained = fake(better_with_its_own)
    run(what, tmp_path, Ask({"books": 1.0}, runs=20, tokens=3_000, seed=1))
    assert len(trained) >= 18  # limits make some draws the same


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (Ask({"boks": 1.0}, 20, 3_000), "books"),
        (Ask({"books": -1.0}, 20, 3_000), "above 0"),
        (Ask({"books": 1.0}, 8, 3_000), "20 is the least"),
        (Ask({"books": 1.0}, 20, 100), "640 or more"),
        (Ask({"books": 1.0}, 20, 300_000), "30,000 in all"),
        (Ask({}, 20, 3_000), "names nothing"),
    ],
)
def test_what_cannot_be_asked_is_refused(what: dict[str, Any], ask: Ask, said: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=said):
        run(what, tmp_path, ask)


def test_the_command_improves_the_published_mixture(what: dict[str, Any], fake: Fake, tmp_path: Path) -> None:
    fake(better_with_its_own)
    publish_again(what, {"asked": plain(BASE.identity)})
    app = typer.Typer()
    app.command()(command)
    told = f"{what['root']} --target books=1 --runs 20 --tokens 25_000 --workers 1 --out {tmp_path}"
    done = CliRunner().invoke(app, told.split())
    assert done.exit_code == 0, done.output
    assert "The proposal is better than the base" in done.output
    assert {"proposal.toml", "search.json"} < {path.name for path in tmp_path.iterdir()}
    assert read_base("", {"asked": plain(BASE.identity)}) == BASE
    with pytest.raises(RecipeError, match="--base RECIPE"):
        read_base("", what)


def publish_again(what: dict[str, Any], more: dict[str, Any]) -> None:
    store = Store(what["root"])
    store.put(path_of(2), sealed({key: value for key, value in what.items() if key != "root"} | more | {"version": 2}))
    point(store, 2)


def test_a_target_is_names_and_weights() -> None:
    assert read_target("web=.5, books=2") == {"web": 0.5, "books": 2.0}
    with pytest.raises(RecipeError, match="'web' is not NAME=WEIGHT"):
        read_target("web,books=1")


def test_a_real_training_gives_the_same_bits_again(
    what: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    real, jobs = trials.train_one, []

    def first_two(job: Job) -> dict[str, Any]:
        jobs.append(job)
        if len(jobs) > 2:
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(trials, "train_one", first_two)
    with pytest.raises(KeyboardInterrupt):
        run(what, tmp_path)
    for job in jobs[:2]:
        path = tmp_path / job.path
        before = json.loads(path.read_bytes())
        path.unlink()
        after = real(job)
        assert before["scores"] == after["scores"]
        assert {*after["scores"]} == {"web", "books", "code"}
        assert all(0 < score["bpb"] < 10 for score in after["scores"].values())
    assert jobs[0].config.seed != jobs[1].config.seed
