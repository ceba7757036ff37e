"""How often each key was seen, compiled: an open-addressing table that grows with its keys, not with the text."""

import numpy as np
from numba import njit

from processors.filters.hashing import place

FIRST_BITS = 6


@njit(nogil=True, cache=True)
def tally(keys, copies, bits, used, key):
    """Counts `key` (not 0). Begin with `new_tally`, and go on with what comes back.

    Returns:
        keys uint64[2^bits], copies int32[2^bits], bits, how many keys there are, and how often this one was counted.
    """
    at = place(keys, bits, key)
    if keys[at] != key:
        if 2 * (used + 1) > keys.size:
            keys, copies, bits = _grown(keys, copies, bits)
            at = place(keys, bits, key)
        keys[at] = key
        used += 1
    copies[at] += 1
    return keys, copies, bits, used, np.int64(copies[at])


@njit(nogil=True, cache=True)
def new_tally():
    """An empty table: keys, copies, bits, no keys."""
    return np.zeros(1 << FIRST_BITS, np.uint64), np.zeros(1 << FIRST_BITS, np.int32), FIRST_BITS, 0


@njit(nogil=True, cache=True)
def _grown(keys, copies, bits):
    more, counts = np.zeros(2 << bits, np.uint64), np.zeros(2 << bits, np.int32)
    for n in range(keys.size):
        if keys[n]:
            at = place(more, bits + 1, keys[n])
            more[at], counts[at] = keys[n], copies[n]
    return more, counts, bits + 1
