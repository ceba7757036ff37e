"""What the flows share: the batches of a stage as task runs, and what a build shows in Prefect.

A task is one batch of parts of one stage and source. It holds no logic: it hands the batch to a worker process, which
runs the same function as a build without Prefect, and waits for it.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import ModuleType
from uuid import UUID

from prefect import get_run_logger, runtime, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote

from corpus import interrupt
from corpus.pool import Pool
from corpus.publish import Published
from corpus.recipe import Recipe
from corpus.stage import Batch, Entry, Part, Stage, in_order, pending, run_batch
from corpus.store import Store
from flows import server
from report.console import Row, funnel, mixture


@task(retries=1, retry_delay_seconds=1, cache_policy=NO_CACHE, persist_result=False)
def run_in_worker(run: "TaskRuns", batch: Batch) -> list[Entry]:
    """One batch, done by a worker process."""
    return run.wait_for(batch)


@dataclass
class TaskRuns:
    """Runs the parts of a stage that are missing as task runs (see `corpus.stage.Run`)."""

    store: Store
    pool: Pool
    threads: ThreadPoolTaskRunner[list[Entry]]
    begun: set[str] = field(default_factory=set)  # names of batches whose task run exists
    stopping: bool = False

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        """One entry a part, in the order of `parts`. Raises what the first failing batch raises."""
        interrupt.check()
        todo = pending(self.store, stage, parts, self.pool.workers)
        get_run_logger().info("%s: %d of %d parts to do", stage.name, todo.num_missing, len(parts))
        if not todo.batches:
            return in_order(parts, todo.done, [])
        progress = create_progress_artifact(0.0, key=stage.name, description=f"{stage.name}: {todo.num_missing} parts")
        assert isinstance(progress, UUID)  # not a coroutine: a flow runs outside of an event loop
        futures = [self._submit(batch, n, len(todo.batches)) for n, batch in enumerate(todo.batches, 1)]
        finished: list[Entry] = []
        for future in as_completed(futures):
            finished += future.result()
            interrupt.check()
            update_progress_artifact(progress, 100 * len(finished) / todo.num_missing)
        return in_order(parts, todo.done, finished)

    def _submit(self, batch: Batch, number: int, of: int) -> PrefectFuture[list[Entry]]:
        named = run_in_worker.with_options(
            name=batch.stage.name,  # not a tag: Prefect asks its server for a slot for every tag of every task run
            task_run_name=" ".join(filter(None, (batch.stage.name, batch.parts[0].source, f"{number}/{of}"))),
            retry_condition_fn=lambda task, run, state: not self.stopping and worth_another_try(state.data),
        )
        return self.threads.submit(named, {"run": quote(self), "batch": quote(batch)})

    def wait_for(self, batch: Batch) -> list[Entry]:
        """Hand a batch to a worker and wait for its entries."""
        self.begun.add(batch.name)
        if self.stopping:
            raise CancelledError("the run was stopped before this batch began")
        return self.pool.submit(run_batch, batch).result()


def worth_another_try(error: object) -> bool:
    """A worker that died (short of memory, most often) or a disk that hiccuped; what explains itself comes again."""
    return isinstance(error, BrokenProcessPool | OSError)


@contextmanager
def task_runs(store: Store, workers: int) -> Iterator[TaskRuns]:
    """A runner with `workers` processes (0: one a core). Left with an error, it ends what is running, at once.

    It waits until the server has written down how every task run ended: an embedded one is about to stop.
    """
    pool = Pool(workers or os.cpu_count() or 1, store)
    threads = ThreadPoolTaskRunner[list[Entry]](max_workers=pool.workers)
    run = TaskRuns(store, pool, threads)
    try:
        with threads, _no_script(), pool, _stopping(run):
            yield run
    finally:
        server.recorded(UUID(runtime.flow_run.id), len(run.begun))


@contextmanager
def _stopping(run: TaskRuns) -> Iterator[None]:
    try:
        yield
    except BaseException:
        run.stopping = True  # before the pool ends its workers: that is no reason to try a batch again
        raise


@contextmanager
def _no_script() -> Iterator[None]:
    """Hide the running script from `multiprocessing`.

    A spawned worker imports its parent's `__main__` again. Here that is a flow or Prefect's own engine, so every worker
    would import Prefect, which takes seconds and 90 MB, for nothing.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def show(recipe: Recipe, store: Store, published: Published) -> None:
    """Ledger, funnel and mixture as artifacts of the run; for a new version an event, `corpus.published`."""
    where = f"{recipe.name}, version {published.version}, in {store.url}"
    ledger = [{name: value for name, value in asdict(count).items() if name != "part"} for count in published.ledger]
    create_table_artifact(ledger, key="ledger", description=f"What became of everything: {where}")
    header, rows = funnel(published.ledger)
    create_table_artifact([dict(zip(header, row, strict=True)) for row in rows], key="funnel", description=where)
    create_markdown_artifact(f"# {where}\n\n{_markdown(*mixture(published.mixture))}", key="mixture", description=where)
    if published.new:
        resource = {"prefect.resource.id": f"gristmill.corpus.{recipe.name}", "prefect.resource.name": recipe.name}
        emit_event("corpus.published", resource, payload={"corpus": store.url, "version": published.version})


def _markdown(header: Row, rows: Sequence[Row]) -> str:
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
