"""A folder that keeps the shards of a distant corpus, for any number of processes of one machine.

In: a shard's record and the store it lies in. Out: its bytes, mapped from the folder. A shard is downloaded aside,
its SHA-256 compared, then renamed to it, so what has its name is whole, whoever was killed when. Where room is needed
the shards go that were opened longest ago; one that anybody has mapped carries a shared lock and stays. While a shard
is read the next one of the order is fetched.
"""

import contextlib
import fcntl
import hashlib
import logging
import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from corpus.errors import DataError, GristmillError, StoreError
from corpus.files import File
from corpus.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cache:
    """A folder and the most bytes of shards to keep in it. Two shards must fit: the one read and the next."""

    folder: Path
    max_bytes: int
    _fetching: threading.Lock = field(default_factory=threading.Lock, init=False, compare=False, repr=False)

    def check(self, shards: Sequence[File]) -> None:
        """Raises StoreError where two shards do not fit, or the folder cannot be made."""
        need = sum(sorted(shard.bytes for shard in shards)[-2:])
        if need > self.max_bytes:
            raise StoreError(
                f"the cache in {self.folder} may hold {self.max_bytes:,} bytes, two shards take {need:,}; give it more"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot make the cache folder ({error.strerror}); name another") from error

    def map(self, store: Store, shard: File) -> pa.Buffer:
        """A shard's bytes, fetched where they are not here. They stay as long as the buffer or a view of it lives.

        Where no room can be made, because all that is here is in use, they are read into memory instead.
        Raises DataError where the store holds others than recorded, StoreError where it cannot be read.
        """
        while True:
            found = self._mapped(shard)
            if found is not None:
                return found
            if not self._fetch(store, shard):
                _log.warning(
                    "the cache in %s is full of shards in use; %s is read into memory", self.folder, shard.path
                )
                data = store.map(shard.path)
                _compare(hashlib.sha256(data).hexdigest(), shard)
                return data

    def ahead(self, store: Store, shard: File) -> None:
        """Fetch a shard in a thread, if it is not here and no other is being fetched ahead."""
        if self._path(shard).exists() or not self._fetching.acquire(blocking=False):
            return

        def work() -> None:
            try:
                self._fetch(store, shard)
            except (GristmillError, OSError) as error:  # whoever reads the shard will be told
                _log.warning("%s could not be fetched ahead: %s", shard.path, error)
            finally:
                self._fetching.release()

        threading.Thread(target=work, name=f"fetch {shard.path}", daemon=True).start()

    def _path(self, shard: File) -> Path:
        return self.folder / f"{shard.sha256}.arrow"

    def _mapped(self, shard: File) -> pa.Buffer | None:
        """The shard from the folder, under a shared lock that its mapping holds; None where it is not there."""
        try:
            descriptor = os.open(self._path(shard), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            found = os.fstat(descriptor)
            if not found.st_nlink:  # removed between the opening and the lock
                return None
            if found.st_size != shard.bytes:  # not ours: somebody wrote into the folder
                self._path(shard).unlink(missing_ok=True)
                return None
            os.utime(descriptor)
            return pa.py_buffer(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))  # keeps a copy of the descriptor
        finally:
            os.close(descriptor)

    def _fetch(self, store: Store, shard: File) -> bool:
        """Bring a shard into the folder; False where no room can be made for it."""
        part = self.folder / f"{shard.sha256}.part"
        with _locked(part) as descriptor:
            if self._path(shard).exists():  # another was first
                part.unlink()
                return True
            try:
                if not self._reserve(descriptor, shard.bytes):
                    part.unlink()
                    return False
                self._download(store, shard, descriptor)
            except BaseException:
                part.unlink()
                raise
            with _locked(self.folder / "lock"):  # names stand still while somebody counts
                part.rename(self._path(shard))
            return True

    def _download(self, store: Store, shard: File, descriptor: int) -> None:
        digest = hashlib.sha256()
        try:
            for chunk in store.chunks(shard.path):
                digest.update(chunk)
                _write(descriptor, chunk)
        except FileNotFoundError as error:
            raise DataError(f"{store.url}/{shard.path} is gone; restore it or build again") from error
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot keep {shard.path} ({error.strerror}); make room") from error
        _compare(digest.hexdigest(), shard)

    def _reserve(self, descriptor: int, size: int) -> bool:
        """Make room for a download and take it: the file has its size from now on, whoever counts next."""
        with _locked(self.folder / "lock"):
            os.ftruncate(descriptor, 0)  # what a killed download left
            if not self._make_room(size):
                return False
            os.ftruncate(descriptor, size)
            return True

    def _make_room(self, size: int) -> bool:
        """Remove what was opened longest ago, and what killed downloads left, until `size` more bytes fit."""
        there = []
        for path in [*self.folder.glob("*.part"), *self.folder.glob("*.arrow")]:
            with contextlib.suppress(FileNotFoundError):  # a download that was given up
                found = path.stat()
                there.append((path.suffix == ".arrow", found.st_mtime_ns, path, found.st_size))
        held = sum(bytes_ for *_, bytes_ in there)
        for _, _, path, bytes_ in sorted(there):
            if held + size <= self.max_bytes:
                break
            held -= bytes_ if _removed(path) else 0
        return held + size <= self.max_bytes


def _removed(path: Path) -> bool:
    """Remove a file unless somebody holds a lock on it, or on another that has its name by now."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            return False
        path.unlink()
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    finally:
        os.close(descriptor)
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """A file opened under a lock that ends with the process, at the latest.

    Who must wait for it waits for a shared one, and opens the name again: what was downloaded here may be a shard by
    now that somebody has mapped, and would be waited for as long as that one reads it.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                break
        except BlockingIOError:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except FileNotFoundError:
            pass
        os.close(descriptor)  # waited for, removed or renamed
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _compare(digest: str, shard: File) -> None:
    if digest != shard.sha256:
        raise DataError(f"{shard.path} has another SHA-256 than recorded; restore it or build again")
