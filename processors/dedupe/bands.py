"""Bands: signatures to the keys under which alike documents meet.

In: a part of ``signatures/``. Out: ``bands/``, the part's keys in ascending order, each with the row it stands for.
Rows that share a key anywhere in the corpus are linked by a later stage; as every file is sorted, that stage can read
one stretch of all files' keys at a time. A key has 47 bits, fewer in a part of more than 2**17 rows: that two meet by
chance costs a look at two texts, no more. Of rows with the same set of shingles only the first gets the keys of its
bands, all of them one for the set. What is not to be compared (`scope`) gets different keys.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash
from numba import njit

from corpus.files import File, id_bytes, read_table, write_arrow
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.filters.hashing import finish


@dataclass(frozen=True)
class BandSettings:
    """`scope` names what this part is compared with, `visits` the snapshot within which a URL counts, or is empty."""

    bands: int
    rows: int
    scope: str
    visits: str


def band_keys(signed: pa.Table, settings: BandSettings) -> tuple[np.ndarray, np.ndarray]:
    """The keys of a table of signatures, ascending (uint64[n], low bits zero), and the row of each (uint32[n])."""
    name = id_bytes(signed["set"]).view("<u8")[:, 0] if signed.num_rows else np.zeros(0, np.uint64)
    _, first, inverse, count = np.unique(name, return_index=True, return_inverse=True, return_counts=True)
    shingled = signed["shingles"].to_numpy() > 0
    banded = first[shingled[first]]
    named = np.flatnonzero(~shingled | (count[inverse] > 1))
    at = np.flatnonzero(signed["url"].is_valid().to_numpy()) if settings.visits else np.zeros(0, np.int64)
    scope, visits = _seed(settings.scope), _seed(f"\0{settings.visits}")
    keys = [
        _of_bands(_matrix(signed["signature"].take(pa.array(banded)), settings), scope).ravel(),
        _of_names(name[named], scope),
        _of_names(id_bytes(signed["url"].take(pa.array(at))).view("<u8")[:, 0], visits),
    ]
    rows = np.concatenate([np.repeat(banded, settings.bands), named, at]).astype(np.uint32)
    return sort_by_key(np.concatenate(keys) >> (bits := row_bits(signed.num_rows)) << bits, rows)


def row_bits(rows: int) -> np.uint64:
    """How many of the low bits of a key make room for a row's number."""
    return np.uint64(max(17, (rows - 1).bit_length()))


def _seed(scope: str) -> np.uint64:
    return np.uint64(xxhash.xxh3_64_intdigest(scope.encode()))


def _matrix(signatures: pa.ChunkedArray, settings: BandSettings) -> np.ndarray:
    """Signatures, none null, as words: uint32[n, bands, words of a band]."""
    joined = b"".join(signatures.to_pylist())
    if not joined:
        return np.zeros((0, settings.bands, settings.rows), np.uint32)
    return np.frombuffer(joined, "<u4").reshape(len(signatures), settings.bands, -1)


@njit(nogil=True, cache=True)
def _of_bands(signatures, seed):
    out = np.empty(signatures.shape[:2], np.uint64)
    for i in range(signatures.shape[0]):
        for band in range(signatures.shape[1]):
            key = finish(seed + np.uint64(band))
            for word in signatures[i, band]:
                key = (key ^ np.uint64(word)) * np.uint64(0x9E3779B97F4A7C15)
                key ^= key >> np.uint64(29)
            out[i, band] = finish(key)
    return out


@njit(nogil=True, cache=True)
def _of_names(names, seed):
    out = np.empty(len(names), np.uint64)
    for i in range(len(names)):
        out[i] = finish(names[i] ^ finish(seed))
    return out


@njit(nogil=True, cache=True)
def sort_by_key(keys, rows):
    """Both arrays in the order of `keys` (uint64), equal ones as given: a radix sort of 44 bits, then insertion."""
    for digit in range(4):
        shift = np.uint64(20 + 11 * digit)
        starts = np.zeros(2049, np.int64)
        for key in keys:
            starts[((key >> shift) & np.uint64(2047)) + np.uint64(1)] += 1
        for i in range(2048):
            starts[i + 1] += starts[i]
        sorted_keys, sorted_rows = np.empty_like(keys), np.empty_like(rows)
        for i in range(len(keys)):
            bucket = (keys[i] >> shift) & np.uint64(2047)
            sorted_keys[starts[bucket]], sorted_rows[starts[bucket]] = keys[i], rows[i]
            starts[bucket] += 1
        keys, rows = sorted_keys, sorted_rows
    for i in range(1, len(keys)):
        key, row, at = keys[i], rows[i], i
        while at > 0 and keys[at - 1] > key:
            keys[at], rows[at] = keys[at - 1], rows[at - 1]
            at -= 1
        keys[at], rows[at] = key, row
    return keys, rows


def bands(store: Store, part: Part) -> Output:
    """The stage's work: one signatures part in, one bands part out."""
    (file,) = part.inputs
    assert isinstance(file, File)
    keys, rows = band_keys(read_table(store, file, ["set", "url", "shingles", "signature"]), part.settings)
    high, low = (keys >> np.uint64(32)).astype(np.uint32), keys.astype(np.uint32) | rows
    table = pa.table({"high": high, "low": low}).replace_schema_metadata({"rows": str(file.rows)})
    return Output((write_arrow(store, "bands", file.part, table),))


BANDS = Stage("bands", bands)
