"""Decoded as it was written? `charset.py WEB TRUTH`: every HTML response of WEB/*.warc*, and the archive beside TRUTH.

A page of WEB was written in UTF-8 if its bytes are valid UTF-8, else in what it declares itself, else in what the
server said. TRUTH is a table of URLs and their true charsets, of pages in charset-lies.warc.gz beside it.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from processors.charset import decode
from processors.extract import parse_content_type
from sources.outcome import UnreadError
from sources.settings import ReadSettings
from sources.web.response import decoded_body, parse_response
from sources.web.warc import read_warc

_DECLARED = re.compile(rb"<(?:meta|\?xml)[^>]+(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


def pages(path: Path) -> Iterator[tuple[str, bytes, str | None]]:
    """URL, body and the charset that the server said, of every HTML response."""
    settings = ReadSettings("web")
    for record in read_warc(path, settings)[1]:
        head = record.fields()
        if head.get("warc-type") != "response":
            continue
        response = parse_response(record.block, settings)
        media_type, said = parse_content_type(response.first("content-type"))
        if response.status == 200 and media_type in ("text/html", "application/xhtml+xml"):
            try:
                yield head["warc-target-uri"], decoded_body(response, settings).data, said
            except UnreadError:
                continue


def true_text(body: bytes, said: str | None) -> str:
    """The text as a person would decode it who trusts the page."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        declared = _DECLARED.search(body)
        return body.decode(declared[1].decode() if declared else said or "utf-8", "replace")


def main(web: Path, truth: Path) -> None:
    """Compare."""
    right = total = 0
    for path in sorted(web.glob("*.warc*")):
        for _, body, said in pages(path):
            total += 1
            right += decode(body, said, markup=True)[0].lstrip("\ufeff") == true_text(body, said).lstrip("\ufeff")
    with truth.open() as file:
        charsets = {
            row["url"]: row["true_charset"].split(",")[0].split()[0] for row in csv.DictReader(file, delimiter="\t")
        }
    wrong = [
        url
        for url, body, said in pages(truth.parent / "charset-lies.warc.gz")
        if decode(body, said, markup=True)[0].lstrip("\ufeff") != body.decode(charsets[url], "replace").lstrip("\ufeff")
    ]
    print("RESULT " + json.dumps({"pages": total, "right": right, "lies": len(charsets), "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
