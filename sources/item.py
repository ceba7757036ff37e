"""What a reader yields: one `Item` for every stretch of an input file, so that the stretches tile the file.

A reader is a plain function ``read(path, settings) -> Iterator[Item]``. Its items come in order, each begins where the
one before ended, and the last ends at the file's end: what was a document, what was passed over and what could not be
read are all said, and `sources.ingest` refuses a reader that leaves a gap.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Unit = Literal["byte", "expanded byte", "row", "entry"]


@dataclass(frozen=True, slots=True)
class Document:
    """One document as its source gives it: text already extracted and normalised, everything else as stated there."""

    text: str
    url: str | None = None
    canonical: str | None = None  # the URL that a page names as its own
    member: str | None = None  # the name inside an archive
    user_id: str | None = None  # the id its owner gave it
    title: str | None = None
    author: str | None = None
    date: str | None = None  # ISO 8601 where the source gives a date that can be read, else as it stands
    language: str | None = None  # as declared, not as detected
    licence: str | None = None  # SPDX expression or URL as stated
    robots: str | None = None  # what robots meta elements and headers ask for: lower case, sorted, ", " between
    repository: str | None = None
    code_language: str | None = None  # as GitHub's Linguist names it
    file_kind: str | None = None  # of code: source, generated, minified, vendored, lock, data, ...
    secrets: int | None = None  # of code: how many keys and the like stand in the text
    mojibake: int | None = None  # characters that betray a wrong decoding, U+FFFD counted
    media_type: str | None = None
    charset: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)  # what is true of one kind only: chapters, HTTP status, ...


@dataclass(frozen=True, slots=True)
class Item:
    """The stretch [start, end) of an input file and what became of it.

    `unit` says what the two numbers count: bytes of the stored file, bytes of its expansion (a compressed tar or
    JSONL), or rows. `ordinal` numbers the documents that share one stretch. A document has `outcome` "document";
    "skipped" is what holds no document by its nature (a request record, an image, an empty text); "quarantined" is what
    should have given one and could not be read. Both carry a `reason` in snake_case, and `detail` says more in words.
    """

    start: int
    end: int
    outcome: Literal["document", "skipped", "quarantined"]
    reason: str = ""
    detail: str = ""
    document: Document | None = None
    unit: Unit = "byte"
    ordinal: int = 0
    name: str | None = None  # the archive member or URL, where there is one
