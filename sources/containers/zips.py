"""Zip archives to entries, by byte range: a member's stretch runs from its local header to the next one's.

What lies before the first member is `zip_preamble`, what comes after the last is `zip_directory`. The directory decides
what is there; a size in it is never believed. It is loaded whole, so its own size is looked at before.
"""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from sources.containers.tar import Entry
from sources.settings import ReadSettings

_TAIL = 22 + 0xFFFF + 20  # the end record with its longest comment, and the locator of a Zip64 file before it
_DIRECTORY_BYTES = 24 * 2**20  # `zipfile` makes about 13 bytes of each

FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, OverflowError, NotImplementedError, RuntimeError,
    OSError, EOFError, ValueError, LookupError, lzma.LZMAError,
)  # fmt: skip


def directory_problem(path: Path, settings: ReadSettings) -> tuple[str, str] | None:
    """Reason and detail where the directory is too large to be loaded, by what the zip's end says of it.

    A broken directory is no problem here: `zipfile` finds that out, at little cost.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            return None
        members, length = struct.unpack_from("<HI", tail, at + 10)
        if (members == 0xFFFF or length == 0xFFFFFFFF) and tail[at - 20 : at - 16] == b"PK\x06\x07":
            file.seek(min(struct.unpack_from("<Q", tail, at - 12)[0], size))
            end = file.read(56)
            if len(end) == 56 and end.startswith(b"PK\x06\x06"):
                members, length = struct.unpack_from("<QQ", end, 32)
    if members <= settings.max_members and length <= _DIRECTORY_BYTES:
        return None
    most = f"at most {settings.max_members} (max_members) in {_DIRECTORY_BYTES} bytes are read"
    return "too_many_members", f"the directory names {members} members in {length} bytes; {most}"


def zip_entries(path: Path, settings: ReadSettings) -> Iterator[Entry]:
    """The entries of a zip file, which tile it."""
    size = path.stat().st_size
    if problem := directory_problem(path, settings):
        yield Entry(0, size, "rest", problem=problem[0], detail=problem[1])
        return
    try:
        archive = zipfile.ZipFile(path)
    except FAULTS as error:
        yield Entry(0, size, "rest", problem="no_zip_directory", detail=f"{error}")
        return
    with archive:
        members = sorted(archive.infolist(), key=lambda m: m.header_offset)
        directory = min(max(archive.start_dir, 0), size)
        if len(members) > settings.max_members or any(not 0 <= m.header_offset <= directory for m in members):
            detail = (
                f"{len(members)} members, at most {settings.max_members} are read; all must begin in [0, {directory}]"
            )
            yield Entry(0, size, "rest", problem="bad_zip_directory", detail=detail)
            return
        starts = [m.header_offset for m in members] + [directory]
        if starts[0] > 0:
            yield Entry(0, starts[0], "zip_preamble")
        left = settings.max_expanded_bytes
        for member, start, end in zip(members, starts, starts[1:], strict=False):
            entry = _entry(archive, member, start, end, min(left, settings.max_record_bytes))
            left -= len(entry.data)
            yield entry
        yield Entry(directory, size, "zip_directory")


def _entry(archive: zipfile.ZipFile, member: zipfile.ZipInfo, start: int, end: int, limit: int) -> Entry:
    name = member.filename
    mode = member.external_attr >> 16
    if member.filename.endswith("/"):
        return Entry(start, end, "directory", name)
    if stat.S_ISLNK(mode):
        return Entry(start, end, "link", name)
    if member.flag_bits & 1:
        return Entry(start, end, "file", name, problem="encrypted", detail="the member is encrypted")
    if start + 30 + member.compress_size > end:
        return Entry(start, end, "file", name, problem="overlap", detail="the member runs into the next one")
    try:
        with archive.open(member) as file:
            data = file.read(limit + 1)
    except FAULTS as error:
        return Entry(start, end, "file", name, problem="corrupt", detail=f"{error}")
    if len(data) > limit:
        detail = f"more than {limit} bytes (max_record_bytes, or max_expanded_bytes for the whole archive)"
        return Entry(start, end, "file", name, problem="too_large", detail=detail)
    return Entry(start, end, "file", name, data)
