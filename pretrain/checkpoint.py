"""A run's state out to disk, and back.

    OUT/checkpoints/step-00000400/*.distcp     tensors, in torch's distributed format: each rank writes its part
    OUT/checkpoints/step-00000400/.metadata    what lies where: any number of ranks can read it
    OUT/checkpoints/step-00000400/meta.json    step, position, corpus hashes, settings, digests of itself and the others
    OUT/checkpoints/latest                     the name of the last complete folder

Tensors are copied when a save begins and written by a thread while training goes on. A checkpoint is written under
another name and renamed when all ranks have written and its metadata is there; `latest` follows by a rename of its own.
A kill at any moment leaves `latest` on a checkpoint that loads.
"""

import hashlib
import json
import os
import pickle
import shutil
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import torch
import torch.distributed.checkpoint as dcp
import xxhash
from torch import nn
from torch.distributed.checkpoint.api import CheckpointException

from corpus.errors import DataError, InputError, RecipeError, StoreError
from corpus.loader import ORDER
from pretrain.config import TrainConfig, config_of, flat
from pretrain.model.build import build_model
from pretrain.ranks import Ranks

FOLDER = "checkpoints"
STEP = "step-" + 8 * "[0-9]"  # beside them may lie what somebody has copied
UNREADABLE = (
    OSError, ValueError, TypeError, RuntimeError, AttributeError, ImportError, EOFError, LookupError,
    pickle.UnpicklingError, CheckpointException,
)  # fmt: skip
"""What a damaged checkpoint, or one of another torch, raises: its `.metadata` is a pickle."""


@dataclass(frozen=True)
class Meta:
    """What a checkpoint is of."""

    step: int
    """Optimizer steps done."""
    position: int
    """Windows consumed: the loader's state."""
    stream: str
    """What was read so far: the chain of the global batches' digests, hex."""
    world_size: int
    tokenizer_sha256: str
    order_sha256: str
    vocab_size: int
    settings: dict[str, Any]
    """`TrainConfig` as plain data."""
    loader_order: int = ORDER
    """What `corpus.loader` reads at a position, by the number of its rule."""
    files: dict[str, str] = field(default_factory=dict, compare=False)
    """XXH3-128 of every other file of the checkpoint by its name, hex; empty in older ones."""
    seal: str = field(default="", compare=False)
    """The same of all that stands here; empty in older ones."""


class Saver:
    """Writes a run's checkpoints, one at a time, while the run goes on."""

    def __init__(self, folder: Path, ranks: Ranks, keep: int) -> None:
        self.folder, self.ranks, self.keep = folder, ranks, keep
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._pending: Future[None] | None = None

    def save(self, meta: Meta, state: dict[str, Any]) -> None:
        """Begin one; returns once the tensors are copied. A step that `latest` names already is left as it is.

        Raises what went wrong with the one before.
        """
        self.wait()
        name = f"step-{meta.step:08d}"
        if latest(self.folder) == name:
            return
        aside = self.folder / f".{name}"
        if self.ranks.rank == 0:
            shutil.rmtree(aside, ignore_errors=True)  # left by a kill
        self.ranks.wait()
        alone = _alone(self.ranks)
        written = dcp.async_save(state, checkpoint_id=aside, process_group=self.ranks.saving, no_dist=alone)
        assert isinstance(written, Future)
        self._pending = self._thread.submit(self._complete, written, aside, meta)

    def wait(self) -> None:
        """Until the last one is complete. Raises StoreError, on all ranks, where one of them could not write it."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        error = pending.exception()
        if error is not None and not isinstance(error, OSError | CheckpointException):
            raise error
        (failed,) = self.ranks.total(torch.tensor(error is not None, dtype=torch.int64))
        if failed:
            why = _cause(error) if error else "rank 0 says why"
            raise StoreError(
                f"a checkpoint could not be written into {self.folder} ({why}): make room, then run again"
            ) from error

    def _complete(self, written: "Future[Any]", aside: Path, meta: Meta) -> None:
        written.result()
        if self.ranks.rank:
            return
        digests = {path.name: _digest(path) for path in sorted(aside.iterdir())}
        meta = replace(meta, files=digests)
        _write(aside / "meta.json", json.dumps(asdict(replace(meta, seal=_seal(meta))), indent=1))
        final = self.folder / aside.name.removeprefix(".")
        if final.exists():  # complete, but a kill came before `latest`
            shutil.rmtree(final)
        aside.rename(final)
        _write(self.folder / ".latest", final.name)
        (self.folder / ".latest").replace(self.folder / "latest")
        others = sorted(path for path in self.folder.glob(STEP) if path != final)
        newer = [path for path in others if path.name > final.name]  # of a run that a kill threw back
        older = [path for path in others if path.name < final.name]
        for path in newer + older[: max(len(older) - self.keep + 1, 0)]:
            shutil.rmtree(path)


def latest(folder: Path) -> str | None:
    """The name of the last complete checkpoint; None where there is none yet. Raises DataError for an empty file.

    Where `latest` is lost, or a kill came before it, the newest folder: what has its name is complete.
    """
    try:
        name = (folder / "latest").read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return max((path.parent.name for path in folder.glob(f"{STEP}/meta.json")), default=None)
    if not name:
        raise DataError(f"{folder / 'latest'} is empty: write the name of a folder beside it into it")
    return name


def read_meta(folder: Path) -> Meta:
    """What one checkpoint's folder says of itself. Raises DataError where it cannot be read."""
    try:
        meta = Meta(**json.loads((folder / "meta.json").read_text(encoding="utf-8")))
        bytes.fromhex(meta.stream)
        for name, kind in get_type_hints(Meta).items():
            if not isinstance(value := getattr(meta, name), get_origin(kind) or kind):
                raise ValueError(f"{name} = {value!r} in meta.json")
        if meta.seal and meta.seal != _seal(meta):
            raise ValueError("meta.json is not what was written")
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(folder, error) from error
    return meta


def verify(folder: Path, meta: Meta, ranks: Ranks | None = None) -> None:
    """Raises DataError, on all ranks, where a file is not what was written. Each rank reads its share of them."""
    rank, size = (ranks.rank, ranks.size) if ranks else (0, 1)
    wrong: Exception | None = None
    for name in sorted(meta.files)[rank::size]:
        try:
            if _digest(folder / name) != meta.files[name]:
                wrong = ValueError(f"{name} is not what was written")
        except OSError as error:
            wrong = error
    failed = torch.tensor(wrong is not None, dtype=torch.int64)
    if ranks.total(failed)[0] if ranks else failed:
        raise _unreadable(folder, wrong or ValueError("another rank says why"))


def load(folder: Path, state: dict[str, Any], ranks: Ranks | None = None) -> None:
    """Fill the tensors of `state` from one checkpoint's folder, however many ranks wrote it.

    Raises DataError where it cannot be read.
    """
    alone = _alone(ranks)
    keys(folder)  # what dcp.load misses it logs with a trace
    try:
        dcp.load(state, checkpoint_id=folder, process_group=None if alone or not ranks else ranks.saving, no_dist=alone)
    except UNREADABLE as error:
        raise _unreadable(folder, error) from error


def keys(folder: Path) -> set[str]:
    """The names of all that a checkpoint holds. Raises DataError where it cannot be read."""
    try:
        return set(dcp.FileSystemReader(folder).read_metadata().state_dict_metadata)
    except UNREADABLE as error:
        raise _unreadable(folder, error) from error


def load_model(path: str | Path) -> tuple[nn.Module, Meta]:
    """The model of a run's folder (its latest checkpoint) or of one checkpoint's, on the CPU, in float32.

    Raises InputError where there is no checkpoint, DataError where it cannot be read.
    """
    folder = checkpoint_at(Path(path))
    meta = read_meta(folder)
    config: TrainConfig = config_of(meta.settings)
    verify(folder, meta)
    model = build_model(config.model, meta.vocab_size, config.sequence_length)
    state = {"model": model.state_dict()}
    load(folder, state)
    model.load_state_dict(state["model"])
    return model.eval(), meta


def checkpoint_at(path: Path) -> Path:
    """The folder of one checkpoint, given it or the run's. Raises InputError where there is none."""
    if (path / "meta.json").is_file():
        return path
    name = latest(path / FOLDER)
    if name is None:
        raise InputError(f"{path} holds no checkpoint: give the folder of a run (`gristmill train --out`) or of a step")
    return path / FOLDER / name


def check(found: Meta, expected: Meta, out: Path) -> None:
    """Refuse to continue on other data (DataError) or with other settings (RecipeError)."""
    for what, key in (("tokenizer", "tokenizer_sha256"), ("token order", "order_sha256")):
        theirs, ours = getattr(found, key), getattr(expected, key)
        if theirs != ours:
            raise DataError(
                f"the run in {out} was trained with {what} {theirs[:12]}, this corpus holds {ours[:12]}: "
                "train on the version it began with, or choose another output folder"
            )
    if found.loader_order != expected.loader_order:
        raise DataError(
            f"the run in {out} reads by order {found.loader_order} of the loader, this release by order "
            f"{expected.loader_order}: continue with the release it began with, or choose another output folder"
        )
    began, now = (flat(json.loads(json.dumps(config_of(meta.settings).identity()))) for meta in (found, expected))
    for key in dict.fromkeys([*now, *began]):
        if began.get(key) != now.get(key):
            raise RecipeError(
                f"the run in {out} began with {key} = {began.get(key)}, the settings now say {now.get(key)}: "
                "change it back, or choose another output folder"
            )


def _alone(ranks: Ranks | None) -> bool:
    """Whether one process saves or loads by itself; torch's warning that it does is not news then."""
    if ranks is not None and ranks.size > 1:
        return False
    warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
    return True


def _unreadable(folder: Path, error: Exception) -> DataError:
    return DataError(
        f"the checkpoint {folder} cannot be read ({_cause(error)}): "
        f"write the name of an older one into {folder.parent / 'latest'}, or train into another folder"
    )


def _cause(error: BaseException) -> str:
    """One line of what went wrong; of several ranks' failures the first."""
    if isinstance(error, CheckpointException) and error.failures:
        failure = next(iter(error.failures.values()))
        return _cause(failure[0] if isinstance(failure, tuple) else failure)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        found: str = hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
    return found


def _seal(meta: Meta) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(asdict(replace(meta, seal=""))).encode())


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
