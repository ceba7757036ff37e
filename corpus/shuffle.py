"""A seeded permutation of the numbers below n that needs no memory: a Feistel network over two halves, in NumPy.

Black and Rogaway 2002 ("Ciphers with Arbitrary Finite Domains"): x is written as l·b + r with l < a, r < b and
a·b ≥ n; rounds add a hash of one half to the other, modulo its size, so each round can be taken back; what lands
outside n is sent through again. With a and b next to the root of n hardly anything does.
"""

import math

import numpy as np

ROUNDS = 8
_MASK = (1 << 64) - 1


def permute(numbers: np.ndarray, n: int, seed: int, block: np.ndarray) -> np.ndarray:
    """Where each number goes: int64. For each value of `block` (int64, one a number) a permutation of 0..n-1."""
    return _walk(numbers, n, seed, block, backwards=False)


def restore(numbers: np.ndarray, n: int, seed: int, block: np.ndarray) -> np.ndarray:
    """Which number went there: the inverse of `permute`."""
    return _walk(numbers, n, seed, block, backwards=True)


def _walk(numbers: np.ndarray, n: int, seed: int, block: np.ndarray, backwards: bool) -> np.ndarray:
    out = np.asarray(numbers, np.int64)
    if n < 2:
        return out.copy()
    a = math.isqrt(n - 1) + 1
    b = -(-n // a)
    tweak = _hash(np.asarray(block).astype(np.uint64), _mixed(seed & _MASK))
    out = _rounds(out, a, b, tweak, backwards)
    while len(outside := np.flatnonzero(out >= n)):
        out[outside] = _rounds(out[outside], a, b, tweak[outside], backwards)
    return out


def _rounds(x: np.ndarray, a: int, b: int, tweak: np.ndarray, backwards: bool) -> np.ndarray:
    halves, sizes = list(np.divmod(x.astype(np.uint64), np.uint64(b))), (np.uint64(a), np.uint64(b))
    for number in reversed(range(ROUNDS)) if backwards else range(ROUNDS):
        side = number % 2
        size = sizes[side]
        moved = _hash(halves[1 - side] + tweak, (number + 1) * 0x9E3779B97F4A7C15 & _MASK) % size
        halves[side] = (halves[side] + (size - moved if backwards else moved)) % size
    left, right = halves
    return (left * np.uint64(b) + right).astype(np.int64)


def _hash(x: np.ndarray, key: int) -> np.ndarray:
    """SplitMix64's finalizer (Steele, Lea and Flood 2014) over x plus a key."""
    x = x + np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _mixed(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
