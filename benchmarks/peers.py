"""What benchmarks have in common: peers in environments of their own, sides in processes of their own, one table.

A side is a script below ``sides/`` that prints one line ``RESULT {…}``; `run` gives what stands there. An environment
is made once, below ``builds/peers``.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PEERS = {
    "trafilatura": ["trafilatura==2.3.1", "lxml_html_clean"],
    "datatrove": ["datatrove[io]==0.10.1", "trafilatura==2.3.1", "lxml_html_clean"],
    "datatrove-minhash": ["datatrove[io]==0.10.1", "spacy>=3.8,<3.9", "regex", "tokenizers", "xxhash<4"],
    "fastwarc": ["fastwarc==2.0.1"],
    "resiliparse": ["resiliparse==2.0.1"],
    "datasketch": ["datasketch==2.0.0", "pyarrow==26.0.1", "xxhash"],
    "faker": ["faker==40.54.0"],
    "loaders": [  # their pins contradict each other: what stands behind --no-deps is installed so
        "--requirement=tests/interop/imports.txt",
        "--no-deps",
        "--requirement=tests/interop/readers.txt",
    ],
    "rensa": ["rensa==0.5.0", "pyarrow==26.0.1", "numpy"],
    "kitoken": ["kitoken==0.11.1"],
    "tokenizers": ["tokenizers==0.23.3"],
}


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None for what is only told."""

    what: str
    ours: str
    peer: str
    bar: str
    met: bool | None


def python_of(peer: str) -> str:
    """The Python of a peer's environment, which is made where it is missing."""
    if peer == "gristmill":
        return sys.executable
    folder = ROOT / "builds/peers" / peer
    if not (folder / "ready").exists():
        print(f"making an environment for {peer} in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        cut = PEERS[peer].index("--no-deps") if "--no-deps" in PEERS[peer] else len(PEERS[peer])
        for packages in filter(None, (PEERS[peer][:cut], PEERS[peer][cut:])):
            command = [folder / "bin/python", "-m", "pip", "install", "--quiet", *packages]
            subprocess.run(command, cwd=ROOT, check=True)
        (folder / "ready").touch()
    return str(folder / "bin/python")


def run(peer: str, script: str, *arguments: object, limit: float | None = None) -> dict[str, Any]:
    """What a side's script prints after RESULT.

    With a limit in seconds, a side that takes longer or fails does not end the benchmark: it gives {"failed": why}.
    """
    command = [python_of(peer), str(ROOT / f"benchmarks/sides/{script}.py"), *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if peer == "gristmill":
        environment["PYTHONPATH"] = str(ROOT)
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {limit:.0f} s"}
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if done.returncode and limit is not None:
        return {"failed": (done.stderr.splitlines() or [f"exit status {done.returncode}"])[-1][:200]}
    if done.returncode or not found:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(found[1])
    return result


def needed(path: Path) -> Path:
    """A file or folder of the corpus beside the project. Ends the benchmark with one line where it is not there."""
    if not path.exists():
        sys.exit(f"{path.resolve()} is not there: this section reads the corpus that stands beside the project")
    return path


def print_head() -> None:
    """The head of the table."""
    print("| what | gristmill | peers | bar | met |\n|---|---|---|---|---|", flush=True)


def print_rows(rows: Iterable[Row]) -> None:
    """Lines of the table, each as soon as it is measured."""
    for row in rows:
        met = {True: "yes", False: "**no**", None: ""}[row.met]
        print(f"| {row.what} | {row.ours} | {row.peer} | {row.bar} | {met} |", flush=True)
