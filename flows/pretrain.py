"""Training as a Prefect flow: the deployment `pretrain`, started by a schedule or by the event `corpus.published`.

In: a published corpus. Out: checkpoints and metrics, in a folder for each version of the corpus. The trainers are
processes of their own (`pretrain.launch`): this room imports no torch, their lines are the run's log, and what they
write into the run folder becomes a progress bar and two tables. How a run ends:

    trained                                     Completed
    the trainer failed                          Failed, with its last words; a retry is the same command and goes on
    suspended in the UI, or SIGTERM or Ctrl-C   saved, then Suspended: Resume goes on; without a deployment, which
                                                Prefect's resuming needs, Completed with the name Paused
    cancelled                                   saved, then Cancelled
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal
from prefect.flow_runs import suspend_flow_run
from prefect.states import Completed, Failed

from corpus.errors import GristmillError
from corpus.store import Store
from corpus.version import current
from pretrain import launch

LOOK_SECONDS = 5.0  # between two looks at the run folder
TAIL = 1 << 16  # bytes of metrics.jsonl that a table is made of
SHOWN = ("step", "loss", "tokens_per_second", "mfu", "data_seconds", "compute_seconds")


@flow(name="pretrain", flow_run_name="pretrain {corpus} {config}")
def pretrain(
    corpus: str,
    config: str = "tiny",
    out: str = "",
    processes: int = 1,
    steps: int | None = None,
    cache: str | None = None,
    version: int | None = None,
) -> State[Any]:
    """Train a model on a corpus, or go on with a training that was stopped.

    Args:
        corpus: Where the corpus lies, a folder or a URL.
        config: A run's TOML: its path, or the name of a bundled one.
        out: Folder for checkpoints and metrics; by default builds/runs/CORPUS-VERSION-CONFIG.
        processes: How many trainers: one for each GPU of the machine.
        steps: Stop after so many steps of the run in all.
        cache: Folder for shards of a corpus in an object store.
        version: The version of the corpus that the folder is for; by default the current one at the first start.
    """
    try:
        folder = Path(out or default_folder(corpus, config, version))
    except GristmillError as error:
        return Failed(message=str(error))
    arguments = launch.command(corpus, config, folder, steps=steps, cache=cache, processes=processes)
    last, asked = "", None
    progress = Progress(folder)
    with launch.started(arguments, folder, lines=subprocess.PIPE) as training:
        assert training.process.stdout is not None
        while True:
            try:
                last = follow(training, training.process.stdout, progress) or last
                break
            except (KeyboardInterrupt, TerminationSignal) as signal:
                asked = signal
                training.stop()
        code = training.wait()
    progress.show(ended=True)
    return outcome(code, folder, last, asked)


def default_folder(corpus: str, config: str, version: int | None) -> Path:
    """A folder for each version of a corpus: another version is other data, which a training does not go on with."""
    if version is None:
        version = current(Store(corpus))
        _pin(version)
    return Path("builds") / "runs" / f"{Path(corpus).name}-{version:04d}-{Path(config).stem}"


def _pin(version: int) -> None:
    """Write the version into the run's parameters: resumed, it goes on in the same folder, whatever came out since."""
    context = FlowRunContext.get()
    if context and context.flow_run and context.flow_run.deployment_id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(context.flow_run.id, parameters=context.flow_run.parameters | {"version": version})


def follow(training: launch.Training, output: IO[bytes], progress: "Progress") -> str:
    """Log the trainer's lines and show its progress until it ends; its last line, an error where it said one."""
    log, context = get_run_logger(), FlowRunContext.get()
    last, errors = "", []
    for line in lines(output, LOOK_SECONDS):
        if line:
            log.info(line)
            last = line
            errors += [line] if line.startswith(("error: ", "error of rank ")) else []
        if context and context.flow_run_suspension_request.is_requested():
            training.stop()
        progress.show()
    return cause(errors) or last


def cause(errors: Sequence[str]) -> str:
    """Of a trainer's error lines the one that says why it ended: rank 0's or torchrun's last, else the first of another
    rank, for those behind it may only have lost that one. Empty where there is none."""
    return next((line for line in reversed(errors) if line.startswith("error: ")), errors[0] if errors else "")


def lines(output: IO[bytes], seconds: float) -> Iterator[str]:
    """The lines of a pipe as they come, and an empty one whenever so many seconds passed without any."""
    rest = b""
    while True:
        if not select.select([output], [], [], seconds)[0]:
            yield ""
            continue
        read = os.read(output.fileno(), 1 << 16)
        *whole, rest = (rest + read).split(b"\n")
        yield from (line.decode(errors="replace").rstrip() for line in whole)
        if not read:
            yield rest.decode(errors="replace")
            return


def outcome(code: int, folder: Path, last: str, asked: BaseException | None) -> State[Any]:
    """The state that an ended trainer leaves its run in; suspends a run that can be resumed.

    Raises `asked` again where somebody else has said what becomes of the run: who cancels it.
    """
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    context.flow_run_suspension_request.raise_if_requested()
    if asked is not None:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(context.flow_run.id).state
        if state is not None and not state.is_running():
            raise asked
    if code == 0:
        return Completed(message=f"{folder} holds the model")
    if code != launch.PAUSED:
        return Failed(message=last.removeprefix("error: ") or f"the trainer ended with exit code {code}")
    if context.flow_run.deployment_id:
        suspend_flow_run(key=str(uuid4()))  # the default key is the same in a resumed run, which would not stop again
    return Completed(name="Paused", message=f"stopped and saved; run it again to go on from {folder}")


class Progress:
    """What a run folder says, as artifacts: a bar that moves, and tables at every tenth of the way."""

    def __init__(self, folder: Path) -> None:
        """The bar stands before the trainer starts: made later, a signal could part it from its id, and leave two."""
        self.folder, self.found = folder, launch.read_status(folder)
        self.seen = self.found
        self.looked, self.tenth = 0.0, -1
        described = describe(self.found) if self.found else "starting"
        bar = create_progress_artifact(_percent(self.found), key="training", description=described)
        assert isinstance(bar, UUID)  # not the coroutine that it is in a flow of `async def`
        self.bar = bar

    def show(self, *, ended: bool = False) -> None:
        """Show what is new since the last look, LOOK_SECONDS ago or more; at the end, what is new since the start."""
        if time.monotonic() - self.looked < LOOK_SECONDS and not ended:
            return
        self.looked, status = time.monotonic(), launch.read_status(self.folder)
        if status is None or status == (self.found if ended else self.seen):
            return
        self.seen = status
        percent, described = _percent(status), describe(status)
        update_progress_artifact(self.bar, percent, description=described)
        if status.get("loss") is not None and (ended or int(percent / 10) > self.tenth):
            self.tenth = int(percent / 10)
            create_markdown_artifact(tables(self.folder), key="metrics", description=described)


def _percent(status: launch.Status | None) -> float:
    return 100 * status["step"] / max(status["steps"], 1) if status else 0.0


def describe(status: launch.Status) -> str:
    """A heartbeat in a line."""
    said = f"{status['state']}: step {status['step']:,} of {status['steps']:,}"
    loss, speed = status.get("loss"), status.get("tokens_per_second")
    return said + (f", loss {loss:.3f}" if loss is not None else "") + (f", {speed:,.0f} tokens/s" if speed else "")


def tables(folder: Path) -> str:
    """The last steps that were reported, and the last held-out result, in Markdown."""
    records = list(last_records(folder / "metrics.jsonl"))
    steps = [{key: each[key] for key in SHOWN if each.get(key) is not None} for each in records if "loss" in each]
    scored = (each.get("heldout") or each.get("per_domain") for each in reversed(records))  # on the way; at the end
    heldout: dict[str, Any] = next(filter(None, scored), {})
    domains = [{"domain": name} | {key: score[key] for key in ("bpb", "ratio")} for name, score in heldout.items()]
    title = "Held-out bits per byte, and their ratio to the unigram-token model's"
    return f"# {folder}\n\n{_table(steps[-10:])}" + (f"\n\n{title}\n\n{_table(domains)}" if domains else "")


def last_records(path: Path) -> Iterator[dict[str, Any]]:
    """The whole records in the last TAIL bytes of a JSONL file that another process writes."""
    if not path.exists():
        return
    with path.open("rb") as file:
        start = max(file.seek(0, os.SEEK_END) - TAIL, 0)
        file.seek(start)
        found = file.read().split(b"\n")
    for line in found[1 if start else 0 : -1]:  # a first one may lack its head, a last one its tail
        yield json.loads(line)


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Nothing was reported yet."
    header = [*rows[-1]]
    cells = [[_shown(row.get(name, "")) for name in header] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *cells))


def _shown(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
