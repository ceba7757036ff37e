"""Sign: documents to what dedupe needs of them, so that no later stage opens a text but to judge a pair.

In: a part of documents. Out: an aligned part of ``signatures/``: the name of each document's shingle set, its size,
its MinHash, and the name of its URL in normal form. Texts too short for one shingle are compared exactly, case and
blanks folded: their set's name is the hash of the folded text and they have no signature.

Texts stay in Arrow's buffers: kernels read them there and write signatures side by side as one column.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from corpus.dedupe import Dedupe
from corpus.files import File, read_table, write_parquet
from corpus.schema import ID, SIGNATURES
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.letters import letter_table
from processors.dedupe.minhash import name_sets, permutations, sign_texts
from processors.dedupe.shingles import UNITS, laid_out
from processors.filters.characters import UNICODE
from processors.urls import normalized

_ARRAY_BYTES = 1 << 30  # of signatures in one array; Arrow's binary ones hold up to 2 GiB


@dataclass(frozen=True)
class SignSettings:
    """What decides a signature."""

    shingle: int
    permutations: int
    seed: int
    unit: str = "words"
    unicode: str = UNICODE  # Python's own version of it decides what is a word, and what its lower case


class Signed(NamedTuple):
    """What was found of n texts."""

    names: np.ndarray  # uint64[n, 2]: of their sets; without a meaning where there are no shingles
    tokens: np.ndarray  # int64[n]
    shingles: np.ndarray  # int64[n]
    signatures: np.ndarray  # uint32 or uint64 [m, permutations], of the m texts with shingles only


def sign_settings(dedupe: Dedupe) -> SignSettings:
    """The recipe's numbers that signatures depend on; the threshold is not among them."""
    return SignSettings(dedupe.shingle, math.prod(dedupe.banding), dedupe.seed, dedupe.unit)


def sign_table(documents: pa.Table, settings: SignSettings) -> pa.Table:
    """Signatures of a table with `id` and `text`, in its order (`corpus.schema.SIGNATURES`).

    `url`, `member` and `ordinal` may be there as well: they name the documents of a page, an archive, a record. Raises
    InputError where the unit needs a package that is not there.
    """
    texts = documents["text"].cast(pa.large_string())
    signed = _simplified(texts, settings) if settings.unit == "simplified" else _signed(texts, settings)
    columns = [
        documents["id"],
        _names(texts, signed, settings),
        _urls(documents),
        signed.tokens,
        signed.shingles,
        pc.cast(pc.binary_length(texts), pa.int64()),
        _signatures(signed),
    ]
    return pa.table(columns, schema=SIGNATURES)


def _signed(texts: pa.ChunkedArray, settings: SignSettings) -> Signed:
    how = (UNITS[settings.unit], settings.shingle, letter_table(), *permutations(settings.permutations, settings.seed))
    parts = [Signed(*sign_texts(*part, *how)) for chunk in texts.chunks for part in laid_out(chunk)]
    if len(parts) == 1:
        return parts[0]
    none = np.zeros(0, np.int64)
    nothing = Signed(np.zeros((0, 2), np.uint64), none, none, np.zeros((0, settings.permutations), np.uint32))
    return Signed(*map(np.concatenate, zip(nothing, *parts, strict=True)))


def _simplified(texts: pa.ChunkedArray, settings: SignSettings) -> Signed:
    from processors.dedupe.simplified import minima, simplified_shingles

    offsets, hashes, words = simplified_shingles(texts.to_pylist(), settings.shingle)
    shingles = np.diff(offsets)
    signatures = minima(offsets, hashes, settings.permutations, settings.seed)
    return Signed(name_sets(offsets, hashes), words, shingles, signatures[shingles > 0])


def _names(texts: pa.ChunkedArray, signed: Signed, settings: SignSettings) -> pa.Array:
    names = signed.names.astype("<u8", copy=False)
    short = np.flatnonzero(signed.shingles == 0)
    if len(short):
        folded = (" ".join(text.split()) for text in texts.take(pa.array(short)).to_pylist())
        lowered = folded if settings.unit == "characters" else map(str.lower, folded)
        digests = b"".join(xxhash.xxh3_128_digest(b"short\0" + text.encode()) for text in lowered)
        names[short] = np.frombuffer(digests, "<u8").reshape(-1, 2)
    return pa.FixedSizeBinaryArray.from_buffers(ID, len(names), [None, pa.py_buffer(np.ascontiguousarray(names))])


def _signatures(signed: Signed) -> pa.ChunkedArray:
    """The signatures as a binary column, null where there are no shingles."""
    raw = signed.signatures.astype(signed.signatures.dtype.newbyteorder("<"), copy=False)
    width = raw.shape[1] * raw.itemsize
    there = signed.shingles > 0
    ends = np.concatenate([[0], np.cumsum(there)])
    rows = _ARRAY_BYTES // width
    arrays = []
    for start in range(0, len(there), rows):
        of, end = there[start : start + rows], ends[start : start + rows + 1]
        offsets = ((end - end[0]) * width).astype(np.int32)
        valid = np.packbits(of, bitorder="little")
        data = np.ascontiguousarray(raw[end[0] : end[-1]])
        buffers = [pa.py_buffer(each) for each in (valid, offsets, data)]
        arrays.append(pa.Array.from_buffers(pa.binary(), len(of), buffers))
    return pa.chunked_array(arrays, pa.binary())


def _urls(documents: pa.Table) -> pa.Array:
    """A name for each URL; documents of several that lie at one URL (members, items of a record) are told apart."""
    if "url" not in documents.column_names:
        return pa.nulls(documents.num_rows, ID)
    rows = zip(*(documents[name].to_pylist() for name in ("url", "member", "ordinal")), strict=True)
    names = [
        xxhash.xxh3_128_digest(f"{normalized(url)}\0{member or ''}\0{ordinal}".encode("utf-8", "replace"))
        if url
        else None
        for url, member, ordinal in rows
    ]
    return pa.array(names, ID)


def sign(store: Store, part: Part) -> Output:
    """The stage's work: one documents part in, one signatures part out."""
    (file,) = part.inputs
    assert isinstance(file, File)
    columns = ["id", "text", "url", "member", "ordinal"]
    table = sign_table(read_table(store, file, columns), part.settings)
    return Output((write_parquet(store, "signatures", file.part, table),))


SIGN = Stage("sign", sign, version=3, libraries=("xxhash", "ada-url"))
