"""Choose: the kept ones of documents that are linked, and who stands for the others.

In: documents with their sets of shingles, and which sets are alike. Out: what became of each. Documents are taken in
order of preference; one falls when a kept one has the same set, a set whose Jaccard reaches the threshold, or the same
URL. So no two kept documents are alike, every fallen one has a kept twin, and what a filter drops stands for nobody.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from processors.dedupe.settle import Kept, Spilled


@dataclass(frozen=True)
class Members:
    """Documents to decide on, as arrays of one length."""

    component: np.ndarray  # int64
    set: np.ndarray  # uint64: the head of its name
    shingles: np.ndarray  # int64
    url: np.ndarray  # int64: one number for a snapshot's documents that share a URL; -1: none, or none that counts
    passes: np.ndarray  # bool
    place: np.ndarray  # int64: in order of preference, each its own

    def taken(self, at: np.ndarray) -> "Members":
        """Some of them alone."""
        return Members(
            self.component[at], self.set[at], self.shingles[at], self.url[at], self.passes[at], self.place[at]
        )


@dataclass(frozen=True)
class Edges:
    """Pairs of alike sets within components."""

    component: np.ndarray  # int64[m]
    ends: tuple[np.ndarray, np.ndarray]  # uint64[m] each
    both: np.ndarray  # int64[m]
    either: np.ndarray  # int64[m]


@dataclass(frozen=True)
class Chosen:
    """What became of each: `twin` is the position of the kept one that stands for it, or -1.

    `both` and `either` compare it with its twin; they are 0 where only the URL is the same.
    """

    kept: np.ndarray  # bool
    twin: np.ndarray  # int64
    both: np.ndarray  # int64
    either: np.ndarray  # int64

    def put(self, at: np.ndarray, other: "Chosen") -> None:
        """What became of some alone, in the place of what stands here."""
        self.kept[at], self.both[at], self.either[at] = other.kept, other.both, other.either
        self.twin[at] = np.where(other.twin < 0, -1, at[other.twin])


def choose(members: Members, edges: Edges) -> Chosen:
    """The kept documents, given every pair of alike sets."""
    names, number = numbered(
        np.concatenate([members.component, edges.component, edges.component]),
        np.concatenate([members.set, *edges.ends]),
    )
    n, m = len(members.component), len(edges.both)
    pairs = np.stack([number[n : n + m], number[n + m :], edges.both, edges.either], axis=1)
    start, to = _adjacency(names, pairs)
    order = np.argsort(members.place)
    return Chosen(*_greedy(order, members.passes, number[:n], members.shingles, members.url, start, to))


def numbered(component: np.ndarray, names: np.ndarray) -> tuple[int, np.ndarray]:
    """How many different (component, name) there are (uint64), and a number for each row, equal where both are."""
    order = np.lexsort((names, component))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(component[order]) != 0) | (np.diff(names[order]) != 0)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    return int(new.sum()), number


def _adjacency(count: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours in rows: those of node i are to[start[i] : start[i + 1]] = (node, both, either)."""
    both_ways = np.concatenate([edges, edges[:, [1, 0, 2, 3]]])
    both_ways = both_ways[np.lexsort((both_ways[:, 1], both_ways[:, 0]))]
    start = np.searchsorted(both_ways[:, 0], np.arange(count + 1))
    return start, np.ascontiguousarray(both_ways[:, 1:])


@njit(nogil=True, cache=True)
def _greedy(order, passes, set_of, shingles, urls, start, to):
    n = len(order)
    kept = np.zeros(n, np.bool_)
    twin = np.full(n, -1, np.int64)
    both, either = np.zeros(n, np.int64), np.zeros(n, np.int64)
    holder = np.full(len(start) - 1, -1, np.int64)  # the kept document of a set
    fell = np.full(len(start) - 1, -1, np.int64)  # the first document of a set that fell as alike
    at_url = np.full(urls.max() + 1 if n else 0, -1, np.int64)  # the kept document of a URL
    for document in order:
        if not passes[document]:
            continue
        own = set_of[document]
        if holder[own] >= 0:
            twin[document] = holder[own]
            both[document] = either[document] = max(shingles[document], 1)
            continue
        if fell[own] >= 0:
            first = fell[own]
            twin[document], both[document], either[document] = twin[first], both[first], either[first]
            continue
        for k in range(start[own], start[own + 1]):
            other = holder[to[k, 0]]
            if other >= 0 and (twin[document] < 0 or to[k, 1] * either[document] > both[document] * to[k, 2]):
                twin[document], both[document], either[document] = other, to[k, 1], to[k, 2]
                fell[own] = document
        if twin[document] < 0 and urls[document] >= 0:
            twin[document] = at_url[urls[document]]
        if twin[document] < 0:
            kept[document] = True
            holder[own] = document
            if urls[document] >= 0:
                at_url[urls[document]] = document
    return kept, twin, both, either


def choose_large(members: Members, number: np.ndarray, sets: Spilled, threshold: float) -> Chosen:
    """The kept documents of one component of many sets: `number` is each document's set in `sets`, -1 for short texts.

    Decides as `choose` does, but looks for alike sets only when it needs them.
    """
    n = len(number)
    out = Chosen(np.zeros(n, bool), np.full(n, -1), np.zeros(n, np.int64), np.zeros(n, np.int64))
    own = numbered(np.zeros(n, np.int64), members.set)[1].tolist()
    kept = Kept(sets, threshold)
    holder: dict[int, int] = {}  # the kept document of a set
    near: dict[int, tuple[int, int, int]] = {}  # of a set that fell, the kept document most like it: it stays kept
    at_url: dict[int, int] = {}
    order = np.argsort(members.place)
    for document in order[members.passes[order]].tolist():
        name, url = own[document], int(members.url[document])
        if name in holder:
            size = max(int(members.shingles[document]), 1)
            out.twin[document], out.both[document], out.either[document] = holder[name], size, size
            continue
        if name not in near and number[document] >= 0:
            found = kept.nearest(int(number[document]))
            if found:
                near[name] = holder[found[0]], found[1], found[2]
        if name in near:
            out.twin[document], out.both[document], out.either[document] = near[name]
        elif url in at_url:
            out.twin[document] = at_url[url]
        else:
            out.kept[document] = True
            holder[name] = document
            if number[document] >= 0:
                kept.add(int(number[document]), name)
            if url >= 0:
                at_url[url] = document
    return out
