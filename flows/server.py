"""A Prefect server of our own, for as long as one run lasts.

In: the address of a server, where one is set (PREFECT_API_URL or a profile); then that one is used. Otherwise a server
is started on a free loopback port with Prefect's own database (PREFECT_HOME, by default ~/.prefect), so that
`prefect server start` shows the run afterwards.

Prefect can start such a server by itself, but ends it before the last task runs are written down (16 of 1,000 were, in
one measurement) and leaves it behind when the flow is killed. Here the server is a child that reads our end of a pipe:
when that closes, whether we closed it or were killed, the child stops. `recorded` says when everything is written down.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

START_SECONDS = 300  # a first start migrates the database; a busy machine takes its time
STOP_SECONDS = 60  # what has come is written down first
RECORD_SECONDS = 180

ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    # Task runs reach the database in batches: one at a time, the default, is slower than a flow makes them.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "0.5",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.5",
}
_STARTED = "GRISTMILL_EMBEDDED_SERVER"
EPHEMERAL = {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1", "PREFECT_UI_ENABLED": "0"}


@contextmanager
def serving() -> Iterator[str]:
    """Give the API's address; start a server, and stop it at the end, where none is set.

    Raises GristmillError where it does not answer within START_SECONDS.
    """
    import prefect.settings

    if address := prefect.settings.PREFECT_API_URL.value():
        yield address
        return
    child, address = _start()
    try:
        _wait_until_it_answers(child, address)
        _point_prefect_at(address)
        try:
            yield address
        finally:
            _send_what_is_queued()
    finally:
        _stop(child)


def _start() -> tuple[subprocess.Popen[bytes], str]:
    """A server on a socket that is bound here: nobody takes the port in between, and a request may come early."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        child = subprocess.Popen(
            [sys.executable, "-P", __file__, str(number)],
            stdin=subprocess.PIPE,
            pass_fds=[number],
            start_new_session=True,  # Ctrl-C reaches the flow, not the server that writes down what the flow did
            env={**ENVIRONMENT, **os.environ, **EPHEMERAL},
        )
        return child, f"http://127.0.0.1:{listening.getsockname()[1]}/api"


def _wait_until_it_answers(child: subprocess.Popen[bytes], address: str) -> None:
    import httpx

    from corpus.errors import GristmillError

    try:
        httpx.get(f"{address}/health", timeout=START_SECONDS, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise GristmillError(
            f"Prefect's embedded server did not answer within {START_SECONDS} s ({error}); "
            "run `prefect server start` and set PREFECT_API_URL, or build without Prefect: gristmill build"
        ) from error


def _point_prefect_at(address: str) -> None:
    import prefect.context

    os.environ["PREFECT_API_URL"] = os.environ[_STARTED] = address
    prefect.context.refresh_global_settings_context()  # its threads read the global settings, not ours


def _send_what_is_queued() -> None:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=RECORD_SECONDS, at_exit=False)
    APILogWorker.drain_all(timeout=RECORD_SECONDS, at_exit=False)


def embedded() -> bool:
    """Whether this process' runs are on a server that was started for them."""
    return _STARTED in os.environ


def recorded(flow_run: UUID, num_tasks: int) -> bool:
    """Wait until the API reports `num_tasks` task runs of a flow run as ended; False after RECORD_SECONDS.

    Only an embedded server is waited for: another one goes on after us, and loses nothing.
    """
    if not embedded():
        return True
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, TaskRunFilter, TaskRunFilterState
    from prefect.client.schemas.filters import TaskRunFilterStateType as OfType
    from prefect.client.schemas.objects import TERMINAL_STATES

    ended = TaskRunFilter(state=TaskRunFilterState(type=OfType(any_=list(TERMINAL_STATES))))
    ours = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    until = time.monotonic() + RECORD_SECONDS
    with get_client(sync_client=True) as client:
        while True:
            seen = 0
            while page := client.read_task_runs(flow_run_filter=ours, task_run_filter=ended, limit=200, offset=seen):
                seen += len(page)
            if seen >= num_tasks or time.monotonic() > until:
                return seen >= num_tasks
            time.sleep(0.1)


def _stop(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _serve(number: int) -> None:
    """The child: Prefect's application on the socket with this number, until standard input ends."""
    import uvicorn

    threading.Thread(target=_stop_with_parent, daemon=True).start()
    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        lifespan="on",
        log_level="error",
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=number)])


def _stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
