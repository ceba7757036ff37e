"""Components: links to groups of documents that are looked at together, cut so that each piece fits a worker.

In: all ``links/`` and all ``signatures/``. Out: for every part that has some, ``groups/``: its linked documents with
the number of their component, ascending, and whether theirs is the text to read for their set of shingles (one
document a set, and only where a component has several sets). Memory: 13 bytes a document of the corpus, about 50 for a
linked one.

Components are numbered so that those small enough to compare each with each come first; `Cut` says where the work of
later stages is cut.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.files import File, id_bytes, read_table, write_arrow
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.links import read_links

SMALL = 64  # sets of shingles in a component; up to so many, every pair of them is judged beforehand
TEXT_AT_ONCE = 32 << 20  # bytes of text whose shingles are held at once, about 50 MB
DOCUMENTS_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Cut:
    """Component numbers at which the work is cut, the first and the last included.

    `read`: pieces whose texts are held at once, a larger component alone. `decided`: pieces whose documents are.
    Components from `large` on hold too many sets, or too much text, to compare each with each; a piece of `read` begins
    there.
    """

    read: tuple[int, ...]
    decided: tuple[int, ...]
    large: int

    @classmethod
    def of(cls, info: dict[str, Any]) -> "Cut":
        """From the info of the stage's entry."""
        return cls(tuple(info["read"]), tuple(info["decided"]), info["large"])


@njit(nogil=True, cache=True)
def _join(root, first, other):
    """Union by the smaller number, with path halving; `root` (uint32[n]) is changed in place."""
    for i in range(len(first)):
        a, b = np.int64(first[i]), np.int64(other[i])
        while root[a] != a:
            root[a] = root[root[a]]
            a = np.int64(root[a])
        while root[b] != b:
            root[b] = root[root[b]]
            b = np.int64(root[b])
        if a < b:
            root[b] = a
        else:
            root[a] = b


@njit(nogil=True, cache=True)
def _settle(root):
    """Every root[i] becomes the smallest number of its component; returns how many each has: uint32[n], at its root."""
    size = np.zeros(len(root), np.uint32)
    for i in range(len(root)):
        root[i] = root[root[i]]
        size[root[i]] += np.uint32(1)
    return size


def components(count: int, links: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The documents that are linked to any, ascending (uint32[m]), and the smallest document linked to each."""
    root = np.arange(count, dtype=np.uint32)
    for first, other in links:
        _join(root, first, other)
    size = _settle(root)
    linked = np.flatnonzero(size[root] > 1).astype(np.uint32)
    return linked, root[linked]


@dataclass(frozen=True)
class Linked:
    """What is known of the linked documents, one row each, in the order of their numbers."""

    root: np.ndarray  # uint32: the smallest number of its component
    set: np.ndarray  # uint64: the head of its set's name
    shingled: np.ndarray  # bool
    bytes: np.ndarray  # int64: of text


def grouped(given: Linked) -> tuple[np.ndarray, np.ndarray, Cut]:
    """Each linked document's component (uint32) and whether its text is to be read; and where the work is cut."""
    order = np.argsort(given.root, kind="stable")
    new = np.diff(given.root[order], prepend=np.uint32(0)) != 0
    new[:1] = True
    component = np.empty(len(order), np.uint32)
    component[order] = np.cumsum(new) - 1
    documents = np.diff(np.append(np.flatnonzero(new), len(order)))
    first = np.concatenate([_first_of_sets(given, order[a:b]) for a, b in pairwise(_cut_documents(documents))])
    sets = np.bincount(component[first], minlength=len(documents))
    read = np.zeros(len(order), bool)
    read[first] = sets[component[first]] > 1
    texts = np.zeros(len(documents), np.int64)
    np.add.at(texts, component[read], given.bytes[read])
    large = (sets > SMALL) | (texts > TEXT_AT_ONCE)
    by_size = np.argsort(large, kind="stable")
    ranked = np.empty(len(documents), np.uint32)
    ranked[by_size] = np.arange(len(documents))
    few = len(documents) - int(large.sum())
    texts, documents = texts[by_size], documents[by_size]
    pieces = (*_cut(texts[:few], TEXT_AT_ONCE), *(few + edge for edge in _cut(texts[few:], TEXT_AT_ONCE)[1:]))
    return ranked[component], read, Cut(pieces, _cut(documents, DOCUMENTS_AT_ONCE), few)


def _cut_documents(documents: np.ndarray) -> list[int]:
    """Places among documents that lie component by component, between components, at about `DOCUMENTS_AT_ONCE`."""
    ends = np.cumsum(np.append(0, documents))
    return [int(ends[edge]) for edge in _cut(documents, DOCUMENTS_AT_ONCE)] if len(documents) else [0, 0]


def _first_of_sets(given: Linked, at: np.ndarray) -> np.ndarray:
    """Of whole components' documents, the first one of every set of shingles."""
    at = at[given.shingled[at]]
    at = at[np.lexsort((at, given.set[at], given.root[at]))]
    root, name = given.root[at], given.set[at]
    first = np.ones(len(at), bool)
    first[1:] = (root[1:] != root[:-1]) | (name[1:] != name[:-1])
    return at[first]


def _cut(sizes: np.ndarray, most: int) -> tuple[int, ...]:
    """Edges of stretches that hold at most `most`, or one item that is larger."""
    ends = np.cumsum(sizes)
    edges, held = [0], 0
    while edges[-1] < len(sizes):
        stop = max(int(np.searchsorted(ends, held + most, "right")), edges[-1] + 1)
        edges.append(stop)
        held = int(ends[stop - 1])
    return tuple(edges)


def join(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all links files, then all signatures files."""
    files = [file for file in part.inputs if isinstance(file, File)]
    signed = [file for file in files if file.folder == "signatures"]
    bases = np.cumsum([0, *(file.rows for file in signed)])
    number, root = components(int(bases[-1]), read_links(store, [file for file in files if file.folder == "links"]))
    edges = np.searchsorted(number, bases)
    facts = (np.empty(len(number), np.uint64), np.empty(len(number), bool), np.empty(len(number), np.int64))
    for file, base, (first, last) in zip(signed, bases, pairwise(edges), strict=False):
        if first < last:
            table = read_table(store, file, ["set", "shingles", "text_bytes"])
            rows = table.take(pa.array(number[first:last] - np.uint32(base)))
            facts[0][first:last] = id_bytes(rows["set"]).view("<u8")[:, 0]
            facts[1][first:last], facts[2][first:last] = rows["shingles"].to_numpy() > 0, rows["text_bytes"].to_numpy()
    component, read, cut = grouped(Linked(root, *facts))
    out = []
    for file, base, (first, last) in zip(signed, bases, pairwise(edges), strict=False):
        if first < last:
            order = first + np.argsort(component[first:last], kind="stable")
            rows = number[order] - np.uint32(base)
            table = pa.table({"component": component[order], "row": rows, "read": read[order]})
            out.append(write_arrow(store, "groups", file.part, table))
    return Output(tuple(out), info={"read": cut.read, "decided": cut.decided, "large": cut.large})


COMPONENTS = Stage("components", join)
