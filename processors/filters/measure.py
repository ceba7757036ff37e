"""The statistics that several filters share: a column of texts goes in, named columns of integers come out, once.

`Measures(texts)` counts when it is first asked and remembers; what a word is made of, and n-grams, the dear part, are
counted only when a filter wants one. The counting is compiled (kernel.py) and reads Arrow's own buffers.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from processors.filters.characters import UNICODE, character_table
from processors.filters.languages import STOP_WORDS as LANGUAGE_STOP_WORDS
from processors.filters.languages import TERMINALS, code_of
from processors.filters.segment import Bounds, segment_identity, word_bounds

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Gopher, 2112.11446 appendix A.1.1

PUBLISHED_FINALS = ".?!\"'"  # of a line that C4 keeps

# What the numbers rest on besides a filter's own settings. A word is `\w+` or `[^\w\s]+`, Unicode.
IDENTITY = {"words": r"\w+|[^\w\s]+", "unicode": UNICODE}


# How much is counted: lines and the number of words; what words are made of; n-grams.
LINES, WORDS, GRAMS = range(3)
OF_WORDS = frozenset(
    ("ellipses", "plain_words", "unmarked_words", "unmarked_word_characters", "alpha_words", "stop_words")
)


def word_identity() -> dict[str, object]:
    """What a number that counts words rests on besides a filter's own settings."""
    return {**IDENTITY, **segment_identity()}


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

    `languages` are the texts' codes (string, null where not known). Words are `\\w+` or `[^\\w\\s]+`; those of
    languages that write no blanks come from a variant of the segmenter (segment.py). `bounds`
    gives those of another splitter instead.
    """

    def __init__(
        self,
        texts: pa.Array,
        languages: pa.Array | None = None,
        bounds: Bounds | None = None,
        segmented: str = "icu",
    ) -> None:
        self.texts = texts
        self._segmented = segmented
        self.languages = pa.nulls(len(texts), pa.string()) if languages is None else languages
        self._bounds = bounds
        self._counts: dict[str, np.ndarray] = {}
        self._depth = -1

    def __getitem__(self, name: str) -> np.ndarray:
        depth = GRAMS if name.startswith("gram_") else WORDS if name in OF_WORDS else LINES
        if depth > self._depth:
            self._count(depth)
        return self._counts[name]

    def _count(self, depth: int) -> None:
        from processors.filters.kernel import COLUMNS, measure  # numba takes half a second to import

        counts = measure(*buffers(self.texts), character_table(), _stop_table(), depth, self.words())
        self._counts = dict(zip(COLUMNS, counts, strict=True))
        self._depth = depth

    def words(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Words that another splitter gives, as `segment.Bounds` has them: rows (bool[0] for none), offsets, bounds."""
        if self._bounds is None:
            self._bounds = word_bounds(self.texts, self.languages, self._segmented)
        if self._bounds is None:
            none = np.empty(0, np.int64)
            return none.astype(np.bool_), none, none, none
        return self._bounds.rows, self._bounds.offsets, self._bounds.starts, self._bounds.ends

    def read(self, kind: str, reading: str) -> dict[str, np.ndarray]:
        """The counts of another corpus's reading: `kind` is quality or repetition; paper, dolma or dclm."""
        from processors.filters import readings

        which = {"paper": readings.PAPER, "dolma": readings.DOLMA, "dclm": readings.DCLM}[reading]
        data, offsets = buffers(self.texts)
        if kind == "quality":
            stops = _stop_table()
            counts = readings.read_quality(data, offsets, character_table(), stops, which, self.words())
            return dict(zip(readings.QUALITY, counts, strict=True))
        counts = readings.read_repetition(data, offsets, character_table(), which, self.words())
        return dict(zip(readings.REPETITION, counts, strict=True))

    def language_stop_words(self) -> pa.Array:
        """Distinct stop words of the text's language: int64, null where it is not known or has none."""
        from processors.filters.by_language import count_stop_words

        rows, sets, bits = _stop_sets()
        which = _rows_of(self.languages, rows, -1)
        counts = count_stop_words(*buffers(self.texts), character_table(), sets, bits, which, self.words())
        return pa.array(counts, pa.int64(), mask=(which < 0) | _missing(self.texts))

    def language_terminal_lines(self) -> pa.Array:
        """The share of lines that end as their language ends a sentence: float64, null where it has no such mark."""
        from processors.filters.by_language import count_terminal_lines

        finals, which = final_marks(self.languages)
        counts = count_terminal_lines(*buffers(self.texts), character_table(), finals, which)
        return divide(counts, np.where(which < 0, 0, self["full_lines"]), self.texts)

    def ratio(self, part: str, whole: str) -> pa.Array:
        """`part / whole` as one float64 division, null where the whole is 0 or the text is null."""
        return divide(self[part], self[whole], self.texts)

    def count(self, name: str) -> pa.Array:
        """A count as int64, null where the text is null."""
        return self.whole(self[name])

    def whole(self, counts: np.ndarray) -> pa.Array:
        """Numbers as int64, null where the text is null."""
        return pa.array(counts, pa.int64(), mask=_missing(self.texts))


def divide(part: np.ndarray, whole: np.ndarray, texts: pa.Array) -> pa.Array:
    """The quotient of two columns of integers, correctly rounded, null where `whole` is 0 or the text is null."""
    none = whole == 0
    return pa.array(part / np.where(none, 1, whole), pa.float64(), mask=none | _missing(texts))


def final_marks(languages: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """What may end a line: int64[m, k] code points, 0 for none; int64[n], which row a text goes by, -1 for no mark.

    `languages` are codes, as in `languages.TERMINALS`; for another, or none, it is . ? ! " '.
    """
    marks = {code: marks for code, marks in TERMINALS.items() if marks}
    finals = np.zeros((len(marks) + 1, max(map(len, [*marks.values(), PUBLISHED_FINALS]))), np.int64)
    for row, each in enumerate([PUBLISHED_FINALS, *marks.values()]):
        finals[row, : len(each)] = [ord(mark) for mark in each]
    rows = dict.fromkeys(TERMINALS, -1) | {code: row for row, code in enumerate(marks, 1)}
    return finals, _rows_of(languages, rows, 0)


def _rows_of(languages: pa.Array, rows: dict[str, int], other: int) -> np.ndarray:
    """int64[n]: the row of each text's language."""
    encoded = languages.dictionary_encode()
    named = [
        rows.get(code_of(label) or "", other) if label is not None else other
        for label in encoded.dictionary.to_pylist()
    ]
    places = encoded.indices.fill_null(len(named)).to_numpy(zero_copy_only=False)
    return np.array([*named, other], np.int64)[places]


@cache
def _stop_sets() -> tuple[dict[str, int], np.ndarray, int]:
    """Each language's row; its stop words' hashes as the kernel looks them up; bits of the places in a row."""
    from processors.filters.hashing import place, word_hash

    bits = 7
    sets = np.zeros((len(LANGUAGE_STOP_WORDS), 1 << bits), np.uint64)
    for row, words in zip(sets, LANGUAGE_STOP_WORDS.values(), strict=True):
        assert 2 * len(words) <= row.size, "too many stop words for the table: raise its bits"
        for word in words:
            row[place(row, bits, np.uint64(word_hash(word)))] = word_hash(word)
    return {code: row for row, code in enumerate(LANGUAGE_STOP_WORDS)}, sets, bits


def _missing(texts: pa.Array) -> np.ndarray:
    return texts.is_null().to_numpy(zero_copy_only=False)


@cache
def _stop_table() -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the stop words and a bit for each, at the place that the kernel looks up."""
    from processors.filters.hashing import word_hash
    from processors.filters.tokens import STOP_PLACES

    hashes, bits = np.zeros(STOP_PLACES, np.uint64), np.zeros(STOP_PLACES, np.uint64)
    for number, word in enumerate(STOP_WORDS):
        at = word_hash(word) % STOP_PLACES
        assert not bits[at], f"{word!r} shares its place with another stop word: raise STOP_PLACES"
        hashes[at], bits[at] = word_hash(word), 1 << number
    return hashes, bits
