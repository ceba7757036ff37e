"""WARC files to records, by byte range, whatever is broken in them.

    *.warc.gz, *.warc.zst, a member per record ─ members ─┐  stored bytes      a broken member costs itself
    *.warc ───────────────────────────────────────────────┼─ records → Record
    one gzip or zstd stream for all records ──────────────┘  expanded bytes    a broken stream ends there

The format is ISO 28500 (WARC 1.1, https://iipc.github.io/warc-specifications/), the dictionary at the head of a zstd
file the same site's "WARC zstd". A Content-Length is believed only where what follows it is the next record or the
end. Otherwise the record has a `problem`, and its block is what lies before the next version line: a digest may prove
it (`sources.web.digest`). The bytes between records belong to the one before them.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sources.containers.compression import chunks, codec, unit_of
from sources.containers.window import Window
from sources.item import Unit
from sources.settings import ReadSettings
from sources.web.members import read_members

_VERSION = re.compile(rb"WARC/\d\.\d{1,2}[ \t]{0,4}\r?\n")
_NEXT = re.compile(rb"\nWARC/\d\.\d{1,2}[ \t]{0,4}\r?\n")
_LONGEST = 17  # bytes of a match of either
_FOLD = re.compile(rb"\r?\n[ \t]+")  # a field goes on in the next line
_BLANK = re.compile(rb"\n\r?\n")  # the line that ends a head
_USUAL = (b"WARC/1.0\r\n", b"WARC/1.1\r\n")
_LENGTH = b"\nContent-Length: "  # as nearly everybody writes it
_STEP = 2**20


class Record(NamedTuple):
    """The stretch [start, end) of a WARC file and the record in it: head and block; or a `problem`.

    A record with a problem has a block where the problem is its length and its extent is plain all the same.
    """

    start: int
    end: int
    data: bytes = b""
    block_start: int = 0
    block_end: int = 0
    problem: str = ""
    detail: str = ""
    ordinal: int = 0

    @property
    def block(self) -> bytes:
        """The bytes behind the head."""
        return self.data[self.block_start : self.block_end]

    def fields(self) -> dict[str, str]:
        """The named fields of the head, names in lower case, the first of each name."""
        return parse_fields(self.data[: self.block_start])


def read_warc(path: Path, settings: ReadSettings) -> tuple[Unit, Iterator[Record]]:
    """The unit of the offsets and the records, which tile the file."""
    kind = codec(path)
    if kind in ("gz", "zst") and _member_per_record(path, settings):
        return "byte", _of_members(path, kind, settings)
    return unit_of(path), _records(Window(chunks(path, settings.max_expanded_bytes)), settings)


def looks_like_warc(head: bytes) -> bool:
    """Whether expanded bytes begin as a WARC file does."""
    return head.lstrip(b"\r\n").startswith(b"WARC/")


def _member_per_record(path: Path, settings: ReadSettings) -> bool:
    """Whether the first member with content holds one record; a file whose first members hold none counts so."""
    first: list[Record] = []
    for members in (1, 2):
        window = Window(chunks(path, settings.max_expanded_bytes, members))
        first = list(islice((r for r in _records(window, settings) if r.end > r.start), 2))
        if first or window.broken:
            break
    if len(first) == 1 and first[0].problem == "truncated" and not window.broken:  # or does it go on in the next?
        joined = next(_records(Window(chunks(path, settings.max_expanded_bytes)), settings))
        return bool(joined.problem)
    return len(first) < 2


def _of_members(path: Path, kind: str, settings: ReadSettings) -> Iterator[Record]:
    """The records of a file with a member for each, by stored bytes."""
    limit = settings.max_head_bytes
    for start, end, data, problem, detail in read_members(path, kind, settings):
        if problem:
            yield Record(start, end, problem=problem, detail=detail)
        elif begin := _whole(data, limit):
            yield Record(start, end, data, begin, len(data) - 4)
        else:
            for ordinal, record in enumerate(_records(Window(iter([data])), settings)):
                yield record._replace(start=start, end=end, ordinal=ordinal)


def _whole(data: bytes, limit: int) -> int:
    """Where the block begins in bytes that are one record as the standard wants it; 0 leaves them to `_records`."""
    end = data.find(b"\n\r\n", 0, limit)
    at = data.find(_LENGTH, 0, end)
    if end < 0 or at < 0 or not data.startswith(_USUAL) or data.find(b"\n\n", 0, end) >= 0:
        return 0
    at += len(_LENGTH)
    stated = data[at : data.find(b"\r", at)]
    fits = stated.isdigit() and end + 7 + int(stated[:20]) == len(data) and data.endswith(b"\r\n\r\n")
    return end + 3 if fits else 0


def _records(window: Window, settings: ReadSettings) -> Iterator[Record]:
    """The records of a stream of plain WARC bytes, by offset in that stream; at least one, if only to say `empty`."""
    records = 0
    while window.ahead(1):
        start = window.position
        window.skip(_line_ends(window))
        if records == 0 and not window.ahead(1):
            break
        yield _record(window, start, settings)
        records += 1
    if window.broken:
        yield Record(window.position, window.position, problem=window.broken.reason, detail=window.broken.detail)
    elif not records:
        yield Record(0, window.position, problem="empty_member", detail="no record inside")


def _record(window: Window, start: int, settings: ReadSettings) -> Record:
    if not _VERSION.match(window.peek(_LONGEST)):
        _resync(window)
        return Record(
            start, window.position, problem="not_warc", detail="no WARC version line where a record should begin"
        )
    blank = window.search(_BLANK, 0, settings.max_head_bytes, 3)
    if not blank:
        _pass_head(window, settings.max_head_bytes)
        detail = f"a head without end within {settings.max_head_bytes} bytes (max_head_bytes)"
        return Record(start, window.position, problem="head_too_large", detail=detail)
    size = blank[1]
    head = window.take(size)
    length, problem, detail = _length(parse_fields(head), settings.max_record_bytes)
    if not problem:
        problem, detail = _misfit(window, length)
    if not problem:
        data = head + window.take(length)
        window.skip(_line_ends(window))
        return Record(start, window.position, data, size, len(data))
    block, found = _to_next(window, settings.max_record_bytes)
    if problem == "truncated" and found:
        problem = "length_mismatch"
    return Record(start, window.position, head + block, size, size + len(block), problem, detail)


def _length(fields: dict[str, str], limit: int) -> tuple[int, str, str]:
    """The stated length of the block, or problem and detail."""
    stated = fields.get("content-length", "")
    if not (stated.isascii() and stated.isdigit()):
        return 0, "bad_length", f"Content-Length: {stated[:80]}"
    length = int(stated[:20])
    if length > limit:
        return 0, "too_large", f"Content-Length: {length}, at most {limit} are read (max_record_bytes)"
    return length, "", ""


def _misfit(window: Window, length: int) -> tuple[str, str]:
    """Problem and detail where neither the next record nor the end follows a block of `length`."""
    there = window.ahead(length)
    if there < length:
        return "truncated", f"Content-Length: {length}, but {there} bytes are left"
    rest = window.peek(8 + _LONGEST, ahead=length).lstrip(b"\r\n")
    if rest and not _VERSION.match(rest) and not (len(rest) < 8 and b"WARC/".startswith(rest[:5])):
        return "length_mismatch", f"Content-Length: {length}, but no record begins there"
    return "", ""


def _line_ends(window: Window) -> int:
    ahead = window.peek(64)
    return len(ahead) - len(ahead.lstrip(b"\r\n"))


def _pass_head(window: Window, limit: int) -> None:
    """Pass over a head without end: only the last version line within `limit` can begin a record with a head."""
    last = max((match.start() for match in _NEXT.finditer(window.peek(limit))), default=-1)
    if last >= 0:
        window.skip(last + 1)
    else:
        window.skip(limit - _LONGEST)
        _resync(window)


def _to_next(window: Window, limit: int) -> tuple[bytes, bool]:
    """Go on to the next version line: what lies before it, if at most `limit` bytes, and whether there is one."""
    if span := window.search(_NEXT, 0, limit, _LONGEST):
        block = window.take(span[0] + 1)
    elif window.ahead(limit + 1) > limit:
        return b"", _resync(window)
    else:
        block = window.take(limit)
    end = next((end for end in (b"\r\n\r\n", b"\n\n") if block.endswith(end)), b"")
    return block[: len(block) - len(end)], bool(span)


def _resync(window: Window) -> bool:
    """Go on to the next version line without holding what is passed; to the end, and False, where there is none."""
    while not (span := window.search(_NEXT, 0, _STEP, _LONGEST)):
        if window.skip(_STEP - _LONGEST) < _STEP - _LONGEST or not window.ahead(1):
            return False
    window.skip(span[0] + 1)
    return True


def parse_lines(head: bytes) -> list[tuple[str, str]]:
    """The named fields of a WARC or HTTP head in their order, names in lower case; its first line is left out."""
    parts = [line.partition(":") for line in _lines(head)]
    return [(name.strip().lower(), value.strip()) for name, colon, value in parts if colon]


def parse_fields(head: bytes) -> dict[str, str]:
    """The fields of `parse_lines` by name, the first of each."""
    fields: dict[str, str] = {}
    for line in _lines(head):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _lines(head: bytes) -> list[str]:
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    return head.decode("utf-8", "replace").split("\n")[1:]
