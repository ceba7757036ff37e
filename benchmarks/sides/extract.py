"""One extractor over the labelled pages: `extract.py NAME FOLDER OUT`. Writes {id: text}, prints its CPU-seconds.

Run in an environment that holds the extractor. Reading and decompressing the pages is not timed, nor is a first pass
over all of them, which loads what is loaded late.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def extractor(name: str) -> Callable[[bytes], str | None]:
    """The extractor of that name, with the settings that its documentation shows first."""
    if name.startswith("trafilatura"):
        from trafilatura import extract

        return (lambda page: extract(page, fast=True)) if name.endswith("fast") else extract
    if name == "resiliparse":
        from resiliparse.extract.html2text import extract_plain_text
        from resiliparse.parse.encoding import bytes_to_str, detect_encoding

        return lambda page: extract_plain_text(bytes_to_str(page, detect_encoding(page) or "utf-8"), main_content=True)
    from processors.extract import html_to_text

    return lambda page: html_to_text(page, extractor=name.removeprefix("gristmill-"))


def main(name: str, folder: Path, out: Path) -> None:
    """Extract every page, write the texts."""
    pages = {
        path.name.removesuffix(".html.gz"): gzip.decompress(path.read_bytes())
        for path in sorted(folder.glob("*.html.gz"))
    }
    extract = extractor(name)
    for page in pages.values():
        extract(page)
    before = time.process_time()
    texts = {key: extract(page) or "" for key, page in pages.items()}
    seconds = time.process_time() - before
    out.write_text(json.dumps(texts))
    print("RESULT " + json.dumps({"pages": len(pages), "cpu_seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
