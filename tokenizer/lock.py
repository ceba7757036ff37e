"""The lock: the tokenizer in force, which stays whatever the mixture becomes.

After the first build ``gristmill.lock`` at the corpus' root names the tokenizer by hash. Later builds keep it until the
recipe says ``retrain = true``; a recipe that asks for another one without saying so is refused.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.errors import DataError, InputError, RecipeError
from corpus.files import File
from corpus.recipe import TokenizerSettings
from corpus.shard import Tokenizer
from corpus.stage import Entry, plain
from corpus.store import Store
from corpus.version import read_version

LOCK = "gristmill.lock"


@dataclass(frozen=True)
class Given:
    """What decides a tokenizer that was trained elsewhere: its content, and whether it may lose text."""

    model_sha256: str
    lossy: bool


def model_settings(settings: TokenizerSettings, folder: Path = Path()) -> TokenizerSettings | Given:
    """What decides a tokenizer: of a given model its content, never its place; else all but the wish for a new one.

    `folder` is what `model` is relative to. Raises InputError where there is no such file.
    """
    if not settings.model:
        return replace(settings, retrain=False, lossy=False)
    path = folder / settings.model
    try:
        return Given(hashlib.sha256(path.read_bytes()).hexdigest(), settings.lossy)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; [tokenizer] model names a .model file") from error


@dataclass(frozen=True)
class Locked:
    """The tokenizer in force: its facts for shards, its files, the ids that may not begin a piece.

    `bos_id` is None where there is no such mark. `control` holds the other marks, which text never becomes, by name;
    `notes` is what is to be said of the tokenizer.
    """

    tokenizer: Tokenizer
    files: tuple[File, ...]
    continuation: tuple[int, int]
    settings: dict[str, Any]
    bos_id: int | None = None
    control: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> File:
        """The model's file."""
        return self.files[0]


def locked(entry: Entry) -> Locked:
    """The tokenizer that a training entry describes."""
    return _locked(entry.info, entry.files)


def _locked(info: dict[str, Any], files: tuple[File, ...]) -> Locked:
    low, high = info["continuation"]
    notes = tuple(info.get("notes", ()))
    what = Tokenizer(**info["tokenizer"])
    return Locked(what, files, (low, high), info["settings"], info.get("bos_id"), info.get("control", {}), notes)


def read_lock(store: Store, settings: TokenizerSettings, folder: Path = Path()) -> Locked | None:
    """The locked tokenizer, or None where there is no lock or the recipe asks to retrain.

    `folder` is the recipe's. Raises RecipeError where the recipe asks for another tokenizer than the locked one without
    saying `retrain`, DataError where the lock is damaged or a file of its is gone.
    """
    if settings.retrain:
        return None
    try:
        raw = store.get_json(LOCK)["tokenizer"]
        found = _locked(raw, tuple(File(**file) for file in raw["files"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{LOCK} does not say what a lock says; restore it, or delete it to train anew") from error
    there = store.list("tokenizer")
    gone = [file.path for file in found.files if there.get(file.path) != file.bytes]
    if gone:
        raise DataError(f"the locked tokenizer's {gone[0]} is gone or cut; restore it, or delete {LOCK} to train anew")
    _check_same(found.settings, plain(model_settings(settings, folder)))
    return found


def _check_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    again = "or set [tokenizer] retrain = true to take the new one and encode everything again"
    if ("model_sha256" in found) != ("model_sha256" in wanted):
        ways = "a given model", "one that was trained here"
        was, now = ways if "model_sha256" in found else ways[::-1]
        raise RecipeError(
            f"the tokenizer of this corpus is locked: it is {was}, the recipe asks for {now}; put the old "
            f"[tokenizer] back, {again}"
        )
    locked_with = {**plain(TokenizerSettings()), **found}  # a setting that is younger than the lock had its default
    differing = [key for key in wanted if wanted[key] != locked_with[key]]
    if differing:
        key = differing[0]
        raise RecipeError(
            f"the tokenizer of this corpus is locked with {key} = {locked_with[key]!r}, the recipe says "
            f"{wanted[key]!r}; put the old value back, {again}"
        )


def write_lock(store: Store, found: Locked) -> None:
    """Lock a tokenizer. Written after its training is committed, so a killed build locks the same one."""
    store.put(LOCK, json.dumps({"tokenizer": plain(found)}, indent=1, sort_keys=True).encode() + b"\n")


def told(store: Store, settings: TokenizerSettings, folder: Path = Path()) -> str:
    """A line for a plan: whether the tokenizer stays, and if not, what is encoded again. Raises as `read_lock` does."""
    if read_lock(store, settings, folder):
        return "locked, stays as it is"
    made = f"taken from {settings.model}" if settings.model else "trained on a sample of the mixture"
    try:
        what = read_version(store)
    except InputError:
        return f"will be {made}, then locked"
    encoded = [count for count in what["ledger"] if count["stage"] == "encode" and count["outcome"] == "passed"]
    documents, tokens = (sum(count[key] or 0 for count in encoded) for key in ("documents", "tokens"))
    why = "retrain = true" if settings.retrain else "there is no lock"
    return (
        f"{why}: it will be {made}; unless that gives the same model, {documents:,} documents ({tokens:,} tokens) are "
        f"encoded and sharded again"
    )
