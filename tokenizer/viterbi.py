"""Unigram as SentencePiece does it, compiled: a column's bytes in, ids out.

The path of pieces with the best sum of scores, over a whole text at once: sums are float32 and rounded piece by piece,
so a text that was cut could be rounded otherwise and a tie go the other way. Every step is that of
`Model::EncodeOptimized` in unigram_model.cc of github.com/google/sentencepiece 0.2.3, in its order: the first of equal
sums stays, sums beyond 100,000 are brought back to zero, a character that is no piece costs ten more than the worst
piece and becomes its bytes.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from tokenizer.bpe import decode, put_bytes

ROOT = 0
_NONE, _UNKNOWN = -1, -2  # instead of an id: nothing ends here yet, a character that is no piece does
_BASE, _PARENT, _ID = 0, 1, 2
_FAR = np.float32(100_000)
_BACK = 2_048


class Trie(NamedTuple):
    """Pieces as a double array, U+2581 as a blank: the child of a node under a byte lies at its base + byte."""

    nodes: np.ndarray  # int32[n, 3]: base, parent (-1: free), id of the piece that ends here or -1
    scores: np.ndarray  # float32[vocabulary]
    sizes: np.ndarray  # int32[vocabulary]: a piece's bytes
    unknown: np.ndarray  # float32[1]: the score of a character that is no piece
    bytes: np.ndarray  # int32[256]: ids of the byte pieces


@njit(nogil=True, cache=True)
def laid_out(first, labels, children, ids):
    """A trie as a double array, int32[n, 3]: each node at the first base where all its children find room.

    Args:
        first: int64[nodes + 1], where each node's edges begin; parents come before their children.
        labels, children: int64[edges], the byte and the child of each edge, bytes ascending.
        ids: int32[nodes], the piece that ends at a node or -1.
    """
    out = np.full((2 * ids.size + 1_024, 3), -1, np.int32)
    at = np.zeros(ids.size, np.int64)
    out[ROOT, _PARENT] = ROOT
    lowest = top = 256  # a base is 0 or more whatever the byte
    for node in range(ids.size):
        start, stop = first[node], first[node + 1]
        while out[lowest, _PARENT] >= 0:
            lowest += 1
        # a lone child fits into any gap; for several, gaps far back were tried in vain often enough
        least = lowest if stop - start == 1 else max(lowest, top - _BACK)
        base = least - labels[start] if start < stop else 0
        k = start
        while k < stop:
            if base + 512 > out.shape[0]:  # so that a walk never leaves it
                out = np.concatenate((out, np.full(out.shape, -1, np.int32)))
            if out[base + labels[k], _PARENT] >= 0:
                base, k = base + 1, start
            else:
                k += 1
        out[at[node], _BASE] = base
        for k in range(start, stop):
            place = base + labels[k]
            out[place, _PARENT], out[place, _ID] = at[node], ids[children[k]]
            at[children[k]] = place
            top = max(top, place)
    return out


@njit(nogil=True, cache=True)
def forward(data, start, size, trie, best, last):
    """Finds the best path to every character of a text: the sum up to there, and the piece that ends there."""
    nodes, scores, unknown = trie.nodes, trie.scores, trie.unknown[0]
    last[: size + 1] = _NONE
    best[0] = 0
    i, reached = 0, 0
    while i < size:
        if abs(best[i]) > _FAR:
            away = best[i]
            for k in range(i, reached + 1):
                if k == i or last[k] != _NONE:
                    best[k] -= away
        width = 1 if data[start + i] < 0x80 else 2 if data[start + i] < 0xE0 else 3 if data[start + i] < 0xF0 else 4
        width = min(width, size - i)
        so_far, is_piece = best[i], False
        node, k = ROOT, i
        while k < size:
            child = nodes[node, _BASE] + data[start + k]
            if nodes[child, _PARENT] != node:
                break
            node = child
            k += 1
            found = nodes[node, _ID]
            if found >= 0:
                total = scores[found] + so_far
                if last[k] == _NONE or total > best[k]:
                    best[k], last[k] = total, found
                is_piece |= k - i == width
                reached = max(reached, k)
        if not is_piece:
            k = i + width
            reached = max(reached, k)
            total = unknown + so_far
            if last[k] == _NONE or total > best[k]:
                best[k], last[k] = total, _UNKNOWN
        i += width


@njit(nogil=True, cache=True)
def backward(data, start, size, trie, last, out, to):
    """Writes the ids of the best path through a text; returns where the next id goes."""
    first, k = to, size
    while k > 0:
        found = last[k]
        if found >= 0:
            out[to] = found
            to += 1
            k -= trie.sizes[found]
            continue
        k -= 1
        while k > 0 and data[start + k] & 0xC0 == 0x80:
            k -= 1
        before = to
        to = put_bytes(decode(data, start + k, start + size)[0], out, to, trie)
        out[before:to] = out[before:to][::-1].copy()
    for k in range((to - first) // 2):  # they were found from behind
        out[first + k], out[to - 1 - k] = out[to - 1 - k], out[first + k]
    return to


@njit(nogil=True, cache=True)
def encode_best(data, offsets, trie, out, ends):
    """Writes the ids of every text; the arguments are those of `tokenizer.units.encode_rows`. No text holds U+2581."""
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    best, last = np.empty(longest + 1, np.float32), np.empty(longest + 1, np.int32)
    to = 0
    ends[0] = 0
    for row in range(offsets.size - 1):
        start, size = offsets[row], offsets[row + 1] - offsets[row]
        forward(data, start, size, trie, best, last)
        to = backward(data, start, size, trie, last, out, to)
        ends[row + 1] = to
