"""Benchmark items to an index: every n-gram once, with the items and places that it stands at.

In: items. Out: arrays, and the same arrays as tables to be stored. A gram is known by its key, a hash of 64 bits, and
by its text: two that share a key stay two. N-grams without a letter are left out: rows of numbers are nobody's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from corpus.contamination import Contamination
from processors.contamination.benchmarks import Item
from processors.contamination.letters import fold_table
from processors.contamination.pieces import LINE, PARAGRAPH, TEXT, filter_of, measured, num_words, numbered
from processors.contamination.scan import END, PLACE, ROW, START, TAIL, VALUE, Lookup, Reach, scan
from processors.filters.characters import UNICODE

_BITS_PER_GRAM = 32
_WITHIN = {"text": TEXT, "paragraph": PARAGRAPH, "line": LINE}


@dataclass(frozen=True)
class GramSettings:
    """What decides the n-grams of a text; a part of a fingerprint."""

    n: int
    unit: str
    fold: str
    within: str
    short: int
    sides: str
    id: str = ""
    questions: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    unicode: str = UNICODE

    @classmethod
    def of(cls, c: Contamination) -> "GramSettings":
        """The recipe's numbers that n-grams depend on."""
        return cls(c.n, c.unit, c.fold, c.within, c.short, c.sides, c.id, tuple(c.questions), tuple(c.answers))

    @property
    def reach(self) -> Reach:
        """As the kernel takes it."""
        if self.unit == "lines":
            return Reach(LINE, self.n, 1 << 62, 0)
        if self.within == "text":
            return Reach(TEXT, 1, 0, min(self.short or self.n, self.n))
        return Reach(_WITHIN[self.within], self.short or 1, self.n - 1 if self.short else 0, self.n)


ITEMS = pa.schema(  # one row = one item
    [
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("grams", pa.int64()),  # different ones; 0: too short to be looked for
        ("words", pa.int64()),  # of its question and answers
    ]
)
_LIST = pa.large_list(pa.int64())
GRAMS = pa.schema(  # one row = one n-gram, sorted by key
    [
        ("key", pa.uint64()),
        ("tail", pa.uint64()),  # what the filter knows it by
        ("start", pa.int64()),  # in the benchmarks' texts, one after another, in bytes
        ("end", pa.int64()),
        ("words", pa.int64()),
        ("items", _LIST),  # each item as often as the gram stands in it,
        ("places", _LIST),  # and where: the number of its first word
    ]
)


@dataclass(frozen=True)
class Index:
    """A benchmark list, ready to be looked up."""

    items: pa.Table
    grams: pa.Table
    texts: bytes | memoryview | pa.Buffer
    settings: GramSettings
    lookup: Lookup = field(repr=False)
    lengths: np.ndarray = field(repr=False)  # int64: of the n-grams there are, in words

    @classmethod
    def of(cls, items: pa.Table, grams: pa.Table, texts: bytes | pa.Buffer, settings: GramSettings) -> "Index":
        """From what is stored."""
        keys, starts, ends = (column(grams, name) for name in ("key", "start", "end"))
        tails = fixed(column(grams, "tail"))
        held = filter_of(tails, max(6, (_BITS_PER_GRAM * len(tails)).bit_length()))
        few = max(1, len(keys).bit_length() - 1)
        edges = np.arange(1 << few, dtype=np.uint64) << np.uint64(64 - few)
        buckets = np.append(np.searchsorted(keys, edges), len(keys)).astype(np.int64)
        lookup = Lookup(held, buckets, keys, starts, ends, np.frombuffer(texts, np.uint8))
        words = np.unique(column(grams, "words"))
        lengths = words[words <= settings.n] if settings.reach.within == TEXT else np.array([settings.n])
        lengths = np.zeros(0, np.int64) if settings.unit == "lines" else lengths.astype(np.int64)
        return cls(items, grams, texts, settings, _held(lookup), fixed(lengths))

    def postings(self, grams: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For grams: the place in `grams`, the item and the word of the item, of every place that they stand at."""
        lists = self.grams["items"].combine_chunks()
        starts, ends = lists.offsets.to_numpy()[grams], lists.offsets.to_numpy()[grams + 1]
        counts = ends - starts
        which = np.repeat(np.arange(len(grams)), counts)
        at = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)
        places = self.grams["places"].combine_chunks().values.to_numpy()
        return which, lists.values.to_numpy()[at], places[at]

    def num_places(self, grams: np.ndarray) -> np.ndarray:
        """In how many places of items each gram stands: int64."""
        bounds = self.grams["items"].combine_chunks().offsets.to_numpy()
        return bounds[grams + 1] - bounds[grams]

    def text_of(self, gram: int) -> str:
        """As it stands in the benchmark."""
        return bytes(self.lookup.texts[self.lookup.starts[gram] : self.lookup.ends[gram]]).decode()


def build_index(items: Iterable[Item], settings: GramSettings) -> Index:
    """Index items. Those with no n-gram have `grams` 0 in `Index.items`."""
    listed = list(items)
    texts, owner, answer = _texts(listed, settings.sides)
    data, offsets = laid_out(texts)
    table = fold_table(settings.fold)
    counts = num_words(data, offsets, table)
    found = _every(data, offsets, table, counts, settings)
    found = found[found[:, END] > answer[found[:, ROW]]]
    begins = offsets[found[:, ROW]]
    starts, ends = begins + found[:, START], begins + found[:, END]
    words, lettered = measured(data, starts, ends, table)
    order = np.flatnonzero(lettered)
    keys = np.ascontiguousarray(found[:, VALUE]).view(np.uint64)
    order = order[np.argsort(keys[order], kind="stable")]
    number = numbered(data, keys[order], starts[order], ends[order], table)
    order, number = order[np.argsort(number, kind="stable")], np.sort(number)
    firsts = order[np.unique(number, return_index=True)[1]]

    rows = found[order, ROW]
    before = np.cumsum(counts) - counts  # words of an item's texts follow one another
    heads = before[np.searchsorted(owner, np.arange(len(listed)))] if len(listed) else before
    places = found[order, PLACE] + before[rows] - heads[owner[rows]]
    bounds = pa.array(np.searchsorted(number, np.arange(len(firsts) + 1)), pa.int64())
    lists = [pa.LargeListArray.from_arrays(bounds, pa.array(each)) for each in (owner[rows], places)]
    tails = np.ascontiguousarray(found[:, TAIL]).view(np.uint64)
    grams = pa.table([keys[firsts], tails[firsts], starts[firsts], ends[firsts], words[firsts], *lists], schema=GRAMS)

    different = np.unique(np.stack([owner[rows], number]), axis=1)
    each = np.bincount(different[0], minlength=len(listed)).astype(np.int64)
    total = np.bincount(owner, counts, minlength=len(listed)).astype(np.int64)
    names = [[item.benchmark for item in listed], [item.id for item in listed]]
    return Index.of(pa.table([*names, each, total], schema=ITEMS), grams, data.tobytes(), settings)


def _texts(items: Sequence[Item], sides: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """What is looked for of each item, whose it is, and the byte from which on it answers (0: n-grams of all of it)."""
    texts, owner, answer = [], [], []
    for number, item in enumerate(items):
        whole = ["\n".join(text for text in (item.question, *item.answers) if text)]
        for told in item.answers if sides == "answer" else whole:
            asked = f"{item.question}\n" if sides == "answer" and item.question else ""
            texts.append(asked + told)
            owner.append(number)
            answer.append(len(asked.encode("utf-8", "replace")))
        if sides == "answer" and not item.answers:
            texts.append("")
            owner.append(number)
            answer.append(0)
    return texts, np.array(owner, np.int64), np.array(answer, np.int64)


def laid_out(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as uint8 and int64[n + 1], both read-only."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in encoded], dtype=np.int64)]).astype(np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), fixed(offsets)


def _every(
    data: np.ndarray, offsets: np.ndarray, table: np.ndarray, counts: np.ndarray, settings: GramSettings
) -> np.ndarray:
    """Every n-gram of every text, as `scan` gives them."""
    reach, own = settings.reach, np.full(len(counts), settings.n, np.int64)
    if reach.within == TEXT and settings.short:
        own = np.where((counts < settings.n) & (counts >= settings.short), counts, own)
    lengths = np.zeros(0, np.int64) if settings.unit == "lines" else np.unique(own)
    return scan(data, offsets, table, reach, fixed(lengths.astype(np.int64)), fixed(own), None)


def column(table: pa.Table, name: str) -> np.ndarray:
    """A column of numbers as one array."""
    array: np.ndarray = table[name].combine_chunks().to_numpy(zero_copy_only=False)
    return array


def _held(lookup: Lookup) -> Lookup:
    return Lookup(*(fixed(array) for array in lookup))


def fixed(array: np.ndarray) -> np.ndarray:
    """The array, read-only: kernels are compiled for one type of it."""
    array = np.ascontiguousarray(array)
    view = array.view()
    view.flags.writeable = False
    return view
