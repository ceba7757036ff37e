"""Ingest: input files to document parts, with every stretch of every file accounted for.

In: a unit of input files (`sources.plan`). Out: ``documents/`` parts cut at 64 MiB of text, ``quarantine/`` rows for
every stretch that gave no document, and counts that balance: a reader whose items leave a gap in a file stops the run.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from corpus.errors import DataError, InputError, LedgerError
from corpus.files import File, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import DOCUMENTS, QUARANTINE
from corpus.stage import Output, Part, Stage, Stamp, canonical, fingerprint, identity
from corpus.store import Store
from sources.apart import Refusal, read_apart
from sources.item import Document, Item
from sources.plan import IngestSettings
from sources.settings import ReadSettings
from sources.tables.read import rows_stated

MAX_PART_ROWS = 100_000  # bounds a worker's memory where documents are tiny


def ingest(store: Store, part: Part) -> Output:
    """Read a unit's files into document parts and quarantine rows.

    A file that a list names and that is not there costs itself. Raises InputError for a planned file that is gone or
    changed, LedgerError where a reader leaves a gap.
    """
    settings: IngestSettings = part.settings
    reading = replace(settings.reading, block_hosts=part.aside.block_hosts)
    out = _Writing(store, part.name, settings)
    inputs = []
    for stamp in part.inputs:
        assert isinstance(stamp, Stamp)
        with part.aside.place.opened(stamp) as file:
            if stamp.mark is not None and (file is None or stamp.bytes not in (None, file.bytes)):
                raise InputError(f"{stamp.name}: gone or changed since the run was planned; run it again")
            if file is None:
                out.add(stamp.name, Item(0, 0, "quarantined", "missing_file", "a list names it, it is not there"))
                continue
            inputs.append({"name": stamp.name, "bytes": file.bytes, "sha256": file.sha256})
            items = read_apart(file.path, reading, stamp.name, *_refusals(store, settings.reading, file.sha256))
            for item in tiled(items, stamp.name, file.bytes):
                out.add(stamp.name, item)
    return out.finish(inputs)


def _refusals(store: Store, reading: ReadSettings, sha256: str) -> tuple[list[Refusal], Callable[[Refusal], None]]:
    """The records of a file that have cost readers their lives, and what writes down one more.

    They hold for these bytes, read so: another content, setting, library or version of the readers is tried anew.
    """
    read_so = identity(INGEST, Part(sha256, (), reading))
    path = f"refused/{fingerprint(read_so)[:32]}.json"
    try:
        known = [Refusal(**raw) for raw in store.get_json(path)]
    except FileNotFoundError:
        known = []
    all_of_them = list(known)

    def write_down(refusal: Refusal) -> None:
        all_of_them.append(refusal)
        store.put(path, canonical(all_of_them))

    return known, write_down


INGEST = Stage(
    "ingest",
    ingest,
    version=3,
    libraries=(
        "ada-url", "brotli", "chardetng-py", "enry-python", "google-re2", "isal", "license-expression", "msgspec",
        "pyarrow", "resiliparse", "zstandard",
    ),
)  # fmt: skip


def tiled(items: Iterable[Item], name: str, size: int, path: Path | None = None) -> Iterator[Item]:
    """The items as they come, while they tile the file: its bytes, or the rows that a Parquet file at `path` states.

    Raises LedgerError at the first gap or overlap, or where the end is missing.

    Items of one stretch (several documents in a record) repeat its range with rising ordinals.
    """
    start, end, unit = 0, 0, "byte"
    for item in items:
        again = (item.start, item.end) == (start, end) and item.ordinal > 0
        if not again and (item.start != end or item.end < item.start):
            raise LedgerError(
                f"{name}: a stretch [{item.start}, {item.end}) follows [{start}, {end}): "
                f"{item.start - end:+d} {item.unit}s are not accounted for"
            )
        start, end, unit = item.start, item.end, item.unit
        yield item
        del item  # it is not held while the next one is made
    total = end  # of a compressed stream's expansion only its reader knows the end
    if unit == "byte":
        total = size
    elif unit == "row" and path:
        stated = rows_stated(path)
        total = end if stated is None else stated
    if end != total:
        raise LedgerError(f"{name}: read up to {unit} {end} of {total}; {total - end:+d} {unit}s are not accounted for")


@dataclass
class _Writing:
    """Rows on their way into parts; a part is written as soon as it is full."""

    store: Store
    name: str
    settings: IngestSettings
    rows: list[dict[str, Any]] = field(default_factory=list)
    bad: list[dict[str, Any]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    ids: set[bytes] = field(default_factory=set)
    text_bytes: int = 0
    meta_characters: int = 0
    parts: int = 0
    bad_parts: int = 0
    tally: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    last: tuple[str, int, int] = ("", 0, 0)

    def add(self, file: str, item: Item) -> None:
        document = item.document
        if document is None:
            self._refuse(file, item, item.outcome, item.reason, item.detail)
            return
        text = document.text.encode("utf-8", "replace")
        limit = self.settings.reading.max_document_bytes
        if len(text) > limit:
            self._refuse(
                file, item, "quarantined", "too_large", f"{len(text)} bytes of text, at most {limit} are taken"
            )
            return
        full = self.text_bytes + len(text) > self.settings.text_bytes or self.meta_characters > self.settings.text_bytes
        if self.rows and (full or len(self.rows) >= MAX_PART_ROWS):
            self._flush()
        self.rows.append(self._row(file, item, document, text))
        self.text_bytes += len(text)
        self._count(file, item, PASSED, "")

    def _row(self, file: str, item: Item, document: Document, text: bytes) -> dict[str, Any]:
        s = self.settings
        origin = f"{s.source}\0{file}\0{s.snapshot}\0{item.start}\0{item.ordinal}"
        identity = xxhash.xxh3_128_digest(origin.encode())
        if identity in self.ids:
            raise DataError(f"{file}: two documents at {item.unit} {item.start} have ordinal {item.ordinal}")
        self.ids.add(identity)
        meta = json.dumps(document.meta, sort_keys=True, ensure_ascii=False)
        self.meta_characters += len(meta)
        return {name: getattr(document, name) for name in _FROM_DOCUMENT} | {
            "id": identity, "source": s.source, "snapshot": s.snapshot, "file": file,
            "start": item.start, "end": item.end, "unit": item.unit, "ordinal": item.ordinal,
            "licence": document.licence or s.reading.licence,
            "meta": meta, "text_bytes": len(text), "digest": xxhash.xxh3_128_digest(text), "text": text.decode(),
        }  # fmt: skip

    def _refuse(self, file: str, item: Item, outcome: str, reason: str, detail: str) -> None:
        self.bad.append(
            {
                "source": self.settings.source, "snapshot": self.settings.snapshot, "file": file, "start": item.start,
                "end": item.end, "unit": item.unit, "name": item.name, "outcome": outcome, "reason": reason,
                "detail": detail,
            }
        )  # fmt: skip
        self._count(file, item, outcome, reason)
        if len(self.bad) >= MAX_PART_ROWS:
            self._flush_bad()

    def _count(self, file: str, item: Item, outcome: str, reason: str) -> None:
        """Every item is a record; a stretch that several share is counted with the first of them."""
        stretch = (file, item.start, item.end)
        self.tally[outcome, reason, "records"] += 1
        self.tally[outcome, reason, "stretch"] += item.end - item.start if stretch != self.last else 0
        self.last = stretch

    def _flush(self) -> None:
        part = f"{self.name}-{self.parts:03d}"
        table = pa.Table.from_pylist(self.rows, schema=DOCUMENTS)
        self.files.append(write_parquet(self.store, "documents", part, table))
        source = self.settings.source
        self.counts.append(Count("ingest", source, part, PASSED, documents=len(self.rows), bytes=self.text_bytes))
        self.rows, self.text_bytes, self.meta_characters, self.parts = [], 0, 0, self.parts + 1

    def _flush_bad(self) -> None:
        part = f"{self.name}-{self.bad_parts:03d}"
        table = pa.Table.from_pylist(self.bad, schema=QUARANTINE)
        self.files.append(write_parquet(self.store, "quarantine", part, table))
        self.bad, self.bad_parts = [], self.bad_parts + 1

    def finish(self, inputs: list[dict[str, Any]]) -> Output:
        if self.rows:
            self._flush()
        if self.bad:
            self._flush_bad()
        source = self.settings.source
        for outcome, reason in dict.fromkeys(key[:2] for key in self.tally):
            records, stretch = self.tally[outcome, reason, "records"], self.tally[outcome, reason, "stretch"]
            end = "read" if outcome == PASSED else outcome  # records that became documents; those are counted by part
            self.counts.append(Count("ingest", source, self.name, end, reason, records=records, stretch=stretch))
        return Output(tuple(self.files), tuple(self.counts), {"inputs": inputs})


_FROM_DOCUMENT = [f.name for f in fields(Document) if f.name not in ("text", "licence", "meta")]
