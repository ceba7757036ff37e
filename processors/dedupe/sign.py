"""Sign: documents to what dedupe needs of them, so that no later stage but `pairs` opens their text.

In: a part of documents. Out: an aligned part of ``signatures/``: the name of each document's shingle set, its size,
its MinHash, and the name of its URL in normal form. Texts too short for one shingle are compared exactly, case and
blanks folded: their set's name is the hash of the folded text and they have no signature.
"""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from corpus.files import File, read_table, write_parquet
from corpus.recipe import Dedupe
from corpus.schema import SIGNATURES
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.shingles import shingle_set, signature
from processors.urls import normalized


@dataclass(frozen=True)
class SignSettings:
    """What decides a signature."""

    shingle: int
    permutations: int
    seed: int


def sign_settings(dedupe: Dedupe) -> SignSettings:
    """The recipe's numbers that signatures depend on; the threshold is not among them."""
    return SignSettings(dedupe.shingle, math.prod(dedupe.banding), dedupe.seed)


def sign_table(documents: pa.Table, settings: SignSettings) -> pa.Table:
    """Signatures of a table with `id` and `text`, in its order (`corpus.schema.SIGNATURES`).

    `url`, `member` and `ordinal` may be there as well: they name the documents of a page, an archive, a record.
    """
    sets: list[bytes] = []
    tokens: list[int] = []
    shingles: list[int] = []
    sizes: list[int] = []
    signatures: list[bytes | None] = []
    for text in documents["text"].to_pylist():
        count, hashes = shingle_set(text, settings.shingle)
        tokens.append(count)
        shingles.append(len(hashes))
        sizes.append(len(text.encode()))
        if len(hashes):
            sets.append(xxhash.xxh3_128_digest(hashes.astype("<u8", copy=False).tobytes()))
            signatures.append(
                signature(hashes, settings.permutations, settings.seed).astype("<u4", copy=False).tobytes()
            )
        else:
            sets.append(xxhash.xxh3_128_digest(b"short\0" + " ".join(text.lower().split()).encode()))
            signatures.append(None)
    columns = [documents["id"].combine_chunks(), sets, _urls(documents), tokens, shingles, sizes, signatures]
    return pa.table(columns, schema=SIGNATURES)


def _urls(documents: pa.Table) -> list[bytes | None]:
    """A name for each URL; documents of several that lie at one URL (members, items of a record) are told apart."""
    if "url" not in documents.column_names:
        return [None] * documents.num_rows
    rows = zip(*(documents[name].to_pylist() for name in ("url", "member", "ordinal")), strict=True)
    return [
        xxhash.xxh3_128_digest(f"{normalized(url)}\0{member or ''}\0{ordinal}".encode("utf-8", "replace"))
        if url
        else None
        for url, member, ordinal in rows
    ]


def sign(store: Store, part: Part) -> Output:
    """The stage's work: one documents part in, one signatures part out."""
    (file,) = part.inputs
    assert isinstance(file, File)
    table = sign_table(read_table(store, file, ["id", "text", "url", "member", "ordinal"]), part.settings)
    return Output((write_parquet(store, "signatures", file.part, table),))


SIGN = Stage("sign", sign, version=2, libraries=("xxhash", "ada-url"))


def signature_matrix(column: pa.ChunkedArray, num: int) -> np.ndarray:
    """A column of signatures, none null, as uint32[rows, num]."""
    joined = b"".join(column.to_pylist())
    return np.frombuffer(joined, "<u4").reshape(-1, num)


def id_of_row(rows: np.ndarray) -> pa.Array:
    """Ids for a table that is not a corpus': the row numbers, so that earlier rows come first."""
    raw = np.zeros((len(rows), 2), ">u8")
    raw[:, 1] = rows
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(raw.tobytes())])
