"""Sets of shingle hashes to MinHash signatures, as datasketch 2.0 makes them by its scheme "affine32"."""

from functools import cache

import numpy as np
from numba import njit

from processors.dedupe.shingles import distinct, workspace
from processors.filters.hashing import SEED, finish

_BLOCK = 2048  # shingles mixed at once: 8 KB, which stay in the nearest cache for all permutations
_STEP = 64  # a block is filled up to a multiple of it, so that no remainder is left to go through singly
_FACTOR, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)  # 2^64 over the golden ratio


@cache
def permutations(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The maps h → a·h + b mod 2³² (uint32[num] each, a odd), drawn as datasketch 2.0 draws them for "affine32"."""
    random = np.random.RandomState(seed)
    a = random.randint(0, 1 << 31, num, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, random.randint(0, 1 << 32, num, dtype=np.uint32)


def signature(shingles: np.ndarray, num: int, seed: int) -> np.ndarray:
    """MinHash of a set of shingle hashes (uint64[n], n ≥ 1): uint32[num]."""
    out = np.empty(num, np.uint32)
    minima(np.ascontiguousarray(shingles), *permutations(num, seed), out)
    return out


@njit(nogil=True, cache=True)
def minima(hashes, a, b, out):
    """Writes the signature of uint64[n] `hashes` to `out`: with n = 0 the greatest values."""
    out[:] = np.uint32(0xFFFFFFFF)
    mixed = np.empty(_BLOCK, np.uint32)
    for start in range(0, len(hashes), _BLOCK):
        count = min(len(hashes) - start, _BLOCK)
        for i in range(count):
            h = np.uint32(hashes[start + i] & np.uint64(0xFFFFFFFF))
            h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))  # MurmurHash3's 32-bit finaliser,
            h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))  # datasketch's pre-mix
            mixed[i] = h ^ (h >> np.uint32(16))
        full = (count + _STEP - 1) // _STEP * _STEP
        mixed[count:full] = mixed[count - 1]
        for k in range(len(a)):
            factor, summand, least = a[k], b[k], out[k]
            for i in range(full):
                least = min(least, np.uint32(factor * mixed[i] + summand))
            out[k] = least


@njit(nogil=True, cache=True)
def sign_texts(data, offsets, unit, size, table, a, b):
    """Names of the texts' sets (uint64[n, 2]), numbers of their tokens and shingles (int64[n] each), and signatures.

    Signatures (uint32[m, num]) are those of the m texts that have shingles, in order.
    """
    n = len(offsets) - 1
    names, signatures = np.zeros((n, 2), np.uint64), np.empty((n, len(a)), np.uint32)
    counts, lengths = np.empty(n, np.int64), np.empty(n, np.int64)
    work = workspace(offsets, unit, size)
    rows = 0
    for i in range(n):
        counts[i], found = distinct(data, offsets[i], offsets[i + 1], unit, size, table, work)
        lengths[i] = len(found)
        if len(found):
            name_set(found, names[i])
            minima(found, a, b, signatures[rows])
            rows += 1
    return names, counts, lengths, signatures[:rows]


@njit(nogil=True, cache=True)
def name_sets(offsets, hashes):
    """The name of each set hashes[offsets[i] : offsets[i + 1]] (distinct, in any order): uint64[n, 2]."""
    names = np.empty((len(offsets) - 1, 2), np.uint64)
    for i in range(len(names)):
        name_set(hashes[offsets[i] : offsets[i + 1]], names[i])
    return names


@njit(nogil=True, cache=True)
def name_set(hashes, name):
    """Writes 128 bits that depend on the set only: sums of two mixtures of its members."""
    first, second = np.uint64(len(hashes)), SEED
    for i in range(len(hashes)):
        mixed = (hashes[i] ^ (hashes[i] >> _HALF)) * _FACTOR
        first += hashes[i]
        second += mixed ^ (mixed >> _HALF)
    name[0], name[1] = finish(first), finish(second)
