"""The proof that a run reads the same batches and learns the same, wherever it runs and however often it is killed.

In: a corpus, a run's settings, numbers of ranks. Out: claims, each with what was measured. Nothing is simulated: each
run is the trainer itself, in processes of its own (gloo where there are several), and a kill is a SIGKILL to each.

    for each number of ranks w: 2N steps whole; N steps, killed, continued with w ranks; the same continued with others
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from torch.distributed import TCPStore

from corpus.errors import GristmillError, InputError, RecipeError
from pretrain.checkpoint import FOLDER, latest, load_model
from pretrain.config import TrainConfig
from pretrain.metrics import Say, show

NEAR = 1e-2
"""Nats by which losses at different numbers of ranks may differ: sums are rounded in another order, step after step."""


@dataclass(frozen=True)
class Claim:
    """One thing that was to be shown."""

    what: str
    holds: bool
    measured: str


@dataclass(frozen=True)
class Trace:
    """What a run did, by its own record."""

    steps: list[dict[str, Any]]
    """The record of each step."""
    weights: str
    """SHA-256 of the last checkpoint's parameters."""

    @property
    def batches(self) -> list[str]:
        """Digest of each step's global batch."""
        return [step["batch"] for step in self.steps]

    @property
    def losses(self) -> list[float]:
        """Nats a target, of each step."""
        return [step["loss"] for step in self.steps]


def prove(
    corpus_root: str,
    config: TrainConfig,
    folder: Path,
    *,
    half: int = 5,
    worlds: Sequence[int] = (1, 2, 4),
    say: Say = show,
) -> list[Claim]:
    """Run the proof in `folder` with 2 x `half` steps, on the CPU.

    What an earlier proof left there goes. Raises InputError where something else lies there, RecipeError where the
    batch cannot be shared by the ranks, or a run that should end well does not.
    """
    worlds = [*dict.fromkeys(worlds)]
    for world in worlds:
        if world < 1:
            raise RecipeError(f"{world} ranks cannot train: give numbers from 1 on")
        if config.batch_windows % world:
            raise RecipeError(
                f"batch_windows = {config.batch_windows} cannot be shared by {world} ranks: name a divisor of it"
            )
    if any(not path.name.startswith(("whole-", "killed-")) for path in folder.glob("*")):
        raise InputError(f"{folder} holds other things than a proof's runs: name a folder that may be emptied")
    shutil.rmtree(folder, ignore_errors=True)
    config = replace(
        config, steps=2 * half, log_every=1, save_every=half, eval_every=0, device="cpu", threads=1, keep=9
    )  # fmt: skip
    claims, whole = list[Claim](), dict[int, Trace]()

    def claim(what: str, holds: bool, measured: str) -> None:
        claims.append(Claim(what, holds, measured))
        say(f"{'holds ' if holds else 'FAILS '} {what}: {measured}")

    for world in worlds:
        whole[world] = _run(corpus_root, config, folder / f"whole-{world}", world)
        if world != worlds[0]:
            first = whole[worlds[0]]
            claim(f"{_ranks(world)} read the batches of {worlds[0]}", *_same(first.batches, whole[world].batches))
    for place, world in enumerate(worlds):
        killed = folder / f"killed-{world}"
        before = _kill(corpus_root, config, killed, world, half)[:half]
        for other in dict.fromkeys((world, worlds[(place + 1) % len(worlds)])):
            out = folder / f"killed-{world}-continued-{other}"
            shutil.copytree(killed, out)
            trace, name = _run(corpus_root, config, out, other), f"{_ranks(world)} killed, continued with {other}"
            # A step that was done again took another time, to the nanosecond: these were not.
            kept = sum(a == b for a, b in zip(before, trace.steps, strict=False))
            claim(f"{name}: went on from its checkpoint", kept == half, f"{kept} of {half} steps not done again")
            claim(f"{name}: the same batches", *_same(whole[world].batches, trace.batches))
            if other == world:
                equal = trace.losses == whole[world].losses and trace.weights == whole[world].weights
                claim(f"{name}: losses and weights bit for bit", equal, f"weights {trace.weights[:12]}")
            else:
                apart = max(abs(a - b) for a, b in zip(whole[world].losses, trace.losses, strict=True))
                claim(f"{name}: losses near", apart <= NEAR, f"{apart:.1e} nats apart at most")
    return claims


def _ranks(number: int) -> str:
    return "1 rank" if number == 1 else f"{number} ranks"


def _same(expected: Sequence[str], found: Sequence[str]) -> tuple[bool, str]:
    equal = sum(a == b for a, b in zip(expected, found, strict=False))
    return list(expected) == list(found), f"{equal} of {len(expected)} digests equal"


def _run(root: str, config: TrainConfig, out: Path, world: int) -> Trace:
    """A run to its end, and what it did."""
    processes, _meeting = _start(root, config, out, world, last=0)
    try:
        while any(process.is_alive() for process in processes) and not any(process.exitcode for process in processes):
            time.sleep(0.02)  # a rank that lost another before they met would wait for half an hour
        codes = [process.exitcode or 0 for process in processes]
    finally:
        _end(processes)
    if any(codes):
        raise RecipeError(f"the run in {out} did not end well: {_why(codes)}")
    model, _ = load_model(out)
    name = sha256()
    for weight in model.state_dict().values():
        name.update(weight.numpy().tobytes())
    return Trace(_records(out), name.hexdigest())


def _kill(root: str, config: TrainConfig, out: Path, world: int, half: int) -> list[dict[str, Any]]:
    """A run that is killed one step after its checkpoint of step `half` is complete; the steps it recorded."""
    processes, _meeting = _start(root, config, out, world, last=half + 1)
    try:
        while latest(out / FOLDER) is None or len(_records(out)) <= half:
            if not all(process.is_alive() for process in processes):
                why = _why([process.exitcode or 0 for process in processes])
                raise RecipeError(f"the run in {out} ended before it could be killed: {why}")
            time.sleep(0.02)
    finally:
        _end(processes)
    return _records(out)


def _why(codes: Sequence[int]) -> str:
    """What is known of ranks that ended by themselves, from their exit codes; one that a signal ended said nothing."""
    for rank, code in enumerate(codes):
        if code < 0:
            name = signal.Signals(-code).name
            return f"rank {rank} was ended by {name}{': was the machine short of memory?' * (name == 'SIGKILL')}"
    return "its lines above say why"


def _records(out: Path) -> list[dict[str, Any]]:
    """The steps in a run's record; none of a file that is not there yet."""
    try:
        lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = (json.loads(line) for line in lines if line.endswith("}"))
    return [record for record in found if "batch" in record]


def _end(processes: Sequence[BaseProcess]) -> None:
    for process in processes:  # all of them before one is waited for: a rank left alone would lament the others
        process.kill()
    for process in processes:
        process.join()


def _start(root: str, config: TrainConfig, out: Path, world: int, last: int) -> tuple[list[BaseProcess], TCPStore]:
    """The processes of a run, and where they meet, which must last as long: its port is nobody else's meanwhile."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "pretrain.train"])  # torch is read once, not once a rank
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    places = [{"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)} for rank in range(world)]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port)}
    shared |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}  # rank 0 opens none
    processes = [
        context.Process(target=_rank, args=(root, config, out, last, place | shared if world > 1 else {}))
        for place in places
    ]
    for process in processes:
        process.start()
    return list(processes), meeting


def _rank(root: str, config: TrainConfig, out: Path, last: int, place: dict[str, str]) -> None:
    """One rank's process; with `last` it stands still after that step, for somebody to kill it."""
    os.environ.update(place)
    from pretrain.ranks import leave
    from pretrain.train import train

    def say(line: str) -> None:
        if last and line.startswith("step") and len(_records(out)) >= last:
            signal.pause()

    try:
        train(root, config, out, say=say)
    except GristmillError as error:
        show(f"error: {error}")
        leave(1)
    leave(0)
