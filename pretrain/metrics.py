"""What a run reports: one JSON object a line to a file, always; a short line to whoever watches.

The file is the record: `{"step": 10, "loss": 7.31, "tokens": 20480, "lr_scale": 1.0, "tokens_per_second": 9100.0}` per
reported step, and one last object with the held-out result. A continued run drops what was reported beyond the step
it continues from, so every step stands there once.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

Say = Callable[[str], None]


def show(line: str) -> None:
    """Print, also when the output is a pipe that somebody follows; nobody listening any more is no reason to end."""
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


class Metrics:
    """Appends to `path`, and says the same in words."""

    def __init__(self, path: Path, *, after_step: int, say: Say) -> None:
        self.say = say
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = path.read_text(encoding="utf-8").splitlines() if path.exists() and after_step else []
        aside = path.with_suffix(".aside")
        aside.write_text("".join(line + "\n" for line in kept if _step(line) <= after_step), encoding="utf-8")
        aside.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def step(
        self, step: int, steps: int, *, loss: float, tokens: int, lr_scale: float, tokens_per_second: float
    ) -> None:
        """One reported step: its loss in nats per token, the tokens trained on so far, the speed since the last."""
        self._write(step=step, loss=loss, tokens=tokens, lr_scale=lr_scale, tokens_per_second=tokens_per_second)
        self.say(
            f"step {step:>6,} of {steps:,}   loss {loss:6.3f}   {tokens:>13,} tokens   {tokens_per_second:>9,.0f}/s"
        )

    def result(self, **values: object) -> None:
        """The last line of a finished run."""
        self._write(**values)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **values: object) -> None:
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()


def _step(line: str) -> float:
    """The step a line is about; beyond every step for a result, or for a line that a kill cut short."""
    try:
        return float(json.loads(line).get("step", "inf"))
    except ValueError:
        return float("inf")
