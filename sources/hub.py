"""Datasets of the Hugging Face hub as a place for input files: each shard of a split is a table of its own.

In: a root, ``hf://org/name@commit`` or, for a dataset in a local folder, ``hf://./folder``, ``hf://../folder`` or
``hf:///folder``. Out: a shard at a time, streamed by `datasets` into an Arrow file in the folder for temporary files,
which is gone once it is read; nothing is kept in a cache. `files` name splits (``train``), of a configuration other
than the default one with its name before (``20231101.en/train``); both may be globs. A commit must be named, since what
a branch holds tomorrow cannot be built again; a folder's shards are known by their files' sizes and times.

What `datasets` cannot read of a shard costs the rest of that shard. Where single bad rows should cost no more than
themselves, read the dataset's files as they are, from a folder or over https.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from corpus.errors import InputError
from corpus.stage import Stamp
from sources.places import Opened
from sources.tables.arrowfile import BROKEN

SCHEME = "hf://"
DEFAULT = "default"  # the configuration of a dataset that names none
ROWS = 64  # of a batch


@dataclass(frozen=True)
class Hub:
    """A dataset: its name on the hub and a commit of it, or a folder, absolute, and no commit."""

    name: str
    commit: str = ""

    @property
    def root(self) -> str:
        """As a recipe names it, for messages."""
        return f"{SCHEME}{self.name}" + (f"@{self.commit}" if self.commit else "")

    def find(self, pattern: str) -> dict[str, Stamp]:
        """Stamps of the shards of every split that ``split`` or ``configuration/split`` names; globs are allowed.

        Raises InputError where the dataset or a configuration cannot be had.
        """
        configuration, _, split = pattern.rpartition("/")
        stamps = {}
        for known in self._configurations(configuration):
            for shard in _shards(self, known):
                if fnmatchcase(shard.split, split):
                    stamps[shard.name] = Stamp(shard.name, None, shard.mark)
        return stamps

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of one shard; None where there is none."""
        configuration = name.split("/")[0]
        return next((Stamp(s.name, None, s.mark) for s in _shards(self, configuration) if s.name == name), None)

    def only(self, stamps: tuple[Stamp, ...]) -> "Hub":
        """The same place."""
        return self

    @contextmanager
    def opened(self, stamp: Stamp, most: int | None = None) -> Iterator[Opened | None]:
        """The rows of a shard, or its first with about `most` bytes, as an Arrow stream; None where there is none.

        Raises InputError where the hub does not answer, or the folder's files are others than were planned.
        """
        shard = next((s for s in _shards(self, stamp.name.split("/")[0]) if s.name == stamp.name), None)
        if shard is None:
            yield None
            return
        if shard.mark != stamp.mark:
            raise InputError(f"{self.root}: {stamp.name} changed since the run was planned; run it again")
        with TemporaryDirectory(prefix="gristmill-") as folder:
            path = Path(folder, "shard.arrows")
            self._copy(shard, path, most)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield Opened(path, path.stat().st_size, digest)

    def _configurations(self, wanted: str) -> list[str]:
        if not re.search(r"[*?[]", wanted):
            return [wanted]
        import datasets

        try:
            names = datasets.get_dataset_config_names(self.name, revision=self.commit or None)
        except (OSError, ValueError) as error:
            raise _unreachable(self, error) from error
        return sorted(name for name in names if fnmatchcase(name, wanted))

    def _copy(self, shard: "_Shard", path: Path, most: int | None) -> None:
        """Batches to a file. A fault in the shard is written down in the metadata of a last batch without rows."""
        with path.open("wb") as file:
            schema, writer = pa.schema([]), None
            try:
                for table in shard.data.with_format("arrow").iter(ROWS):
                    if writer is None:
                        schema = table.schema
                        writer = pa.ipc.new_stream(file, schema)
                    writer.write_table(table)
                    if most is not None and file.tell() >= most:
                        break
                broken = ""
            except Exception as error:  # whatever a builder of `datasets` raises becomes a row of the quarantine
                if self.commit and isinstance(error, OSError):
                    raise _unreachable(self, error) from error
                broken = f"{type(error).__name__}: {error}"
            with writer or pa.ipc.new_stream(file, schema) as writer:
                if broken:
                    nothing = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
                    writer.write_batch(nothing, custom_metadata={BROKEN: broken[:1000]})


@dataclass(frozen=True)
class _Shard:
    name: str
    split: str
    mark: str
    data: Any  # datasets.IterableDataset


def _shards(place: Hub, configuration: str) -> tuple[_Shard, ...]:
    return _of_commit(place, configuration) if place.commit else _looked_up(place, configuration)


def _looked_up(place: Hub, configuration: str) -> tuple[_Shard, ...]:
    """Every shard of a configuration. It is named after its data file where there is one a shard."""
    import datasets

    wanted = None if configuration in ("", DEFAULT) else configuration
    try:
        builder = datasets.load_dataset_builder(place.name, wanted, revision=place.commit or None)
        if hasattr(builder.config, "batch_size"):
            builder.config.batch_size = ROWS  # else a row group of Parquet at a time
        splits = builder.as_streaming_dataset()
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        raise _unreachable(place, error) from error
    return tuple(
        shard
        for split, data in splits.items()
        for shard in _of_split(place, configuration or DEFAULT, str(split), data, builder.config.data_files or {})
    )


_of_commit = lru_cache(8)(_looked_up)  # a folder may change while the process lives, a commit does not


def _of_split(place: Hub, configuration: str, split: str, data: Any, files: dict[str, list[str]]) -> Iterator[_Shard]:
    count, paths = data.num_shards, [str(path) for path in files.get(split, [])]
    for number in range(count):
        whole = count == len(paths)
        path = paths[number] if whole else f"{number:05d}-of-{count:05d}"
        name = path.removeprefix(f"{SCHEME}datasets/{place.name}@{place.commit}/").removeprefix(f"{place.name}/")
        mark = place.commit or _mark([path] if whole else paths)
        shard = data.shard(num_shards=count, index=number, contiguous=True)
        yield _Shard(f"{configuration}/{split}/{name.lstrip('/')}", split, mark, shard)


def _mark(paths: list[str]) -> str:
    stats = [Path(path).stat() for path in paths if Path(path).is_file()]
    known = json.dumps([(stat.st_size, stat.st_mtime_ns) for stat in stats])
    return hashlib.sha256(known.encode()).hexdigest()[:32]


def hub_of(root: str, folder: Path) -> Hub:
    """The dataset that a source's `root` names; `folder` is the recipe's.

    Raises InputError where there is no such folder, or no commit is named.
    """
    name = root.removeprefix(SCHEME)
    if name.startswith(("./", "../", "/")):
        there = (folder / name).resolve()
        if not there.is_dir():
            raise InputError(f"its root {root} is not a folder (looked at {there})")
        return Hub(str(there))
    name, _, commit = name.partition("@")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise InputError(f"its root {root} names no dataset; write {SCHEME}org/name@commit, or {SCHEME}./folder")
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise InputError(
            f"its root {root} names no commit, and a branch holds something else tomorrow; "
            f"write {SCHEME}{name}@ and the 40 digits that the dataset's page shows under Files, History"
        )
    return Hub(name, commit)


def _unreachable(place: Hub, error: Exception) -> InputError:
    remedy = "check the name, the configuration, the network and HF_HUB_OFFLINE, and run the same command again"
    said = str(error).strip().split("\n")[0][:300] or type(error).__name__
    return InputError(f"{place.root}: cannot be read: {said}; {remedy if place.commit else 'mend the folder'}")
