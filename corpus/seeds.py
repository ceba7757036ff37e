"""Random numbers that depend on nothing but a seed and an id, so that any worker draws the same ones."""

import numpy as np


def draw(ids: np.ndarray, seed: int, *more: int | np.ndarray) -> np.ndarray:
    """uint64[n], uniform: a hash of each 16-byte id (uint8[n, 16]), the seed and further integers (each one or n)."""
    words = np.ascontiguousarray(ids).view("<u8").reshape(len(ids), 2)
    value = mix(words[:, 0] ^ mix(np.asarray(seed, np.uint64)))
    value = mix(value ^ words[:, 1])
    for item in more:
        value = mix(value + np.asarray(item, np.uint64))
    return value


def mix(value: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014) on uint64, element-wise."""
    with np.errstate(over="ignore"):
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def below(drawn: np.ndarray, share: float) -> np.ndarray:
    """bool[n]: true with probability `share`."""
    return drawn < np.uint64(min(int(share * 2**64), 2**64 - 1))
