"""A reader of one's own: the posts of Stack Exchange's data dump, ``Posts.xml``, questions and answers.

In: the file, plain or packed by gzip, bzip2, xz or zstd (the dump itself comes as .7z: unpack it). Every post is one
line, ``<row Id="4" PostTypeId="1" Title="…" Body="&lt;p&gt;…" ContentLicense="CC BY-SA 4.0" … />``. Out: a document
for a post, its body's HTML as text below its title, its licence, date, author and URL as columns, its score, tags and
parent in `meta`; and an item for every other line, so that the file is accounted for byte by byte.

In a recipe beside this file:

    [[source]]
    name = "cooking"
    kind = "stack_exchange.py:read_posts"
    root = "cooking.stackexchange.com"
    files = ["Posts.xml*"]
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from processors.extract import extract_page
from sources.containers.compression import unit_of
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, skip
from sources.settings import ReadSettings
from sources.tables.lines import Line, lines

KINDS = {"1": "question", "2": "answer"}  # the other ones are wiki pages of tags, elections and the like
LEAST_SCORE = 0  # a post that was voted down is skipped


def read_posts(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """An item for every line of a Posts.xml."""
    unit = unit_of(path)
    for line in lines(path, settings):
        yield attempt(partial(_post, line, settings), settings, line.start, line.end, unit, None)


def _post(line: Line, settings: ReadSettings) -> Document:
    if line.problem:
        raise line.problem
    data = line.data.strip()
    if not data.startswith(b"<row "):
        if data.removeprefix(b"\xef\xbb\xbf").startswith((b"<?xml ", b"<posts>", b"</posts>")) or not data:
            raise skip("frame", "what stands around the rows")
        raise UnreadError("not_a_row", f"a line that begins with {data[:40]!r}")
    try:
        row = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise UnreadError("bad_xml", f"{error}") from error
    kind, score = KINDS.get(row.get("PostTypeId", "")), int(row.get("Score", "0"))
    if kind is None:
        raise skip("other_post", f"PostTypeId is {row.get('PostTypeId')}")
    if score < LEAST_SCORE:
        raise skip("low_score", f"{score}, at least {LEAST_SCORE} is asked for")
    title = row.get("Title")
    body = extract_page(row.get("Body", ""), extractor="whole", limits=settings.html_limits).text
    return Document(
        f"{title}\n\n{body}" if title else body,
        user_id=row.get("Id"),
        title=title,
        author=row.get("OwnerDisplayName") or row.get("OwnerUserId"),
        date=row.get("CreationDate"),
        licence=row.get("ContentLicense"),
        meta={
            "kind": kind,
            "score": score,
            "tags": row.get("Tags", "").strip("<>|").replace("><", "|").split("|") if row.get("Tags") else [],
            "parent": row.get("ParentId"),
        },
    )
