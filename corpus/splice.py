"""One compiled copy: a column's bytes, with stretches of them left out and others put in their place."""

from numba import njit


@njit(nogil=True, cache=True)
def splice(data, first, out, starts, ends, put, put_offsets):
    """Fills `out` with `data` from `first` on, where `data[starts[k]:ends[k]]` is replaced by stretch k of `put`.

    Args:
        data: uint8[bytes], read-only.
        first: where to begin in `data`.
        out: uint8, as long as the result, which ends at the end of `data` or where `out` is full.
        starts, ends: int64[k], ascending, without overlap.
        put: uint8, the replacements one after another, read-only.
        put_offsets: int64[k + 1], where each begins in `put`.
    """
    at, to = first, 0
    for k in range(len(starts)):
        for i in range(at, starts[k]):
            out[to] = data[i]
            to += 1
        for i in range(put_offsets[k], put_offsets[k + 1]):
            out[to] = put[i]
            to += 1
        at = ends[k]
    for i in range(len(out) - to):
        out[to + i] = data[at + i]
