"""`python -m flows.build` as a user meets it: its result, its history, and what it leaves behind however it ends."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path

ROOT = Path(__file__).parents[2]
ENDS = 600.0  # seconds that a busy machine may need for a build
GOES = 120.0  # and to end what a killed one has left
# A later stage than the first, whose task runs are over then, and something of it to be done: not what the run
# before has finished.
RUNS = re.compile(r"(?<!ingest): [1-9]\d* of \d+ parts to do")

pytestmark = pytest.mark.server


@dataclass
class Finished:
    code: int
    said: str
    left: list[str]  # command lines of processes that are still there long after
    flow_state: str
    task_states: list[str]


def run(recipe: Path, store: Path, environment: dict[str, str], number: signal.Signals | None = None) -> Finished:
    """Run the flow in a session of its own, as a shell does; with a signal, send it when batches are running."""
    mark = uuid.uuid4().hex
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a background shell has it ignored, and children inherit that
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.build", str(recipe), "--store", str(store), "--workers", "2"],
        env={**environment, "GRISTMILL_TEST_MARK": mark},
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    if number:
        for line in process.stdout:
            said.append(line)
            if RUNS.search(line):
                break
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)  # Ctrl-C goes to the whole group
    rest, _ = process.communicate(timeout=ENDS)
    left = _left(mark)
    return Finished(process.returncode, "".join(said) + rest, left, *_history(Path(environment["PREFECT_HOME"])))


def _left(mark: str) -> list[str]:
    until = time.monotonic() + GOES
    while (found := _marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _marked(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def _history(home: Path) -> tuple[str, list[str]]:
    """The state of the last flow run and of its task runs, as a later `prefect server start` will show them."""
    database = sqlite3.connect(home / "prefect.db")
    try:
        ((flow, state),) = database.execute("select id, state_type from flow_run order by created desc limit 1")
        tasks = database.execute("select state_type from task_run where flow_run_id = ?", (flow,))
        return state, [task for (task,) in tasks]
    finally:
        database.close()


def bytes_of(store: Path) -> dict[str, bytes]:
    return {str(file.relative_to(store)): file.read_bytes() for file in store.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def plain(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same corpus, built without Prefect."""
    store = Store(tmp_path_factory.mktemp("plain"))
    with Pool(1, store) as pool:
        path.build(load_recipe(recipe), store, PoolRun(store, pool))
    return Path(store.url)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_every_ending_leaves_history_and_no_process(
    recipe: Path, plain: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """One after the other on one database: Ctrl-C, kill -9, a failure, and the run that finishes what they began."""
    store = tmp_path / "corpus"

    stopped = run(recipe, store, environment, signal.SIGINT)
    assert (stopped.code, stopped.left, stopped.flow_state) == (130, [], "CRASHED"), stopped.said
    assert stopped.task_states, stopped.said
    assert set(stopped.task_states) <= {"COMPLETED", "FAILED", "CRASHED"}, stopped.said
    assert "Traceback" not in stopped.said

    killed = run(recipe, store, environment, signal.SIGKILL)
    assert (killed.code, killed.left) == (-signal.SIGKILL, []), killed.said

    another = tmp_path / "another.toml"
    another.write_text(
        recipe.read_text().replace('"starter"', '"another"').replace('"data"', f'"{recipe.parent}/data"')
    )
    failed = run(another, store, environment)
    assert (failed.code, failed.left, failed.flow_state) == (1, [], "FAILED"), failed.said
    assert failed.said.splitlines()[-1].startswith("error: "), failed.said
    assert "Traceback" not in failed.said

    done = run(recipe, store, environment)
    assert (done.code, done.left, done.flow_state) == (0, [], "COMPLETED"), done.said
    assert len(done.task_states) >= 5, done.said
    assert set(done.task_states) == {"COMPLETED"}, done.said
    assert "Traceback" not in done.said
    assert bytes_of(store) == bytes_of(plain)
    _shows_its_artifacts_and_its_event(Path(environment["PREFECT_HOME"]))


def _shows_its_artifacts_and_its_event(home: Path) -> None:
    database = sqlite3.connect(home / "prefect.db")
    try:
        kinds = dict(database.execute("select key, type from artifact where key is not null"))
        (events,) = database.execute("select count(*) from events where event = 'corpus.published'").fetchone()
    finally:
        database.close()
    assert {"ledger": "table", "funnel": "table", "mixture": "markdown", "encode": "progress"}.items() <= kinds.items()
    assert events == 1


def test_a_mistake_in_the_recipe_costs_one_line_and_no_server(
    recipe: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(recipe.read_text().replace("vocab_size", "vocab_sise"))
    command = [sys.executable, "-m", "flows.build", str(wrong)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "vocab_size" in done.stderr
    assert len(done.stderr.splitlines()) == 1
