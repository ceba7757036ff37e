"""Runs a command that must not outlive its parent: `python child.py COMMAND …`, standard input a pipe from the parent.

The command gets a process group of its own, so that a Ctrl-C at the terminal does not reach it beside us. It is asked
to stop by one SIGTERM, however often we are asked: by SIGTERM, by SIGINT, or by the end of the pipe, whether the parent
closed it or was killed. GRACE seconds later its group is killed, and what it left. The exit code is the command's.

On Linux two ways to leave processes behind are closed as well: a command whose `child.py` is killed gets the SIGTERM
from the kernel, and a process that loses its parent (each worker of torchrun has a session of its own, and stays when
torchrun is killed) becomes ours: it is asked to stop, waited for, and killed in the end. Needs only the standard
library, so that it costs a child of a flow no import of Prefect, and one of a trainer none of torch.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

GRACE = 300.0  # seconds for a last checkpoint
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)


def main(command: list[str]) -> int:
    """Run the command to its end, and give its exit code (128 + n when signal n ended it)."""
    heard, ask = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(ask, b"."))
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
    )
    asked: list[float] = []
    threading.Thread(target=_stop_once, args=[process.pid, heard, asked], daemon=True).start()
    code = process.wait()
    _end_orphans((asked[0] if asked else time.monotonic()) + GRACE)
    _send(process.pid, signal.SIGKILL)  # whatever the command left of its group, where there are no orphans of ours
    if code < 0 and code != -signal.SIGTERM:  # it could say nothing itself
        print(f"error: the trainer was ended by {signal.Signals(-code).name}", file=sys.stderr, flush=True)
    return code if code >= 0 else 128 - code


def _stop_once(group: int, heard: int, asked: list[float]) -> None:
    """Waits for the first reason to stop, and notes when. torchrun would leave its workers at a second signal."""
    select.select([0, heard], [], [])
    asked.append(time.monotonic())
    _send(group, signal.SIGTERM)
    time.sleep(GRACE)
    _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_orphans(until: float) -> None:
    """Ask every process that the command left to stop, once; kill what is there at `until`."""
    asked: set[int] = set()
    while _any_left():
        for orphan in children(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                if time.monotonic() > until:
                    os.kill(orphan, signal.SIGKILL)
                elif orphan not in asked:
                    os.kill(orphan, signal.SIGTERM)
            asked.add(orphan)
        time.sleep(0.02)


def _any_left() -> bool:
    """Whether a child of ours runs; buries those that do not."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def children(pid: int) -> Iterator[int]:
    """The processes that a process has for children, where there is a /proc."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the thread above may still be waiting
