"""Source code: each regular file of a tar or zip archive, and each file that lies loose, is one document.

Nothing is extracted to disk. Links, devices and directories are skipped; names that lead out of the archive,
encrypted, broken and too large members are quarantined; binary and empty files are skipped.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from processors.charset import decode
from sources.compression import chunks, unit_of
from sources.item import Document, Item, Unit
from sources.outcome import UnreadError, attempt, printable, skip
from sources.settings import ReadSettings
from sources.tar import Entry, entries
from sources.wholefile import whole_file
from sources.window import Window
from sources.zips import zip_entries

Make = Callable[[str, bytes], Document]


def read_code(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of an archive, or of one source file. What it is, its first expanded bytes say."""
    if is_zip(path):
        licences = _licences(zip_entries(path, settings))
        yield from archive_items(zip_entries(path, settings), "byte", settings, partial(_source, licences))
    elif _is_tar(path.name, _stream(path, settings).peek(512)):
        licences = _licences(entries(_stream(path, settings), settings, contents=False))
        found = entries(_stream(path, settings), settings)
        yield from archive_items(found, unit_of(path), settings, partial(_source, licences))
    else:
        yield whole_file(path, settings, settings.max_record_bytes, partial(_source, {}, path.name))


def archive_items(found: Iterator[Entry], unit: Unit, settings: ReadSettings, make: Make) -> Iterator[Item]:
    """The items of an archive's entries; `make` turns a file's name and bytes into a document or raises UnreadError."""
    for entry in found:
        yield attempt(partial(_document, entry, make), settings, entry.start, entry.end, unit, entry.name)


def is_zip(path: Path) -> bool:
    """Whether the file is a zip by its first bytes, or by its name (a broken one still is to be one)."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06") or path.suffix.lower() == ".zip"


def decoded(data: bytes) -> tuple[str, str]:
    """Text and charset of a file that should be text. Raises UnreadError: `empty_text`, `binary` or `undecodable`."""
    if not data:
        raise skip("empty_text")
    text, charset = decode(data, markup=data.lstrip()[:5] == b"<?xml")
    nuls = 0 if charset.startswith("utf-16") else data.count(b"\x00")
    if nuls and (charset != "utf-8" or "\ufffd" in text or nuls * 4 > len(data)):
        raise skip("binary", f"{nuls} NUL bytes")
    lost = text.count("\ufffd") - (data.count(b"\xef\xbf\xbd") if charset == "utf-8" else 0)
    if lost * 100 > len(text):
        raise UnreadError("undecodable", f"{lost} of {len(text)} characters cannot be read as {charset}")
    return text, charset


def _stream(path: Path, settings: ReadSettings) -> Window:
    return Window(chunks(path, settings.max_expanded_bytes))


def _document(entry: Entry, make: Make) -> Document:
    if entry.problem:
        raise UnreadError(entry.problem, entry.detail)
    if entry.kind != "file":
        raise skip(entry.kind)
    assert entry.name is not None
    if _escapes(entry.name):
        raise UnreadError("path_escape", "the name leads out of the archive")
    return make(entry.name, entry.data)


def _escapes(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0].endswith(":")


def _is_tar(name: str, head: bytes) -> bool:
    stem = name.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zst")
    return head[257:262] == b"ustar" or stem.endswith((".tar", ".tgz", ".tbz2", ".txz"))


def _source(licences: dict[str, str], name: str, data: bytes) -> Document:
    text, charset = decoded(data)
    meta: dict[str, object] = {"code_language": _language(name)}
    if nearest := _nearest(name, licences):
        meta["licence_file"] = nearest
    return Document(text, member=name, media_type="text/plain", charset=charset, meta=meta)


def _licences(found: Iterator[Entry]) -> dict[str, str]:
    """For each folder that has one its licence file, the first by name."""
    nearest: dict[str, str] = {}
    for entry in found:
        if entry.name and not entry.problem and PurePosixPath(entry.name).name.lower().startswith(_LICENCE):
            folder = str(PurePosixPath(entry.name).parent)
            nearest[folder] = min(nearest.get(folder, entry.name), entry.name)
    return nearest


def _nearest(name: str, licences: dict[str, str]) -> str | None:
    """The licence file in the nearest folder on the way up."""
    folders = map(str, PurePosixPath(name).parents)
    return printable(next((licences[folder] for folder in folders if folder in licences), None))


def _language(name: str) -> str | None:
    path = PurePosixPath(name)
    return _BY_NAME.get(path.name.lower()) or _BY_SUFFIX.get(path.suffix.lower())


_LICENCE = ("license", "licence", "copying", "copyright", "unlicense")
_BY_NAME = {"makefile": "Makefile", "dockerfile": "Dockerfile", "cmakelists.txt": "CMake"}
_BY_SUFFIX = {
    ".py": "Python", ".pyi": "Python", ".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++", ".cxx": "C++", ".hpp": "C++",
    ".hh": "C++", ".java": "Java", ".js": "JavaScript", ".mjs": "JavaScript", ".cjs": "JavaScript",
    ".jsx": "JavaScript",
    ".ts": "TypeScript", ".tsx": "TypeScript", ".go": "Go", ".rs": "Rust", ".rb": "Ruby", ".php": "PHP", ".cs": "C#",
    ".hs": "Haskell", ".lua": "Lua", ".pl": "Perl", ".pm": "Perl", ".sh": "Shell", ".bash": "Shell", ".kt": "Kotlin",
    ".scala": "Scala", ".swift": "Swift", ".r": "R", ".jl": "Julia", ".sql": "SQL", ".tex": "TeX", ".sty": "TeX",
    ".html": "HTML", ".css": "CSS", ".scss": "SCSS", ".xml": "XML", ".json": "JSON", ".yaml": "YAML", ".yml": "YAML",
    ".toml": "TOML", ".md": "Markdown", ".rst": "reStructuredText", ".txt": "Text", ".ipynb": "Jupyter Notebook",
    ".el": "Emacs Lisp", ".clj": "Clojure", ".ml": "OCaml", ".ex": "Elixir", ".erl": "Erlang", ".m": "Objective-C",
    ".cmake": "CMake", ".vue": "Vue", ".dart": "Dart", ".zig": "Zig", ".f90": "Fortran", ".s": "Assembly",
}  # fmt: skip
