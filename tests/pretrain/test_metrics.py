"""A run's record, heartbeat and lines."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrain import metrics as module
from pretrain.metrics import Metrics, numbers


class Scored:
    def __init__(self, bpb: float, num_bytes: int) -> None:
        self.bpb, self.num_bytes = bpb, num_bytes

    def record(self) -> dict[str, float]:
        return {"bpb": self.bpb, "unigram_bpb": 2 * self.bpb, "ratio": 0.5, "num_bytes": self.num_bytes}


class Told:
    """A logger that remembers; from call number `fails` on it raises."""

    name = "told"

    def __init__(self, fails: int = 99) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fails = fails

    def _call(self, *what: Any) -> None:
        if len(self.calls) >= self.fails:
            raise ConnectionError("network gone")
        self.calls.append(what)

    def start(self, run: Mapping[str, Any]) -> None:
        self._call("start", dict(run))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._call("log", step, dict(values))

    def summary(self, values: Mapping[str, float]) -> None:
        self._call("summary", dict(values))

    def close(self) -> None:
        self._call("close")


def report(out: Path, after_step: int, steps: list[int], said: list[str]) -> None:
    metrics = Metrics(out, steps=9, after_step=after_step, say=said.append)
    for step in steps:
        metrics.step(step, loss=1.5, tokens=10 * step, lr_scale=1.0, tokens_per_second=2.0)
    metrics.close()


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]


def test_every_step_stands_once_after_a_kill(tmp_path: Path) -> None:
    out, said = tmp_path / "out", list[str]()
    report(out, 0, [1, 2, 3], said)
    with (out / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 4, "lo\xff')  # killed while writing, the disk's last block not what was written
    report(out, 2, [3, 4], said)
    assert [line["step"] for line in lines(out)] == [1, 2, 3, 4]
    assert lines(out)[2] == {
        "step": 3, "steps": 9, "loss": 1.5, "tokens": 30, "lr_scale": 1.0, "tokens_per_second": 2.0,
    }  # fmt: skip
    assert len(said) == 5


def test_a_run_that_begins_anew_begins_a_new_file(tmp_path: Path) -> None:
    for _ in range(2):
        report(tmp_path, 0, [1], [])
    assert len(lines(tmp_path)) == 1


def test_what_stood_after_the_result_goes_when_a_run_is_continued(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, steps=9, after_step=0, say=lambda _: None)
    metrics.evaluation(4, {"web": Scored(1.0, 10)})
    metrics.result(steps=4, heldout_bpb=1.0)
    metrics.close()
    report(tmp_path, 4, [5], [])
    assert [line["step"] for line in lines(tmp_path)] == [4, 5]


def test_the_heartbeat_is_renewed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: float(next(clock)), monotonic=lambda: 0.0))
    metrics = Metrics(tmp_path, steps=9, after_step=3, say=lambda _: None, world_size=2)

    def status() -> dict[str, Any]:
        return json.loads((tmp_path / "status.json").read_text("utf-8"))

    assert status() == {
        "state": "running", "step": 3, "steps": 9, "loss": None, "tokens_per_second": None, "updated": 0.0,
        "world_size": 2,
    }  # fmt: skip
    metrics.step(4, loss=2.5, tokens=40, lr_scale=1.0, tokens_per_second=7.0)
    assert status() | {"step": 4, "loss": 2.5, "tokens_per_second": 7.0, "updated": 1.0} == status()
    metrics.evaluation(4, {"web": Scored(1.0, 10)})
    assert status()["updated"] == 2.0
    metrics.state("paused")
    assert (status()["state"], status()["step"], status()["loss"]) == ("paused", 4, 2.5)
    metrics.state("paused", 7)  # the checkpoint may be of a later step than the last report
    assert (status()["state"], status()["step"]) == ("paused", 7)
    metrics.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "status.json"]


def test_an_evaluation_weighs_domains_by_bytes(tmp_path: Path) -> None:
    said: list[str] = []
    metrics = Metrics(tmp_path, steps=9, after_step=0, say=said.append)
    metrics.evaluation(5, {"web": Scored(1.0, 30), "code": Scored(2.0, 10), "empty": Scored(math.nan, 0)})
    metrics.close()
    (line,) = lines(tmp_path)
    assert (line["step"], line["bpb"], line["ratio"]) == (5, 1.25, 0.5)
    assert line["heldout"]["code"]["unigram_bpb"] == 4.0
    assert line["heldout"]["empty"]["bpb"] is None
    assert "1.250 bits per byte, 0.500 x the unigram model's (web 1.000, code 2.000, empty nan)" in said[0]


def test_nothing_to_score_and_a_loss_that_is_no_number_are_null(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, steps=9, after_step=0, say=lambda _: None)
    metrics.step(1, loss=math.nan, tokens=1, lr_scale=1.0, tokens_per_second=math.inf)
    metrics.evaluation(1, {})
    metrics.close()
    step, evaluation = lines(tmp_path)
    assert (step["loss"], step["tokens_per_second"], evaluation["bpb"]) == (None, None, None)
    assert json.loads((tmp_path / "status.json").read_text("utf-8"))["loss"] is None


def test_other_ranks_are_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    metrics = Metrics.silent()
    metrics.start({})
    metrics.step(1, loss=1.0, tokens=1, lr_scale=1.0, tokens_per_second=1.0)
    metrics.evaluation(1, {"web": Scored(1.0, 1)})
    metrics.result(steps=1)
    metrics.state("finished")
    metrics.close()
    assert list(tmp_path.iterdir()) == []


def test_the_line_tells_what_is_left_after_the_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, said = [0.0], list[str]()
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: 0.0, monotonic=lambda: now[0]))
    metrics = Metrics(tmp_path, steps=1_000, after_step=0, say=said.append)
    for step, seconds in ((10, 100.0), (20, 110.0), (1_000, 1090.0)):
        now[0] = seconds
        metrics.step(step, loss=7.3104, tokens=20_480 * step, lr_scale=1.0, tokens_per_second=9_100.4, mfu=0.4125,
                     data_seconds=0.5, compute_seconds=9.5)  # fmt: skip
    metrics.close()
    assert said[0] == (
        "step    10 of 1,000   loss  7.310     205 k tokens       9,100/s   MFU 41.2%   5% waiting for data"
    )
    assert said[1].endswith("410 k tokens       9,100/s   MFU 41.2%   5% waiting for data   16:20 left")
    assert "left" not in said[2]


def test_a_cpus_line_is_short(tmp_path: Path) -> None:
    said: list[str] = []
    metrics = Metrics(tmp_path, steps=120, after_step=0, say=said.append)
    metrics.step(20, loss=7.31, tokens=950, lr_scale=1.0, tokens_per_second=9_100.0, mfu=None, data_seconds=0.001,
                 compute_seconds=1.0)  # fmt: skip
    metrics.close()
    assert said == ["step  20 of 120   loss  7.310       950 tokens       9,100/s"]


@given(st.integers(1, 10**16))
def test_counts_are_short_and_true(count: int) -> None:
    shown = module._short(count)
    unit = {"": 1, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    number, _, name = shown.partition(" ")
    assert float(number) * unit[name] == pytest.approx(count, rel=0.006)
    assert len(number) <= 4 or name == "T"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0:00"), (59.6, "1:00"), (754, "12:34"), (11_100, "3:05:00"), (180_000, "2 d 2 h")],
)
def test_times_left(seconds: float, shown: str) -> None:
    assert module._clock(seconds) == shown


def test_loggers_get_finite_numbers_by_path(tmp_path: Path) -> None:
    told = Told()
    metrics = Metrics(tmp_path, steps=9, after_step=4, say=lambda _: None, loggers=[told])
    metrics.start({"corpus": "c"})
    metrics.step(5, loss=1.5, tokens=50, tokens_per_second=math.inf, mfu=None, batch="ab")
    metrics.evaluation(5, {"web": Scored(1.0, 4)})
    metrics.result(steps=9, per_domain={"web": {"bpb": 1.0}})
    metrics.close()
    assert told.calls[:2] == [("start", {"corpus": "c", "step": 4}), ("log", 5, {"loss": 1.5, "tokens": 50.0})]
    assert told.calls[2][2]["heldout/web/unigram_bpb"] == 2.0
    assert told.calls[3:] == [("summary", {"steps": 9.0, "per_domain/web/bpb": 1.0}), ("close",)]
    assert numbers({"a": True, "b": {"c": 1}}) == {"b/c": 1.0}


@pytest.mark.parametrize("fails", range(4))
def test_a_logger_that_fails_is_left_out_and_the_run_goes_on(tmp_path: Path, fails: int) -> None:
    said: list[str] = []
    failing, other = Told(fails), Told()
    metrics = Metrics(tmp_path, steps=2, after_step=0, say=said.append, loggers=[failing, other])
    metrics.start({})
    for step in (1, 2):
        metrics.step(step, loss=1.5, tokens=1, tokens_per_second=1.0)
    metrics.close()
    assert len(failing.calls) == fails
    assert [call[0] for call in other.calls] == ["start", "log", "log", "close"]
    assert sum("told failed and is left out" in line for line in said) == 1
    failed = [line for line in lines(tmp_path) if "logger" in line]
    assert failed == [{"step": min(fails, 2), "logger": "told", "failed": "ConnectionError: network gone"}]
