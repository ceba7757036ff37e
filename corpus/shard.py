"""The shard format: how the mixed token stream lies on disk, how it is written, and how a published corpus is opened.

A shard is an Arrow IPC file, uncompressed, one record batch, one row per piece of a document
(`corpus.schema.shard_schema`). The value buffers of the token columns, shard after shard, are the training stream;
one end-of-document id follows a document's last piece. Schema metadata says which tokenizer and which order the shard
belongs to. Window *i* of length *T* covers tokens [iT, iT + T]: T + 1 ids, the last shared with the next window, so
that every token but the first is a label.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from corpus import memory
from corpus.cache import Cache
from corpus.errors import DataError
from corpus.files import File, arrow_bytes
from corpus.layout import Shard, Tokenizer, sample_of_buffer, sample_of_path, shard_metadata
from corpus.schema import shard_schema, token_type
from corpus.store import Store
from corpus.stream import OPEN, Opened, TokenStream
from corpus.version import read_version

__all__ = [
    "Cache", "Corpus", "Opened", "Rows", "Shard", "TokenStream", "Tokenizer", "check_shards", "open_corpus",
    "read_shard", "shard_metadata", "token_values", "write_shard",
]  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """A shard's columns before it is written; one row = one piece, in stream order."""

    tokens: np.ndarray  # uint16 or uint32, as `corpus.schema.token_type` says: the pieces' ids, one after the other
    lengths: np.ndarray  # int64[n]: ids of each piece, end mark counted
    doc_id: np.ndarray  # uint8[n, 16]
    piece: np.ndarray  # int32[n]: its number within the document
    source: pa.Array  # string, or a dictionary of strings
    domain: pa.Array
    lang: pa.Array
    utf8_bytes: np.ndarray  # int64[n]: bytes of text that the ids stand for


def write_shard(store: Store, folder: str, name: str, rows: Rows, tokenizer: Tokenizer, order_sha256: str) -> Shard:
    """Write ``folder/name.<hash>.arrow`` and its record, once it reads back equal; beside `rows` one copy in memory.

    Raises DataError for no rows, an empty piece, a piece without a domain, an id that the tokenizer does not have, and
    a file that does not read back as it was written.
    """
    table = _table(name, rows, tokenizer, order_sha256)
    buffer = arrow_bytes(table.schema, [table])
    digest = hashlib.sha256(buffer).hexdigest()
    path = f"{folder}/{name}.{digest[:12]}.arrow"
    store.put(path, memoryview(buffer).cast("B"))
    lengths = np.diff(table.column("tokens").offsets.to_numpy())
    shard = Shard(
        path=path, sha256=digest, bytes=buffer.size, rows=table.num_rows, tokens=len(rows.tokens),
        sample=sample_of_buffer(buffer), domains=_by_name(table.column("domain"), lengths),
    )  # fmt: skip
    del buffer
    memory.give_back()  # what is read back may come whole over the network
    if not read_shard(store, shard, tokenizer, order_sha256).equals(table, check_metadata=True):
        raise DataError(f"{path} does not read back as it was written; check the disk, then build again")
    return shard


def _table(name: str, rows: Rows, tokenizer: Tokenizer, order_sha256: str) -> pa.RecordBatch:
    count = len(rows.lengths)
    if not count:
        raise DataError(f"{name}: no pieces to write; a shard holds at least one")
    if int(rows.lengths.min()) < 1:
        raise DataError(f"{name}: piece {int(rows.lengths.argmin())} has no tokens; build again")
    if int(rows.lengths.sum()) != len(rows.tokens):
        raise DataError(f"{name}: {len(rows.tokens)} tokens for pieces of {int(rows.lengths.sum())}; build again")
    if len(rows.tokens) >= 1 << 31:
        raise DataError(f"{name}: {len(rows.tokens):,} tokens, a shard holds {(1 << 31) - 1:,}; lower [shards] tokens")
    if int(rows.tokens.max()) >= tokenizer.vocab_size:
        raise DataError(f"{name}: token {rows.tokens.max()} in a vocabulary of {tokenizer.vocab_size}; encode again")
    if rows.domain.null_count or pc.any(pc.equal(rows.domain.cast(pa.string()), "")).as_py():
        raise DataError(f"{name}: a piece without a domain; build again")
    offsets = np.concatenate([[0], np.cumsum(rows.lengths)]).astype(np.int32)
    ids = np.ascontiguousarray(rows.doc_id, np.uint8)
    places = np.arange(count + 1, dtype=np.int32) * 16
    schema = shard_schema(tokenizer.vocab_size, shard_metadata(tokenizer, order_sha256))
    columns = {
        "tokens": pa.ListArray.from_arrays(
            pa.array(offsets), pa.array(rows.tokens, token_type(tokenizer.vocab_size)), type=schema.field("tokens").type
        ),
        "doc_id": pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(places), pa.py_buffer(ids)]),
        "piece": pa.array(rows.piece, pa.int32()),
        "source": rows.source.cast(pa.string()),
        "domain": rows.domain.cast(pa.string()),
        "lang": rows.lang.cast(pa.string()),
        "utf8_bytes": pa.array(rows.utf8_bytes, pa.int64()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _by_name(names: pa.Array, lengths: np.ndarray) -> dict[str, int]:
    """Sums of lengths by name, in the order of the names."""
    coded = pc.dictionary_encode(names)
    sums = np.bincount(coded.indices.to_numpy(), lengths, len(coded.dictionary)).astype(np.int64)
    return dict(sorted(zip(coded.dictionary.to_pylist(), sums.tolist(), strict=True)))


def read_shard(
    store: Store, file: File, tokenizer: Tokenizer, order_sha256: str, whole: bool = False
) -> pa.RecordBatch:
    """A shard's rows as a view of its file; with `whole` its SHA-256 is compared, too.

    Raises DataError where it is gone, a stranger or damaged.
    """
    try:
        buffer = store.map(file.path)
    except OSError as error:
        raise DataError(f"{store.url}/{file.path} cannot be read ({error}); restore it or build again") from error
    if whole and hashlib.sha256(buffer).hexdigest() != file.sha256:
        raise DataError(f"{file.path} is damaged: its SHA-256 is another than recorded; restore it or build again")
    return rows_of(buffer, file, tokenizer, order_sha256)


def rows_of(buffer: pa.Buffer, file: File, tokenizer: Tokenizer, order_sha256: str) -> pa.RecordBatch:
    """The rows that a shard's bytes hold. Raises DataError where they are not as recorded."""
    if buffer.size != file.bytes:
        raise DataError(f"{file.path} holds {buffer.size} bytes, {file.bytes} are recorded; restore it or build again")
    try:
        with pa.ipc.open_file(buffer) as reader:
            found = {key.decode(): value.decode() for key, value in (reader.schema.metadata or {}).items()}
            batches = reader.num_record_batches
            rows = reader.get_batch(0) if batches else None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file.path} is damaged ({str(error).splitlines()[0]}); restore it or build again") from error
    expected = shard_metadata(tokenizer, order_sha256)
    wrong = [key for key in expected if found.get(key) != expected[key]]
    if wrong:
        key = wrong[0]
        raise DataError(
            f"{file.path}: {key} is {found.get(key)}, this corpus has {expected[key]}; it is another's shard"
        )
    if batches != 1:
        raise DataError(f"{file.path} holds {batches} record batches instead of 1")
    return rows


def token_values(store: Store, file: File, tokenizer: Tokenizer, order_sha256: str) -> np.ndarray:
    """The token ids of one shard as a view of its file. Raises as `read_shard` does."""
    return Opened.of(read_shard(store, file, tokenizer, order_sha256)).tokens


@dataclass(frozen=True)
class Corpus:
    """A published corpus, opened for reading."""

    store: Store
    version: int
    tokenizer: Tokenizer
    order_sha256: str
    train: TokenStream
    heldout: dict[str, TokenStream]
    token_bytes: np.ndarray  # int32[vocab_size]: UTF-8 bytes of each id, 0 for marks

    @property
    def tokenizer_sha256(self) -> str:
        """Content hash of the model."""
        return self.tokenizer.sha256

    @property
    def model_path(self) -> str:
        """Where the SentencePiece model lies: a path for local stores, else a URL."""
        return f"{self.store.url}/{self.tokenizer.path}"


def open_corpus(root: str, version: int | None = None, check: bool = True, cache: Cache | None = None) -> Corpus:
    """Open a published corpus: its shards, held-out shards by domain, and the tokenizer's facts.

    No shard is opened before it is read; with `check` every one is looked at as `check_shards` does. Shards in an
    object store are read through `cache`; without one they are read whole, and two at most are held in memory.
    Raises InputError where nothing is published, DataError where a shard is not as recorded.
    """
    store = Store(root)
    what = read_version(store, version)
    tokenizer = Tokenizer(**what["tokenizer"])
    token_bytes = np.load(io.BytesIO(store.get(tokenizer.token_bytes_path)))
    order = what["order"]["sha256"]
    train = [Shard(**shard) for shard in what["shards"]]
    held = {domain: [Shard(**shard) for shard in shards] for domain, shards in sorted(what["heldout"].items())}
    all_ = [*train, *(shard for shards in held.values() for shard in shards)]
    if check:
        check_shards(store, all_)
    if store.folder:
        cache = None
    if cache:
        cache.check(all_)

    def stream(shards: Sequence[Shard]) -> TokenStream:
        return TokenStream(
            shards, _reader(store, shards, cache, tokenizer, order), vocab_size=tokenizer.vocab_size,
            eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id, keep=_keep(store, shards, cache),
        )  # fmt: skip

    heldout = {domain: stream(shards) for domain, shards in held.items()}
    return Corpus(store, what["version"], tokenizer, order, stream(train), heldout, token_bytes)


def _reader(
    store: Store, shards: Sequence[Shard], cache: Cache | None, tokenizer: Tokenizer, order: str
) -> Callable[[Shard], pa.RecordBatch]:
    if cache is None:
        return lambda shard: read_shard(store, shard, tokenizer, order)
    after = dict(pairwise([*shards, *shards[:1]]))

    def read(shard: Shard) -> pa.RecordBatch:
        rows = rows_of(cache.map(store, shard), shard, tokenizer, order)
        cache.ahead(store, after[shard])
        return rows

    return read


def _keep(store: Store, shards: Sequence[Shard], cache: Cache | None) -> int:
    """How many shards stay open: in a cache all but the one that is fetched ahead."""
    if store.folder:
        return OPEN
    largest = max((shard.bytes for shard in shards), default=1)
    return min(OPEN, max(1, cache.max_bytes // largest - 1)) if cache else 2


def check_shards(store: Store, shards: Sequence[Shard]) -> None:
    """The check at start-up. Raises DataError naming the first shard that is gone, cut short or another one.

    In a folder the size and four blocks of each file are read (some ten microseconds a shard); in an object store sizes
    are compared with a listing. What that cannot see, a changed byte elsewhere, `gristmill verify` finds.
    """
    if store.folder is None:
        there = store.list("shards")
        for shard in shards:
            if there.get(shard.path) != shard.bytes:
                raise DataError(
                    f"{store.url}/{shard.path} holds {there.get(shard.path, 'no')} bytes, {shard.bytes} are recorded; "
                    "restore it or build again"
                )
        return
    for shard in shards:
        try:
            size, sample = sample_of_path(f"{store.folder}/{shard.path}")
        except OSError as error:
            raise DataError(
                f"{store.folder}/{shard.path} cannot be read ({error.strerror}); restore it or build again"
            ) from error
        if size != shard.bytes:
            raise DataError(f"{shard.path} holds {size} bytes, {shard.bytes} are recorded; restore it or build again")
        if sample != shard.sample:
            raise DataError(
                f"{shard.path} is not the shard that is recorded: its bytes differ; restore it or build again"
            )
