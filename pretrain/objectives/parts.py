"""The parts of documents that objectives transform one by one, and drawing and gathering for all of them at once.

In: windows of ids, where documents open in them, and the loader's `Segments`. Out: `Parts`, each with a key of its own.
"""

from dataclasses import dataclass

import numpy as np

from corpus.seeds import mix
from corpus.windows import Segments


@dataclass(frozen=True, eq=False)
class Parts:
    """What each window shows of each document, in order; together all inputs of all windows. int64[s] where not said.

    Unlike in `Segments` the EOS before a document belongs to it: it opens the document.
    """

    row: np.ndarray
    start: np.ndarray
    length: np.ndarray
    opened: np.ndarray
    """bool[s]: whether the first id is an EOS; there is none elsewhere in a part."""
    goes_on: np.ndarray
    """bool[s]: whether the id behind it, the window's last label, is of the same document."""
    empty: np.ndarray
    """bool[s]: whether it is padding: no id but PAD."""
    domain: np.ndarray
    domains: list[str]
    key: np.ndarray
    """uint64[s]: what to draw from."""

    @classmethod
    def of(cls, ids: np.ndarray, starts: np.ndarray, segments: Segments, eos: int, pad: int, seed: int) -> "Parts":
        """ids: int32 [n, T + 1]; starts: int [m], where documents open in the n·T inputs."""
        count, width = ids.shape[0], ids.shape[1] - 1
        flat = starts.astype(np.int64)
        row, start = np.divmod(flat, width)
        length = np.diff(np.append(flat, count * width))
        opened = ids[row, start] == eos
        # The loader's part: an EOS is the last id of the one before, so the place behind it tells.
        place = row * width + np.minimum(start + opened, width - 1)
        which = np.searchsorted(segments.row * width + segments.start, place, "right") - 1
        last = start + length == width
        goes_on = last & (segments.stop[which] > width) & (ids[row, -1] != eos)
        some = np.add.reduceat((ids[:, :-1] != pad).ravel(), flat, dtype=np.int64) if len(flat) else flat
        key = mix(segments.key[which] ^ mix(np.asarray(seed & (2**64 - 1), np.uint64)))
        return cls(row, start, length, opened, goes_on, some == 0, segments.domain[which], segments.domains, key)

    def take(self, which: np.ndarray) -> "Parts":
        """Some of them."""
        arrays = {name: value[which] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return Parts(**arrays, domains=self.domains)


def runs(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers of each run one by one, run after run: int64[sum of lengths]."""
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)


def drawn(key: np.ndarray, number: int) -> np.ndarray:
    """uint64[s], uniform: the `number`-th draw of each key."""
    return mix(key + np.uint64(number))


def split(sizes: np.ndarray, counts: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Each size cut into so many parts of at least 1, every way as likely: int64[sum of counts].

    0 < counts <= sizes. Of all items of a size, the `counts` with the lowest numbers begin a part, the first always.
    """
    first, total = np.cumsum(sizes) - sizes, int(sizes.sum())
    group = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    within = np.arange(total) - np.repeat(first, sizes)
    number = mix(np.repeat(key, sizes) + within.astype(np.uint64)) >> np.uint64(24)
    number[first] = 0
    order = np.argsort(group << np.uint64(40) | number, kind="stable")
    begins = np.zeros(total, bool)
    begins[order[within < np.repeat(counts, sizes)]] = True
    return np.diff(np.append(np.flatnonzero(begins), total))
