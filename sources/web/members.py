"""A file with a gzip member or zstd frame for each record: stored stretches in, their expansions out.

The stretches tile the file. A member that cannot be expanded costs itself: the next one that begins with a WARC record
is looked for. Vain work is counted, and a file that causes more of it than its size allows is given up from there on:
no file can be made to cost more than in proportion to its size.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from sources import hand
from sources.containers.compression import FAILURES, BrokenError, decoder_maker
from sources.settings import ReadSettings

_MAGIC = {  # with what the standards allow behind it (RFC 1952: flags, XFL, OS; RFC 8878)
    "gz": re.compile(rb"\x1f\x8b\x08(?=[\x00-\x1f][\x00-\xff]{4}[\x00\x02\x04][\x00-\x0d\xff])"),
    "zst": re.compile(rb"\x28\xb5\x2f\xfd"),
}
_FIRST = 2**13  # of a member, what is fed at first; twice as much at each further step
_MOST = 2**18
_STEP = 2**20  # most bytes of output a step
_READ = 2**20
_PROBE = {"gz": 2**9, "zst": 2**18}  # bytes of a member looked at; a zstd block of 128 KiB shows nothing before its end
_PROBE_COST = 2**14
_VAIN = (8, 2**28)  # bytes of vain work: so often the file's size, and so many more


class Member(NamedTuple):
    """The stored stretch [start, end) and what it expands to, or the `problem` with it."""

    start: int
    end: int
    data: bytes = b""
    problem: str = ""
    detail: str = ""


def read_members(path: Path, kind: str, settings: ReadSettings) -> Iterator[Member]:
    """The members of a file of `kind` "gz" or "zst", in order."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            make = decoder_maker(kind, file)
        except BrokenError as broken:
            yield Member(0, size, problem=broken.reason, detail=broken.detail)
            return
        start = file.tell()
        if start:
            yield Member(0, start, problem="dictionary", detail="the zstd dictionary of the frames that follow")
        yield from _tiles(_Source(file, start), start, size, kind, make, settings)


def _tiles(
    source: "_Source", start: int, size: int, kind: str, make: Callable[[], Any], settings: ReadSettings
) -> Iterator[Member]:
    expanded = vain = 0
    limit = settings.max_record_bytes
    while start < size:
        data, grown, problem = _expand(source, make(), limit, settings.max_expanded_bytes - expanded)
        expanded += grown
        end = source.position()
        if expanded > settings.max_expanded_bytes:
            problem = "expands_too_far"
        if not problem:
            yield Member(start, end, data)
        elif problem == "too_large":
            detail = f"expands to {grown} bytes, at most {limit} are read (max_record_bytes)"
            yield Member(start, end, b"", problem, detail)
        elif problem == "expands_too_far":
            detail = f"expands to more than {settings.max_expanded_bytes} bytes (max_expanded_bytes)"
            yield Member(start, size, b"", problem, detail)
            return
        else:
            vain += grown + end - start
            left = _VAIN[0] * size + _VAIN[1] - vain
            end, cost = _next_member(source, start + 1, size, kind, make, left) if left > 0 else (size, 0)
            vain += cost
            yield Member(start, end, b"", *_damage(source, start, end, size, kind))
            source.seek(end)
        start = end


def _expand(source: "_Source", decoder: Any, limit: int, most: int) -> tuple[bytes, int, str]:
    """The member that begins where the source is: its bytes, how many, the problem with it.

    The source is left at the member's end, or where it broke.
    """
    try:
        piece = decoder.decompress(source.take(_FIRST), _STEP)
        if decoder.eof and len(piece) <= limit:  # as most records are
            source.back(len(decoder.unused_data))
            return piece, len(piece), ""
    except FAILURES:
        return b"", 0, "corrupt"
    return _expand_on(source, decoder, piece, limit, most)


def _expand_on(source: "_Source", decoder: Any, piece: bytes, limit: int, most: int) -> tuple[bytes, int, str]:
    """The rest of what `_expand` gives, after the first `piece`."""
    parts, size, step = [piece], len(piece), 2 * _FIRST
    try:
        while not decoder.eof:
            hand.beat()
            data = source.take(step) if decoder.needs_input else memoryview(b"")
            piece = decoder.decompress(data, _STEP)
            if not (data or piece):
                return b"", size, "truncated"
            size += len(piece)
            if size > most:
                return b"", size, "expands_too_far"
            if size <= limit:
                parts.append(piece)
            else:
                parts.clear()
            step = min(2 * step, _MOST)
    except FAILURES:
        return b"", size, "corrupt"
    source.back(len(decoder.unused_data))
    return (b"".join(parts), size, "") if size <= limit else (b"", size, "too_large")


def _damage(source: "_Source", start: int, end: int, size: int, kind: str) -> tuple[str, str]:
    """Problem and detail of the stretch [start, end), which is no member that can be expanded."""
    source.seek(start)
    if _MAGIC[kind].match(source.take(16)):
        if end == size:
            return "truncated", "the last member is cut off or corrupt"
        return "corrupt", "a member that cannot be expanded; read on at the next one"
    source.seek(start)
    while source.position() < end:
        if bytes(source.take(min(_READ, end - source.position()))).strip(b"\x00"):
            return {"gz": "not_gzip", "zst": "not_zstd"}[kind], "junk where a member should begin"
    return "padding", "NUL bytes between or after the members"


def _next_member(
    source: "_Source", start: int, size: int, kind: str, make: Callable[[], Any], left: int
) -> tuple[int, int]:
    """Where the next member that expands to a WARC record begins, or `size`; and the bytes of work it took.

    It is `size` too where that work would pass `left`.
    """
    source.seek(start)
    held, at, cost = b"", start, 0
    while True:
        held += bytes(source.take(_READ))
        last = at + len(held) >= size
        usable = len(held) if last else len(held) - _PROBE[kind]
        for match in _MAGIC[kind].finditer(held):
            if match.start() >= usable:
                break
            begins, fed = _beginning(held, match.start(), _PROBE[kind], make())
            cost += _PROBE_COST + fed
            if begins.lstrip(b"\r\n").startswith(b"WARC/"):
                return at + match.start(), cost
            if cost > left:
                return size, cost
        if last:
            return size, cost
        held, at = held[usable:], at + usable


def _beginning(held: bytes, start: int, most: int, decoder: Any) -> tuple[bytes, int]:
    """The first bytes that a member at `start` gives, if any, and how many bytes it was fed for that."""
    begins, fed = b"", 0
    try:
        while not begins and fed < most and not decoder.eof:
            step = min(fed or 64, 2**10)  # little at first: four bytes of zstd can give 128 KiB
            begins, fed = decoder.decompress(held[start + fed : start + fed + step], 64), fed + step
    except FAILURES:
        return b"", fed
    return begins, fed


class _Source:
    """A file read forwards in large steps and given in small ones."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._held = memoryview(b"")
        self._base = start  # position of _held[0]
        self._at = 0

    def position(self) -> int:
        return self._base + self._at

    def take(self, size: int) -> memoryview:
        """The next bytes; fewer than `size` only at the end."""
        at = self._at
        data = self._held[at : at + size]
        if len(data) < size:
            self._base += at
            self._held = memoryview(bytes(data) + self._file.read(max(size, _READ)))
            at = 0
            data = self._held[:size]
        self._at = at + len(data)
        return data

    def back(self, size: int) -> None:
        """Return to where `size` fewer bytes were taken."""
        if size <= self._at:
            self._at -= size
        else:
            self.seek(self._base + self._at - size)

    def seek(self, position: int) -> None:
        at = position - self._base
        if 0 <= at <= len(self._held):
            self._at = at
        else:
            self._file.seek(position)
            self._held, self._base, self._at = memoryview(b""), position, 0
