"""WARC files to records, by byte range, whatever is broken in them.

    *.warc.gz, a member per record ─ members ─┐  stored bytes      a broken member costs itself
    *.warc ───────────────────────────────────┼─ records → Record
    *.warc.zst, one gzip stream for all ──────┘  expanded bytes    a broken stream ends there

The format is ISO 28500 (WARC 1.1, https://iipc.github.io/warc-specifications/). A Content-Length is believed only where
what follows it is the next record or the end: otherwise the record is `length_mismatch` and the next version line is
looked for. The bytes between records belong to the one before them.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sources.compression import chunks, codec, unit_of
from sources.item import Unit
from sources.settings import ReadSettings
from sources.window import Window

_VERSION = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n")
_NEXT = b"\nWARC/"
_GZIP = b"\x1f\x8b\x08"
_STEP = 2**16
_LONGEST_VERSION = 16


@dataclass(frozen=True, slots=True)
class Record:
    """The stretch [start, end) of a WARC file: a record's head (names in lower case) and block, or a `problem`."""

    start: int
    end: int
    head: dict[str, str] = field(default_factory=dict)
    block: bytes = b""
    problem: str = ""
    detail: str = ""
    ordinal: int = 0


def read_warc(path: Path, settings: ReadSettings) -> tuple[Unit, Iterator[Record]]:
    """The unit of the offsets and the records, which tile the file."""
    if codec(path) == "gz" and _member_per_record(path, settings):
        return "byte", _members(path, settings)
    return unit_of(path), _records(Window(chunks(path, settings.max_expanded_bytes)), settings)


def looks_like_warc(head: bytes) -> bool:
    """Whether expanded bytes begin as a WARC file does."""
    return head.lstrip(b"\r\n").startswith(b"WARC/")


def _member_per_record(path: Path, settings: ReadSettings) -> bool:
    """Whether the first gzip member holds one record; a file whose first member holds none counts so."""
    first = _records(Window(chunks(path, settings.max_expanded_bytes, members=1)), settings)
    return sum(1 for record in islice(first, 2) if record.end > record.start) < 2


def _members(path: Path, settings: ReadSettings) -> Iterator[Record]:
    """The records of a file with a gzip member for each, by stored bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        while start < size:
            file.seek(start)
            member = _member(b"", iter(lambda: file.read(_STEP), b""), settings.max_record_bytes)
            if member is None or member[0] is None:
                end = _next_member(path, start + 1, size)
                file.seek(start)
                problem, detail = _damage(member is not None, file.read(3), end == size, settings.max_record_bytes)
                yield Record(start, end, problem=problem, detail=detail)
                start = end
                continue
            end = start + member[1]
            for ordinal, record in enumerate(_records(Window(iter([member[0]])), settings)):
                yield Record(start, end, record.head, record.block, record.problem, record.detail, ordinal)
            start = end


def _damage(too_large: bool, head: bytes, last: bool, limit: int) -> tuple[str, str]:
    """Problem and detail of a member that begins with `head` and gave nothing."""
    if too_large:
        return "too_large", f"a record expands to more than {limit} bytes (max_record_bytes)"
    if not head.startswith(_GZIP):
        return "not_gzip", "padding or junk where a gzip member should begin"
    if last:
        return "truncated", "the last gzip member is cut off or corrupt"
    return "corrupt", "a gzip member that cannot be expanded; read on at the next one"


def _member(pending: bytes, source: Iterator[bytes], limit: int) -> tuple[bytes, int] | tuple[None, int] | None:
    """A gzip member's expansion and its stored size; None for the expansion of one beyond `limit`; None if broken."""
    inner = zlib.decompressobj(31)
    parts: list[bytes] = []
    expanded = stored = 0
    try:
        while not inner.eof:
            data = inner.unconsumed_tail or pending or next(source, b"")
            stored += 0 if inner.unconsumed_tail else len(data)
            pending = b""
            piece = inner.decompress(data, 2**20)
            if not data and not piece:
                return None
            parts.append(piece)
            expanded += len(piece)
            if expanded > limit:
                return None, stored
    except zlib.error:
        return None
    return b"".join(parts), stored - len(inner.unused_data)


def _next_member(path: Path, start: int, size: int) -> int:
    """Where the next gzip member that expands to a WARC record begins, or `size`."""
    with path.open("rb") as file, path.open("rb") as probe:
        file.seek(start)
        held, at = b"", start
        while data := file.read(2**20):
            held += data
            found = held.find(_GZIP)
            while found >= 0:
                if _begins_record(probe, at + found):
                    return at + found
                found = held.find(_GZIP, found + 1)
            at += len(held) - 2
            held = held[-2:]
    return size


def _begins_record(file: BinaryIO, start: int) -> bool:
    file.seek(start)
    try:
        return looks_like_warc(zlib.decompressobj(31).decompress(file.read(512), 64))
    except zlib.error:
        return False


def _records(window: Window, settings: ReadSettings) -> Iterator[Record]:
    """The records of a stream of plain WARC bytes, by offset in that stream; at least one, if only to say `empty`."""
    records = 0
    while window.peek(1):
        start = window.position
        window.skip(_line_ends(window))
        if records == 0 and not window.peek(1):
            break
        yield _record(window, start, settings)
        records += 1
    if window.broken:
        yield Record(window.position, window.position, problem=window.broken.reason, detail=window.broken.detail)
    elif not records:
        yield Record(0, window.position, problem="empty_member", detail="no record inside")


def _record(window: Window, start: int, settings: ReadSettings) -> Record:
    if not _VERSION.match(window.peek(_LONGEST_VERSION)):
        _resync(window, 0)
        return Record(
            start, window.position, problem="not_warc", detail="no WARC version line where a record should begin"
        )
    head_size = _head_size(window, settings.max_head_bytes)
    if head_size < 0:
        _resync(window, 1)
        detail = f"a head without end within {settings.max_head_bytes} bytes (max_head_bytes)"
        return Record(start, window.position, problem="head_too_large", detail=detail)
    head = parse_fields(window.take(head_size))
    stated = head.get("content-length", "")
    if not (stated.isascii() and stated.isdigit()):
        _resync(window, 0)
        return Record(start, window.position, head, problem="bad_length", detail=f"Content-Length: {stated[:80]}")
    length = int(stated[:20])
    if length > settings.max_record_bytes:
        _resync(window, 0)
        detail = f"Content-Length: {length}, at most {settings.max_record_bytes} are read (max_record_bytes)"
        return Record(start, window.position, head, problem="too_large", detail=detail)
    block = window.peek(length)
    if len(block) < length:
        found = _resync(window, 0)
        problem = "length_mismatch" if found else "truncated"
        detail = f"Content-Length: {length}, but {len(block)} bytes are left"
        return Record(start, window.position, head, problem=problem, detail=detail)
    after = window.peek(length + 8 + _LONGEST_VERSION)[length:]
    rest = after.lstrip(b"\r\n")
    if rest and not _VERSION.match(rest) and not (len(rest) < 8 and b"WARC/".startswith(rest[:5])):
        _resync(window, 0)
        detail = f"Content-Length: {length}, but no record begins there"
        return Record(start, window.position, head, problem="length_mismatch", detail=detail)
    window.skip(length)
    window.skip(_line_ends(window))
    return Record(start, window.position, head, block)


def _line_ends(window: Window) -> int:
    ahead = window.peek(64)
    return len(ahead) - len(ahead.lstrip(b"\r\n"))


def _head_size(window: Window, limit: int) -> int:
    """Bytes of the head with the empty line that ends it, or -1."""
    crlf = window.find(b"\r\n\r\n", 0, limit)
    lf = window.find(b"\n\n", 0, limit if crlf < 0 else crlf)
    if lf >= 0:
        return lf + 2
    return crlf + 4 if crlf >= 0 else -1


def _resync(window: Window, ahead: int) -> bool:
    """Go on to the next version line; to the end, and False, where there is none."""
    while True:
        found = window.find(_NEXT, ahead, 2**20)
        if found >= 0:
            window.skip(found + 1)
            if _VERSION.match(window.peek(_LONGEST_VERSION)):
                return True
            ahead = 0
        elif window.skip(2**20 - len(_NEXT)) < 2**20 - len(_NEXT):
            window.skip(len(_NEXT))
            return False
        else:
            ahead = 0


def parse_fields(head: bytes) -> dict[str, str]:
    """The named fields of a WARC or HTTP head, names in lower case, first of each name; its first line is left out."""
    fields: dict[str, str] = {}
    name = ""
    for line in head.decode("utf-8", "replace").splitlines()[1:]:
        if line[:1] in (" ", "\t") and name:  # a folded line
            fields[name] = f"{fields[name]} {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower() if colon else ""
        if name and name not in fields:
            fields[name] = value.strip()
    return fields
