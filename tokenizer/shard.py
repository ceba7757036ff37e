"""Place and shard: tokens from the parts of their documents to their places in the training stream, in two passes.

    tokens/<part> + places/<part> ── place ──> placed/<part>: a batch for each shard that takes of the part
    placed/ of all parts          ── shard ──> shards/NNNNN, once the part's batches for it are put in their places

The first pass holds a part, the second a shard, however many there are of the other, and both read what they need in
one stretch. A shard is written only when no piece is missing and it is what `write_shard` asks for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError
from corpus.files import File, id_bytes, read_batch, read_rows, read_table, write_batches
from corpus.ledger import PASSED, Count
from corpus.schema import placed_schema, token_type
from corpus.shard import Rows, Tokenizer, write_shard
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from tokenizer.gather import copy_pieces, copy_rows, count_bytes

CHUNK = 1 << 26  # tokens of one file in placed/: a part whose epochs are many gives several


@dataclass(frozen=True)
class ShardSettings:
    """Which rows of the order make this shard, the `number`-th of all. `order_sha256` is the training order's, also in
    held-out shards; `placed_sha256` stands for the contents of all that is gathered."""

    tokenizer: Tokenizer
    order_sha256: str
    number: int
    start: int
    stop: int
    placed_sha256: str


def place(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's tokens and its places."""
    tokenizer: Tokenizer = part.settings
    files = {file.folder: file for file in part.inputs if isinstance(file, File)}
    table = read_table(store, files["tokens"], ["id", "tokens"])
    column = table["tokens"].combine_chunks()
    values, offsets = column.values.to_numpy(zero_copy_only=True), column.offsets.to_numpy()
    places = read_table(store, files["places"]).combine_chunks()
    ends = np.cumsum(places["length"].to_numpy(), dtype=np.int64)
    cuts = [0]
    while cuts[-1] < len(ends):
        base = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
        cuts.append(max(int(np.searchsorted(ends, base + CHUNK, "right")), cuts[-1] + 1))
    schema = placed_schema(tokenizer.vocab_size)
    written = []
    for number, (start, stop) in enumerate(pairwise(cuts)):
        rows = places.slice(start, stop - start)
        batch = _placed(values, offsets, table["id"], rows, tokenizer, schema)
        shards, firsts = np.unique(rows["shard"].to_numpy(), return_index=True)
        stops = [*firsts[1:].tolist(), len(batch)]
        batches = {
            int(shard): batch.slice(at, stop - at)
            for shard, at, stop in zip(shards, firsts.tolist(), stops, strict=True)
        }
        written.append(write_batches(store, "placed", f"{part.name}-{number}", schema, batches))
    return Output(tuple(written))


PLACE = Stage("place", place, version=1)


def _placed(
    values: np.ndarray, offsets: np.ndarray, ids: pa.ChunkedArray, rows: pa.Table, tokenizer: Tokenizer,
    schema: pa.Schema,
) -> pa.RecordBatch:  # fmt: skip
    row, start, length, last = (rows[name].to_numpy() for name in ("row", "start", "length", "last"))
    ends = np.cumsum(length, dtype=np.int64)
    out = np.empty(int(ends[-1]), values.dtype)
    copy_pieces(values, offsets[row] + start, length, last, ends - length, tokenizer.eos_id, out)
    bounds = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    tokens = pa.ListArray.from_arrays(bounds, pa.array(out))
    columns = [rows["shard"], rows["place"], tokens.cast(schema.field("tokens").type), ids.take(pa.array(row))]
    return pa.RecordBatch.from_arrays(
        [each.combine_chunks() if isinstance(each, pa.ChunkedArray) else each for each in columns], schema=schema
    )


def shard(store: Store, part: Part) -> Output:
    """The stage's work: inputs are an order file and the byte counts of the tokenizer; `aside` is all of placed/."""
    s: ShardSettings = part.settings
    order_file, sizes_file = (file for file in part.inputs if isinstance(file, File))
    order = read_rows(store, order_file, s.start, s.stop, ("length", "piece", "source", "domain", "lang"))
    length = order["length"].to_numpy()
    tokens, ids = _gathered(store, part, length, s)
    most = int(tokens.max(initial=0))
    if most >= s.tokenizer.vocab_size:
        raise DataError(f"{part.name}: token {most} in a vocabulary of {s.tokenizer.vocab_size}; encode again")
    sizes = np.load(pa.BufferReader(store.get(sizes_file.path)))
    utf8_bytes = np.empty(len(length), np.int64)
    count_bytes(tokens, length, sizes, utf8_bytes)
    source, domain, lang = (order[name].combine_chunks() for name in ("source", "domain", "lang"))
    rows = Rows(
        tokens, length.astype(np.int64), ids, order["piece"].to_numpy(), source, domain, lang, utf8_bytes
    )  # fmt: skip
    held = part.name.startswith("heldout-")
    folder, name = ("shards/heldout", part.name[8:]) if held else ("shards", part.name)
    written = write_shard(store, folder, name, rows, s.tokenizer, s.order_sha256)
    counts = [
        Count("shard", domain, part.name, "heldout" if held else PASSED, tokens=tokens_of)
        for domain, tokens_of in sorted(written.domains.items())
    ]
    return Output((written,), tuple(counts))


SHARD = Stage("shard", shard, version=2)


def _gathered(store: Store, part: Part, length: np.ndarray, s: ShardSettings) -> tuple[np.ndarray, np.ndarray]:
    """The shard's tokens and the documents of its rows, uint8[n, 16]. Raises DataError where a piece is missing."""
    at = np.cumsum(length, dtype=np.int64) - length
    tokens = np.empty(int(length.sum(dtype=np.int64)), token_type(s.tokenizer.vocab_size).to_pandas_dtype())
    ids, missing = np.empty((len(length), 16), np.uint8), np.ones(len(length), bool)
    for batch in _batches(store, part, s.number):
        places, column = batch.column("place").to_numpy(), batch.column("tokens")
        lengths = pc.list_value_length(column).to_numpy()
        if not (lengths == length[places]).all():
            raise DataError(f"{part.name}: pieces are not as long as the order says; remove placed/ and build again")
        copy_rows(
            column.values.to_numpy(zero_copy_only=True), column.offsets.to_numpy()[:-1], lengths, at[places], tokens
        )
        ids[places], missing[places] = id_bytes(batch.column("doc_id")), False
    if missing.any():
        raise DataError(f"{part.name}: {missing.sum()} pieces are missing; remove placed/ and build again")
    return tokens, ids


def _batches(store: Store, part: Part, number: int) -> Iterator[pa.RecordBatch]:
    for file in part.aside:
        batch = read_batch(store, file, number)
        if batch is not None:
            yield batch
