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
from corpus.files import File, read_table, write_arrow
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.bands import sort_by_key

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
    keys, numbers, base = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint32)], 0
    for file in part.inputs:
        assert isinstance(file, File)
        table = read_table(store, file)
        found, rows = _within(table, part.settings)
        keys.append(found)
        numbers.append(rows + np.uint32(base))
        base += int(table.schema.metadata[b"rows"])
        if base >= 1 << 32:
            raise DataError(f"{base:,} documents and more, below 2**32 can be numbered; dedupe within a source")
    pairs = np.unique(_linked(*sort_by_key(np.concatenate(keys), np.concatenate(numbers))))
    return Output((write_arrow(store, "links", part.name, pa.table({"link": pairs})),))


def _within(table: pa.Table, stretch: Stretch) -> tuple[np.ndarray, np.ndarray]:
    high, low, rows = (table[name].combine_chunks().to_numpy() for name in ("high", "low", "row"))
    edges = [(number << 32) // stretch.of for number in (stretch.number, stretch.number + 1)]
    first, last = (len(high) if edge >> 32 else int(np.searchsorted(high, np.uint32(edge))) for edge in edges)
    keys = high[first:last].astype(np.uint64) << np.uint64(32) | low[first:last].astype(np.uint64) << np.uint64(16)
    return keys, rows[first:last]


@njit(nogil=True, cache=True)
def _linked(keys, numbers):
    """first << 32 | other for every run of equal keys: uint64[m]."""
    out = np.empty(len(keys), np.uint64)
    count, start = 0, 0
    for i in range(1, len(keys) + 1):
        if i == len(keys) or keys[i] != keys[start]:
            first = numbers[start:i].min()
            for k in range(start, i):
                if numbers[k] != first:
                    out[count] = np.uint64(first) << np.uint64(32) | np.uint64(numbers[k])
                    count += 1
            start = i
    return out[:count].copy()


def read_links(store: Store, files: Sequence[File]) -> Iterator[np.ndarray]:
    """The links of one file after another: uint64[m]."""
    for file in files:
        yield read_table(store, file)["link"].combine_chunks().to_numpy()


LINKS = Stage("links", links)
