"""Where a corpus lies: a root URL and a few verbs, over an object store.

A root is a folder (``builds/starter`` or ``file:///…``), ``memory://name`` (within one process) or
``s3://bucket/prefix`` (endpoint and keys from the usual AWS_* variables). Everything written is whole or absent: a
local file is written aside and renamed, an object appears when its PUT is complete. `create` is the one verb that
refuses to overwrite; publishing a version rests on it.
"""

import errno
import io
import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from corpus.errors import DataError, StoreError

_MEMORY: dict[str, MemoryStore] = {}  # one store per name, for as long as the process lives


class Store:
    """The corpus at `url`. Cheap to make, picklable, equal by URL; connects at the first verb."""

    def __init__(self, url: str | Path) -> None:
        text = str(url)
        scheme = urlsplit(text).scheme
        if scheme == "file":
            text, scheme = urlsplit(text).path, ""
        if scheme not in ("", "memory", "s3"):
            raise StoreError(f"{url}: no such kind of store: use a folder, s3://bucket/prefix or memory://name")
        self.url = text if scheme else str(Path(text).expanduser().absolute())
        self.folder = None if scheme else Path(self.url)

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.url,)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @property
    def shared(self) -> bool:
        """Whether another process sees the same store."""
        return not self.url.startswith("memory:")

    @cached_property
    def _objects(self) -> Any:
        if self.folder:
            try:
                return LocalStore(self.url, mkdir=True)
            except OSError as error:
                raise StoreError(
                    f"{self.url}: cannot make this folder ({error.strerror or error}); choose another root"
                ) from error
        if self.url.startswith("memory:"):
            return _MEMORY.setdefault(self.url, MemoryStore())
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        options: Any = {"allow_http": True} if endpoint.startswith("http://") else {}
        return S3Store.from_url(self.url, client_options=options)

    @property
    def _absent(self) -> bool:
        """A folder that is not there reads as an empty store; only writing makes it."""
        return self.folder is not None and not self.folder.is_dir()

    def put(self, path: str, data: bytes | memoryview) -> None:
        """Write an object whole, in place of an older one.

        Raises StoreError where the store cannot be written, with what the system says: no space, no right, no such
        bucket.
        """
        try:
            obstore.put(self._objects, path, data)
        except (BaseError, OSError) as error:
            raise self._refused(path, error) from error

    def create(self, path: str, data: bytes) -> bool:
        """Write an object only if there is none: True when it was written, False when one was there."""
        try:
            obstore.put(self._objects, path, data, mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise self._refused(path, error) from error
        return True

    def get(self, path: str) -> memoryview:
        """The whole object. Raises FileNotFoundError where there is none, StoreError where it cannot be read."""
        if self._absent:
            raise FileNotFoundError(f"{self.url} does not exist")
        try:
            return memoryview(obstore.get(self._objects, path).bytes())
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.url}/{path}: cannot be read: {_first_line(error)}") from error

    def get_json(self, path: str) -> Any:
        """A JSON object. Raises FileNotFoundError where there is none, DataError where it is damaged."""
        try:
            return json.loads(bytes(self.get(path)))
        except ValueError as error:
            raise DataError(
                f"{self.url}/{path} is damaged ({error}); restore it, or delete it and build again"
            ) from error

    def map(self, path: str) -> pa.Buffer:
        """The object as an Arrow buffer: memory-mapped where it is a local file, read whole elsewhere."""
        if self.folder:
            with pa.memory_map(str(self.folder / path)) as file:
                return file.read_buffer()
        return pa.py_buffer(self.get(path))

    def open(self, path: str) -> pa.NativeFile:
        """The object as a file to seek in: memory-mapped where it is local, read by ranges elsewhere.

        Raises FileNotFoundError where there is none, StoreError where it cannot be read.
        """
        if self.folder:
            return pa.memory_map(str(self.folder / path))
        try:
            return pa.PythonFile(_Object(obstore.open_reader(self._objects, path), f"{self.url}/{path}"), mode="r")
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.url}/{path}: cannot be read: {_first_line(error)}") from error

    def chunks(self, path: str) -> Iterator[memoryview]:
        """The object piece by piece, each of some megabytes. Raises as `get` does, at any piece."""
        try:
            for chunk in obstore.get(self._objects, path).stream(min_chunk_size=4 << 20):
                yield memoryview(chunk)
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.url}/{path}: cannot be read: {_first_line(error)}") from error

    def list(self, prefix: str) -> dict[str, int]:
        """Path and size in bytes of every object under a folder, in path order."""
        if self._absent:
            return {}
        try:
            found = [meta for chunk in obstore.list(self._objects, prefix=prefix) for meta in chunk]
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.url}/{prefix}: cannot be listed: {_first_line(error)}") from error
        return {meta["path"]: meta["size"] for meta in sorted(found, key=lambda meta: meta["path"])}

    def delete(self, path: str) -> None:
        """Remove an object, if there is one."""
        if self._absent:
            return
        try:
            obstore.delete(self._objects, path)
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as error:
            raise self._refused(path, error) from error

    def _refused(self, path: str, error: Exception) -> StoreError:
        said = str(error)
        if os.strerror(errno.ENOSPC) in said or "os error 28" in said:
            return StoreError(f"{self.url}: no space left to write {path}; free some, then run the same command again")
        return StoreError(
            f"{self.url}/{path}: cannot be written ({_first_line(error)}); check the root, its rights and its keys"
        )


class _Object(io.RawIOBase):
    """An object that is read by ranges, as Python's files are. Raises StoreError where a read fails."""

    def __init__(self, reader: Any, url: str) -> None:
        self._reader, self._url = reader, url

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._reader.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        """The place."""
        return int(self._reader.tell())

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        try:
            return bytes(self._reader.read(None if size < 0 else size))
        except (BaseError, OSError) as error:
            raise StoreError(f"{self._url}: cannot be read: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
