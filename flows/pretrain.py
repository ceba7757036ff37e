"""Training as a Prefect flow: the deployment `pretrain`, started by a schedule or by the event `corpus.published`.

In: a published corpus. Out: checkpoints and metrics in a folder. The trainer is a process of its own, in its own group:
this room imports no torch, a stopped flow stops it, and its lines are the run's log. A trainer that was asked to stop
saves a checkpoint and exits with 75; the next run goes on from there.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State, StateType

from flows import child

PAUSED = 75  # pretrain.train.PAUSED, which cannot be imported here: its module needs torch


@flow(name="pretrain", flow_run_name="pretrain {corpus} {config}")
def pretrain(corpus: str, config: str = "tiny", out: str = "") -> State[int]:
    """Train a model on a corpus, or go on with a training that was stopped.

    Args:
        corpus: Where the corpus lies, a folder or a URL.
        config: A run's TOML: its path, or the name of a bundled one.
        out: Folder for checkpoints and metrics; by default builds/runs/CORPUS-CONFIG.
    """
    folder = out or str(Path("builds") / "runs" / f"{Path(corpus).name}-{Path(config).stem}")
    log = get_run_logger()
    with trainer(corpus, "--config", config, "--out", folder) as process:
        assert process.stdout is not None
        for line in process.stdout:
            log.info(line.rstrip())
        code = process.wait()
    if code == 0:
        return State(type=StateType.COMPLETED, message=f"{folder} holds the model")
    if code == PAUSED:
        return State(type=StateType.COMPLETED, name="Paused", message=f"stopped; run it again to go on from {folder}")
    return State(type=StateType.FAILED, message=f"the trainer ended with exit code {code}; its last lines say why")


@contextmanager
def trainer(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The trainer as a child that ends with this process; left early, it is asked to save and stop, and waited for."""
    command = [sys.executable, "-P", child.__file__, sys.executable, "-u", "-m", "pretrain.train", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None
        try:
            yield process
        finally:
            process.stdin.close()
            for _ in process.stdout or ():  # a line into a closed pipe would cost it its last checkpoint
                pass
            process.wait()  # Popen's own exit waits a quarter of a second after Ctrl-C
