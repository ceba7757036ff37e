"""Compressed files as one stream of expanded bytes: gzip, bzip2, xz and zstd, told by their magic, not by their name.

Members that follow each other are one stream. What a stream gives before it breaks is given; then `BrokenError` says
why. The output of one step is bounded, so a bomb costs time up to `max_expanded_bytes` and never memory. gzip is
expanded by ISA-L, at twice zlib's speed; it checks the same checksums.
"""

import bz2
import lzma
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from isal import igzip_lib

from sources import hand
from sources.item import Unit

STEP = 2**18  # most bytes of output a step (zstd: see _Zstd)
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"  # the skippable frame of https://iipc.github.io/warc-specifications/ (zstd)
_IsalError = cast("type[Exception]", igzip_lib.IsalError)  # its stub says that it is an instance
FAILURES = (_IsalError, OSError, EOFError, lzma.LZMAError, ValueError, MemoryError)  # what decoders raise
_READ = 2**16
_MAX_WINDOW = 2**27  # zstd's own default limit (128 MiB), also the memory limit for xz dictionaries
_MAX_DICTIONARY = 2**24

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
            for piece in source:
                hand.beat()
                yield piece
            return
        make = decoder_maker(kind, file)
        given = 0
        for piece in _expanded(source, kind, make, members):
            hand.beat()
            if given + len(piece) > max_expanded_bytes:
                yield piece[: max_expanded_bytes - given]
                raise BrokenError(
                    "expands_too_far", f"expands to more than {max_expanded_bytes} bytes (max_expanded_bytes)"
                )
            given += len(piece)
            yield piece


def decoder_maker(kind: str, file: BinaryIO) -> Callable[[], Any]:
    """What makes a decoder for each member of `file`, with the manners of `bz2.BZ2Decompressor`.

    A dictionary that a zstd file begins with is read; the file is then where its first frame with content begins.
    Raises BrokenError for a dictionary that cannot be read.
    """
    if kind == "gz":
        return partial(igzip_lib.IgzipDecompressor, flag=igzip_lib.DECOMP_GZIP)
    if kind == "bz2":
        return bz2.BZ2Decompressor
    if kind == "xz":
        return partial(lzma.LZMADecompressor, memlimit=2 * _MAX_WINDOW)
    return partial(Zstd, _zstd_dictionary(file))


def _zstd_dictionary(file: BinaryIO) -> Any:
    """The dictionary that stands, plain or compressed, in a skippable frame at the start; None where there is none."""
    head = file.read(8)
    if head[:4] != ZSTD_DICTIONARY:
        file.seek(0)
        return None
    import zstandard

    size = int.from_bytes(head[4:], "little")
    if size > _MAX_DICTIONARY:
        raise BrokenError("corrupt", f"a zstd dictionary of {size} bytes, at most {_MAX_DICTIONARY} are read")
    data = file.read(size)
    if len(head) < 8 or len(data) < size:
        raise BrokenError("truncated", "the file ends inside its zstd dictionary")
    try:
        if codec_of(data) == "zst":
            with zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(data) as reader:
                data = reader.read(_MAX_DICTIONARY)
        return zstandard.ZstdCompressionDict(data)
    except zstandard.ZstdError as error:
        raise BrokenError("corrupt", f"zstd dictionary: {error}") from error


def _expanded(source: Iterator[bytes], kind: str, make: Callable[[], Any], most: int | None) -> Iterator[bytes]:
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
        pending = yield from _member(pending, source, kind, make())
        members += 1


def _member(pending: bytes, source: Iterator[bytes], kind: str, decoder: Any) -> Generator[bytes, None, bytes]:
    """Yields one member's bytes; returns what follows it."""
    try:
        while not decoder.eof:
            if decoder.needs_input and not pending and not (pending := next(source, b"")):
                raise BrokenError("truncated", f"the file ends inside a {kind} stream")
            piece = decoder.decompress(pending, STEP)
            pending = b""
            if piece:
                yield piece
    except FAILURES as error:
        raise BrokenError("corrupt", f"{kind}: {error}") from error
    unused: bytes = decoder.unused_data
    return unused


class Zstd:
    """One zstd frame. The library does not bound a step's output, so a step's input is bounded instead.

    Four bytes can stand for a block of 128 KiB, hence 1 KiB for at most 32 MiB.
    """

    _STEP = 2**10

    def __init__(self, dictionary: Any = None) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._inner = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=_MAX_WINDOW).decompressobj()
        self._held = b""
        self._at = 0

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """More of the frame's bytes; `max_length` is not heeded."""
        if data:
            self._held, self._at = self._held[self._at :] + data, 0
        step = self._held[self._at : self._at + self._STEP]
        self._at += len(step)
        try:
            return self._inner.decompress(step)
        except self._error as error:
            raise ValueError(str(error)) from error

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether all that was fed has been used."""
        return self._at >= len(self._held)

    @property
    def unused_data(self) -> bytes:
        """What was fed and lies behind the frame."""
        return self._inner.unused_data + self._held[self._at :]
