"""Text to the set of its shingles, and the set to its MinHash signature.

A shingle is `size` consecutive words ``\\w+`` of the lower-cased text (Unicode, as Python's `re` and `str.lower` have
them), held as a 64-bit hash; hashes that are equal count as equal shingles. Signatures follow datasketch's scheme
"affine32": a stored one can be handed to `datasketch.MinHash(hashvalues=…, scheme="affine32", seed=…)`.
"""

from functools import cache

import numpy as np
from numba import njit

from processors.filters.characters import TABLE_SIZE, WORD, character_table
from processors.filters.hashing import PRIME, SEED, decode, finish


def shingle_set(text: str, size: int) -> tuple[int, np.ndarray]:
    """The number of words, and the sorted distinct shingle hashes (uint64; none where words are fewer than `size`)."""
    data = np.frombuffer(text.lower().encode("utf-8", "surrogatepass"), np.uint8)
    words = _word_hashes(data, character_table())
    if len(words) < size:
        return len(words), np.zeros(0, np.uint64)
    return len(words), _shingles(words, size)


@njit(nogil=True, cache=True)
def _word_hashes(data, table):
    out = np.empty(len(data) // 2 + 1, np.uint64)
    count, i, inside, value = 0, 0, False, SEED
    while i < len(data):
        point, width = decode(data, i, len(data))
        word = point < TABLE_SIZE and table[point] & WORD != 0
        if word:
            value = ((value if inside else SEED) ^ np.uint64(point)) * PRIME
        elif inside:
            out[count] = finish(value)
            count += 1
        inside = word
        i += width
    if inside:
        out[count] = finish(value)
        count += 1
    return out[:count]


@njit(nogil=True, cache=True)
def _shingles(words, size):
    hashes = np.empty(len(words) - size + 1, np.uint64)
    for i in range(len(hashes)):
        value = SEED
        for k in range(size):
            value = (value ^ words[i + k]) * PRIME
        hashes[i] = finish(value)
    hashes.sort()
    count = 0
    for i in range(len(hashes)):
        if i == 0 or hashes[i] != hashes[i - 1]:
            hashes[count] = hashes[i]
            count += 1
    return hashes[:count].copy()


@cache
def permutations(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The maps h → a·h + b mod 2³² (uint32[num] each, a odd), drawn as datasketch 2.0 draws them for "affine32"."""
    random = np.random.RandomState(seed)
    a = random.randint(0, 1 << 31, num, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, random.randint(0, 1 << 32, num, dtype=np.uint32)


def signature(shingles: np.ndarray, num: int, seed: int) -> np.ndarray:
    """MinHash of a set of shingle hashes (uint64[n], n ≥ 1): uint32[num]."""
    return _minima(shingles, *permutations(num, seed))


@njit(nogil=True, cache=True)
def _minima(shingles, a, b):
    out = np.full(len(a), 0xFFFFFFFF, np.uint32)
    for shingle in shingles:
        h = np.uint32(shingle & np.uint64(0xFFFFFFFF))
        h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))  # MurmurHash3's 32-bit finaliser,
        h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))  # datasketch's pre-mix
        h = h ^ (h >> np.uint32(16))
        for k in range(len(a)):
            value = np.uint32(a[k] * h + b[k])
            out[k] = min(value, out[k])
    return out


@njit(nogil=True, cache=True)
def num_common(left, right):
    """How many values two sorted arrays of distinct uint64 share."""
    i, j, both = 0, 0, 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            both += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return both
