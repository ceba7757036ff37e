"""A run's state out to disk, and back.

    OUT/checkpoints/step-00000400/state.pt    tensors: model, optimizers, random generators
    OUT/checkpoints/step-00000400/meta.json   step, position, corpus hashes, settings; written after the tensors
    OUT/checkpoints/latest                    the name of the last complete folder

A checkpoint is written under another name and renamed when complete; `latest` follows by a rename of its own. A kill
at any moment leaves `latest` on a checkpoint that loads.
"""

import json
import os
import pickle
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from corpus.errors import DataError, RecipeError


@dataclass(frozen=True)
class Meta:
    """What a checkpoint is of."""

    step: int
    """Optimizer steps done."""
    position: int
    """Windows consumed: the loader's state."""
    tokenizer_sha256: str
    order_sha256: str
    settings: dict[str, Any]
    """`TrainConfig.identity()` of the run."""


def save(folder: Path, meta: Meta, state: dict[str, Any], *, keep: int) -> Path:
    """Write one checkpoint, point `latest` at it and keep `keep` in all; the checkpoint's folder.

    A step that `latest` already names is left as it is.
    """
    name = f"step-{meta.step:08d}"
    final = folder / name
    if _latest(folder) == name:
        return final
    aside = folder / f".{name}"
    shutil.rmtree(aside, ignore_errors=True)  # left by a kill
    aside.mkdir(parents=True)
    with (aside / "state.pt").open("wb") as file:
        torch.save(state, file)
        _flush(file)
    _write(aside / "meta.json", json.dumps(asdict(meta), indent=1))
    if final.exists():  # complete, but a kill came before `latest`
        shutil.rmtree(final)
    aside.rename(final)
    _write(folder / ".latest", name)
    (folder / ".latest").replace(folder / "latest")
    others = sorted(path for path in folder.glob("step-*") if path != final)
    newer = [path for path in others if path.name > name]  # of a run that a kill threw back to an older `latest`
    older = [path for path in others if path.name < name]
    for path in newer + older[: max(len(older) - keep + 1, 0)]:
        shutil.rmtree(path)
    return final


def load(folder: Path) -> tuple[Meta, dict[str, Any]] | None:
    """The checkpoint that `latest` names, tensors on the CPU; None when the run has none yet.

    Raises DataError when it names one that cannot be read.
    """
    name = _latest(folder)
    if name is None:
        return None
    try:
        meta = Meta(**json.loads((folder / name / "meta.json").read_text(encoding="utf-8")))
        return meta, torch.load(folder / name / "state.pt", map_location="cpu", weights_only=True)
    except (OSError, ValueError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise DataError(
            f"the checkpoint {folder / name} cannot be read ({error}): "
            f"write the name of an older one into {folder / 'latest'}, or train into another folder"
        ) from error


def check(found: Meta, expected: Meta, out: Path) -> None:
    """Refuse to continue on other data (DataError) or with other settings (RecipeError)."""
    for what, key in (("tokenizer", "tokenizer_sha256"), ("token order", "order_sha256")):
        theirs, ours = getattr(found, key), getattr(expected, key)
        if theirs != ours:
            raise DataError(
                f"the run in {out} was trained with {what} {theirs[:12]}, this corpus holds {ours[:12]}: "
                "train on the version it began with, or choose another output folder"
            )
    for key, value in expected.settings.items():
        if found.settings.get(key) != value:
            raise RecipeError(
                f"the run in {out} began with {key} = {found.settings.get(key)}, the settings now say {value}: "
                "change it back, or choose another output folder"
            )


def _latest(folder: Path) -> str | None:
    try:
        return (folder / "latest").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        _flush(file)


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
