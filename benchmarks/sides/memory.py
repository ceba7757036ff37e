"""Peak memory of a worker over hostile and common input: `memory.py FOLDER`, all files below it, by kind.

Prints the peak of the resident sets in bytes, of the process that parses and of this one, which stands for the worker;
how many files and items were read; a stretch that is not accounted for stops the run.
"""

import json
import resource
import sys
from pathlib import Path

from corpus.errors import GristmillError
from sources.apart import end_idle, read_apart
from sources.ingest import tiled
from sources.settings import ReadSettings

KINDS = {
    ("web",): (".warc", ".warc.gz", ".html", ".html.gz", ".wet.gz"),
    ("books",): (".epub", ".txt", ".txt.gz", ".txt.bz2", ".txt.zst"),
    ("code", "books"): (".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".gz.gz"),
    ("tabular",): (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"),
}


def main(folder: Path) -> None:
    """Read everything."""
    files = items = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for kind in next((kinds for kinds, ends in KINDS.items() if path.name.endswith(ends)), ()):
            files += 1
            try:
                items += sum(
                    1 for _ in tiled(read_apart(path, ReadSettings(kind)), path.name, path.stat().st_size, path)
                )
            except GristmillError as error:
                sys.exit(f"{path}: {error}")
    end_idle()
    child, here = (resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    print("RESULT " + json.dumps({"files": files, "items": items, "peak_bytes": child, "parent_bytes": here}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
