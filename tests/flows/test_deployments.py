"""prefect.yaml against a real Prefect server with a process worker, both on the loopback interface."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
import yaml

from tests.flows.api import post

ROOT = Path(__file__).parents[2]
STARTS = 300.0  # seconds that a busy machine may need to start a server
ENDS = 600.0
PORTS = range(20_000, 32_000)  # below those that systems give to outgoing connections: one found free stays so

pytestmark = pytest.mark.server


@contextmanager
def running(
    command: list[str], environment: dict[str, str], log: Path, module: str = "prefect"
) -> Iterator["subprocess.Popen[bytes]"]:
    """A Prefect process for as long as the block lasts, its output in `log`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Prefect stops by it, and a background shell ignores it
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *command], env=environment, cwd=log.parent, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


@pytest.fixture(scope="module")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server with the deployments of prefect.yaml and a worker of the pool `gristmill`; gives their environment."""
    logs = tmp_path_factory.mktemp("logs")
    port = _free_port()
    api = f"http://127.0.0.1:{port}/api"
    env = environment | {
        "PREFECT_API_URL": api, "GRISTMILL_HOME": str(ROOT), "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false", "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # at three o'clock a build of the schedule's would begin
    }  # fmt: skip
    with running(["server", "start", "--host", "127.0.0.1", "--port", str(port)], env, logs / "server.log"):
        until = time.monotonic() + STARTS
        while not _answers(f"{api}/health"):
            assert time.monotonic() < until, (logs / "server.log").read_text()
            time.sleep(0.2)
        prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
        pools = [["work-pool", "create", pool, "--type", "process"] for pool in ("gristmill", "gpu")]
        for command in (*pools, ["deploy", "--all"], ["deploy", "--all"]):  # twice, as a second `compose up` does
            done = subprocess.run([*prefect, *command], env=env, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        with running(["worker", "start", "--pool", "gristmill"], env, logs / "worker.log"):
            yield env | {"LOG": str(logs / "worker.log")}


def _free_port() -> int:
    for port in random.sample(PORTS, len(PORTS)):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")


def _answers(address: str) -> bool:
    try:
        return bool(post(address))
    except HTTPError as error:
        error.close()
        return False
    except (URLError, ConnectionError, TimeoutError):
        return False


def test_the_starter_build_runs_through_its_deployment(server: dict[str, str], tmp_path: Path) -> None:
    api, store = server["PREFECT_API_URL"], tmp_path / "corpus"
    deployment = post(f"{api}/deployments/name/build/build")
    parameters = {"store": str(store)}  # the recipe is the deployment's own: the bundled starter
    # 1. a run through the deployment, to its end
    flow_run = post(f"{api}/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})["id"]
    until = time.monotonic() + ENDS
    while (state := post(f"{api}/flow_runs/{flow_run}")["state_type"]) not in ("COMPLETED", "FAILED", "CRASHED"):
        assert time.monotonic() < until, Path(server["LOG"]).read_text()
        time.sleep(0.5)
    assert state == "COMPLETED", Path(server["LOG"]).read_text()
    # 2. what people see of it
    ours = {"flow_runs": {"id": {"any_": [flow_run]}}}
    tasks = _eventually(lambda: _all_over(post(f"{api}/task_runs/filter", ours)))
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    assert {"ingest web 1/4", "score books 2/4"} <= {task["name"] for task in tasks}
    artifacts = {item["key"]: item["type"] for item in post(f"{api}/artifacts/filter", ours)}
    assert {"ledger": "table", "funnel": "table", "mixture": "markdown"}.items() <= artifacts.items()
    # 3. the corpus, and the training that its event starts
    assert (store / "versions" / "0001.json").exists()
    training = {"flows": {"name": {"any_": ["pretrain"]}}}
    runs = _eventually(lambda: [run for run in post(f"{api}/flow_runs/filter", training) if not run["auto_scheduled"]])
    assert [run["parameters"]["corpus"] for run in runs] == [str(store)]
    assert runs[0]["parameters"]["version"] == 1
    post(
        f"{api}/flow_runs/{runs[0]['id']}/set_state", {"state": {"type": "CANCELLING"}}
    )  # no training in this checkout


def _all_over(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return tasks if all(task["state_type"] in ("COMPLETED", "FAILED", "CRASHED") for task in tasks) else []


def _eventually(look: Any) -> Any:
    until = time.monotonic() + ENDS
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.5)
    assert found
    return found


def test_every_deployment_is_registered_with_its_schedule(server: dict[str, str]) -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    for one in declared:
        there = post(f"{server['PREFECT_API_URL']}/deployments/name/{one['name']}/{one['name']}")
        assert there["entrypoint"] == one["entrypoint"]
        assert [each["schedule"]["cron"] for each in there["schedules"]] == [each["cron"] for each in one["schedules"]]
        assert there["global_concurrency_limit"]["limit"] == 1


def test_a_training_outlives_its_worker_and_is_cancelled(
    server: dict[str, str], recipe: Path, tmp_path: Path, long_training: Path
) -> None:
    api, corpus, out = server["PREFECT_API_URL"], tmp_path / "corpus", tmp_path / "out"
    build = [sys.executable, "-m", "gristmill", "build", str(recipe), "--store", str(corpus), "--workers", "1"]
    subprocess.run(build, check=True, capture_output=True, cwd=ROOT)
    deployment = post(f"{api}/deployments/name/pretrain/pretrain")["id"]
    parameters = {"corpus": str(corpus), "config": str(long_training), "out": str(out)}
    run = post(f"{api}/deployments/{deployment}/create_flow_run", {"parameters": parameters})["id"]
    worker, log = ["--pool", "gpu"], tmp_path / "worker.log"

    def state() -> str:
        return str(post(f"{api}/flow_runs/{run}")["state_name"])

    # 1. the worker is asked to stop: the trainer saves, the run is suspended
    with running(worker, server, log, "flows.worker") as process:
        _eventually(lambda: _step(out) > 5)
        process.terminate()
        assert process.wait(ENDS) == 0, log.read_text()
    assert state() == "Suspended", log.read_text()
    stopped = _step(out)
    # 2. resumed, it goes on where it was; cancelled, it has saved again
    post(f"{api}/flow_runs/{run}/resume", {})
    with running(worker, server, log, "flows.worker"):
        _eventually(lambda: _step(out) > stopped + 5)
        post(f"{api}/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        _eventually(lambda: state() == "Cancelled")
        assert f"continuing {out} from step" in log.read_text()
    steps = (out / "metrics.jsonl").read_text().splitlines()
    assert (out / "checkpoints" / "latest").read_text().strip() == f"step-{json.loads(steps[-1])['step']:08d}"


def _step(out: Path) -> int:
    """The step that a training has reported last."""
    status = out / "status.json"
    return int(json.loads(status.read_text())["step"]) if status.exists() else 0
