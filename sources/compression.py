"""Compressed files as one stream of expanded bytes: gzip, bzip2, xz and zstd, told by their magic, not by their name.

Members that follow each other are one stream. What a stream gives before it breaks is given; then `BrokenError` says
why. The output of one step is bounded, so a bomb costs time up to `max_expanded_bytes` and never memory.
"""

import bz2
import lzma
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from sources.item import Unit

STEP = 2**18  # most bytes of output a step (zstd: see _Zstd)
_READ = 2**16
_MAX_WINDOW = 2**27  # zstd's own default limit (128 MiB), also the memory limit for xz dictionaries

_MAGICS = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
)


class BrokenError(Exception):
    """A compressed stream that cannot be read on: `truncated`, `corrupt`, `trailing_garbage` or `expands_too_far`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def codec(path: Path) -> str | None:
    """`gz`, `bz2`, `xz`, `zst` by the first bytes of the file, or None for one that is not compressed."""
    with path.open("rb") as file:
        return codec_of(file.read(8))


def codec_of(head: bytes) -> str | None:
    """`codec` for bytes in hand. A zstd file may begin with a skippable frame."""
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        return "zst"
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def unit_of(path: Path) -> Unit:
    """What a stream's offsets count: stored bytes, or expanded ones where the file is compressed."""
    return "expanded byte" if codec(path) else "byte"


def chunks(path: Path, max_expanded_bytes: int, members: int | None = None) -> Iterator[bytes]:
    """The file's bytes, expanded where it is compressed; only the first `members` where that is given.

    Raises BrokenError after the last good byte.
    """
    kind = codec(path)
    with path.open("rb") as file:
        source = iter(lambda: file.read(_READ), b"")
        if kind is None:
            yield from source
            return
        given = 0
        for piece in _expanded(source, kind, members):
            if given + len(piece) > max_expanded_bytes:
                yield piece[: max_expanded_bytes - given]
                raise BrokenError(
                    "expands_too_far", f"expands to more than {max_expanded_bytes} bytes (max_expanded_bytes)"
                )
            given += len(piece)
            yield piece


def _expanded(source: Iterator[bytes], kind: str, most: int | None) -> Iterator[bytes]:
    pending = b""
    members = 0
    while members != most:
        while len(pending) < 8 and (more := next(source, b"")):
            pending += more
        if members and not pending.strip(b"\x00"):  # padding between and after members is allowed
            if not (pending := next(source, b"")):
                return
            continue
        if members:
            pending = pending.lstrip(b"\x00")
            while len(pending) < 8 and (more := next(source, b"")):
                pending += more
            if codec_of(pending) != kind:
                raise BrokenError("trailing_garbage", f"after {members} good {kind} streams come bytes that are none")
        pending = yield from _member(pending, source, kind)
        members += 1


def _member(pending: bytes, source: Iterator[bytes], kind: str) -> Generator[bytes, None, bytes]:
    """Yields one member's bytes; returns what follows it."""
    decoder = _decoder(kind)
    try:
        while not decoder.eof:
            if decoder.needs_input and not pending and not (pending := next(source, b"")):
                raise BrokenError("truncated", f"the file ends inside a {kind} stream")
            piece = decoder.decompress(pending, STEP)
            pending = b""
            if piece:
                yield piece
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError, MemoryError) as error:
        raise BrokenError("corrupt", f"{kind}: {error}") from error
    unused: bytes = decoder.unused_data
    return unused


def _decoder(kind: str) -> Any:
    if kind == "gz":
        return _Gzip()
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor(memlimit=2 * _MAX_WINDOW)
    return _Zstd()


class _Gzip:
    """zlib with the manners of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Zstd:
    """One zstd frame at a time. The library does not bound a step's output, so a step's input is bounded instead.

    Four bytes can stand for a block of 128 KiB, hence 1 KiB for at most 32 MiB.
    """

    _STEP = 2**10

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._inner = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
        self._held = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._held += data
        step, self._held = self._held[: self._STEP], self._held[self._STEP :]
        try:
            return self._inner.decompress(step)
        except self._error as error:
            raise ValueError(str(error)) from error

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._held

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._held
