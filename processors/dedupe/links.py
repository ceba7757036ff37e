"""Links: keys of the whole corpus to documents that share one.

In: all ``bands/`` files, and a stretch of keys. Out: ``links/``: every document under a key, joined to the first one
under it. That is as many links as keys and no more, however many documents meet: that they are linked says only that
somebody should look at them together. Documents are numbered through all parts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.errors import DataError
from corpus.files import File, read_table, write_parquet
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.bands import row_bits, sort_by_key

KEYS_AT_ONCE = 1 << 22  # about 250 MB of memory in a worker


@dataclass(frozen=True)
class Stretch:
    """One of `of` equal stretches of all keys."""

    number: int
    of: int


def stretches(banded: Sequence[File]) -> list[Stretch]:
    """So many stretches that each fits a worker."""
    of = max(1, -(-sum(file.rows for file in banded) // KEYS_AT_ONCE))
    return [Stretch(number, of) for number in range(of)]


def links(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all bands files."""
    files = [file for file in part.inputs if isinstance(file, File)]
    slices, base, bits = [(np.zeros(0, np.uint64), np.zeros(0, np.uint32))], 0, row_bits(0)
    for file in files:
        table = read_table(store, file)
        rows = int(table.schema.metadata[b"rows"])
        slices.append(_within(table, part.settings, row_bits(rows), base))
        base, bits = base + rows, max(bits, row_bits(rows))
        if base >= 1 << 32:
            raise DataError(f"{base:,} documents and more, below 2**32 can be numbered; dedupe within a source")
    keys, numbers = (np.concatenate(each) for each in zip(*slices, strict=True))
    found = np.sort(_linked(*sort_by_key(keys >> bits << bits, numbers)))
    found = found[np.diff(found, prepend=~found[:1]) != 0]  # the same two under several keys
    columns = {"first": (found >> np.uint64(32)).astype(np.uint32), "other": found.astype(np.uint32)}
    return Output((write_parquet(store, "links", part.name, pa.table(columns)),))


def _within(table: pa.Table, stretch: Stretch, bits: np.uint64, base: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys of a file that lie in the stretch, and the documents' numbers."""
    high, low = (table[name].to_numpy() for name in ("high", "low"))  # mapped, not read
    edges = [(number << 32) // stretch.of for number in (stretch.number, stretch.number + 1)]
    first, last = (len(high) if edge >> 32 else int(np.searchsorted(high, np.uint32(edge))) for edge in edges)
    keys = high[first:last].astype(np.uint64) << np.uint64(32) | low[first:last] >> bits << bits
    rows = low[first:last] & ((np.uint64(1) << bits) - np.uint64(1))
    return keys, (rows + np.uint64(base)).astype(np.uint32)


@njit(nogil=True, cache=True)
def _linked(keys, numbers):
    """first << 32 | other for every run of equal keys: uint64[m]."""
    out = np.empty(len(keys), np.uint64)
    count, start = 0, 0
    for i in range(1, len(keys) + 1):
        if i == len(keys) or keys[i] != keys[start]:
            if i > start + 1:
                first = numbers[start:i].min()
                for k in range(start, i):
                    if numbers[k] != first:
                        out[count] = np.uint64(first) << np.uint64(32) | np.uint64(numbers[k])
                        count += 1
            start = i
    return out[:count].copy()


def read_links(store: Store, files: Sequence[File]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The two documents of each link (uint32[m] each), one file after another."""
    for file in files:
        table = read_table(store, file)
        yield table["first"].to_numpy(), table["other"].to_numpy()


LINKS = Stage("links", links)
