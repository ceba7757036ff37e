"""The stages of dedupe over texts that lie in memory: nothing is written, nothing is known of them but their order."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from corpus.dedupe import Dedupe
from corpus.files import File, id_bytes, read_table, write_arrow, write_parquet
from corpus.pool import Pool, PoolRun
from corpus.schema import DOCUMENTS, VERDICTS
from corpus.store import Store
from processors.dedupe.decide import Heldout
from processors.dedupe.shingles import laid_out
from processors.dedupe.stages import decide_alike, find_alike, select_documents

_PART = 64 << 20  # bytes of text
_ROWS = 100_000
_SOURCE = "table"
_stores = itertools.count()


def select_rows(texts: pa.ChunkedArray, dedupe: Dedupe) -> pa.Table:
    """What becomes of each text (large_string, none null), in order.

    Returns `kept`, `twin` (int64: the row of the kept one that stands for it, or null), `both` and `either`. Of alike
    ones the longer, then the earlier is kept.
    """
    store = Store(f"memory://table-{next(_stores)}")
    sizes = pc.binary_length(texts).to_numpy().astype(np.int64)
    places = np.cumsum(sizes) // _PART + np.arange(len(sizes)) // _ROWS
    edges = [0, *(np.flatnonzero(np.diff(places) > 0) + 1).tolist(), len(texts)]
    documents, verdicts = [], []
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        part = _part(texts.slice(first, last - first), first)
        name = f"{_SOURCE}/0-0-{number:05d}"
        documents.append(write_arrow(store, "documents", name, part))
        rules = pa.array([[]] * part.num_rows, VERDICTS.field("rules").type)
        verdicts.append(write_parquet(store, "verdicts", name, pa.table([part["id"], rules], schema=VERDICTS)))
    run = PoolRun(store, Pool(1, store))
    alike = find_alike(documents, dedupe, {}, run)
    decided = decide_alike(verdicts, (), alike, dedupe, {}, Heldout(), run)
    selected = select_documents(verdicts, alike, decided, Heldout(), run)
    files = [file for entry in selected for file in entry.only("selection")]
    return _rows(store, files)


def _part(texts: pa.ChunkedArray, first: int) -> pa.Table:
    """Rows as documents: their ids are their numbers, of a URL nothing is known."""
    rows = len(texts)
    ids = np.zeros((rows, 2), ">u8")
    ids[:, 1] = np.arange(first, first + rows)
    given = {
        "id": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(ids.tobytes())]),
        "digest": _digests(texts),
        "text": texts.combine_chunks(),
    }
    fields = [DOCUMENTS.field(name) for name in ("id", "digest", "url", "member", "ordinal", "text")]
    columns = [given.get(field.name, pa.nulls(rows, field.type)) for field in fields]
    return pa.table(columns, schema=pa.schema(fields))


def _digests(texts: pa.ChunkedArray) -> pa.Array:
    """A name for each text, as ingest gives it: xxh3-128."""
    parts = ((part.data.data, part.offsets.tolist()) for chunk in texts.chunks for part in laid_out(chunk))
    found = [xxhash.xxh3_128_digest(data[a:b]) for data, offsets in parts for a, b in itertools.pairwise(offsets)]
    return pa.array(found, DOCUMENTS.field("digest").type)


def _rows(store: Store, files: list[File]) -> pa.Table:
    table = pa.concat_tables([read_table(store, file, ["kept", "twin", "both", "either"]) for file in files])
    twin = table["twin"].combine_chunks()
    row = id_bytes(twin.fill_null(bytes(16))).view(">u8")[:, 1].astype(np.int64)
    return table.set_column(1, "twin", pa.array(row, mask=twin.is_null().to_numpy(zero_copy_only=False)))
