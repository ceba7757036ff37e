"""The demo's training as `make demo` runs it: the whole command, with two seeds."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from starter import ROOT, starter


def main() -> None:
    """Print ratio, bits per byte, wall and CPU seconds of each run."""
    corpus, tiny = starter(), (ROOT / "pretrain/tiny.toml").read_text(encoding="utf-8")
    for seed in (0, 1):
        with tempfile.TemporaryDirectory() as folder:
            config, out = Path(folder) / "tiny.toml", Path(folder) / "run"
            config.write_text(f"seed = {seed}\n{tiny}", encoding="utf-8")
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            command = [sys.executable, "gristmill.py", "train", corpus, "--config", str(config), "--out", str(out)]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found = json.loads((out / "result.json").read_text(encoding="utf-8"))
        each = ", ".join(f"{name} {score['ratio']:.3f}" for name, score in found["per_domain"].items())
        print(
            f"seed {seed}: {found['ratio']:.3f} x the unigram model's bits per byte ({each}), "
            f"{seconds:.0f} s of wall clock, {cpu:.0f} CPU-seconds on {os.cpu_count()} cores",
            flush=True,
        )
