"""WARC records alone, head parsed and block in hand: `warc_records.py gristmill|fastwarc FOLDER PATTERN`."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def gristmill(path: Path) -> Iterator[int]:
    """The size of every record's block."""
    from sources.settings import ReadSettings
    from sources.web.warc import read_warc

    for record in read_warc(path, ReadSettings("web"))[1]:
        yield len(record.block)


def fastwarc(path: Path) -> Iterator[int]:
    """The size of every record's block."""
    from fastwarc.warc import ArchiveIterator

    with path.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=False):
            yield len(record.reader.read())


def main(side: str, folder: Path, pattern: str) -> None:
    """Run one side three times, print the best."""
    read = {"gristmill": gristmill, "fastwarc": fastwarc}[side]
    files = sorted(folder.glob(pattern))
    best = float("inf")
    for _ in range(3):
        before = time.process_time()
        sizes = [size for path in files for size in read(path)]
        best = min(best, time.process_time() - before)
    print("RESULT " + json.dumps({"records": len(sizes), "bytes": sum(sizes), "cpu_seconds": best}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
