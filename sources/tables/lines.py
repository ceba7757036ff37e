"""A file's lines, one after another, with the bytes each takes; compressed or not, of any length."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sources.containers.compression import BrokenError, chunks
from sources.outcome import UnreadError
from sources.settings import ReadSettings

_LINE = re.compile(rb"[^\n]*\n")
_BLOCK = 2**18  # so many bytes are cut into lines at once
Stretch = tuple[int, bytes, UnreadError | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end, at [start, end) of the expanded file; or why it cannot be had, and no data."""

    start: int
    end: int
    data: bytes
    problem: UnreadError | None = None


def lines(path: Path, settings: ReadSettings) -> Iterator[Line]:
    """Every line of a file.

    A longer one than `max_record_bytes` is passed over and has a problem, as has one in which the stream breaks. Where
    it breaks between two lines, an empty line at the end says so.
    """
    start = 0
    for size, data, problem in stretches(path, settings):
        yield Line(start, start + size, data, problem)
        start += size


def stretches(path: Path, settings: ReadSettings) -> Iterator[Stretch]:
    """The same as bare tuples: bytes taken, the line or nothing, and a problem or None."""
    limit, source = settings.max_record_bytes, chunks(path, settings.max_expanded_bytes)
    begun: list[bytes] = []  # the pieces of a line whose end is to come,
    size = 0  # and their bytes; none are held of a line that is too long
    broken: BrokenError | None = None
    while True:
        try:
            piece = next(source, b"")
        except BrokenError as error:
            broken, piece = error, b""
        if not piece:
            break
        for at in range(0, len(piece), _BLOCK):
            block = piece[at : at + _BLOCK]
            cut = block.rfind(b"\n") + 1
            whole = _LINE.findall(block, 0, cut)  # not beyond: a search without an end costs the square of its length
            if whole and size:
                size += len(whole[0])
                line = _line(size, [*begun, whole[0]], limit, None)
                begun, size = [], 0  # before the line is given, so that it is not held twice
                del whole[0]
                yield line
            for data in whole:
                yield (len(data), data, None) if len(data) <= limit else _line(len(data), [], limit, None)
            if rest := block[cut:]:
                size += len(rest)
                if size > limit:
                    begun = []
                else:
                    begun.append(rest)
    if size or broken:
        yield _line(size, begun, limit, broken)


def _line(size: int, pieces: list[bytes], limit: int, broken: BrokenError | None) -> Stretch:
    if size > limit:
        return size, b"", UnreadError("too_large", f"a line of more than {limit} bytes (max_record_bytes)")
    if broken:
        return size, b"", UnreadError(broken.reason, broken.detail)
    return size, b"".join(pieces), None
