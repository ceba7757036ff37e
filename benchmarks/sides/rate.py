"""Reading speed without decompression: `rate.py books|code|tabular FOLDER PATTERN…`, MB of raw text per CPU-second.

Every file is written out expanded first (tar, zip and EPUB members stored, texts plain), then read in this process; raw
bytes are those of the members and files that became documents or were looked at and passed over.
"""

import json
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from sources.containers.compression import chunks
from sources.read import ReadSettings, read

_LIMIT = 2**34


def expanded(path: Path, folder: Path) -> tuple[Path, int]:
    """The file without compression, and how many bytes of content it holds."""
    if zipfile.is_zipfile(path):
        out = folder / path.name
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
            for member in old.infolist():
                new.writestr(member, old.read(member), zipfile.ZIP_STORED)
            pages = (".xhtml", ".html", ".htm") if path.suffix == ".epub" else ("",)
            return out, sum(m.file_size for m in old.infolist() if m.filename.endswith(pages))
    out = folder / path.name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zst")
    with out.open("wb") as file:
        file.writelines(chunks(path, _LIMIT))
    if tarfile.is_tarfile(out):
        with tarfile.open(out) as tar:
            return out, sum(member.size for member in tar if member.isfile())
    return out, out.stat().st_size


def main(kind: str, folder: Path, patterns: list[str]) -> None:
    """Expand, read twice (the first warms up), print the second."""
    settings = ReadSettings(kind)
    with tempfile.TemporaryDirectory() as name:
        files = [expanded(path, Path(name)) for pattern in patterns for path in sorted(folder.glob(pattern))]
        for _ in range(2):
            before = time.process_time()
            documents = sum(1 for path, _ in files for item in read(path, settings) if item.document)
            seconds = time.process_time() - before
    size = sum(size for _, size in files)
    print("RESULT " + json.dumps({"documents": documents, "bytes": size, "cpu_seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
