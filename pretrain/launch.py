"""Starts a training as a child process, passes signals on, and says how it ended. Imports no torch: a flow uses it.

    gristmill, a flow → pretrain.child → python -m pretrain.train                      one process
                                       → python -m pretrain.agent (torchrun) → those   several

In: where corpus, settings and run folder are, and how many processes. Out: an exit code: 0 finished, PAUSED stopped
after a whole step and saved, 1 failed; the trainer's last line says why. torchrun calls every worker that does not end
with 0 a failure, so with several processes the run folder's `status.json` says which of the three it was.

A signal reaches each trainer once: the child has a session of its own, where Ctrl-C at the terminal does not come;
it sends one SIGTERM, and torchrun passes that on. Whatever happens to this process, the trainers save and end.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus.errors import RecipeError
from pretrain import child

PAUSED = 75  # EX_TEMPFAIL of sysexits.h: the same command continues the run

Status = dict[str, Any]


def command(
    corpus: str,
    config: str,
    out: str | Path,
    *,
    steps: int | None = None,
    cache: str | Path | None = None,
    log_to: Sequence[str] = (),
    processes: int = 1,
    nodes: int = 1,
    rendezvous: str = "",
) -> list[str]:
    """What trains: one process, or torchrun with `processes` of them on each of `nodes` machines.

    `rendezvous` is HOST:PORT of one of several machines, the same on all of them; they number themselves. Raises
    RecipeError where there are several and it is missing or no such pair.
    """
    trainer = ["-m", "pretrain.train", corpus, "--config", config, "--out", str(out)]
    trainer += [] if steps is None else ["--steps", str(steps)]
    trainer += [] if cache is None else ["--cache", str(cache)]
    trainer += [word for name in log_to for word in ("--log-to", name)]
    if processes == nodes == 1:
        return [sys.executable, "-u", *trainer]
    meet = ["--standalone", "--local-addr=localhost"]  # the machine's name may be one that nobody resolves
    if nodes > 1:
        if not rendezvous:
            raise RecipeError(f"{nodes} nodes must be told where to meet: --rendezvous HOST:PORT, one of them")
        host, _, port = rendezvous.rpartition(":")
        if not host or not port.isdecimal():
            raise RecipeError(f"--rendezvous {rendezvous}: it must be HOST:PORT, as node0:29400")
        meet = [f"--nnodes={nodes}", "--rdzv-backend=c10d", f"--rdzv-endpoint={rendezvous}", "--rdzv-id=gristmill"]
    return [sys.executable, "-u", "-m", "pretrain.agent", *meet, f"--nproc-per-node={processes}", *trainer]


def read_status(out: str | Path) -> Status | None:
    """The heartbeat in `status.json`: state, step, steps, loss, tokens_per_second, updated; None before the first.

    None as well where it cannot be read, as after a power cut: the trainer writes it anew.
    """
    try:
        status: Status = json.loads((Path(out) / "status.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return status


class Training:
    """A trainer that runs, or ran."""

    def __init__(self, arguments: list[str], out: str | Path, lines: int | None) -> None:
        """Start it; `lines` is where its lines go: None where ours go, subprocess.PIPE to `self.process.stdout`."""
        self.out, self._before = out, read_status(out)
        self._steps = int(arguments[arguments.index("--steps") + 1]) if "--steps" in arguments else None
        wrapped = [sys.executable, "-P", child.__file__, *arguments]
        both = None if lines is None else subprocess.STDOUT
        self.process = subprocess.Popen(
            wrapped, stdin=subprocess.PIPE, stdout=lines, stderr=both, start_new_session=True
        )

    def stop(self) -> None:
        """Ask it to finish its step, save and end. Asking again changes nothing."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """How it ended: 0 finished, PAUSED, or 1 failed."""
        code, status = self.process.wait(), read_status(self.out)
        if code in (1, PAUSED):
            return code
        if code in (128 + signal.SIGTERM, -signal.SIGTERM):  # asked before it or `child` could listen
            return PAUSED
        if status is None or status == self._before:  # nothing was said since the start
            return 0 if code == 0 else 1
        if status["state"] == "paused" and (self._steps is None or status["step"] < self._steps):
            return PAUSED
        return 0 if code == 0 or status["state"] != "running" else 1


@contextmanager
def started(arguments: list[str], out: str | Path, *, lines: int | None = None) -> Iterator[Training]:
    """A trainer that ends with this process; a block left early asks it to save and stop, and waits for it."""
    training = Training(arguments, out, lines)
    process = training.process
    assert process.stdin is not None
    try:
        yield training
    finally:
        process.stdin.close()
        if process.stdout is not None:  # a line into a closed pipe would cost it its last checkpoint
            while process.stdout.read(65536):
                pass
            process.stdout.close()
        process.wait()


def run(arguments: list[str], out: str | Path) -> int:
    """Run a training in the foreground: its lines are ours, Ctrl-C and SIGTERM are passed on. Main thread only."""
    with started(arguments, out) as training:
        signals = (signal.SIGTERM, signal.SIGINT)
        former = {number: signal.signal(number, lambda *_: training.stop()) for number in signals}
        try:
            return training.wait()
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
