"""One reader under libFuzzer: `readers.py TARGET FOLDER [libFuzzer's flags]`, seeds made here, kept in FOLDER.

Every input is read as a file of its kind, and the law must hold: no exception, items that tile the file.
"""

import gzip
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import atheris

from processors.extract import html_to_text

html_to_text("<p>text")  # brings in the compiled kernels, which could not be compiled if they were instrumented

with atheris.instrument_imports(
    include=["sources.books", "sources.containers", "sources.tables", "sources.web", "processors.notebook"]
):
    from sources.ingest import tiled
    from sources.read import ReadSettings, read

PAGE = b"<html><head><title>T</title></head><body><p>Some words of a page.</p><pre>x\n  y</pre></body></html>"


def _record(kind: str, body: bytes) -> bytes:
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/\r\n"
    return f"{head}Content-Type: application/http\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def _http(body: bytes, head: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{head}\r\n".encode() + body


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("p/a.py", b"import b\n"), ("p/LICENSE", b"MIT License\n"), ("p/n.ipynb", b'{"cells": []}')):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _epub() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        rootfile = '<rootfile full-path="o.opf" media-type="application/oebps-package+xml"/>'
        book.writestr("META-INF/container.xml", f"<container><rootfiles>{rootfile}</rootfiles></container>")
        item = '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        book.writestr("o.opf", f'<package><manifest>{item}</manifest><spine><itemref idref="a"/></spine></package>')
        book.writestr("a.xhtml", PAGE)
    return out.getvalue()


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["one text", "another", None]}), out)
    return out.getvalue()


def _arrow() -> bytes:
    import pyarrow as pa

    out = io.BytesIO()
    table = pa.table({"text": ["one text", "another", None]})
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _warcs() -> list[bytes]:
    chunked = _http(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE), "Transfer-Encoding: chunked\r\n")
    zipped = _http(gzip.compress(PAGE, mtime=0), "Content-Encoding: gzip\r\n")
    return [_record("response", _http(PAGE)) * 2, _record("response", chunked) + _record("response", zipped)]


SEEDS = {
    "warc": ("a.warc", "web", _warcs),
    "warc_gz": ("a.warc.gz", "web", lambda: [b"".join(gzip.compress(w, mtime=0) for w in _warcs())]),
    "html": ("a.html", "web", lambda: [PAGE, "<meta charset=koi8-r><p>слова".encode("koi8-r")]),
    "tar": ("a.tar", "code", lambda: [_tar()]),
    "zip": ("a.zip", "code", lambda: [_epub()]),
    "epub": ("a.epub", "books", lambda: [_epub()]),
    "jsonl": ("a.jsonl", "tabular", lambda: [json.dumps({"text": "words"}).encode() * 2 + b'\n{"text": "\\ud83d"}\n']),
    "csv": ("a.csv", "tabular", lambda: [b'text,id\n"a ""quoted""\nline",1\nplain,2\n']),
    "parquet": ("a.parquet", "tabular", lambda: [_parquet()]),
    "arrow": ("a.arrow", "tabular", lambda: [_arrow()]),
    "text": (
        "a.txt",
        "books",
        lambda: ["Слова и слова.\n".encode("koi8-r"), b"*** START OF THE PROJECT GUTENBERG EBOOK X ***\n"],
    ),
}


def main(target: str, folder: Path, flags: list[str]) -> None:
    """Fuzz one target."""
    name, kind, seeds = SEEDS[target]
    corpus, path = folder / "corpus", folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    settings = ReadSettings(kind, max_expanded_bytes=2**22, max_record_bytes=2**20)

    def read_one(data: bytes) -> None:
        path.write_bytes(data)
        for item in tiled(read(path, settings), name, len(data), path):
            assert item.reason != "reader_fault", item.detail
            f"{item}".encode()

    atheris.Setup([sys.argv[0], *flags, str(corpus)], read_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
