"""The shard format: how the mixed token stream lies on disk, and how it is read without copying.

A shard is an Arrow IPC file, uncompressed, one record batch, one row per piece of a document
(`corpus.schema.shard_schema`). The value buffers of the token columns, shard after shard, are the training stream;
one end-of-document id follows a document's last piece. Schema metadata says which tokenizer and which order the shard
belongs to. Window *i* of length *T* covers tokens [iT, iT + T]: T + 1 ids, the last shared with the next window, so
that every token but the first is a label.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from corpus.errors import DataError, InputError
from corpus.files import File
from corpus.store import Store

FORMAT = "gristmill.shard/1"


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer as shards know it: content hash, size, special ids, and where its files lie in the store."""

    path: str
    sha256: str
    vocab_size: int
    eos_id: int
    pad_id: int
    token_bytes_path: str


def shard_metadata(tokenizer: Tokenizer, order_sha256: str) -> dict[str, str]:
    """Schema metadata of every shard."""
    return {
        "format": FORMAT,
        "tokenizer_sha256": tokenizer.sha256,
        "vocab_size": str(tokenizer.vocab_size),
        "eos_id": str(tokenizer.eos_id),
        "pad_id": str(tokenizer.pad_id),
        "order_sha256": order_sha256,
    }


class TokenStream:
    """Shards, in order, as one stream of token ids. Nothing is held in memory but offsets; files are memory-mapped."""

    def __init__(self, arrays: Sequence[np.ndarray], *, vocab_size: int, eos_id: int, pad_id: int) -> None:
        self.arrays = list(arrays)
        self.vocab_size, self.eos_id, self.pad_id = vocab_size, eos_id, pad_id
        self.starts = np.concatenate([[0], np.cumsum([len(array) for array in self.arrays], dtype=np.int64)])

    @property
    def num_tokens(self) -> int:
        """How many ids all shards hold."""
        return int(self.starts[-1])

    def num_windows(self, length: int) -> int:
        """How many windows of `length` labels the stream holds."""
        return max(0, (self.num_tokens - 1) // length)

    def tokens(self, start: int, stop: int) -> np.ndarray:
        """Ids [start, stop) in the shards' dtype: a view where they lie in one shard, else a copy."""
        if not 0 <= start <= stop <= self.num_tokens:
            raise InputError(f"tokens {start}..{stop} asked for, the stream holds {self.num_tokens}")
        first = int(np.searchsorted(self.starts, start, "right")) - 1
        last = int(np.searchsorted(self.starts, stop, "left")) - 1
        if first >= last:
            base = int(self.starts[min(first, len(self.arrays) - 1)]) if self.arrays else 0
            return self.arrays[min(first, len(self.arrays) - 1)][start - base : stop - base]
        spans = [
            self.arrays[k][max(start - int(self.starts[k]), 0) : stop - int(self.starts[k])]
            for k in range(first, last + 1)
        ]
        return np.concatenate(spans)

    def windows(self, first: int, count: int, length: int) -> np.ndarray:
        """Windows [first, first + count) as int32[count, length + 1]. Raises InputError past the stream's end."""
        if first < 0 or first + count > self.num_windows(length):
            there = self.num_windows(length)
            raise InputError(f"windows {first}..{first + count} of {length} tokens asked for, the stream holds {there}")
        run = self.tokens(first * length, (first + count) * length + 1)
        view = np.lib.stride_tricks.as_strided(run, (count, length + 1), (length * run.itemsize, run.itemsize))
        return view.astype(np.int32)


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


def read_version(store: Store, number: int | None = None) -> dict[str, Any]:
    """What a published version consists of (the current one by default). Raises InputError where there is none."""
    try:
        name = bytes(store.get("versions/current")).decode().strip() if number is None else f"{number:04d}"
        return store.get_json(f"versions/{name}.json")
    except FileNotFoundError as error:
        which = "no corpus" if number is None else f"no version {number} of a corpus"
        raise InputError(
            f"{store.url}: {which} is published here; run `gristmill build` on its recipe first"
        ) from error


def open_corpus(root: str, version: int | None = None) -> Corpus:
    """Open a published corpus: its shards, held-out shards by domain, and the tokenizer's facts.

    Raises InputError where nothing is published, DataError where a shard belongs to another tokenizer or order.
    """
    store = Store(root)
    what = read_version(store, version)
    tokenizer = Tokenizer(**what["tokenizer"])
    token_bytes = np.load(io.BytesIO(store.get(tokenizer.token_bytes_path)))
    order = what["order"]["sha256"]

    def stream(files: Sequence[dict[str, Any]]) -> TokenStream:
        arrays = [token_values(store, File(**file), tokenizer, order) for file in files]
        return TokenStream(arrays, vocab_size=tokenizer.vocab_size, eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id)

    heldout = {domain: stream(files) for domain, files in sorted(what["heldout"].items())}
    return Corpus(store, what["version"], tokenizer, order, stream(what["shards"]), heldout, token_bytes)


def token_values(store: Store, file: File, tokenizer: Tokenizer, order_sha256: str) -> np.ndarray:
    """The token ids of one shard as a view of its file. Raises DataError where the shard is a stranger or damaged."""
    buffer = store.map(file.path)
    if buffer.size != file.bytes:
        raise DataError(f"{file.path} holds {buffer.size} bytes, {file.bytes} are recorded; restore it or build again")
    with pa.ipc.open_file(buffer) as reader:
        found = {key.decode(): value.decode() for key, value in (reader.schema.metadata or {}).items()}
        expected = shard_metadata(tokenizer, order_sha256)
        wrong = [key for key in expected if found.get(key) != expected[key]]
        if wrong:
            key = wrong[0]
            raise DataError(
                f"{file.path}: {key} is {found.get(key)}, this corpus has {expected[key]}; it is another's shard"
            )
        if reader.num_record_batches != 1:
            raise DataError(f"{file.path} holds {reader.num_record_batches} record batches instead of 1")
        values = reader.get_batch(0).column("tokens").flatten()
    array: np.ndarray = values.to_numpy(zero_copy_only=True)
    return array
