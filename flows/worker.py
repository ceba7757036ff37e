"""A Prefect worker whose runs can save: `python -m flows.worker ARGUMENTS…` is `prefect worker start ARGUMENTS…`.

Asked to stop, Prefect's process worker kills the processes of its runs, and in a container that is the end of what they
started. Here SIGTERM goes to the runs first: a training saves, its run is Suspended, and then the worker ends.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

from pretrain import child


def main(arguments: list[str]) -> int:
    """Run a worker to its end, and give its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job has it ignored, and Prefect stops by it
    worker = subprocess.Popen([sys.executable, "-m", "prefect", "worker", "start", *arguments], start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop(worker))
    return worker.wait()


def _stop(worker: "subprocess.Popen[bytes]") -> None:
    """Ask every run to stop, once, and the worker when they have: at the latest child.GRACE seconds later."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    asked: set[int] = set()
    until = time.monotonic() + child.GRACE
    while (runs := set(child.children(worker.pid))) and time.monotonic() < until:
        for run in runs - asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(run, signal.SIGTERM)
        asked |= runs
        time.sleep(0.2)
    worker.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
