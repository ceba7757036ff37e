"""Copies of tokens from where they lie to where they go; counts of the bytes they stand for."""

from numba import njit


@njit(nogil=True, cache=True)
def copy_pieces(values, first, length, last, at, eos, out):
    """Put `length` tokens of each piece, its end mark included where it is a last one, from `first` on to `at`."""
    for i in range(len(first)):
        count = length[i] - (1 if last[i] else 0)
        out[at[i] : at[i] + count] = values[first[i] : first[i] + count]
        if last[i]:
            out[at[i] + count] = eos


@njit(nogil=True, cache=True)
def copy_rows(values, first, length, at, out):
    """Put `length` tokens of each row from `first` on to `at`."""
    for i in range(len(first)):
        out[at[i] : at[i] + length[i]] = values[first[i] : first[i] + length[i]]


@njit(nogil=True, cache=True)
def count_bytes(values, length, sizes, out):
    """The sum of the sizes of each row's tokens; rows follow one another."""
    at = 0
    for i in range(len(length)):
        total = 0
        for j in range(at, at + length[i]):
            total += sizes[values[j]]
        out[i] = total
        at += length[i]
