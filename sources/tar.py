"""Tar archives to entries, by byte range, streamed: nothing is ever written to disk, and no size is believed.

An entry's stretch runs from its first header block (long names and extended headers come before it) to the end of its
padding. Formats: ustar, GNU and pax (POSIX.1-2001).
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from sources.settings import ReadSettings
from sources.window import Window

_BLOCK = 512
_LONG = 2**20  # most bytes of a long name or of extended headers

_KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.CONTTYPE: "file", tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "link", tarfile.CHRTYPE: "device", tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "fifo", tarfile.XGLTYPE: "archive_header", tarfile.GNUTYPE_SPARSE: "sparse_file",
}  # fmt: skip


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


def entries(window: Window, settings: ReadSettings, *, contents: bool = True) -> Iterator[Entry]:
    """The entries of a tar stream, which tile it; without `contents` no file's data is held."""
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
        entry = _entry(window, start, settings.max_record_bytes, contents)
        told = bool(entry.problem)
        yield entry
        members += 1
    if window.broken and not told:
        at = window.position
        yield Entry(at, at, "rest", problem=window.broken.reason, detail=window.broken.detail)


def _entry(window: Window, start: int, limit: int, contents: bool) -> Entry:
    extra: dict[str, str] = {}
    while True:
        block = window.peek(_BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            return _lost(window, start, f"{error}")
        window.skip(_BLOCK)
        if info.type not in (
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
            tarfile.XHDTYPE,
            tarfile.SOLARIS_XHDTYPE,
        ):
            break
        if not 0 <= info.size <= _LONG:
            return _lost(window, start, f"extended headers of {info.size} bytes, at most {_LONG} are read")
        extra |= _extra(info.type, window.take(info.size))
        window.skip(-info.size % _BLOCK)
    return _content(window, start, info, extra, limit, contents)


def _content(
    window: Window, start: int, info: tarfile.TarInfo, extra: dict[str, str], limit: int, contents: bool
) -> Entry:
    name = extra.get("path", info.name)
    kind = _KINDS.get(info.type, "other_entry")
    stated = extra.get("size", "")
    size = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 19 else info.size
    if kind in ("link", "directory", "device", "fifo"):
        size = 0
    if size < 0:
        return _lost(window, start, f"a size of {size}")
    data = window.take(size) if kind == "file" and contents and size <= limit else b""
    there = len(data) + window.skip(size - len(data))
    window.skip(-size % _BLOCK)
    if there < size:
        reason = window.broken.reason if window.broken else "truncated"
        return Entry(start, window.position, kind, name, b"", reason, f"{size} bytes stated, {there} are there")
    if kind == "file" and size > limit:
        detail = f"{size} bytes, at most {limit} are read (max_record_bytes)"
        return Entry(start, window.position, kind, name, b"", "too_large", detail)
    return Entry(start, window.position, kind, name, data)


def _lost(window: Window, start: int, detail: str) -> Entry:
    """The stretch up to the next block that is a header again."""
    while window.skip(_BLOCK) == _BLOCK:
        try:
            tarfile.TarInfo.frombuf(window.peek(_BLOCK), "utf-8", "surrogateescape")
            break
        except (tarfile.HeaderError, ValueError):
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
