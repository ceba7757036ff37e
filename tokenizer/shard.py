"""Shard: pieces in their places, gathered from the token parts into Arrow files.

In: rows of an order file and the token parts they name. Out: one shard in ``shards/`` (or ``shards/heldout/``), written
only when every id is below the vocabulary, the token count is the order's, and the file reads back equal.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.errors import DataError
from corpus.files import File, read_table, write_arrow
from corpus.ledger import PASSED, Count
from corpus.schema import shard_schema, token_type
from corpus.shard import Tokenizer, shard_metadata, token_values
from corpus.stage import Output, Part, Stage
from corpus.store import Store


@dataclass(frozen=True)
class ShardSettings:
    """Which rows of the order make this shard. `order_sha256` is the training order's, also in held-out shards."""

    tokenizer: Tokenizer
    order_sha256: str
    start: int
    stop: int


@dataclass(frozen=True)
class Gathered:
    """The shard's columns as they fill: `at` is where each row's tokens begin, `length` includes the end mark."""

    tokens: np.ndarray
    at: np.ndarray
    length: np.ndarray
    doc_id: list[bytes]
    lang: list[str]


def shard(store: Store, part: Part) -> Output:
    """The stage's work: inputs are an order file, the byte counts of the tokenizer, and all token parts."""
    s: ShardSettings = part.settings
    files = [file for file in part.inputs if isinstance(file, File)]
    (order_file,) = (file for file in files if file.folder == "order")
    order = read_table(store, order_file).slice(s.start, s.stop - s.start)
    gathered = _gather(store, {file.part: file for file in files if file.folder == "tokens"}, order, s)
    if len(gathered.tokens) and int(gathered.tokens.max()) >= s.tokenizer.vocab_size:
        raise DataError(
            f"{part.name}: token {gathered.tokens.max()} in a vocabulary of {s.tokenizer.vocab_size}; encode again"
        )
    table = _table(store, gathered, order, s)
    folder, name = ("shards/heldout", part.name[8:]) if part.name.startswith("heldout-") else ("shards", part.name)
    file = write_arrow(store, folder, name, table)
    if not np.array_equal(token_values(store, file, s.tokenizer, s.order_sha256), gathered.tokens):
        raise DataError(f"{file.path} does not read back as it was written; check the disk, then build again")
    held = folder != "shards"
    counts = [
        Count("shard", domain, part.name, "heldout" if held else PASSED, documents=None, tokens=tokens)
        for domain, tokens in _by_domain(order)
    ]
    return Output((file,), tuple(counts))


SHARD = Stage("shard", shard, version=1)


def _by_domain(order: pa.Table) -> list[tuple[str, int]]:
    sums = order.group_by("domain", use_threads=False).aggregate([("length", "sum")])
    return sorted(zip(sums["domain"].to_pylist(), sums["length_sum"].to_pylist(), strict=True))


def _gather(store: Store, parts: dict[str, File], order: pa.Table, s: ShardSettings) -> Gathered:
    length = order["length"].to_numpy().astype(np.int64)
    at = np.cumsum(length) - length
    out = np.empty(int(length.sum()), token_type(s.tokenizer.vocab_size).to_pandas_dtype())
    doc_id, lang = [b""] * len(length), [""] * len(length)
    last = order["last"].to_numpy()
    names = np.array(order["part"].to_pylist(), object)
    row, start = order["row"].to_numpy(), order["start"].to_numpy()
    for name in sorted(set(names.tolist())):
        here = np.flatnonzero(names == name)
        table = read_table(store, parts[name], ["id", "tokens", "lang"])
        column = table["tokens"].combine_chunks()
        first = column.offsets.to_numpy()[row[here]] + start[here]
        _copy(
            column.values.to_numpy(zero_copy_only=True),
            first,
            length[here],
            last[here],
            at[here],
            s.tokenizer.eos_id,
            out,
        )
        rows = pa.array(row[here])
        ids, languages = table["id"].take(rows).to_pylist(), table["lang"].take(rows).to_pylist()
        for k, place in enumerate(here.tolist()):
            doc_id[place], lang[place] = ids[k], languages[k]
    return Gathered(out, at, length, doc_id, lang)


@njit(nogil=True, cache=True)
def _copy(values, first, length, last, at, eos, out):
    for i in range(len(first)):
        count = length[i] - (1 if last[i] else 0)
        out[at[i] : at[i] + count] = values[first[i] : first[i] + count]
        if last[i]:
            out[at[i] + count] = eos


def _table(store: Store, gathered: Gathered, order: pa.Table, s: ShardSettings) -> pa.Table:
    sizes = np.load(pa.BufferReader(store.get(s.tokenizer.token_bytes_path)))
    total = np.concatenate([[0], np.cumsum(sizes[gathered.tokens], dtype=np.int64)])
    offsets = np.append(gathered.at, len(gathered.tokens)).astype(np.int32)
    schema = shard_schema(s.tokenizer.vocab_size, shard_metadata(s.tokenizer, s.order_sha256))
    tokens = pa.ListArray.from_arrays(pa.array(offsets), pa.array(gathered.tokens))
    columns = [
        tokens.cast(schema.field("tokens").type), pa.array(gathered.doc_id, pa.binary()),
        order["piece"].combine_chunks(), order["source"].combine_chunks(), order["domain"].combine_chunks(),
        pa.array(gathered.lang, pa.string()),
        pa.array(total[gathered.at + gathered.length] - total[gathered.at]),
    ]  # fmt: skip
    return pa.table(columns, schema=schema)
