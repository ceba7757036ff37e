"""Candidates: the texts that have to be compared, brought together.

In: a part's documents, signatures and groups. Out: ``candidates/``: the texts to read, ordered by component, one
record batch a piece of later work, zstd. It is the one time after signing that dedupe opens ``documents/``.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from corpus.files import File, read_table, write_bytes
from corpus.schema import ID
from corpus.stage import Output, Part, Stage
from corpus.store import Store

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
    grouped = grouped.filter(grouped["read"])
    if not grouped.num_rows:
        return Output()
    rows = grouped["row"].combine_chunks()
    columns = [
        grouped["component"].combine_chunks(),
        read_table(store, signed, ["set"])["set"].take(rows).combine_chunks(),
        read_table(store, documents, ["text"])["text"].take(rows).combine_chunks(),
    ]
    table = pa.table(columns, schema=CANDIDATES)
    piece = np.searchsorted(np.asarray(part.settings), table["component"].to_numpy(), "right") - 1
    edges = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), len(piece)]
    sink = io.BytesIO()
    firsts = json.dumps([int(piece[first]) for first in edges[:-1]])
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1))
    with pa.ipc.new_file(sink, CANDIDATES.with_metadata({"pieces": firsts}), options=options) as writer:
        for first, last in pairwise(edges):
            writer.write_batch(table.slice(first, last - first).combine_chunks().to_batches()[0])
    return Output((write_bytes(store, "candidates", documents.part, "arrow", sink.getbuffer().tobytes()),))


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
