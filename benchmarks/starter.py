"""The starter corpus for benchmarks: built once, in builds/starter, as `make demo` does it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def starter() -> str:
    """The folder of the built starter corpus."""
    folder = ROOT / "builds/starter"
    if not (folder / "versions/current").exists():
        subprocess.run([sys.executable, "gristmill.py", "build", "recipes/starter.toml"], cwd=ROOT, check=True)
    return str(folder)
