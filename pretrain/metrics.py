"""What a run reports: one JSON object a line to a file, always; a heartbeat; a short line to whoever watches.

In: what the training loop measured. Out, in the run's folder:

    metrics.jsonl   the record: {"step": 10, "steps": 120, "loss": 7.31, "tokens": 20480, ...} per reported step,
                    {"step": 50, "heldout": {domain: {"bpb": ...}}, "bpb": ..., "ratio": ...} per evaluation, a line
                    where a logger failed, at the end the result. What is not a finite number is null.
    status.json     {"state", "step", "steps", "loss", "tokens_per_second", "updated", "world_size"}, renamed into
                    place at every report: whoever reads it finds a whole file, and by its age a run that hangs

A continued run drops what was reported beyond the step it continues from, so every reported step stands there once.
The same numbers go to the loggers that were asked for (`pretrain.loggers`); one that fails is left out from then on.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

Say = Callable[[str], None]


class Logger(Protocol):
    """Another place that wants a run's numbers. It may raise what it likes: the run goes on without it."""

    name: str

    def start(self, run: Mapping[str, Any]) -> None:
        """Before the first step; `run` is run.json's content, `run["step"]` the step that is continued from, or 0."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of one step, all finite."""

    def summary(self, values: Mapping[str, float]) -> None:
        """Numbers of the finished run."""

    def close(self) -> None:
        """After the last call; of a run that is paused without `summary` before it."""


class Score(Protocol):
    """What one domain's evaluation gives (`pretrain.evaluate.DomainScore`, whose module needs torch)."""

    def record(self) -> Mapping[str, Any]:
        """At least bpb, unigram_bpb and num_bytes."""


def show(line: str) -> None:
    """Print, also when the output is a pipe that somebody follows; nobody listening any more is no reason to end."""
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


class Metrics:
    """Reports of one run to the folder `out`, to `say` and to `loggers`; with `out` None to nobody.

    steps: of the whole run; after_step: the one it continues from, or 0; world_size: ranks, for status.json.
    """

    def __init__(
        self,
        out: Path | None,
        *,
        steps: int,
        after_step: int,
        say: Say,
        loggers: Sequence[Logger] = (),
        world_size: int = 1,
    ) -> None:
        self.say, self.steps, self._after = say, steps, after_step
        self._loggers = list(loggers)
        self._mark: tuple[int, float] | None = None  # step and time of the first report: what is left is told from it
        self._status: dict[str, Any] = {
            "state": "running", "step": after_step, "steps": steps, "loss": None, "tokens_per_second": None,
            "updated": 0.0, "world_size": world_size,
        }  # fmt: skip
        self._out, self._file = out, None if out is None else _reopened(out / "metrics.jsonl", after_step)
        self.state("running")

    @classmethod
    def silent(cls) -> "Metrics":
        """Of the ranks other than 0: everything may be called, nothing is said or written."""
        return cls(None, steps=0, after_step=0, say=lambda _: None)

    def start(self, run: Mapping[str, Any]) -> None:
        """Tell the loggers of the run: run.json's content."""
        self._each("start", dict(run) | {"step": self._after})

    def step(self, step: int, **values: Any) -> None:
        """One reported step.

        `loss` in nats per target, `tokens` fed since the run began and `tokens_per_second` since the last report, both
        over all ranks; optional `mfu`, `data_seconds`, `compute_seconds`, `comm_seconds`, `grad_norm` and others.
        """
        self._write(step=step, steps=self.steps, **values)
        self._status |= {"step": step, "loss": values["loss"], "tokens_per_second": values["tokens_per_second"]}
        self.state(self._status["state"])
        self._each("log", step, numbers(values))
        self.say(_line(step, self.steps, values, self._left(step)))

    def evaluation(self, step: int, scores: Mapping[str, Score]) -> None:
        """Held-out domains after `step`. Made again at the same step it stands there again, and the last counts."""
        domains = {name: dict(score.record()) for name, score in scores.items()}
        bpb, unigram = (_over_all(domains.values(), key) for key in ("bpb", "unigram_bpb"))
        ratio = bpb / unigram if unigram else math.nan
        values = {"heldout": domains, "bpb": bpb, "ratio": ratio}
        self._write(step=step, **values)
        self.state(self._status["state"])
        self._each("log", step, numbers(values))
        each = ", ".join(f"{name} {record['bpb']:.3f}" for name, record in domains.items())
        self.say(f"held out after step {step:,}: {bpb:.3f} bits per byte, {ratio:.3f} x the unigram model's ({each})")

    def result(self, **values: Any) -> None:
        """The last line of a finished run."""
        self._write(**values)
        self._each("summary", numbers(values))

    def state(self, state: str, step: int | None = None) -> None:
        """Renew status.json: "running", "paused" (saved, to be continued), "finished"; after `step`, or as reported."""
        self._status |= {"state": state, "updated": time.time()} | ({} if step is None else {"step": step})
        if self._out:
            aside = self._out / "status.aside"
            aside.write_text(json.dumps(plain(self._status)) + "\n", encoding="utf-8")
            aside.replace(self._out / "status.json")

    def close(self) -> None:
        """Close the file and the loggers."""
        self._each("close")
        if self._file:
            self._file.close()

    def _write(self, **values: object) -> None:
        if self._file:
            self._file.write(json.dumps(plain(values)) + "\n")
            self._file.flush()

    def _each(self, method: str, *arguments: object) -> None:
        """Call every logger; one that fails, for whatever reason, is said, written down, and called no more."""
        for logger in list(self._loggers):
            try:
                getattr(logger, method)(*arguments)
            except Exception as error:  # of a package that is not ours: a training is worth more than its picture
                self._loggers.remove(logger)
                why = f"{type(error).__name__}: {error}".splitlines()[0]
                self._write(step=self._status["step"], logger=logger.name, failed=why)
                self.say(f"{logger.name} failed and is left out from here on ({why}); metrics.jsonl has everything")

    def _left(self, step: int) -> float | None:
        """Seconds to the end at the pace since the first report, which holds compilation and warming up."""
        now = time.monotonic()
        first, since = self._mark = self._mark or (step, now)
        return (self.steps - step) * (now - since) / (step - first) if step > first else None


def numbers(values: Mapping[str, Any], above: str = "") -> dict[str, float]:
    """The finite numbers of nested mappings, by path: {"heldout/web/bpb": 1.8}."""
    found: dict[str, float] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= numbers(value, f"{above}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[f"{above}{key}"] = float(value)
    return found


def plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _reopened(path: Path, after_step: int) -> IO[str]:
    """The record, open to append to, without what is beyond `after_step`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() and after_step else []
    aside = path.with_suffix(".aside")
    aside.write_text("".join(line + "\n" for line in kept if _step(line) <= after_step), encoding="utf-8")
    aside.replace(path)
    return path.open("a", encoding="utf-8")


def _step(line: str) -> float:
    """The step a line is about; beyond every step for a result, or for a line that a kill cut short."""
    try:
        return float(json.loads(line).get("step", "inf"))
    except ValueError:
        return float("inf")


def _over_all(domains: Iterable[Mapping[str, Any]], key: str) -> float:
    """Bits per byte over all domains together; NaN when there was nothing to score."""
    scored = [(record[key], record["num_bytes"]) for record in domains if record["num_bytes"]]
    return sum(bpb * size for bpb, size in scored) / sum(size for _, size in scored) if scored else math.nan


def _line(step: int, steps: int, values: Mapping[str, Any], left: float | None) -> str:
    """A reported step for people: `step  20 of 120   loss 7.310   164 k tokens   9,100/s   0:45 left`."""
    parts = [
        f"step {step:>{len(f'{steps:,}')},} of {steps:,}",
        f"loss {values['loss']:6.3f}",
        f"{_short(values['tokens']):>7} tokens",
        f"{values['tokens_per_second']:>9,.0f}/s",
    ]
    if values.get("mfu") is not None:
        parts.append(f"MFU {values['mfu']:5.1%}")
    waited, worked = values.get("data_seconds") or 0.0, values.get("compute_seconds") or 0.0
    if waited > 0.01 * (waited + worked):
        parts.append(f"{waited / (waited + worked):.0%} waiting for data")
    if left is not None and step < steps:
        parts.append(f"{_clock(left)} left")
    return "   ".join(parts)


def _short(count: float) -> str:
    """Three digits and a unit: 950, 20.5 k, 1.31 M, 12.0 B."""
    for unit, size in (("", 1.0), (" k", 1e3), (" M", 1e6), (" B", 1e9), (" T", 1e12)):
        if count < 999.5 * size or unit == " T":
            break
    scaled = count / size
    return f"{scaled:.{0 if not unit or scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f}{unit}"


def _clock(seconds: float) -> str:
    """0:45, 12:03, 3:05:00; from two days on in days and hours."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
