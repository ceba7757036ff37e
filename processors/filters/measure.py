"""The statistics that several filters share: a column of texts goes in, named columns of integers come out, once.

`Measures(texts)` counts when it is first asked and remembers; n-grams, the dear part, are counted only when a filter
wants one. The counting is compiled (kernel.py) and reads Arrow's own buffers.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from processors.filters.characters import UNICODE, character_table

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Gopher, 2112.11446 appendix A.1.1

# What the numbers rest on besides a filter's own settings. A word is `\w+` or `[^\w\s]+`, Unicode.
IDENTITY = {"words": r"\w+|[^\w\s]+", "unicode": UNICODE}


def buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a large_string column and the n + 1 int64 offsets into them, both read-only and not copied."""
    _, offsets, data = texts.buffers()
    if len(texts) == 0 or offsets is None:
        starts = np.frombuffer(bytes(8 * (len(texts) + 1)), np.int64)
    else:
        starts = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    return np.frombuffer(data if data is not None else b"", np.uint8), starts


class Measures:
    """Counts of each text: `measures["words"]` is int64[n]. Names: `kernel.COLUMNS`. A null text counts as empty.

    `languages` are the texts' codes (string, null where not known).
    """

    def __init__(self, texts: pa.Array, languages: pa.Array | None = None) -> None:
        self.texts = texts
        self.languages = pa.nulls(len(texts), pa.string()) if languages is None else languages
        self._counts: dict[str, np.ndarray] = {}
        self._grams = False

    def __getitem__(self, name: str) -> np.ndarray:
        wants_grams = name.startswith("gram_")
        if not self._counts or (wants_grams and not self._grams):
            self._count(wants_grams)
        return self._counts[name]

    def _count(self, grams: bool) -> None:
        from processors.filters.kernel import COLUMNS, measure  # numba takes half a second to import

        data, offsets = buffers(self.texts)
        counts = measure(data, offsets, character_table(), *_stop_table(), grams)
        self._counts = dict(zip(COLUMNS, counts, strict=True))
        self._grams = grams

    def ratio(self, part: str, whole: str) -> pa.Array:
        """`part / whole` as one float64 division, null where the whole is 0 or the text is null."""
        return divide(self[part], self[whole], self.texts)

    def count(self, name: str) -> pa.Array:
        """A count as int64, null where the text is null."""
        return pa.array(self[name], pa.int64(), mask=_missing(self.texts))


def divide(part: np.ndarray, whole: np.ndarray, texts: pa.Array) -> pa.Array:
    """The quotient of two columns of integers, correctly rounded, null where `whole` is 0 or the text is null."""
    none = whole == 0
    return pa.array(part / np.where(none, 1, whole), pa.float64(), mask=none | _missing(texts))


def _missing(texts: pa.Array) -> np.ndarray:
    return texts.is_null().to_numpy(zero_copy_only=False)


@cache
def _stop_table() -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the stop words and a bit for each, at the place that the kernel looks up."""
    from processors.filters.hashing import word_hash
    from processors.filters.kernel import STOP_PLACES

    hashes, bits = np.zeros(STOP_PLACES, np.uint64), np.zeros(STOP_PLACES, np.int64)
    for number, word in enumerate(STOP_WORDS):
        at = word_hash(word) % STOP_PLACES
        assert not bits[at], f"{word!r} shares its place with another stop word: raise STOP_PLACES"
        hashes[at], bits[at] = word_hash(word), 1 << number
    return hashes, bits
