"""Compiled pieces that the kernels share: UTF-8 decoding, 64-bit hashes and a set of them.

Two strings with the same 64-bit hash count as equal. A text of a million different words or n-grams holds such a pair
by chance once in about 37 million texts; nobody gains by forcing one, since a text would only look more repetitive.
"""

import numpy as np
from numba import njit

SEED = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)  # both of FNV-1a, 64 bit, here over code points
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)  # both of MurmurHash3's 64-bit finaliser
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(33)
_BITS = np.uint64(64)


@njit(nogil=True, cache=True)
def decode(data, i, end):
    """The code point at byte `i` and its width; a byte that cannot start a character before `end` stands for itself."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, 1
    if 0xC0 <= first < 0xE0 and i + 1 < end:
        return (first & 0x1F) << 6 | (data[i + 1] & 0x3F), 2
    if 0xE0 <= first < 0xF0 and i + 2 < end:
        return (first & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F), 3
    if first >= 0xF0 and i + 3 < end:
        high = (first & 0x07) << 18 | np.int64(data[i + 1] & 0x3F) << 12
        return high | np.int64(data[i + 2] & 0x3F) << 6 | (data[i + 3] & 0x3F), 4
    return first, 1


@njit(nogil=True, cache=True)
def finish(value):
    """Spreads the bits of a running hash; never 0, which marks a free place in a set."""
    value = (value ^ (value >> _HALF)) * _MIX_1
    value = (value ^ (value >> _HALF)) * _MIX_2
    value = value ^ (value >> _HALF)
    return value if value != np.uint64(0) else np.uint64(1)


def word_hash(word: str) -> int:
    """The hash that the kernels give a word, in plain Python."""
    value = int(SEED)
    for character in word:
        value = (value ^ ord(character)) * int(PRIME) % 2**64
    for factor in (int(_MIX_1), int(_MIX_2)):
        value = (value ^ value >> 33) * factor % 2**64
    return value ^ value >> 33 or 1


@njit(nogil=True, cache=True)
def room(count):
    """Bits of a table that `count` keys fill to a half at most."""
    bits = 3
    while (1 << bits) < 2 * count:
        bits += 1
    return bits


@njit(nogil=True, cache=True)
def place(table, bits, key):
    """Where `key` (not 0) lies in the open-addressing `table` of 2^bits places, or the free place where it belongs."""
    mask = (1 << bits) - 1
    at = np.int64((key * _SPREAD) >> (_BITS - np.uint64(bits)))
    while table[at] != np.uint64(0) and table[at] != key:
        at = (at + 1) & mask
    return at


@njit(nogil=True, cache=True)
def seen(table, bits, key):
    """Adds `key` to the set; true where it was there before."""
    at = place(table, bits, key)
    if table[at] == key:
        return True
    table[at] = key
    return False
