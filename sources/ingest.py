"""Ingest: input files to document parts, with every stretch of every file accounted for.

In: the files that a source's globs find, in name order, in units of up to 256 MB stored. Out: ``documents/`` parts
cut at 64 MiB of text, ``quarantine/`` rows for every stretch that gave no document, and counts that balance: a reader
whose items leave a gap in a file stops the run.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from corpus.errors import DataError, InputError, LedgerError
from corpus.files import File, write_parquet
from corpus.ledger import PASSED, Count
from corpus.recipe import Parts, Source
from corpus.schema import DOCUMENTS, QUARANTINE
from corpus.stage import Output, Part, Stage, Stamp
from corpus.store import Store
from sources.item import Document, Item
from sources.read import ReadSettings, read

MAX_PART_ROWS = 100_000  # bounds a worker's memory where documents are tiny


@dataclass(frozen=True)
class IngestSettings:
    """What decides the bytes of a source's document parts."""

    source: str
    snapshot: str
    reading: ReadSettings
    text_bytes: int


def plan_ingest(source: Source, reading: ReadSettings, parts: Parts, folder: Path) -> list[Part]:
    """Units of input files, in name order. Raises InputError where the root is missing or a glob finds nothing."""
    root = (folder / source.root).resolve()
    if not root.is_dir():
        raise InputError(f"source {source.name}: its root {source.root} is not a folder (looked at {root})")
    stamps: dict[str, Stamp] = {}
    places: dict[str, str] = {}
    for pattern in source.files:
        try:
            found = [path for path in root.glob(pattern) if path.is_file()]
        except (ValueError, IndexError, NotImplementedError) as error:
            raise InputError(f"source {source.name}: `{pattern}` is not a glob ({error})") from error
        if not found:
            raise InputError(f"source {source.name}: `{pattern}` finds no file below {root}; mend the glob or the root")
        for path in found:
            # a name that is not UTF-8 is written down with escapes; the file is opened by what `aside` holds
            name, stat = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace"), path.stat()
            places[name] = str(path)
            stamps[name] = Stamp(name, stat.st_size, stat.st_mtime_ns)
    settings = IngestSettings(source.name, source.snapshot, reading, parts.text_bytes)
    return [
        Part(
            f"{source.name}/{source.snapshot}-{number:05d}",
            unit,
            settings,
            source.name,
            {stamp.name: places[stamp.name] for stamp in unit},
        )
        for number, unit in enumerate(_units(sorted(stamps.values()), parts.input_bytes))
    ]


def _units(stamps: Sequence[Stamp], limit: int) -> Iterator[tuple[Stamp, ...]]:
    unit: list[Stamp] = []
    size = 0
    for stamp in stamps:
        if unit and size + stamp.bytes > limit:
            yield tuple(unit)
            unit, size = [], 0
        unit.append(stamp)
        size += stamp.bytes
    if unit:
        yield tuple(unit)


def ingest(store: Store, part: Part) -> Output:
    """Read a unit's files into document parts and quarantine rows. Raises LedgerError where a reader leaves a gap."""
    settings: IngestSettings = part.settings
    out = _Writing(store, part.name, settings)
    inputs = []
    for stamp in part.inputs:
        assert isinstance(stamp, Stamp)
        path = Path(part.aside[stamp.name])
        inputs.append({"name": stamp.name, "bytes": stamp.bytes, "sha256": _file_sha256(path)})
        for item in tiled(read(path, settings.reading), stamp.name, stamp.bytes, path):
            out.add(stamp.name, item)
    return out.finish(inputs)


INGEST = Stage("ingest", ingest, version=1, libraries=("resiliparse",))


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
    total = end  # of a compressed stream's expansion only its reader knows the end
    if unit == "byte":
        total = size
    elif unit == "row" and path:
        total = pq.read_metadata(path).num_rows
    if end != total:
        raise LedgerError(f"{name}: read up to {unit} {end} of {total}; {total - end:+d} {unit}s are not accounted for")


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); it was there when the run was planned") from error


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
    parts: int = 0
    tally: Counter[tuple[str, str, str]] = field(default_factory=Counter)

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
        full = self.text_bytes + len(text) > self.settings.text_bytes or len(self.rows) >= MAX_PART_ROWS
        if self.rows and full:
            self._flush()
        self.rows.append(self._row(file, item, document, text))
        self.text_bytes += len(text)
        self._count(item, PASSED, "")

    def _row(self, file: str, item: Item, document: Document, text: bytes) -> dict[str, Any]:
        s = self.settings
        origin = f"{s.source}\0{file}\0{s.snapshot}\0{item.start}\0{item.ordinal}"
        identity = xxhash.xxh3_128_digest(origin.encode())
        if identity in self.ids:
            raise DataError(f"{file}: two documents at {item.unit} {item.start} have ordinal {item.ordinal}")
        self.ids.add(identity)
        return {name: getattr(document, name) for name in _FROM_DOCUMENT} | {
            "id": identity, "source": s.source, "snapshot": s.snapshot, "file": file,
            "start": item.start, "end": item.end, "unit": item.unit, "ordinal": item.ordinal,
            "licence": document.licence or s.reading.licence,
            "meta": json.dumps(document.meta, sort_keys=True, ensure_ascii=False),
            "text_bytes": len(text), "digest": xxhash.xxh3_128_digest(text), "text": text.decode(),
        }  # fmt: skip

    def _refuse(self, file: str, item: Item, outcome: str, reason: str, detail: str) -> None:
        self.bad.append(
            {
                "source": self.settings.source, "snapshot": self.settings.snapshot, "file": file, "start": item.start,
                "end": item.end, "unit": item.unit, "name": item.name, "outcome": outcome, "reason": reason,
                "detail": detail,
            }
        )  # fmt: skip
        self._count(item, outcome, reason)

    def _count(self, item: Item, outcome: str, reason: str) -> None:
        key = (outcome, reason, item.unit)
        self.tally[(*key[:2], "records")] += 1 if item.ordinal == 0 else 0
        self.tally[(*key[:2], f"stretch {item.unit}")] += item.end - item.start if item.ordinal == 0 else 0

    def _flush(self) -> None:
        part = f"{self.name}-{self.parts:03d}"
        table = pa.Table.from_pylist(self.rows, schema=DOCUMENTS)
        self.files.append(write_parquet(self.store, "documents", part, table))
        source = self.settings.source
        self.counts.append(Count("ingest", source, part, PASSED, documents=len(self.rows), bytes=self.text_bytes))
        self.rows, self.text_bytes, self.parts = [], 0, self.parts + 1

    def finish(self, inputs: list[dict[str, Any]]) -> Output:
        if self.rows:
            self._flush()
        if self.bad:
            table = pa.Table.from_pylist(self.bad, schema=QUARANTINE)
            self.files.append(write_parquet(self.store, "quarantine", self.name, table))
        source = self.settings.source
        for outcome, reason in dict.fromkeys(key[:2] for key in self.tally):
            records = self.tally[outcome, reason, "records"]
            stretch = sum(
                n for (o, r, what), n in self.tally.items() if (o, r) == (outcome, reason) and what != "records"
            )
            end = "read" if outcome == PASSED else outcome  # records that became documents; those are counted by part
            self.counts.append(Count("ingest", source, self.name, end, reason, records=records, stretch=stretch))
        return Output(tuple(self.files), tuple(self.counts), {"inputs": inputs})


_FROM_DOCUMENT = [f.name for f in fields(Document) if f.name not in ("text", "licence", "meta")]
