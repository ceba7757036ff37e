"""Other places for a run's numbers: with the real packages, offline, where they are installed."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import RecipeError
from pretrain import loggers as module
from pretrain.loggers import open_loggers

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the loggers set is taken back; nothing of the machine's own settings counts."""
    for name in (*module._QUIET, "WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setitem(os.environ, name, "")
        del os.environ[name]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "corpus-tiny"
    folder.mkdir(parents=True)
    return folder


# A run as training calls its logger: stopped after step 3, saved at step 2, continued from there to its end.
LIFE = """
import sys
from pathlib import Path
from pretrain.loggers import open_loggers
name, out = sys.argv[1], Path(sys.argv[2])
for after, steps in ((0, (1, 2, 3)), (2, (3, 4))):
    (logger,) = open_loggers([name], out)
    logger.start({"corpus": "c", "settings": {"model": {"layers": 2}}, "step": after})
    for step in steps:
        logger.log(step, {"loss": 1.0 / step, "heldout/web/bpb": 2.0})
    if after:
        logger.summary({"heldout_bpb": 2.0})
    logger.close()
    print((out / "loggers.json").read_text() if (out / "loggers.json").exists() else "")
"""


def live(name: str, out: Path, **environment: str) -> dict[str, str]:
    """That life in a process of its own: these packages keep state, and warn of themselves. What loggers.json holds."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", LIFE, name, str(out)], cwd=ROOT, env=os.environ | environment, capture_output=True,
        text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((out / "loggers.json").read_text("utf-8"))


def test_an_unknown_name_and_a_missing_package_are_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"--log-to papyrus: unknown; known are tensorboard, wandb, mlflow, trackio"):
        open_loggers(["papyrus"], out)
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(RecipeError, match=r"--log-to mlflow needs .*: pip install mlflow-skinny"):
        open_loggers(["mlflow"], out)


def test_packages_are_told_to_stay_quiet_and_what_is_set_stays(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: True)
    assert open_loggers([], out) == [] and "DO_NOT_TRACK" not in os.environ
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "true")
    opened = open_loggers(["wandb", "mlflow", "wandb"], out)
    assert [logger.name for logger in opened] == ["wandb", "mlflow"]
    assert (os.environ["WANDB_ERROR_REPORTING"], os.environ["MLFLOW_DISABLE_TELEMETRY"]) == ("true", "true")
    assert list(out.iterdir()) == []


def test_a_run_begun_anew_is_another_run(out: Path) -> None:
    names = iter("ab")
    assert module._id(out, "x", {"step": 5}, lambda: next(names)) == "a"  # asked for in the midst of a run
    assert module._id(out, "x", {"step": 5}, lambda: next(names)) == "a"
    assert module._id(out, "x", {"step": 0}, lambda: next(names)) == "b"
    assert json.loads((out / "loggers.json").read_text("utf-8")) == {"x": "b"}


def scalars(folder: Path) -> Iterator[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen = EventAccumulator(str(folder))
    seen.Reload()
    for tag in seen.Tags()["scalars"]:
        yield from ((tag, event.step, event.value) for event in seen.Scalars(tag))


def test_tensorboard_forgets_what_a_continued_run_takes_back(out: Path) -> None:
    pytest.importorskip("tensorboard")
    for after, steps in ((0, (1, 2, 3)), (2, (3, 4))):
        (logger,) = open_loggers(["tensorboard"], out)
        logger.start({"step": after})
        for step in steps:
            logger.log(step, {"loss": after + 1.0 / step})
        logger.summary({"bpb": 2.0})
        logger.close()
    found = sorted(scalars(out / "tensorboard"))
    assert [pair for pair in found if pair[0] == "loss"] == [
        ("loss", 1, 1.0), ("loss", 2, 0.5), ("loss", 3, pytest.approx(2 + 1 / 3)), ("loss", 4, 2.25),
    ]  # fmt: skip
    assert ("result/bpb", 4, 2.0) in found


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def test_mlflow_keeps_one_run_with_its_settings(out: Path) -> None:
    known = live("mlflow", out)
    path = out / "mlflow.db"
    assert rows(path, "select run_uuid, name, status from runs") == [(known["mlflow"], "corpus-tiny", "FINISHED")]
    assert ("settings.model.layers", "2") in rows(path, "select key, value from params")
    assert ("group", "runs") in rows(path, "select key, value from tags")
    found = rows(path, "select key, value, step from metrics order by step")
    assert {step for key, _, step in found if key == "loss"} == {1, 2, 3, 4}
    assert ("loss", 0.25, 4) in found and ("result/heldout_bpb", 2.0, 0) in found


def test_wandb_writes_one_run_offline(out: Path) -> None:
    known = live("wandb", out)
    folders = sorted((out / "wandb").glob(f"offline-run-*-{known['wandb']}"))
    assert folders and all(list(folder.glob("*.wandb")) for folder in folders)
    assert b"heldout/web/bpb" in b"".join(path.read_bytes() for path in (out / "wandb").rglob("*.wandb"))


def test_trackio_keeps_one_run(out: Path, tmp_path: Path) -> None:
    known = live("trackio", out, TRACKIO_DIR=str(tmp_path / "trackio"))
    found = rows(tmp_path / "trackio" / "gristmill.db", "select run_name, step, metrics from metrics order by step")
    assert {name for name, _, _ in found} == {known["trackio"]}
    assert {step for _, step, _ in found} == {1, 2, 3, 4}
    assert any(json.loads(told).get("loss") == 0.25 for _, step, told in found if step == 4)
