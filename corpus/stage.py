"""A stage is a name and a piece of work; a part is one unit of it; running a stage runs the parts that are missing.

In: parts, each with its inputs and settings. Out: one `Entry` a part, in the parts' order. Done means that an entry
with the part's fingerprint exists and the files it names are there; entries of a batch are one object, written last.
The fingerprint holds what can change the output: the stage's version, the versions of its libraries, the settings and
the content of the inputs. Worker counts, engines and places are never in it.

`run_batch` is the whole work of a batch: a plain process pool and Prefect's tasks call the same function.
"""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from itertools import groupby
from typing import Any, Protocol

from corpus import memory
from corpus.errors import DataError
from corpus.files import File
from corpus.layout import Shard
from corpus.ledger import Count
from corpus.store import Store

MAX_BATCH_PARTS = 1_000
_log = logging.getLogger(__name__)
library_version = lru_cache(version)  # a crawl has 100,000 parts


@dataclass(frozen=True, order=True)
class Stamp:
    """An input file of a source as planned: its name below the root, its size, and what shows that it was changed.

    `mark` is a modification time in nanoseconds or a server's ETag. Of a file that only a list names, size and mark are
    not known (None): its name is taken to stand for one content.
    """

    name: str
    bytes: int | None
    mark: int | str | None


@dataclass(frozen=True)
class Part:
    """One unit of work.

    `settings` (a frozen dataclass or plain data) is identity. `aside` is what the work needs besides and what cannot
    change its output: a folder, a threshold that only a later stage applies.
    """

    name: str
    inputs: tuple[File | Stamp, ...]
    settings: Any = None
    source: str = ""
    aside: Any = None


@dataclass(frozen=True)
class Output:
    """What the work of a part gives: its files, its counts for the ledger, and facts that later stages read."""

    files: tuple[File, ...] = ()
    counts: tuple[Count, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """`work(store, part)` must be a module-level function. Raise `version` by hand when its output changes."""

    name: str
    work: Callable[[Store, Part], Output]
    version: int = 1
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """The record of a finished part."""

    stage: str
    part: str
    source: str
    fingerprint: str
    identity: dict[str, Any]
    files: tuple[File, ...]
    counts: tuple[Count, ...]
    info: dict[str, Any]

    def only(self, folder: str) -> tuple[File, ...]:
        """Its files in one top folder."""
        return tuple(file for file in self.files if file.folder == folder)


@dataclass(frozen=True)
class Batch:
    """Parts of one stage and one source that a worker does in one go."""

    store: Store
    stage: Stage
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """For people: "score web/0-00003" or "score web/0-00003 … web/0-00007"."""
        first, last = self.parts[0].name, self.parts[-1].name
        return f"{self.stage.name} {first}" if first == last else f"{self.stage.name} {first} … {last}"


class Run(Protocol):
    """How the missing parts of a stage get done: in this process, in a pool, as Prefect tasks."""

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> list[Entry]:
        """One entry a part, in the order of `parts`."""


def plain(value: Any) -> Any:
    """Settings as JSON data. Raises TypeError for what has no one way to be written."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} cannot be part of a fingerprint")


def canonical(value: Any) -> bytes:
    """The one way to write settings down: sorted keys, no blanks, UTF-8."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def identity(stage: Stage, part: Part) -> dict[str, Any]:
    """Everything that can change the output of a part."""
    inputs = [[i.name, i.bytes, i.mark] if isinstance(i, Stamp) else [i.folder, i.part, i.sha256] for i in part.inputs]
    return {
        "stage": stage.name,
        "version": stage.version,
        "libraries": {name: library_version(name) for name in stage.libraries},
        "part": part.name,
        "settings": plain(part.settings),
        "inputs": inputs,
    }


def fingerprint(identity: dict[str, Any]) -> str:
    """SHA-256 (hex) of the canonical form."""
    return hashlib.sha256(canonical(identity)).hexdigest()


def entries(store: Store, stage: str) -> dict[tuple[str, str], Entry]:
    """All entries of a stage by (part, fingerprint)."""
    found: dict[tuple[str, str], Entry] = {}
    for path in store.list(f"entries/{stage}"):
        try:
            batch = [_entry(raw) for raw in store.get_json(path)]
        except (DataError, TypeError, KeyError, AttributeError) as error:
            _log.warning("%s cannot be read, its parts are done again: %s", path, error)
            continue
        found |= {(entry.part, entry.fingerprint): entry for entry in batch}
    return found


def _entry(raw: dict[str, Any]) -> Entry:
    files = tuple((Shard if "sample" in file else File)(**file) for file in raw.pop("files"))
    counts = tuple(Count(**count) for count in raw.pop("counts"))
    return Entry(files=files, counts=counts, **raw)


@dataclass(frozen=True)
class Pending:
    """A stage's parts against what is done: finished entries by part name, and what is missing, in batches."""

    done: dict[str, Entry]
    batches: list[Batch]

    @property
    def num_missing(self) -> int:
        """How many parts are to be done."""
        return sum(len(batch.parts) for batch in self.batches)


def pending(store: Store, stage: Stage, parts: Sequence[Part], workers: int = 1) -> Pending:
    """Which parts are done, and the missing ones in batches of one source (one part each until there are many)."""
    known = entries(store, stage.name)
    there: dict[str, int] = {}
    for folder in sorted({file.folder for entry in known.values() for file in entry.files}):
        there |= store.list(folder)
    done: dict[str, Entry] = {}
    missing: list[Part] = []
    for part in parts:
        entry = known.get((part.name, fingerprint(identity(stage, part))))
        if entry and all(there.get(file.path) == file.bytes for file in entry.files):
            done[part.name] = entry
        else:
            missing.append(part)
    size = max(1, min(MAX_BATCH_PARTS, len(missing) // (workers * 8)))
    return Pending(done, [Batch(store, stage, chunk) for chunk in _batches(missing, size)])


def _batches(parts: Sequence[Part], size: int) -> Iterator[tuple[Part, ...]]:
    for _, group in groupby(parts, key=lambda part: part.source):
        of_source = tuple(group)
        yield from (of_source[at : at + size] for at in range(0, len(of_source), size))


def run_batch(batch: Batch) -> list[Entry]:
    """Do every part of a batch, then commit: one entry object, written when all its files are."""
    finished = []
    for part in batch.parts:
        what = identity(batch.stage, part)
        output = batch.stage.work(batch.store, part)
        mark = fingerprint(what)
        finished.append(
            Entry(batch.stage.name, part.name, part.source, mark, what, output.files, output.counts, output.info)
        )
        memory.give_back()  # else a worker's peak grows with its stages
    name = hashlib.sha256("".join(entry.fingerprint for entry in finished).encode()).hexdigest()[:32]
    batch.store.put(f"entries/{batch.stage.name}/{name}.json", canonical(finished))
    return finished


def in_order(parts: Sequence[Part], done: dict[str, Entry], finished: Iterable[Entry]) -> list[Entry]:
    """Entries in the order of their parts, whoever did them."""
    by_part = done | {entry.part: entry for entry in finished}
    return [by_part[part.name] for part in parts]


def changed(store: Store, stage: Stage, part: Part) -> str:
    """Why a part is to be done again, in words: the first fields that differ from an entry of the same part."""
    olds = [entry for (name, _), entry in entries(store, stage.name).items() if name == part.name]
    if not olds:
        return "not done yet"
    differing = min((list(_differences(old.identity, identity(stage, part))) for old in olds), key=len)
    return "; ".join(differing[:3]) or "its files are missing"


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and path != "inputs":
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            name = after.get("name", number) if isinstance(after, dict) else number
            yield from _differences(before, after, f"{path}[{name}]")
    elif old != new:
        yield f"{path or 'it'} changed" if path == "inputs" else f"{path}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
