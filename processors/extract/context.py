"""What the first judgement of the blocks around it says of each block: integers go in and out.

Judgements are in thousandths; a mean of them counts each block by its characters.
"""

import numpy as np
from numba import njit

from processors.extract.blocks import CHARS, FIRST, OWNER
from processors.extract.features import HEADINGS
from processors.extract.survey import is_prose, room

STEPS = np.array([-4, -3, -2, -1, 1, 2, 3, 4])
WIDTHS = np.array([2, 5, 12])
LEVELS = 4
NAMES = (
    "first", "next_text", "mass_before", "mass_after", "mass", "mass_share", "from_first", "to_last", "in_core",
    "siblings", "core", "core_levels", "twins", *(f"near{step}" for step in STEPS), *(f"window{w}" for w in WIDTHS),
    *(f"up{k}" for k in range(LEVELS)), *(f"up{k}_share" for k in range(LEVELS)),
)  # fmt: skip
_AT_STEPS = 13
_AT_WIDTHS = _AT_STEPS + len(STEPS)
_AT_UP = _AT_WIDTHS + len(WIDTHS)
_NUM = len(NAMES)
_SMOOTH = 4  # characters added to each block, so that a short one counts
_GOLDEN, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_OTHER, _SEED = np.uint64(0xC2B2AE3D27D4EB4F), 7


@njit(nogil=True, cache=True)
def reconsider(tag, parent, end, signs, counts, first):
    """int32[blocks, len(NAMES)], from the first judgement, int32[blocks]."""
    num = len(counts)
    out = np.zeros((num, _NUM), np.int32)
    line, before = _sums(len(tag), counts, first)
    total = max(before[-1, 1], 1)
    core = _core(end, before, total)
    early, late = _certain(counts, first)
    twins, siblings = _of_kind(parent, signs, counts, first)
    following = 0
    for b in range(num - 1, -1, -1):
        owner, o = counts[b, OWNER], out[b]
        o[0], o[1] = first[b], following
        if not HEADINGS[tag[owner]]:
            following = first[b]
        o[2], o[3] = line[b, 1] * 1000 // total, (total - line[b + 1, 1]) * 1000 // total
        o[4], o[5] = total // 1000, (counts[b, CHARS] + _SMOOTH) * first[b] * 1000 // total
        o[6], o[7] = (b - early, late - b) if early >= 0 else (-999, -999)
        o[8], o[9], o[12] = core <= owner < end[core], siblings[b], twins[b]
        o[10], o[11] = _mean(before, core, end[core]), _levels_to(owner, core, parent, end)
        for k in range(len(STEPS)):
            c = b + STEPS[k]
            o[_AT_STEPS + k] = first[c] if 0 <= c < num else -1
        for k in range(len(WIDTHS)):
            o[_AT_WIDTHS + k] = _mean(line, max(0, b - WIDTHS[k]), min(num, b + WIDTHS[k] + 1))
        _above(owner, counts[b, CHARS] + _SMOOTH, parent, end, before, total, o[_AT_UP:])
    return out


@njit(nogil=True, cache=True)
def _sums(size, counts, first):
    """Weight, and weight times judgement, of the blocks before each block and before each node: int64[n + 1, 2]."""
    line, before = np.zeros((len(counts) + 1, 2), np.int64), np.zeros((size + 1, 2), np.int64)
    for b in range(len(counts)):
        weight = counts[b, CHARS] + _SMOOTH
        line[b + 1, 0], line[b + 1, 1] = line[b, 0] + weight, line[b, 1] + weight * first[b]
        before[counts[b, FIRST] + 1, 0] += weight
        before[counts[b, FIRST] + 1, 1] += weight * first[b]
    for i in range(size):
        before[i + 1, 0] += before[i, 0]
        before[i + 1, 1] += before[i, 1]
    return line, before


@njit(nogil=True, cache=True)
def _mean(before, start, stop):
    weight = before[stop, 0] - before[start, 0]
    return (before[stop, 1] - before[start, 1]) // weight if weight > 0 else 0


@njit(nogil=True, cache=True)
def _core(end, before, total):
    """The lowest element that holds nine tenths of what is expected to be content."""
    core, i = 0, 0
    while i < len(end):
        if (before[end[i], 1] - before[i, 1]) * 10 >= total * 9:
            core = i
            i += 1
        else:
            i = end[i]
    return core


@njit(nogil=True, cache=True)
def _certain(counts, first):
    """The first and the last block of prose that is rather content, -1 where there is none."""
    early, late = -1, -1
    for b in range(len(counts)):
        if first[b] >= 600 and is_prose(counts[b]):
            early = b if early < 0 else early
            late = b
    return early, late


@njit(nogil=True, cache=True)
def _levels_to(node, core, parent, end):
    """How far up from `node` the first element is that holds `core` or is in it."""
    levels = 0
    while node >= 0 and not node <= core < end[node] and not core <= node < end[core]:
        node = parent[node]
        levels += 1
    return levels


@njit(nogil=True, cache=True)
def _above(node, held, parent, end, before, total, out):
    """The mean, and the share of all that is expected, of the first LEVELS elements that hold more than the last."""
    level = 0
    while node >= 0 and level < LEVELS:
        weight = before[end[node], 0] - before[node, 0]
        if weight > held:
            out[level] = _mean(before, node, end[node])
            out[LEVELS + level] = (before[end[node], 1] - before[node, 1]) * 1000 // total
            level += 1
            held = weight
        node = parent[node]
    out[level:LEVELS] = -1
    out[LEVELS + level : 2 * LEVELS] = -1


@njit(nogil=True, cache=True)
def _of_kind(parent, signs, counts, first):
    """The mean over blocks alike in tag and class of element and parent, and over those of one parent."""
    num = len(counts)
    bits = room(2 * num)
    keys, sums = np.zeros(1 << bits, np.uint64), np.zeros((1 << bits, 2), np.int64)
    place = np.empty((num, 2), np.int64)
    for b in range(num):
        owner = counts[b, OWNER]
        up = parent[owner] if parent[owner] >= 0 else owner
        for kind in range(2):
            key = signs[owner] ^ (np.uint64(up + _SEED) * _OTHER if kind else signs[up] * _GOLDEN)
            key = (key * _MIXER) | np.uint64(1)
            at = np.int64(key >> np.uint64(64 - bits))
            while keys[at] != 0 and keys[at] != key:
                at = (at + 1) & (len(keys) - 1)
            keys[at], place[b, kind] = key, at
            sums[at, 0] += counts[b, CHARS] + _SMOOTH
            sums[at, 1] += (counts[b, CHARS] + _SMOOTH) * first[b]
    out = np.empty((2, num), np.int64)
    for b in range(num):
        for kind in range(2):
            out[kind, b] = sums[place[b, kind], 1] // sums[place[b, kind], 0]
    return out[0], out[1]
