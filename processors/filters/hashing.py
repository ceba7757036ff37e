"""Compiled pieces that the kernels share: UTF-8 decoding, 64-bit hashes and a set of them.

Two strings with the same 64-bit hash count as equal. A text of a million different words or n-grams holds such a pair
by chance once in about 37 million texts; nobody gains by forcing one, since a text would only look more repetitive.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

SEED = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)  # both of FNV-1a, 64 bit, here over code points
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)  # both of MurmurHash3's 64-bit finaliser
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(33)
_BITS = np.uint64(64)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD_BYTES = 8


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


@intrinsic
def word_at(typing: Any, data: Any, place: Any) -> Any:
    """Eight bytes of a uint8 array from `place` on, as one little-endian uint64; all eight must lie in the array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(first, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


@intrinsic
def trailing_zeros(typing: Any, value: Any) -> Any:
    """How many zeros stand below the lowest bit of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@njit(nogil=True, cache=True)
def finish(value):
    """Spreads the bits of a running hash; never 0, which marks a free place in a set."""
    value = (value ^ (value >> _HALF)) * _MIX_1
    value = (value ^ (value >> _HALF)) * _MIX_2
    value = value ^ (value >> _HALF)
    return value if value != np.uint64(0) else np.uint64(1)


@njit(nogil=True, cache=True)
def stretch_hash(data, start, end):
    """The hash of the bytes from `start` to `end`, taken eight at a time; never 0."""
    value, i = SEED ^ np.uint64(end - start), start
    while end - i > _WORD_BYTES:
        value = (value ^ word_at(data, i)) * PRIME
        value ^= value >> _HALF
        i += _WORD_BYTES
    if end > i:
        if i + _WORD_BYTES <= data.size:
            value ^= word_at(data, i) & (_ALL >> np.uint64(64 - 8 * (end - i)))
        else:
            for j in range(i, end):
                value ^= np.uint64(data[j]) << np.uint64(8 * (j - i))
    return finish(value)


def word_hash(word: str) -> int:
    """`stretch_hash` of a word's UTF-8 bytes, in plain Python."""
    data = word.encode()
    value = int(SEED) ^ len(data)
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
    for each in words[:-1]:
        value = (value ^ each) * int(PRIME) % 2**64
        value ^= value >> 33
    value ^= words[-1] if words else 0
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
def place_of(key, bits):
    """Where a key's search in a table of 2^bits places begins."""
    return np.int64((key * _SPREAD) >> (_BITS - np.uint64(bits)))


@njit(nogil=True, cache=True)
def place(table, bits, key):
    """Where `key` (not 0) lies in the open-addressing `table` of 2^bits places, or the free place where it belongs."""
    mask = (1 << bits) - 1
    at = place_of(key, bits)
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
