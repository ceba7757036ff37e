"""What is counted once a page, before its blocks are described: nodes and counts go in, integers come out."""

import numpy as np
from numba import njit

from processors.extract.blocks import (
    CHARS,
    COMMAS,
    FIRST,
    HIDDEN,
    LINK_CHARS,
    MARKS,
    OWNER,
    SENTENCES,
    SIGN,
    flag,
)  # fmt: skip
from processors.extract.tags import INDEX

PROSE_CHARS = 60
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_P = INDEX["p"]


@njit(nogil=True, cache=True)
def permille(part, whole):
    """A share in thousandths, rounded down; 0 of nothing."""
    return part * 1000 // whole if whole > 0 else 0


@njit(nogil=True, cache=True)
def is_prose(row):
    """Whether a block reads like running text."""
    signs = row[MARKS] + row[COMMAS] + row[SENTENCES]
    return row[CHARS] >= PROSE_CHARS and row[LINK_CHARS] * 3 <= row[CHARS] and signs > 0


@njit(nogil=True, cache=True)
def sums_before(size, counts):
    """int64[size + 1, 4]: characters, characters in links and in prose, and blocks that begin before each node."""
    out = np.zeros((size + 1, 4), np.int64)
    for b in range(len(counts)):
        row = counts[b]
        at = row[FIRST] + 1
        out[at, 0] += row[CHARS]
        out[at, 1] += row[LINK_CHARS]
        out[at, 2] += row[CHARS] * is_prose(row)
        out[at, 3] += 1
    for i in range(1, size + 1):
        for k in range(4):
            out[i, k] += out[i - 1, k]
    return out


@njit(nogil=True, cache=True)
def find_best(tag, parent, end, marks, counts, before):
    """The element that seems to hold the page's running text, -1 where no block reads like it.

    Each block of prose gives points to the elements above it, fewer the higher; the idea is Readability's (Arc90 2009).
    """
    points = np.zeros(len(tag), np.int64)
    for b in range(len(counts)):
        row = counts[b]
        if not is_prose(row) or marks[row[OWNER], 4] & HIDDEN:
            continue
        weight = min(row[CHARS], 600) * (1000 - permille(row[LINK_CHARS], row[CHARS])) // 100
        if marks[row[OWNER], 2] < -100:
            weight //= 4
        node = row[OWNER]
        for level in range(5):
            node = parent[node] if level or tag[node] == _P else node
            if node < 0:
                break
            points[node] += weight
            weight = weight * 7 // 10 if level else weight // 2
    best, most = -1, 0
    for i in range(len(tag)):
        if points[i] > 0:
            linked = permille(before[end[i], 1] - before[i, 1], before[end[i], 0] - before[i, 0])
            if points[i] * (1000 - linked) > most:
                best, most = i, points[i] * (1000 - linked)
    return best


@njit(nogil=True, cache=True)
def room(size):
    """Places of an open-addressed table for `size` keys, as a power of two."""
    bits = 4
    while (1 << bits) < 2 * size:
        bits += 1
    return bits


@njit(nogil=True, cache=True)
def count_peers(parent, tag, signs):
    """int32[n]: how many children of its parent have a node's tag and class."""
    bits = room(len(tag))
    keys, count = np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int32)
    place = np.empty(len(tag), np.int64)
    for i in range(len(tag)):
        key = (signs[i] ^ (np.uint64(parent[i] + 2) * _GOLDEN)) * _MIXER | np.uint64(1)
        at = np.int64(key >> np.uint64(64 - bits))
        while keys[at] != 0 and keys[at] != key:
            at = (at + 1) & (len(keys) - 1)
        keys[at], place[i] = key, at
        count[at] += 1
    out = np.empty(len(tag), np.int32)
    for i in range(len(tag)):
        out[i] = count[place[i]]
    return out


@njit(nogil=True, cache=True)
def count_copies(counts):
    """int32[blocks, 2]: how often a block's words stand on the page, and how often before it."""
    bits = room(len(counts))
    keys, seen = np.zeros(1 << bits, np.int64), np.zeros(1 << bits, np.int32)
    out, place = np.empty((len(counts), 2), np.int32), np.empty(len(counts), np.int64)
    for b in range(len(counts)):
        key = np.int64(counts[b, SIGN]) * 4096 + counts[b, CHARS] % 4096 + 1
        at = (key * 2654435761 >> 16) & (len(keys) - 1)
        while keys[at] != 0 and keys[at] != key:
            at = (at + 1) & (len(keys) - 1)
        keys[at], place[b] = key, at
        out[b, 1] = seen[at]
        seen[at] += 1
    for b in range(len(counts)):
        out[b, 0] = seen[place[b]]
    return out


@njit(nogil=True, cache=True)
def shares(marks, counts):
    """Characters in lists, in tables, and of prose outside of readers' comments."""
    listed, tabled, outside = 0, 0, 0
    for b in range(len(counts)):
        flags, chars = marks[counts[b, OWNER], 4], counts[b, CHARS]
        listed += chars * (flags & _IN_LI != 0)
        tabled += chars * (flags & _IN_TABLE != 0)
        outside += chars * (is_prose(counts[b]) and flags & _IN_COMMENT == 0)
    return listed, tabled, outside


_IN_LI, _IN_TABLE, _IN_COMMENT = flag("li"), flag("table"), flag("comment")
