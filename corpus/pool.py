"""Where batches run: in this process, or in worker processes that start with the first batch.

This module and what it imports know nothing of Prefect, so a worker never pays for importing it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Protocol, TypeVar

from corpus import interrupt
from corpus.errors import DataError
from corpus.stage import Batch, Entry, Part, Stage, in_order, pending, run_batch
from corpus.store import Store

A = TypeVar("A")
R = TypeVar("R")


class Pool:
    """Up to `workers` processes; with one worker, or a store that no other process sees, batches run in this one."""

    def __init__(self, workers: int, store: Store) -> None:
        self.workers = workers if store.shared else 1
        self.started = False  # whether any batch was submitted
        self.closed = False
        self._executor: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def submit(self, work: Callable[[A], R], batch: A) -> Future[R]:
        """Start a batch. A pool whose worker died (out of memory, a crash in a parser) is replaced by a fresh one."""
        self.started = True
        if self.workers == 1:
            return _now(work, batch)
        with self._lock, _ctrl_c_held_back():
            if self.closed:
                raise RuntimeError(f"{getattr(batch, 'name', batch)}: the pool is closed")
            try:
                return self._running().submit(work, batch)
            except BrokenProcessPool:
                self._executor = None
                return self._running().submit(work, batch)

    def _running(self) -> ProcessPoolExecutor:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_prepare_worker)
        return self._executor

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self.closed = True
            executor, self._executor = self._executor, None
        if executor is None:
            return
        if kind is not None:  # nobody wants what is still running
            for process in list((executor._processes or {}).values()):
                process.terminate()
        executor.shutdown(wait=True, cancel_futures=True)


def _now(work: Callable[[A], R], batch: A) -> Future[R]:
    future: Future[R] = Future()
    try:
        future.set_result(work(batch))
    except Exception as error:  # handed to whoever asks for the result, as a process pool does
        future.set_exception(error)
    return future


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """A process that is started within it gets no Ctrl-C before it is ready for one; this thread gets it afterwards."""
    resource_tracker.ensure_running()  # the first worker would start it, which lets signals through again
    former = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which may raise one that came just before it
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _prepare_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and dies when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


class Progress(Protocol):
    """Called when a stage begins, after each batch, and when it ends."""

    def __call__(self, stage: str, done: int, total: int, ran: int) -> None:
        """`done` of `total` parts are there, `ran` of them were done by this run."""


def _silent(stage: str, done: int, total: int, ran: int) -> None:
    pass


@dataclass
class PoolRun:
    """The plain runner: missing parts of a stage go to the pool, entries come back in order."""

    store: Store
    pool: Pool
    progress: Progress = _silent

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        """Run what is missing. Raises what the work raises; a batch whose worker dies twice raises DataError."""
        interrupt.check()
        todo = pending(self.store, stage, parts, self.pool.workers)
        finished: list[Entry] = []
        self.progress(stage.name, len(todo.done), len(parts), 0)
        for entries in self._each(todo.batches):
            finished += entries
            interrupt.check()
            self.progress(stage.name, len(todo.done) + len(finished), len(parts), len(finished))
        return in_order(parts, todo.done, finished)

    def _each(self, batches: Sequence[Batch]) -> Iterator[list[Entry]]:
        if self.pool.workers == 1:
            for batch in batches:
                yield self.pool.submit(run_batch, batch).result()
            return
        running = {self.pool.submit(run_batch, batch): batch for batch in batches}
        died: list[Batch] = []
        while running:
            ready, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                batch = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    died.append(batch)
        for batch in died:  # one at a time: whose fault it was shows
            try:
                yield self.pool.submit(run_batch, batch).result()
            except BrokenProcessPool as error:
                raise DataError(
                    f"{batch.name}: its worker died twice; give workers more memory or fewer at a time (--workers)"
                ) from error
