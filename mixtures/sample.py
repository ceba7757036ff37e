"""A seeded sample of the mixture's text, for the tokenizer.

In: documents, scores (their spans) and selection of every part, and cuts and buckets where there are any. Out:
``sample/``: rendered texts of documents to train on, each entry's share of bytes as the mixture weighs it, in an order
that depends on seed and ids alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.files import File, id_bytes, read_aligned, write_parquet
from corpus.schema import SAMPLE
from corpus.seeds import draw
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.text import render_column
from mixtures.plan import Available, Kind, Mixture, byte_shares, refuse_empty


@dataclass(frozen=True)
class SampleSettings:
    """What decides the sample. `domains` maps a source to its recipe domain."""

    mixture: Mixture
    domains: dict[str, str]
    bytes: int
    seed: int


@dataclass(frozen=True)
class Found:
    """The documents that could be sampled: places and sizes as arrays of one length."""

    part: np.ndarray
    row: np.ndarray
    bytes: np.ndarray
    drawn: np.ndarray  # uint64, the order in which they are taken

    def take(self, index: np.ndarray) -> "Found":
        """Some of them, in the order of `index`."""
        return Found(self.part[index], self.row[index], self.bytes[index], self.drawn[index])


EMPTY = Found(*(np.zeros(0, kind) for kind in (np.int64, np.int64, np.int64, np.uint64)))


def sample(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all documents, scores and selection files, each in the same order of parts, and
    cuts and buckets of some parts."""
    settings: SampleSettings = part.settings
    cuts = {file.part: file for file in _of(part, "cuts")}
    rows = list(zip(*(_of(part, folder) for folder in ("documents", "scores", "selection")), strict=True))
    stock = _found(store, rows, cuts, {file.part: file for file in _of(part, "buckets")}, settings)
    there = {kind: Available(len(found.row), int(found.bytes.sum()), 0) for kind, found in stock.items()}
    entry, shares = byte_shares(settings.mixture, there)
    refuse_empty(settings.mixture, {*entry.values()})  # now, before all is encoded
    taken = [
        _within(_joined([stock[kind] for kind, of in entry.items() if of == name]), int(share * settings.bytes))
        for name, share in shares.items()
    ]
    names = np.repeat(np.array([*shares], object), [len(found.row) for found in taken])
    everything = _joined(taken) if taken else EMPTY
    tables = []
    for number in np.unique(everything.part).tolist():  # each part's texts are read once, whatever entries they are in
        documents, scores, _ = rows[number]
        here = np.flatnonzero(everything.part == number)
        spans = cuts.get(documents.part, scores)
        tables.append(_texts(store, documents, spans, names[here].tolist(), everything.take(here)))
    table = pa.concat_tables(tables) if tables else SAMPLE.empty_table()
    order = np.lexsort((*id_bytes(table["id"]).T[::-1], draw(id_bytes(table["id"]), settings.seed)))
    return Output((write_parquet(store, "sample", "all", table.take(pa.array(order))),))


SAMPLE_STAGE = Stage("sample", sample, version=2)


def _of(part: Part, folder: str) -> list[File]:
    return [file for file in part.inputs if isinstance(file, File) and file.folder == folder]


def _found(
    store: Store, rows: Sequence[tuple[File, ...]], cuts: dict[str, File], buckets: dict[str, File],
    settings: SampleSettings,
) -> dict[Kind, Found]:  # fmt: skip
    """The documents to train on, by kind."""
    blocks: dict[Kind, list[Found]] = {}
    for number, (documents, scores, selection) in enumerate(rows):
        left = [(cuts[documents.part], ["left"])] if documents.part in cuts else []
        cut = [(buckets[documents.part], ["bucket"])] if documents.part in buckets else []
        table = read_aligned(
            store, (documents, ["id", "text_bytes"]), (scores, ["lang"]), (selection, ["split"]), *left, *cut
        )
        trains = pc.equal(pc.fill_null(table["split"], ""), "train")
        train = np.flatnonzero((pc.and_(trains, table["left"]) if left else trains).to_numpy())
        of_part = Found(
            np.full(len(train), number), train, table["text_bytes"].to_numpy()[train],
            draw(id_bytes(table["id"])[train], settings.seed),
        )  # fmt: skip
        source = documents.part.split("/")[0]
        bucket = table["bucket"] if cut else pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
        for language, named, at in _alike(table["lang"], bucket, train):
            kind = Kind(source, settings.domains[source], language, named)
            blocks.setdefault(kind, []).append(of_part.take(at))
    return {kind: _joined(found) for kind, found in sorted(blocks.items())}


def _alike(lang: pa.ChunkedArray, bucket: pa.ChunkedArray, rows: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Language and bucket ("" for none), and where among `rows` the documents are that have both."""
    one, other = (column.fill_null("").combine_chunks().dictionary_encode() for column in (lang, bucket))
    width = max(len(other.dictionary), 1)
    codes = (one.indices.to_numpy().astype(np.int64) * width + other.indices.to_numpy())[rows]
    for code in np.unique(codes).tolist():
        language, named = divmod(code, width)
        yield one.dictionary[language].as_py(), other.dictionary[named].as_py(), np.flatnonzero(codes == code)


def _joined(found: Sequence[Found]) -> Found:
    return Found(*(np.concatenate([getattr(each, f.name) for each in found]) for f in fields(Found)))


def _within(found: Found, quota: int) -> Found:
    """Those to take, in drawn order until the quota of bytes is full; the last one is cut to fit."""
    order = np.lexsort((found.row, found.part, found.drawn))
    sizes = found.bytes[order]
    before = np.cumsum(sizes) - sizes
    count = int(np.searchsorted(before, quota))
    taken = found.take(order[:count])
    return Found(taken.part, taken.row, np.minimum(taken.bytes, quota - before[:count]), taken.drawn)


def _texts(store: Store, documents: File, spans: File, entries: list[str], taken: Found) -> pa.Table:
    at = pa.array(taken.row)
    table: Any = read_aligned(store, (documents, ["id", "source", "text"]), (spans, ["spans"])).take(at)
    texts = render_column(table["text"].combine_chunks(), table["spans"].combine_chunks())
    cut = [
        text if len(raw := text.encode()) <= limit else raw[:limit].decode(errors="ignore")
        for text, limit in zip(texts.to_pylist(), taken.bytes.tolist(), strict=True)
    ]
    columns = [table["id"].combine_chunks(), table["source"].combine_chunks(), entries, cut]
    return pa.table(columns, schema=SAMPLE)
