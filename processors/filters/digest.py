"""What a file or folder that a filter reads holds, as one digest: it counts among what changes a number."""

import hashlib
from functools import cache
from pathlib import Path

from corpus.errors import InputError


def digest(path: str) -> str:
    """SHA-256 of a file, or of a folder's files by name. Raises InputError where it cannot be read or holds nothing."""
    found = _files(Path(path))
    return _digest(path, tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in found))


def _files(path: Path) -> list[Path]:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise InputError(f"{path}: there is no such file, or no file in it; name one that a filter can read")
    return files


@cache
def _digest(path: str, files: tuple[tuple[Path, int, int], ...]) -> str:
    """The files' state is in the key, so that one that was changed is read again."""
    whole = hashlib.sha256()
    for file, _, _ in files:
        try:
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256")
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        name = file.relative_to(path).as_posix() if Path(path).is_dir() else ""
        whole.update(f"{name}\0{content.hexdigest()}\n".encode())
    return whole.hexdigest()
