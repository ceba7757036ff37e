"""What Prefect costs: the build as a flow against the plain build, beside Prefect's own empty flow.

    python benchmarks/flow_overhead.py [RECIPE] [--runs 3]

Each command is a process of its own, into an empty store, in turn: plain, flow, empty. Prints wall seconds and the
medians; the flow may cost at most what the empty flow does, and 3 s.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY = """
from prefect import flow, task

@task
def nothing(): pass

@flow
def empty():
    nothing()

if __name__ == "__main__":
    empty()
"""


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall seconds of a command that must succeed."""
    start = time.monotonic()
    subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    return time.monotonic() - start


def main() -> None:
    """Run the three in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="recipes/starter.toml")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty.py").write_text(EMPTY)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT")}
        environment |= {"PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1"}
        rows: dict[str, list[float]] = {"plain": [], "flow": [], "empty": []}
        seconds([sys.executable, str(folder / "empty.py")], environment)  # migrates the database
        for number in range(given.runs):
            store = ["--store", str(folder / f"plain-{number}")]
            rows["plain"].append(
                seconds([sys.executable, "-m", "gristmill", "build", given.recipe, *store], environment)
            )
            store = ["--store", str(folder / f"flow-{number}")]
            rows["flow"].append(seconds([sys.executable, "-m", "flows.build", given.recipe, *store], environment))
            rows["empty"].append(seconds([sys.executable, str(folder / "empty.py")], environment))
    for name, times in rows.items():
        print(f"{name:6}", "  ".join(f"{each:6.1f}" for each in times), f"  median {statistics.median(times):.1f} s")
    median = {name: statistics.median(times) for name, times in rows.items()}
    print(f"flow - plain - empty = {median['flow'] - median['plain'] - median['empty']:+.1f} s (bar: +3 s)")


if __name__ == "__main__":
    main()
