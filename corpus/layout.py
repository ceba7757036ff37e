"""What a shard is, before anything is read of it: its record in a version, its metadata, the check of a few blocks.

In: a shard's record, or its bytes. Out: what must be true of the file.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import xxhash

from corpus.files import File

FORMAT = "gristmill.shard/1"
SAMPLED = 4_096  # bytes of each block that the check at start-up reads


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer as shards know it: content hash, size, special ids, and where its files lie in the store."""

    path: str
    sha256: str
    vocab_size: int
    eos_id: int
    pad_id: int
    token_bytes_path: str


@dataclass(frozen=True)
class Shard(File):
    """The record of one shard, as it stands in a version."""

    tokens: int = 0
    sample: str = ""
    """What `sample_of` says of it: a check that costs four small reads, where `sha256` costs the whole file."""
    domains: dict[str, int] = field(default_factory=dict, hash=False)
    """Its tokens by domain: adding these up tells what was consumed without opening a shard."""


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


def sample_of(size: int, read: Callable[[int, int], bytes | pa.Buffer]) -> str:
    """xxh3-64 (hex) of a file's size and of four blocks: its head, at a third, at two thirds, its tail.

    `read(count, offset)` gives `count` bytes. The head holds the schema with tokenizer and order, the tail the places
    of all columns, the two inside tokens or ids: what is cut short or another shard differs in one of them.
    """
    count = min(SAMPLED, size)
    digest = xxhash.xxh3_64(size.to_bytes(8, "little"))
    for offset in (0, (size - count) // 3, (size - count) * 2 // 3, size - count):
        digest.update(read(count, offset))
    return digest.hexdigest()


def sample_of_buffer(data: pa.Buffer) -> str:
    """The same of a file's bytes."""
    return sample_of(data.size, lambda count, offset: data.slice(offset, count))


def sample_of_path(path: str) -> tuple[int, str]:
    """Size and sample of a local file, read without mapping it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        return size, sample_of(size, lambda count, offset: os.pread(descriptor, count, offset))
    finally:
        os.close(descriptor)
