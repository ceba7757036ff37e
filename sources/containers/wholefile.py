"""A file that is one document: read, expanded where it is compressed, made into an item over all its stored bytes."""

from collections.abc import Callable, Iterator
from pathlib import Path

from sources.containers.compression import BrokenError, chunks
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, skip
from sources.settings import ReadSettings


def whole_file(path: Path, settings: ReadSettings, limit: int, make: Callable[[bytes], Document]) -> Item:
    """The item of a file whose expanded bytes, at most `limit`, `make` turns into a document."""
    size = path.stat().st_size
    return attempt(lambda: make(_expanded(path, limit)), settings, 0, size, "byte", None)


def _expanded(path: Path, limit: int) -> bytes:
    size = path.stat().st_size
    if size > limit:  # before anything is read; a compressed file of that size expands to more
        raise UnreadError("too_large", f"{size} bytes, at most {limit} are read")
    try:
        data = b"".join(chunks(path, limit))
    except BrokenError as broken:
        reason = "too_large" if broken.reason == "expands_too_far" else broken.reason
        raise UnreadError(reason, broken.detail) from broken
    if not data:
        raise skip("empty_file")
    return data


def unreadable(path: Path, reason: str, detail: str) -> Iterator[Item]:
    """The one item of a file that cannot be read at all."""
    yield Item(0, path.stat().st_size, "quarantined", reason, detail[:1000])
