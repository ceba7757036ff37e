"""Compiled: which row each piece goes into, and copying pieces into rows."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def best_fit(lengths, size):
    """The row of each piece, int64[n], and the number of rows. `lengths` in descending order, each in 1..size.

    A piece goes into the row with the least room that is enough, the latest of several; else into a new one. Rows of
    equal room are a linked list, a binary tree over rooms finds the first list that is not empty.
    """
    leaves = 1
    while leaves < size + 1:
        leaves *= 2
    there = np.zeros(2 * leaves, np.bool_)
    head = np.full(size + 1, -1, np.int64)
    after = np.empty(len(lengths), np.int64)
    rows = np.empty(len(lengths), np.int64)
    count = 0
    for i in range(len(lengths)):
        node = lengths[i] + leaves
        while node > 1 and not there[node]:
            while node > 1 and node % 2 == 1:
                node //= 2
            node += 1 if node > 1 else 0
        if node <= 1:
            row, room = count, size
            count += 1
        else:
            while node < leaves:
                node = 2 * node if there[2 * node] else 2 * node + 1
            room = node - leaves
            row = head[room]
            head[room] = after[row]
            if head[room] < 0:
                _clear(there, node)
        rows[i] = row
        room -= lengths[i]
        if room:
            after[row] = head[room]
            head[room] = row
            node = room + leaves
            while node and not there[node]:
                there[node] = True
                node //= 2
    return rows, count


@njit(nogil=True, cache=True)
def _clear(there, node):
    there[node] = False
    while node > 1 and not there[node ^ 1]:
        node //= 2
        there[node] = False


@njit(nogil=True, cache=True)
def copy_into(out, values, start, length, row, column):
    """`length[i]` values from `start[i]` go to `out[row[i], column[i]:]`."""
    for i in range(len(start)):
        to = out[row[i], column[i] : column[i] + length[i]]
        of = values[start[i] : start[i] + length[i]]
        for k in range(length[i]):  # counted from 0: compiled to vector instructions
            to[k] = of[k]
