"""Bytes of the files that `build.py` makes itself: a zip, an EPUB, Parquet, JSON lines. No clock, no disk."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold
CONTAINER = b"""<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""


def members(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each gzip member of a WARC: (its bytes as stored, its text)."""
    start = 0
    while start < len(data):
        member = zlib.decompressobj(31)
        text = member.decompress(data[start:])
        end = len(data) - len(member.unused_data)
        yield data[start:end], text
        start = end


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip with fixed times and modes. The first member is stored, not deflated: EPUB asks it of `mimetype`."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number, (name, data) in enumerate(files):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if number == 0 else zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)
    return sink.getvalue()


def epub(chapters: list[str], cut_package: bool = False) -> bytes:
    """An EPUB 3 of `chapters` (first line the title, blank lines between paragraphs), in the order given."""
    files = [("mimetype", b"application/epub+zip"), ("META-INF/container.xml", CONTAINER)]
    titles, pages = [], []
    for text in chapters:
        paragraphs = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip())]
        titles.append(paragraphs[0])
        body = "\n".join(f"<p>{escaped(paragraph)}</p>" for paragraph in paragraphs[1:])
        pages.append(xhtml(paragraphs[0], f"<h1>{escaped(paragraphs[0])}</h1>\n{body}"))
    names = [f"chapter-{number:03}.xhtml" for number in range(1, len(pages) + 1)]
    toc = "\n".join(
        f'<li><a href="{name}">{escaped(title)}</a></li>' for name, title in zip(names, titles, strict=True)
    )
    contents = xhtml("Contents", f'<nav epub:type="toc"><h1>Contents</h1><ol>\n{toc}\n</ol></nav>')
    manifest = "".join(
        f'<item id="c{i}" href="{name}" media-type="application/xhtml+xml"/>\n' for i, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{i}"/>\n' for i in range(len(names)))
    package = f"""<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:gristmill:starter:moby-dick</dc:identifier>
<dc:title>Moby-Dick (a part, as a sample for Gristmill)</dc:title>
<dc:creator>Herman Melville</dc:creator>
<dc:language>en</dc:language>
<dc:rights>Public domain</dc:rights>
<meta property="dcterms:modified">1980-01-01T00:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{manifest}</manifest>
<spine>
{spine}</spine>
</package>
""".encode()
    files.append(("EPUB/package.opf", package[: len(package) // 2] if cut_package else package))
    files.append(("EPUB/nav.xhtml", contents))
    files += [(f"EPUB/{name}", page) for name, page in zip(names, pages, strict=True)]
    return zipped(files)


def xhtml(title: str, body: str) -> bytes:
    """One XHTML document of an EPUB."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en" lang="en">\n'
        f"<head><title>{escaped(title)}</title></head>\n<body>\n{body}\n</body>\n</html>\n"
    ).encode()


def escaped(text: str) -> str:
    """`text` for XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def tables(pages: list[dict[str, Any]], licence: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows (`id`, `url`, `text`, `license`) of five sixths of the pages, and of the others."""
    rows = [
        {"id": f"{page['source']}/{number:04}", "url": page["url"], "text": page["text"], "license": licence}
        for number, page in enumerate(pages)
    ]
    return [row for i, row in enumerate(rows) if i % 6], [row for i, row in enumerate(rows) if i % 6 == 0]


def parquet(rows: list[dict[str, Any]], group: int = 32) -> bytes:
    """The rows as a Parquet file of row groups of `group` rows."""
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, sink, row_group_size=group, compression="zstd", use_dictionary=["license"])
    return sink.getvalue()


def json_line(row: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def broken_lines(rows: list[dict[str, Any]]) -> bytes:
    """Good lines with seven bad ones between them."""
    bad = [
        json_line(rows[0])[:200] + b"\n",  # cut
        b'["a", "list"]\n',  # not an object
        b'{"id": "no-text", "url": "https://example.org/"}\n',  # no text
        b'{"id": "number", "text": 42}\n',  # text is not a string
        b'{"id": "null", "text": null}\n',
        b'{"id": "bytes", "text": "\xff\xfe not UTF-8"}\n',
        b"<html>not JSON</html>\n",
    ]
    good = [json_line(row) for row in rows]
    return b"".join(line for pair in zip(good, [*bad, b""], strict=True) for line in pair)
