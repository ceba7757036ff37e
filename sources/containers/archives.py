"""Containers of files as entries: tar (plain, gzip, bzip2, xz, zstd), zip, git bundles and repositories.

Nothing is extracted to disk. Links, devices and directories are skipped; names that lead out of the archive,
encrypted, broken and too large members are quarantined; binary and empty files are skipped.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from processors.charset import decode
from sources.containers.compression import chunks, unit_of
from sources.containers.git import git_entries, is_git
from sources.containers.tar import Entry, entries
from sources.containers.window import Window
from sources.containers.zips import zip_entries
from sources.item import Document, Item, Unit
from sources.outcome import UnreadError, attempt, skip
from sources.settings import ReadSettings

Make = Callable[[str, bytes], Document]
_TARS = (".tar", ".tgz", ".tbz2", ".txz", ".tzst", ".crate")
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]{1,40})")  # PEP 263, in the first or second line
# XML 1.0, appendix F.1, without a byte order mark: UTF-8 and its kin, UTF-32, UTF-16, EBCDIC.
_XML = (
    b"<?xml", b"\x00\x00\x00<", b"<\x00\x00\x00", b"\x00<\x00?", b"<\x00?\x00", b"\x4c\x6f\xa7\x94",
)  # fmt: skip
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")  # byte order marks of UTF-16 and UTF-32
# What no text begins with: programs, images, fonts, media, archives within archives.
_MAGICS = (
    b"\x7fELF", b"MZ\x90", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"!<arch>\n", b"\x89PNG", b"GIF8", b"\xff\xd8\xff",
    b"%PDF-", b"wOFF", b"wOF2", b"OggS", b"ID3", b"RIFF", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc",
    b"\x28\xb5\x2f\xfd", b"\x00asm", b"\xde\x12\x04\x95", b"\x95\x04\x12\xde", b"SQLite format 3",
)  # fmt: skip
_LONGEST, _DEEPEST = 4096, 200  # of a member's name: Linux opens no longer one (PATH_MAX)
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\x1b") + b"\x7f"


@dataclass(frozen=True)
class Archive:
    """A container: its entries (as often as they are asked for), what their offsets count, and what it is called."""

    entries: Callable[[], Iterator[Entry]]
    unit: Unit
    name: str


def opened(path: Path, settings: ReadSettings) -> Archive | None:
    """The container at `path`, by its first expanded bytes and its name; None for a file that is none."""
    if is_git(path):
        return Archive(partial(git_entries, path, settings), "entry", path.name)
    if is_zip(path):
        return Archive(partial(zip_entries, path, settings), "byte", path.stem)
    if (name := _tar_name(path.name)) or _stream(path, settings).peek(512)[257:262] == b"ustar":
        return Archive(lambda: entries(_stream(path, settings), settings), unit_of(path), name or path.stem)
    return None


def archive_items(found: Iterator[Entry], unit: Unit, settings: ReadSettings, make: Make) -> Iterator[Item]:
    """The items of an archive's entries; `make` turns a file's name and bytes into a document or raises UnreadError."""
    for entry in found:
        yield attempt(partial(document_of, entry, make), settings, entry.start, entry.end, unit, entry.name)


def document_of(entry: Entry, make: Make) -> Document:
    """The document that `make` gives for a file; raises UnreadError for what is no file that may be read."""
    if entry.problem:
        raise UnreadError(entry.problem, entry.detail)
    if entry.kind != "file":
        raise skip(entry.kind, entry.detail)
    assert entry.name is not None
    if _escapes(entry.name):
        raise UnreadError("path_escape", "the name leads out of the archive")
    if len(entry.name) > _LONGEST or entry.name.count("/") > _DEEPEST:
        detail = f"{len(entry.name)} characters, {entry.name.count('/')} folders; at most {_LONGEST} and {_DEEPEST}"
        raise UnreadError("name_too_long", detail)
    return make(entry.name, entry.data)


def is_zip(path: Path) -> bool:
    """Whether the file is a zip by its first bytes, or by its name (a broken one still is to be one)."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06") or path.suffix.lower() == ".zip"


def decoded(data: bytes) -> tuple[str, str]:
    """Text and charset of a file that should be text, by what it declares itself (XML's declaration, Python's cookie).

    Raises UnreadError: `empty_text`, `binary` or `undecodable`.
    """
    if not data:
        raise skip("empty_text")
    markup = data.lstrip()[:5].startswith(_XML) or data.startswith(_XML)
    if not markup and not data.startswith(_WIDE) and b"\x00" in data and not _is_utf8(data):
        raise skip("binary", f"{data.count(0)} NUL bytes")  # before its charset is guessed at length
    text, charset = decode(data, _cookie(data), markup=markup)
    wide = charset.startswith(("utf-16", "utf-32"))
    if charset != "utf-8" and not wide and (data.startswith(_MAGICS) or _controls(data) * 10 > len(data)):
        raise skip("binary", f"begins with {data[:8]!r}")
    nuls = 0 if wide else data.count(b"\x00")
    if nuls and (charset != "utf-8" or "\ufffd" in text or nuls * 4 > len(data)):
        raise skip("binary", f"{nuls} NUL bytes")
    lost = text.count("\ufffd")
    if lost and charset == "utf-8":
        lost -= data.count(b"\xef\xbf\xbd")  # which were there before
    by_nuls = wide and not markup and not data.startswith(_WIDE)  # only these say so, and numbers have such too
    if by_nuls and (lost + _controls(text.encode("utf-8", "replace"))) * 100 > len(text):
        raise skip("binary", f"{data.count(0)} NUL bytes")
    if lost * 100 > len(text):
        raise UnreadError("undecodable", f"{lost} of {len(text)} characters cannot be read as {charset}")
    return text, charset


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cookie(data: bytes) -> str | None:
    if data.isascii():
        return None
    found = (_COOKIE.match(line) for line in data[:512].split(b"\n", 2)[:2])
    return next((match[1].decode("ascii", "replace") for match in found if match), None)


def _controls(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROLS))


def _stream(path: Path, settings: ReadSettings) -> Window:
    return Window(chunks(path, settings.max_expanded_bytes))


def _escapes(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0].endswith(":")


def _tar_name(name: str) -> str:
    """The name without what says that it is a tar; empty for a name that does not say so."""
    lower = name.lower()
    stem = lower.removesuffix(next((suffix for suffix in _PACKED if lower.endswith(suffix)), ""))
    suffix = next((s for s in _TARS if stem.endswith(s)), "")
    return name[: len(stem) - len(suffix)] if suffix else ""
