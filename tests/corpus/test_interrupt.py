"""A Ctrl-C stops a build, also one that comes where Python can raise nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from corpus import interrupt
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path


class Dying:
    """What a destructor raises is printed, and gone."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_lost_interrupt_stops_the_build_at_the_next_batch(world: Path) -> None:
    recipe, seen = load_recipe(world), []

    def progress(stage: str, done: int, total: int, ran: int) -> None:
        seen.append(stage)
        if len(seen) == 2:
            Dying()

    store = Store(recipe.store_url)
    with interrupt.remembered(), Pool(1, store) as pool, pytest.raises(KeyboardInterrupt):
        path.build(recipe, store, PoolRun(store, pool, progress))
    assert len(seen) == 2
    interrupt.check()  # of the next build, nobody asked anything
    with Pool(1, store) as pool:
        assert path.build(recipe, store, PoolRun(store, pool)).new


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_is_raised_at_once() -> None:
    with interrupt.remembered(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


STARTING = """
import os, signal, sys

if __name__ == "__mp_main__":  # in a worker, before its initializer
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGINT)

from corpus.pool import Pool
from corpus.store import Store

if __name__ == "__main__":
    with Pool(2, Store(sys.argv[1])) as pool:
        print(pool.submit(abs, -3).result())
"""


def test_a_worker_that_is_still_starting_leaves_an_interrupt_to_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "starting.py"
    script.write_text(STARTING)
    command = [sys.executable, str(script), str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_an_interrupt_in_the_last_moment_leaves_later_ones_their_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = signal.pthread_sigmask

    def interrupted(how: int, which: Iterable[int]) -> set[signal.Signals | int]:
        before = block(how, which)
        if how == signal.SIG_BLOCK and which == {signal.SIGINT}:
            raise KeyboardInterrupt  # as the function itself does where one came just before it
        return before

    monkeypatch.setattr(signal, "pthread_sigmask", interrupted)
    with Pool(2, Store(tmp_path)) as pool, pytest.raises(KeyboardInterrupt):
        pool.submit(abs, -3)
    assert signal.SIGINT not in block(signal.SIG_BLOCK, ())


def test_an_ignored_interrupt_stays_ignored() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupt.remembered():
            signal.raise_signal(signal.SIGINT)
            interrupt.check()
    finally:
        signal.signal(signal.SIGINT, former)
