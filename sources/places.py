"""Where input files lie: a folder, an S3 bucket or a web server, each with the same three verbs.

In: a source's `root`. Out: stamps of files, and each file as a local one while it is read: one of a folder as it lies
there, a remote one as a copy in the folder for temporary files, which is gone afterwards, so that a worker needs room
for one file at a time. A copy is taken in pieces; what is interrupted is tried again. Keys come from the environment
(the usual AWS_* variables), never from a recipe; redirects are followed, from https to https only.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from corpus.errors import InputError
from corpus.stage import Stamp
from sources.containers.git import git_folder, is_git

PIECE = 1 << 20  # bytes of a copy in memory
PAUSES = (1.0, 4.0, 16.0)  # seconds before a broken copy is begun anew; requests themselves are repeated by obstore
_RETRY = {"max_retries": 5, "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=10)}}
_WAITS = {"timeout": "1day", "read_timeout": "60s", "connect_timeout": "10s"}


@dataclass(frozen=True)
class Opened:
    """An input file while it is read."""

    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Folder:
    """Files below a local folder. `odd` gives the paths of names that are not UTF-8 and are written with escapes."""

    root: str
    odd: dict[str, str] = field(default_factory=dict)

    def find(self, pattern: str) -> dict[str, Stamp]:
        """Stamps of the files that a glob finds; one that ends in ``/`` finds folders that hold a git repository.

        Raises InputError for what is no glob.
        """
        root, wanted = Path(self.root), is_git if pattern.endswith("/") else Path.is_file
        try:
            found = [path for path in root.glob(pattern) if wanted(path)]
        except (ValueError, IndexError, NotImplementedError) as error:
            raise InputError(f"`{pattern}` is not a glob ({error})") from error
        stamps = {}
        for path in found:
            relative = path.relative_to(root).as_posix()
            name, stat = os.fsencode(relative).decode("utf-8", "backslashreplace"), path.stat()
            if name != relative:
                self.odd[name] = str(path)
            whole = path.is_dir()
            stamps[name] = Stamp(name, None, _refs(path)) if whole else Stamp(name, stat.st_size, stat.st_mtime_ns)
        return stamps

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of one file; None where there is none."""
        path = Path(self.root, name)
        if not path.is_file():
            return None
        return Stamp(name, path.stat().st_size, path.stat().st_mtime_ns)

    def only(self, stamps: tuple[Stamp, ...]) -> "Folder":
        """The same place, for some files."""
        return Folder(self.root, {stamp.name: self.odd[stamp.name] for stamp in stamps if stamp.name in self.odd})

    @contextmanager
    def opened(self, stamp: Stamp, most: int | None = None) -> Iterator[Opened | None]:
        """The file, whole whatever `most` says; None where it is not there. Raises InputError for an unreadable one."""
        path = Path(self.odd.get(stamp.name) or Path(self.root, stamp.name))
        if path.is_dir():
            if (refs := _refs(path)) != stamp.mark:
                raise InputError(f"{path}: changed since the run was planned; run it again")
            yield Opened(path, 0, refs)
            return
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        yield Opened(path, path.stat().st_size, digest)


@dataclass(frozen=True)
class Remote:
    """Objects below ``s3://bucket/prefix`` or files below ``http(s)://host/prefix``."""

    root: str

    def find(self, pattern: str) -> dict[str, Stamp]:
        """Stamps of the objects that a glob finds; on a web server, of the file of that name."""
        wanted = [each for each in pattern.split("/") if each not in ("", ".")]
        if any("**" in each and each != "**" for each in wanted):
            raise InputError(f"`{pattern}` is not a glob (`**` stands for whole folders)")
        if not any(each in pattern for each in "*?["):
            stamp = self.stamp("/".join(wanted))
            return {stamp.name: stamp} if stamp else {}
        fixed = next(number for number, each in enumerate(wanted) if any(c in each for c in "*?["))
        stamps = {}
        for meta in self._list("/".join(wanted[:fixed])):
            if _matches(meta["path"].split("/"), wanted):
                stamps[meta["path"]] = Stamp(meta["path"], meta["size"], _mark(meta))
        return stamps

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of one object; None where there is none. Raises InputError where the server does not answer."""
        import obstore

        try:
            meta = obstore.head(self._connect(), name)
        except FileNotFoundError:
            return None
        except _errors() as error:
            raise InputError(f"{self.root}/{name}: cannot be asked for: {_first_line(error)}") from error
        return Stamp(name, meta["size"], _mark(meta))

    def only(self, stamps: tuple[Stamp, ...]) -> "Remote":
        """The same place."""
        return self

    @contextmanager
    def opened(self, stamp: Stamp, most: int | None = None) -> Iterator[Opened | None]:
        """A copy of the object, of its first `most` bytes where that is given; None where it is not there.

        Raises InputError where it cannot be fetched, or is another one than was planned.
        """
        with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
            target = Path(folder, stamp.name)  # readers look at names
            target.parent.mkdir(parents=True, exist_ok=True)
            for pause in (*PAUSES, None):
                try:
                    size, digest = self._copy(stamp, target, most)
                    break
                except FileNotFoundError:
                    yield None
                    return
                except _errors() as error:
                    if pause is None or _refused(error):
                        raise InputError(
                            f"{self.root}/{stamp.name}: cannot be fetched: {_first_line(error)}; "
                            f"run the same command again to go on from here"
                        ) from error
                    time.sleep(pause)
                except OSError as error:
                    raise InputError(
                        f"{target}: the copy of {stamp.name} cannot be written ({error.strerror or error}); "
                        f"make room there, or let TMPDIR name another folder"
                    ) from error
            yield Opened(target, size, digest)

    def _copy(self, stamp: Stamp, target: Path, most: int | None) -> tuple[int, str]:
        import obstore

        found = obstore.get(self._connect(), stamp.name)
        if stamp.bytes is not None and (found.meta["size"], _mark(found.meta)) != (stamp.bytes, stamp.mark):
            raise InputError(f"{self.root}/{stamp.name}: changed since the run was planned; run it again")
        size, digest = 0, hashlib.sha256()
        with target.open("wb") as file:
            for chunk in found.stream(min_chunk_size=PIECE):
                piece = memoryview(chunk)[: None if most is None else most - size]
                size += file.write(piece)
                digest.update(piece)
                if size == most:
                    break
        return size, digest.hexdigest()

    def _list(self, folder: str) -> Iterator[Any]:
        import obstore

        try:
            for chunk in obstore.list(self._connect(), prefix=folder or None):
                yield from chunk
        except _errors() as error:
            raise InputError(f"{self.root}: cannot be listed: {_first_line(error)}; check it and its keys") from error

    def _connect(self) -> Any:
        from obstore.store import HTTPStore, S3Store

        options: Any = dict(_WAITS)
        if self.root.startswith("s3:"):
            if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
                options["allow_http"] = True
            return S3Store.from_url(self.root, client_options=options, retry_config=_RETRY)
        if self.root.startswith("http:"):
            options["allow_http"] = True
        return HTTPStore.from_url(self.root, client_options=options, retry_config=_RETRY)


class Place(Protocol):
    """Where a source's files lie: a `Folder`, a `Remote` or a `sources.hub.Hub`."""

    @property
    def root(self) -> str:
        """As a recipe names it, for messages."""

    def find(self, pattern: str) -> dict[str, Stamp]:
        """Stamps by name of what a glob finds."""

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of one file; None where there is none."""

    def only(self, stamps: tuple[Stamp, ...]) -> "Place":
        """The same place, for some files."""

    def opened(self, stamp: Stamp, most: int | None = None) -> AbstractContextManager[Opened | None]:
        """A file on this machine while it is read, or about its first `most` bytes; None where it is not there."""


def place_of(root: str, folder: Path) -> Place:
    """The place that a source's `root` names. Raises InputError for a folder that is not there."""
    if root.startswith("hf://"):
        from sources.hub import hub_of

        return hub_of(root, folder)
    if "://" in root:
        return Remote(root.rstrip("/"))
    there = (folder / root).resolve()
    if not there.is_dir():
        raise InputError(f"its root {root} is not a folder (looked at {there})")
    return Folder(str(there))


def _refs(path: Path) -> str:
    """SHA-256 of what a git repository's branches and tags point at."""
    folder = git_folder(path)
    assert folder, f"{path} holds no git repository"
    digest = hashlib.sha256()
    for file in [folder / "HEAD", folder / "packed-refs", *sorted((folder / "refs").rglob("*"))]:
        if file.is_file():
            digest.update(b"%s\0%s\0" % (os.fsencode(file.relative_to(folder)), file.read_bytes()))
    return digest.hexdigest()


def _matches(name: list[str], wanted: list[str]) -> bool:
    """Whether a path matches a glob, as `pathlib` has it: `**` stands for any folders, also none."""
    if not wanted or not name:
        return not wanted and not name
    if wanted[0] == "**":
        return any(_matches(name[at:], wanted[1:]) for at in range(len(name)))
    return fnmatchcase(name[0], wanted[0]) and _matches(name[1:], wanted[1:])


def _mark(meta: Any) -> str:
    return meta["e_tag"] or meta["last_modified"].isoformat()


def _errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError,)


def _refused(error: Exception) -> bool:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    return isinstance(error, PermissionDeniedError | UnauthenticatedError)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__
