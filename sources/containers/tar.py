"""Tar archives to entries, by byte range, streamed: nothing is ever written to disk, and no size is believed.

An entry's stretch runs from its first header block (long names and extended headers come before it) to the end of its
padding. Formats: ustar, GNU and pax (POSIX.1-2001).
"""

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sources.containers.window import Window
from sources.settings import ReadSettings

_BLOCK = 512
_LONG = 2**20  # most bytes of a long name or of extended headers

_KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.CONTTYPE: "file", tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "link", tarfile.CHRTYPE: "device", tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "fifo", tarfile.GNUTYPE_SPARSE: "sparse_file",
}  # fmt: skip
_OF_GNU = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.GNUTYPE_SPARSE)
_EXTENDED = (*_OF_GNU[:2], tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)


@dataclass(frozen=True, slots=True)
class Entry:
    """The stretch [start, end) of an archive: `kind` is `file` (then `data` is its content) or what else is there.

    `problem` and `detail` say why something could not be read; `name` is then None where it is not known.
    """

    start: int
    end: int
    kind: str
    name: str | None = None
    data: bytes = b""
    problem: str = ""
    detail: str = ""


class _Header(NamedTuple):
    type: bytes
    name: str
    size: int
    sparse: bool  # more of a sparse file's map follows


def entries(window: Window, settings: ReadSettings) -> Iterator[Entry]:
    """The entries of a tar stream, which tile it."""
    members = 0
    told = False  # whether the last entry has said that the stream broke
    while window.peek(1):
        start = window.position
        if members >= settings.max_members:
            window.skip(2**63)
            detail = f"more than {settings.max_members} members (max_members)"
            yield Entry(start, window.position, "rest", problem="too_many_members", detail=detail)
            break
        if not window.peek(_BLOCK).strip(b"\x00"):
            while window.peek(1) and not window.peek(_BLOCK).strip(b"\x00"):
                window.skip(_BLOCK)
            yield Entry(start, window.position, "padding")
            continue
        entry = _entry(window, start, settings.max_record_bytes)
        told = bool(entry.problem)
        yield entry
        members += 1
    if window.broken and not told:
        at = window.position
        yield Entry(at, at, "rest", problem=window.broken.reason, detail=window.broken.detail)


def _entry(window: Window, start: int, limit: int) -> Entry:
    extra: dict[str, str] = {}
    while True:
        try:
            header = _header(window.peek(_BLOCK))
        except ValueError as error:
            return _lost(window, start, f"{error}")
        window.skip(_BLOCK)
        if header.type not in _EXTENDED:
            break
        if not 0 <= header.size <= _LONG:
            return _lost(window, start, f"extended headers of {header.size} bytes, at most {_LONG} are read")
        found = _extra(header.type, window.take(header.size))
        window.skip(-header.size % _BLOCK)
        if header.type == tarfile.XGLTYPE:
            return Entry(start, window.position, "archive_header", detail=found.get("comment", "")[:200])
        extra |= found
    more = header.sparse
    while more:  # the map of a sparse file goes on in blocks before its content
        block = window.take(_BLOCK)
        more = len(block) == _BLOCK and block[504] != 0
    return _content(window, start, header, extra, limit)


def _header(block: bytes) -> _Header:
    """What a header block says. Raises ValueError where its checksum or its size is none."""
    if len(block) < _BLOCK:
        raise ValueError("truncated header")
    stated, summed = _number(block[148:156]), block[:148] + b" " * 8 + block[156:]
    if stated != _sum(summed) and stated != _sum(summed) - 256 * sum(byte > 127 for byte in summed):
        raise ValueError("bad checksum")  # the second sum is that of old programs, which took bytes as signed
    kind, name, size = block[156:157], block[:100].partition(b"\0")[0], _number(block[124:136])
    if block[257:263] == b"ustar\0" and kind not in _OF_GNU and (prefix := block[345:500].partition(b"\0")[0]):
        name = prefix + b"/" + name
    if kind == tarfile.AREGTYPE and name.endswith(b"/"):
        kind = tarfile.DIRTYPE
    sparse = kind == tarfile.GNUTYPE_SPARSE and block[482] != 0
    return _Header(kind, name.decode("utf-8", "surrogateescape"), size, sparse)


def _sum(block: bytes) -> int:
    """Of the bytes. An Adler-32 sum of ASCII holds it, and is had in a fraction of the time."""
    return (zlib.adler32(block) & 0xFFFF) - 1 if block.isascii() and len(block) <= _BLOCK else sum(block)


def _number(field: bytes) -> int:
    """A number in octal digits or, with its first bit set, in base 256 (GNU tar)."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    digits = field.partition(b"\0")[0].strip()
    if digits and not digits.isdigit():
        raise ValueError(f"{field!r} is no number")
    return int(digits or b"0", 8)


def _content(window: Window, start: int, header: _Header, extra: dict[str, str], limit: int) -> Entry:
    name = extra.get("path", header.name)
    kind = "sparse_file" if any(key.startswith("GNU.sparse.") for key in extra) else ""
    kind = kind or _KINDS.get(header.type, "other_entry")
    stated = extra.get("size", "")
    size = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 19 else header.size
    if kind in ("link", "directory", "device", "fifo"):
        size = 0
    if size < 0:
        return _lost(window, start, f"a size of {size}")
    data = window.take(size) if kind == "file" and size <= limit else b""
    there = len(data) + window.skip(size - len(data))
    window.skip(-size % _BLOCK)
    if there < size:
        reason = window.broken.reason if window.broken else "truncated"
        return Entry(start, window.position, kind, name, b"", reason, f"{size} bytes stated, {there} are there")
    if kind == "file" and size > limit:
        detail = f"{size} bytes, at most {limit} are read (max_record_bytes, of source code max_file_bytes)"
        return Entry(start, window.position, kind, name, b"", "too_large", detail)
    return Entry(start, window.position, kind, name, data)


def _lost(window: Window, start: int, detail: str) -> Entry:
    """The stretch up to the next block that is a header again."""
    while window.skip(_BLOCK) == _BLOCK:
        try:
            _header(window.peek(_BLOCK))
            break
        except ValueError:
            continue
    return Entry(start, window.position, "unknown", problem="corrupt_header", detail=detail)


def _extra(kind: bytes, data: bytes) -> dict[str, str]:
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.partition(b"\x00")[0].decode("utf-8", "surrogateescape")}
    if kind == tarfile.GNUTYPE_LONGLINK:
        return {}
    found: dict[str, str] = {}
    while data:  # "<length> <key>=<value>\n"
        length, blank, _ = data[:20].partition(b" ")
        if not blank or not length.isdigit() or not len(length) < int(length) <= len(data):
            break
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[int(length) :]
    return found
