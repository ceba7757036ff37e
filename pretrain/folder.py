"""A run's folder: who may write there, and what it says of the run from the start.

In: a run and the corpus it reads. Out: OUT/run.json, the tokenizer, and OUT/lock, which one run holds at a time.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from corpus.errors import DataError, StoreError
from corpus.version import read_version
from pretrain import checkpoint
from pretrain.config import load_run
from pretrain.ranks import Ranks
from pretrain.run import Run, record


@contextmanager
def held(out: Path, ranks: Ranks) -> Iterator[None]:
    """Within it no other run writes into `out`. The lock ends with the process, at the latest.

    Raises StoreError, on all ranks, where another run does or the folder cannot be made, and for what fails in writing.
    """
    lock, why = -1, ""
    if ranks.rank == 0:
        try:
            out.mkdir(parents=True, exist_ok=True)
            lock = os.open(out / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            why = f"another run writes into {out}: wait for it, stop it, or name another folder"
        except OSError as error:
            if lock < 0:  # else a file system without locks
                why = f"{error.filename or out} cannot be written ({error.strerror}): name another folder"
    try:
        (failed,) = ranks.total(torch.tensor(len(why)))
        if failed:
            raise StoreError(why or f"{out} cannot be had: rank 0 says why")
        yield
    except OSError as error:
        why = error.strerror or next(iter(str(error).splitlines()), type(error).__name__)
        raise StoreError(f"{error.filename or out}: {why}; put it right, then run again to continue") from error
    finally:
        if lock >= 0:
            os.close(lock)


def version_of(out: Path) -> int | None:
    """The version of the corpus that a run began with; None for the current one, where there is no run to continue."""
    if checkpoint.latest(out / checkpoint.FOLDER) is None:
        return None
    return load_run(out)[1]


def begin(run: Run, root: str, out: Path) -> None:
    """Write run.json and the tokenizer. Raises DataError where the corpus has lost a file of it."""
    store = run.corpus.store
    (out / "run.json").write_text(json.dumps(record(run, root), indent=1) + "\n", encoding="utf-8")
    files = {"tokenizer.model": run.corpus.tokenizer.path}
    for file in read_version(store, run.corpus.version).get("files", ()):  # tokenizer.json and its settings
        if file["path"].startswith("tokenizer/huggingface."):
            files[Path(file["path"]).name] = file["path"]
    for name, path in files.items():
        try:
            content = store.get(path)
        except FileNotFoundError as error:
            raise DataError(f"{store.url}/{path} is missing; restore it, or build again") from error
        (out / name).write_bytes(content)
