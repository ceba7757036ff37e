"""Which words and phrases of a list stand in a text: a compiled walk down a tree of their characters.

    phrases ──folded──> tree: (node, character) → node         texts ──> hits of each, int64[n]

A hit stands alone: no letter, digit, underscore or combining mark before or after it. Where words have no blanks
between them, a hit may begin anywhere. Hits do not overlap: the first, and of those the longest, counts. Characters
compare by their case folding where that is one character; any run of blanks is one blank. A text is read once, and
again at most as far as the longest phrase that begins at a place.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit

from processors.filters.characters import SPACE, TABLE_SIZE, WORD, character_table
from processors.filters.hashing import decode, place, room

_BITS = np.uint64(18)  # a character's, in the key of an edge
_BLANK = ord(" ")
_ENDS, _ENDS_WORD = 1, 2  # a phrase ends at this node; its last character is one of a word
_PLAIN, _OF_WORD, _SPACE = 0, 1, 2


@dataclass(frozen=True)
class Tree:
    """Phrases as edges: `keys` holds node and character, `nodes` where they lead, `first` those from the root."""

    first: np.ndarray  # int32[TABLE_SIZE]
    keys: np.ndarray  # uint64[2^n], open addressing
    nodes: np.ndarray  # int32[2^n]
    ends: np.ndarray  # uint8 of each node


@cache
def folding() -> tuple[np.ndarray, np.ndarray]:
    """Each code point's folded one, int32, and whether it is part of a word or a blank, uint8."""
    flags = character_table()
    folded, kinds = np.arange(TABLE_SIZE, dtype=np.int32), np.zeros(TABLE_SIZE, np.uint8)
    for point in range(TABLE_SIZE):
        character = chr(point)
        if len(other := character.casefold()) == 1 and ord(other) < TABLE_SIZE:
            folded[point] = ord(other)
        if flags[point] & WORD or unicodedata.category(character)[0] == "M":
            kinds[point] = _OF_WORD
    kinds[flags & SPACE != 0] = _SPACE
    return folded, kinds


def tree_of(phrases: Iterable[str]) -> Tree:
    """The tree of some phrases; those without a character are left out."""
    folded, kinds = folding()
    edges: dict[tuple[int, int], int] = {}
    ends = {0: 0}
    for phrase in sorted({" ".join(unicodedata.normalize("NFC", each).split()) for each in phrases} - {""}):
        node = last = 0
        for character in phrase:
            last = ord(character)
            key = (node, int(folded[last]) if last < TABLE_SIZE else TABLE_SIZE - 1)
            node = edges.setdefault(key, len(edges) + 1)
        ends[node] = _ENDS | (_ENDS_WORD if last < TABLE_SIZE and kinds[last] == _OF_WORD else 0)
    return _packed(edges, ends)


def _packed(edges: dict[tuple[int, int], int], ends: dict[int, int]) -> Tree:
    first = np.zeros(TABLE_SIZE, np.int32)
    bits = room(len(edges))
    keys, nodes = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int32)
    for (node, point), child in edges.items():
        if node == 0:
            first[point] = child
            continue
        key = np.uint64(node << int(_BITS) | point)
        at = place(keys, bits, key)
        keys[at], nodes[at] = key, child
    flags = np.zeros(len(edges) + 1, np.uint8)
    flags[list(ends)] = list(ends.values())
    return Tree(first, keys, nodes, flags)


@njit(nogil=True, cache=True)
def count_hits(data, offsets, rows, first, keys, nodes, ends, folded, kinds, alone):
    """The hits of each text in `rows`, int64[len(rows)]; `alone`: no part of a word beside them."""
    bits = 0
    while (1 << bits) < keys.size:
        bits += 1
    hits = np.zeros(rows.size, np.int64)
    for n in range(rows.size):
        i, end = offsets[rows[n]], offsets[rows[n] + 1]
        after_word = False
        while i < end:
            point, width = decode(data, i, end)
            if point >= folded.size:
                after_word = False
                i += width
                continue
            node = 0 if alone and after_word else first[folded[point]]
            if node:
                reached, flags = _walk(data, i + width, end, node, keys, nodes, ends, folded, kinds, alone, bits)
                if reached:
                    hits[n] += 1
                    after_word = flags & _ENDS_WORD != 0
                    i = reached
                    continue
            after_word = kinds[point] == _OF_WORD
            i += width
    return hits


@njit(nogil=True, cache=True)
def _walk(data, i, end, node, keys, nodes, ends, folded, kinds, alone, bits):
    """Where the longest phrase ends that begins with the character before `i`, at `node`; 0 where none does."""
    reached, flags = 0, 0
    while True:
        point, width = (np.int64(0), 0)
        if i < end:
            point, width = decode(data, i, end)
        kind = kinds[point] if i < end and point < kinds.size else _PLAIN
        if ends[node] & _ENDS and not (alone and kind == _OF_WORD):
            reached, flags = i, ends[node]
        if i >= end or point >= folded.size:
            return reached, flags
        i += width
        if kind == _SPACE:
            point = np.int64(_BLANK)
            while i < end:
                following, width = decode(data, i, end)
                if following >= kinds.size or kinds[following] != _SPACE:
                    break
                i += width
        key = np.uint64(node) << _BITS | np.uint64(folded[point])
        at = place(keys, bits, key)
        if keys[at] != key:
            return reached, flags
        node = nodes[at]
