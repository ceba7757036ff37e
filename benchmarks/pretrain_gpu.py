"""MFU, memory and the time in data on one GPU: `single_gpu` (124 M) and `single_gpu_1b` (1 B), a process each.

The corpus is made up, random ids in documents of lognormal length: what is learned from it does not matter, how fast
does. A size that fails or takes too long is told so, and the other is measured all the same; all is done in 8 minutes.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from peers import ROOT
from tokens_loader import made, publish

from corpus.store import Store

# Settings, steps of a report (about five seconds each), the bar, seconds at most: most of them compile.
SIZES = (("single_gpu", 5, 0.36, 190), ("single_gpu_1b", 1, 0.45, 260))


def main() -> None:
    """Print speed, MFU, the share of time in data, memory and a profile of both sizes; without a GPU say so."""
    import torch

    if not torch.cuda.is_available():
        print("no CUDA device here: nothing measured")
        return
    now, python = datetime.now(UTC), sys.version.split()[0]
    print(f"{now:%Y-%m-%d %H:%M} UTC, torch {torch.__version__}, Python {python}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "corpus")
        publish(store, *made(store, 48_000_000, 16_000_000))
        for name, every, bar, limit in SIZES:
            side = ROOT / "benchmarks/sides/gpu_steps.py"
            ended = within(limit, [sys.executable, str(side), name, store.url, str(every), str(bar)])
            if ended:
                print(f"{name}: {ended}", flush=True)


def within(limit: float, command: list[str]) -> str:
    """Run a command and, after `limit` seconds, end it and what it has started; why it did not do its work, or ""."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as process:
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"not done after {limit:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return f"failed, exit status {status}" if status else ""
