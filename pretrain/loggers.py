"""Places beside metrics.jsonl that a run's numbers can go to: `--log-to NAME`, each an optional package.

In: names. Out: objects with the four methods of `pretrain.metrics.Logger`. A package is imported when it is asked for,
and told before that to send nothing home. A continued run goes on in the same run of each place: its id is kept in
OUT/loggers.json.

    tensorboard   OUT/tensorboard            tensorboard --logdir OUT/tensorboard
    wandb         OUT/wandb, offline         wandb sync OUT/wandb/offline-run-*; WANDB_MODE=online sends while training
    mlflow        OUT/mlflow.db              mlflow ui --backend-store-uri sqlite:///OUT/mlflow.db
    trackio       its own folder             trackio show --project gristmill; TRACKIO_DIR for another folder

MLFLOW_TRACKING_URI names another MLflow store. A continued run may begin before the last step that these places have
seen. TensorBoard forgets what is beyond, MLflow and trackio then hold a step twice, W&B keeps what it had:
metrics.jsonl is the record.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from corpus.errors import RecipeError
from pretrain.metrics import Logger

PROJECT = "gristmill"
# Read by the packages when they are imported. What the user has set stays; a lost network costs seconds, not minutes.
_QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "WANDB_ERROR_REPORTING": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
_PATIENCE = 60  # seconds that W&B may take to send what is left


def open_loggers(names: Sequence[str], out: Path) -> list[Logger]:
    """The loggers of these names, for the run in the folder `out`. Nothing is written before their `start`.

    Raises RecipeError for an unknown name, or one whose package is not installed.
    """
    for name in names:
        if name not in _LOGGERS:
            raise RecipeError(f"--log-to {name}: unknown; known are {', '.join(_LOGGERS)}")
        if find_spec(name) is None:
            raise RecipeError(f"--log-to {name} needs a package that is not installed: pip install {_INSTALL[name]}")
    for key, value in _QUIET.items() if names else ():
        os.environ.setdefault(key, value)
    return [_LOGGERS[name](out) for name in dict.fromkeys(names)]


class TensorBoard:
    """Event files in OUT/tensorboard."""

    name = "tensorboard"

    def __init__(self, out: Path) -> None:
        self._out, self._step = out, 0

    def start(self, run: Mapping[str, Any]) -> None:
        """A new event file, which tells TensorBoard to forget steps beyond the one that is continued from."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._events = EventFileWriter(str(self._out / "tensorboard"))
        if run["step"]:
            begin = SessionLog(status=SessionLog.START)
            self._events.add_event(Event(wall_time=time.time(), step=run["step"] + 1, session_log=begin))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Scalars, flushed: a run that is killed leaves them."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._step = step
        summary = Summary(value=[Summary.Value(tag=key, simple_value=value) for key, value in values.items()])
        self._events.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        self._events.flush()

    def summary(self, values: Mapping[str, float]) -> None:
        """Under `result/`, at the last step."""
        self.log(self._step, {f"result/{key}": value for key, value in values.items()})

    def close(self) -> None:
        """Close the file."""
        self._events.close()


class WandB:
    """Weights & Biases: offline unless WANDB_MODE says otherwise."""

    name = "wandb"

    def __init__(self, out: Path) -> None:
        self._out = out

    def start(self, run: Mapping[str, Any]) -> None:
        """A run of the project, or the one that is continued."""
        import wandb

        settings = wandb.Settings(
            console="off", disable_git=True, disable_code=True, silent=True, x_disable_machine_info=True,
            init_timeout=_PATIENCE, finish_timeout=_PATIENCE,
        )  # fmt: skip
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT), name=self._out.name, group=_group(self._out),
            id=_id(self._out, self.name, run, lambda: secrets.token_hex(4)), resume="allow", dir=str(self._out),
            mode=os.environ.get("WANDB_MODE", "offline"), config=dict(_flat(run)), settings=settings,
        )  # fmt: skip

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sent by W&B's own process; this one does not wait."""
        self._run.log(dict(values), step=step)

    def summary(self, values: Mapping[str, float]) -> None:
        """The run's summary."""
        self._run.summary.update(dict(values))

    def close(self) -> None:
        """Wait, but not for ever, until what is left is sent."""
        self._run.finish()


class MLflow:
    """An MLflow store: OUT/mlflow.db unless MLFLOW_TRACKING_URI says otherwise."""

    name = "mlflow"

    def __init__(self, out: Path) -> None:
        self._out, self._done = out, False

    def start(self, run: Mapping[str, Any]) -> None:
        """A run of the experiment, with the settings as its parameters, or the one that is continued."""
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        store = f"sqlite:///{(self._out / 'mlflow.db').resolve()}"
        self._client = MlflowClient(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", store))

        def create() -> str:
            found = self._client.get_experiment_by_name(PROJECT)
            experiment = found.experiment_id if found else self._client.create_experiment(PROJECT)
            made = self._client.create_run(experiment, run_name=self._out.name, tags={"group": _group(self._out)})
            told = [Param(key, str(value)[:5000]) for key, value in _flat(run)]  # a value may have 6,000 characters,
            for begin in range(0, len(told), 100):  # a request 100 parameters
                self._client.log_batch(made.info.run_id, params=told[begin : begin + 100])
            return str(made.info.run_id)

        self._id = _id(self._out, self.name, run, create)
        self._client.update_run(self._id, status="RUNNING")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One request for all of a step."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self._client.log_batch(self._id, metrics=[Metric(key, value, now, step) for key, value in values.items()])

    def summary(self, values: Mapping[str, float]) -> None:
        """Under `result/`."""
        self._done = True
        self.log(0, {f"result/{key}": value for key, value in values.items()})

    def close(self) -> None:
        """Finished, or killed as MLflow calls a run that was left before its end."""
        self._client.set_terminated(self._id, status="FINISHED" if self._done else "KILLED")


class Trackio:
    """trackio's own folder on this machine (TRACKIO_DIR), so that runs stand beside each other."""

    name = "trackio"

    def __init__(self, out: Path) -> None:
        self._out, self._step = out, 0

    def start(self, run: Mapping[str, Any]) -> None:
        """A run of the project, or the one that is continued; trackio knows runs by their names."""
        import trackio

        name = _id(self._out, self.name, run, lambda: f"{self._out.name}-{secrets.token_hex(2)}")
        self._run = trackio.init(
            project=PROJECT, name=name, group=_group(self._out), config=dict(_flat(run)), resume="allow", embed=False,
            auto_log_gpu=False, auto_log_cpu=False,
        )  # fmt: skip

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Written by trackio's own thread."""
        self._step = step
        self._run.log(dict(values), step=step)

    def summary(self, values: Mapping[str, float]) -> None:
        """Under `result/`, at the last step."""
        self.log(self._step, {f"result/{key}": value for key, value in values.items()})

    def close(self) -> None:
        """Write what is left."""
        self._run.finish()


_LOGGERS: dict[str, Callable[[Path], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "mlflow": MLflow,
    "trackio": Trackio,
}
_INSTALL = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow-skinny", "trackio": "trackio"}


def _group(out: Path) -> str:
    """Runs that lie in one folder are one group."""
    return out.resolve().parent.name


def _id(out: Path, logger: str, run: Mapping[str, Any], create: Callable[[], str]) -> str:
    """What a place knows this run by: of a run that is continued what loggers.json says, else a new one, kept there."""
    path = out / "loggers.json"
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not run["step"] or logger not in kept:
        kept[logger] = create()
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return kept[logger]


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings by path: settings.model.layers."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
