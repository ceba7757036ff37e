"""Candidates: the texts that have to be compared, brought together.

In: a part's documents, signatures and groups. Out: ``facts/``: what is known of the part's linked documents, ordered by
component; ``candidates/``: the texts to read, ordered by component, one record batch a piece of later work, zstd. It
is the one time after signing that dedupe opens ``documents/``.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from corpus.files import File, id_bytes, read_aligned, read_table, write_arrow, write_bytes
from corpus.schema import ID
from corpus.stage import Output, Part, Stage
from corpus.store import Store

FACTS = pa.schema(
    [
        ("component", pa.uint32()),
        ("row", pa.uint32()),
        ("id", ID),
        ("digest", pa.uint64()),  # the heads of names, here and below
        ("set", pa.uint64()),
        ("url", pa.uint64()),
        ("shingles", pa.uint32()),
        ("bytes", pa.uint32()),  # of text
    ]
)
CANDIDATES = pa.schema([("component", pa.uint32()), ("set", ID), ("text", pa.large_string())])


@dataclass(frozen=True)
class Candidates:
    """Texts to compare, ordered by component."""

    component: np.ndarray  # int64[n]
    set: pa.Array
    text: pa.Array  # large_string


def candidates(store: Store, part: Part) -> Output:
    """The stage's work. The settings are the component numbers at which a new piece begins (`Cut.read`)."""
    documents, signed, groups = part.inputs
    assert isinstance(documents, File) and isinstance(signed, File) and isinstance(groups, File)
    grouped = read_table(store, groups)
    facts = _facts(store, documents, signed, grouped)
    out = [write_arrow(store, "facts", documents.part, facts)]
    wanted = grouped.filter(grouped["read"])
    if wanted.num_rows:
        rows = wanted["row"].combine_chunks()
        columns = [
            wanted["component"].combine_chunks(),
            read_table(store, signed, ["set"])["set"].take(rows).combine_chunks(),
            read_table(store, documents, ["text"])["text"].take(rows).combine_chunks(),
        ]
        data = _in_pieces(pa.table(columns, schema=CANDIDATES), part.settings)
        out.append(write_bytes(store, "candidates", documents.part, "arrow", data))
    return Output(tuple(out))


def _facts(store: Store, documents: File, signed: File, grouped: pa.Table) -> pa.Table:
    """What decides on linked documents but the filters: ascending by component, so that a stretch is a slice."""
    beside = read_aligned(store, (documents, ["digest"]), (signed, ["id", "set", "url", "shingles", "text_bytes"]))
    rows = beside.take(grouped["row"].combine_chunks())
    url = rows["url"].combine_chunks()
    columns = [
        grouped["component"].combine_chunks(),
        grouped["row"].combine_chunks(),
        rows["id"],
        head(rows["digest"]),
        head(rows["set"]),
        pa.array(head(url.fill_null(bytes(16))), mask=url.is_null().to_numpy(zero_copy_only=False)),
        rows["shingles"],
        rows["text_bytes"],
    ]
    return pa.table(columns, schema=FACTS)


def head(names: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The first eight of a name's sixteen bytes, which order as the names do: uint64[n]."""
    return id_bytes(names).view(">u8")[:, 0].astype(np.uint64) if len(names) else np.zeros(0, np.uint64)


def _in_pieces(table: pa.Table, cut: Sequence[int]) -> bytes:
    """An Arrow file with a record batch for each piece, and the pieces' numbers."""
    piece = np.searchsorted(np.asarray(cut), table["component"].to_numpy(), "right") - 1
    edges = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), len(piece)]
    sink = io.BytesIO()
    firsts = json.dumps([int(piece[first]) for first in edges[:-1]])
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 3))
    with pa.ipc.new_file(sink, CANDIDATES.with_metadata({"pieces": firsts}), options=options) as writer:
        for first, last in pairwise(edges):
            writer.write_batch(table.slice(first, last - first).combine_chunks().to_batches()[0])
    return sink.getvalue()


def each_candidates(store: Store, files: Sequence[File], piece: int) -> Iterator[pa.Table]:
    """A piece's texts, those of one part after another; pieces are numbered as `Cut.read` has them."""
    for file in files:
        reader = pa.ipc.open_file(store.map(file.path))
        pieces = json.loads(reader.schema.metadata[b"pieces"])
        if piece in pieces:
            yield pa.Table.from_batches([reader.get_batch(pieces.index(piece))])


def read_candidates(store: Store, files: Sequence[File], piece: int) -> Candidates:
    """A piece's texts, ordered by component and set."""
    tables = [table.replace_schema_metadata(None) for table in each_candidates(store, files, piece)]
    table = pa.concat_tables([CANDIDATES.empty_table(), *tables])
    table = table.sort_by([("component", "ascending"), ("set", "ascending")]).combine_chunks()
    component = table["component"].to_numpy().astype(np.int64)
    return Candidates(component, table["set"].combine_chunks(), table["text"].combine_chunks())


CANDIDATES_STAGE = Stage("candidates", candidates)
