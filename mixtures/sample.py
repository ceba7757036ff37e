"""A seeded sample of the mixture's text, for the tokenizer.

In: documents, scores (their spans) and selection of every part, and cuts where repeats are cut. Out: ``sample/``:
rendered texts of documents to train on, each domain's share of bytes as the mixture weighs it, in an order that depends
on seed and ids alone.
"""

from dataclasses import dataclass
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
from mixtures.plan import Mixture, domain_of, shares


@dataclass(frozen=True)
class SampleSettings:
    """What decides the sample. `domains` maps a source to its recipe domain."""

    mixture: Mixture
    domains: dict[str, str]
    bytes: int
    seed: int


@dataclass(frozen=True)
class Found:
    """The documents of one domain that could be sampled: places and sizes as arrays of one length."""

    part: np.ndarray
    row: np.ndarray
    bytes: np.ndarray
    drawn: np.ndarray  # uint64, the order in which they are taken


def sample(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all documents, scores and selection files, each in the same order of parts, and
    cuts and buckets of some parts."""
    settings: SampleSettings = part.settings
    cuts, buckets = files_by_part(part, "cuts"), files_by_part(part, "buckets")
    aligned = aligned_inputs(part, "documents", "scores", "selection")
    found = _found(store, aligned, cuts, buckets, settings)
    quota = {name: int(share * settings.bytes) for name, share in shares(settings.mixture).items()}
    taken = {name: _within(found[name], quota[name]) for name in found}
    tables = []
    for number, (documents, scores, _) in enumerate(aligned):
        for name, rows in taken.items():
            here = rows[rows[:, 0] == number]
            if len(here):
                tables.append(_texts(store, documents, cuts.get(documents.part, scores), name, here))
    table = pa.concat_tables(tables) if tables else SAMPLE.empty_table()
    order = np.lexsort((*id_bytes(table["id"]).T[::-1], draw(id_bytes(table["id"]), settings.seed)))
    return Output((write_parquet(store, "sample", "all", table.take(pa.array(order))),))


SAMPLE_STAGE = Stage("sample", sample, version=1)


def aligned_inputs(part: Part, *folders: str) -> list[tuple[File, ...]]:
    """A group's inputs by part: one tuple a part, its files in the order of `folders`."""
    files = [file for file in part.inputs if isinstance(file, File)]
    return list(zip(*([file for file in files if file.folder == folder] for folder in folders), strict=True))


def files_by_part(part: Part, folder: str) -> dict[str, File]:
    """A group's inputs of one folder that only some parts have, by part."""
    return {file.part: file for file in part.inputs if isinstance(file, File) and file.folder == folder}


def _found(
    store: Store, aligned: list[tuple[File, ...]], cuts: dict[str, File], buckets: dict[str, File],
    settings: SampleSettings,
) -> dict[str, Found]:  # fmt: skip
    rows: dict[str, list[np.ndarray]] = {}
    for number, (documents, scores, selection) in enumerate(aligned):
        left = [(cuts[documents.part], ["left"])] if documents.part in cuts else []
        cut = [(buckets[documents.part], ["bucket"])] if documents.part in buckets else []
        table = read_aligned(
            store, (documents, ["id", "source", "text_bytes"]), (scores, ["lang"]), (selection, ["split"]), *left, *cut
        )
        trains = pc.equal(pc.fill_null(table["split"], ""), "train")
        train = np.flatnonzero((pc.and_(trains, table["left"]) if left else trains).to_numpy())
        sources, languages = table["source"].to_pylist(), table["lang"].to_pylist()
        bucket = table["bucket"].fill_null("").to_pylist() if cut else [""] * table.num_rows
        names = [
            domain_of(settings.mixture, sources[row], settings.domains[sources[row]], languages[row], bucket[row])
            for row in train.tolist()
        ]
        drawn = draw(id_bytes(table["id"])[train], settings.seed)
        for name in sorted({name for name in names if name}):
            mine = np.array([other == name for other in names])
            at = train[mine]
            block = np.stack(
                [np.full(len(at), number), at, table["text_bytes"].to_numpy()[at], drawn[mine].view(np.int64)]
            )
            rows.setdefault(name, []).append(block)
    return {name: Found(*_columns(np.concatenate(blocks, axis=1))) for name, blocks in rows.items()}


def _columns(block: np.ndarray) -> tuple[np.ndarray, ...]:
    return block[0], block[1], block[2], block[3].view(np.uint64)


def _within(found: Found, quota: int) -> np.ndarray:
    """int64[m, 3]: part, row and bytes to take, in drawn order until the quota is full; the last one is cut to fit."""
    order = np.lexsort((found.row, found.part, found.drawn))
    sizes = found.bytes[order]
    before = np.cumsum(sizes) - sizes
    count = int(np.searchsorted(before, quota))
    order = order[:count]
    return np.stack([found.part[order], found.row[order], np.minimum(sizes[:count], quota - before[:count])], axis=1)


def _texts(store: Store, documents: File, spans: File, domain: str, rows: np.ndarray) -> pa.Table:
    at = pa.array(rows[:, 1])
    table: Any = read_aligned(store, (documents, ["id", "source", "text"]), (spans, ["spans"])).take(at)
    texts = render_column(table["text"].combine_chunks(), table["spans"].combine_chunks())
    cut = [
        text if len(raw := text.encode()) <= limit else raw[:limit].decode(errors="ignore")
        for text, limit in zip(texts.to_pylist(), rows[:, 2].tolist(), strict=True)
    ]
    columns = [table["id"].combine_chunks(), table["source"].combine_chunks(), [domain] * len(cut), cut]
    return pa.table(columns, schema=SAMPLE)
