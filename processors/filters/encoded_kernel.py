"""Data written as text, compiled: base64, pairs of hexadecimal digits and escapes, as The Stack v2's expressions match.

[a-zA-Z0-9+/\\n=]{64,}    (?:\\b(?:0x|\\\\x)?[0-9a-fA-F]{2}(?:,|\\b\\s*)){8,}    (?:\\\\u[0-9a-fA-F]{4}){8,}
"""

import numpy as np
from numba import njit

from processors.filters.characters import SPACE, WORD
from processors.filters.hashing import decode
from processors.filters.kernel import flags_of

RUNS, LONGEST = range(2)

_NEWLINE, _BACKSLASH, _COMMA = 0x0A, 0x5C, 0x2C
_SHORTEST_BASE64, _SHORTEST_ESCAPES = 64, 8


@njit(nogil=True, cache=True)
def is_alnum(byte):
    """Whether a byte is one of a-z A-Z 0-9."""
    return 48 <= byte <= 57 or 97 <= byte | 32 <= 122


@njit(nogil=True, cache=True)
def _is_hex(byte):
    return 48 <= byte <= 57 or 97 <= byte | 32 <= 102


@njit(nogil=True, cache=True)
def _base64(data, found):
    """Runs of at least 64 of a-z A-Z 0-9 + / = and newlines."""
    run = 0
    for i in range(data.size + 1):
        byte = data[i] if i < data.size else np.uint8(0)
        if is_alnum(byte) or byte == 0x2B or byte == 0x2F or byte == 0x3D or byte == _NEWLINE:
            run += 1
        else:
            if run >= _SHORTEST_BASE64:
                found[RUNS] += run
                found[LONGEST] = max(found[LONGEST], run)
            run = 0


@njit(nogil=True, cache=True)
def _is_edge(data, at, table):
    r"""Whether one of the characters before and at `at` is of \w and the other is not."""
    before = False
    if at > 0:
        i = at - 1
        while i > 0 and data[i] & 0xC0 == 0x80:
            i -= 1
        before = flags_of(table, decode(data, i, data.size)[0]) & WORD != 0
    after = at < data.size and flags_of(table, decode(data, at, data.size)[0]) & WORD != 0
    return before != after


@njit(nogil=True, cache=True)
def _pair_end(data, at, table):
    """Where a pair of hexadecimal digits ends that begins at `at`, with what is before and after it; else -1."""
    i = at
    if i + 1 < data.size and (data[i] == 0x30 or data[i] == _BACKSLASH) and data[i + 1] == 0x78:
        i += 2
    if i + 1 >= data.size or not _is_hex(data[i]) or not _is_hex(data[i + 1]):
        return -1
    i += 2
    if i < data.size and data[i] == _COMMA:
        return i + 1
    if not _is_edge(data, i, table):
        return -1
    while i < data.size:
        point, width = decode(data, i, data.size)
        if not flags_of(table, point) & SPACE:
            break
        i += width
    return i


@njit(nogil=True, cache=True)
def _hexadecimal(data, table, found):
    r"""Runs of at least 8 such pairs, each with \b before it."""
    i = 0
    while i < data.size:
        if not _is_hex(data[i]) and data[i] != _BACKSLASH:
            i += 1
            continue
        start, pairs = i, 0
        while i < data.size and _is_edge(data, i, table):
            end = _pair_end(data, i, table)
            if end < 0:
                break
            i, pairs = end, pairs + 1
        if pairs >= _SHORTEST_ESCAPES:
            length = _length(data, start, i)
            found[RUNS] += length
            found[LONGEST] = max(found[LONGEST], length)
        i = max(i, start + 1)


@njit(nogil=True, cache=True)
def _escapes(data, found):
    """Runs of at least 8 of a backslash, "u" and four hexadecimal digits."""
    i = 0
    while i < data.size:
        start = i
        while i + 5 < data.size and data[i] == _BACKSLASH and data[i + 1] == 0x75 and _four(data, i + 2):
            i += 6
        if i - start >= 6 * _SHORTEST_ESCAPES:
            found[RUNS] += i - start
            found[LONGEST] = max(found[LONGEST], i - start)
        i = max(i, start + 1)


@njit(nogil=True, cache=True)
def _four(data, at):
    return _is_hex(data[at]) and _is_hex(data[at + 1]) and _is_hex(data[at + 2]) and _is_hex(data[at + 3])


@njit(nogil=True, cache=True)
def _length(data, start, end):
    count = 0
    for i in range(start, end):
        count += data[i] & 0xC0 != 0x80
    return count


@njit(nogil=True, cache=True)
def encoded(data, table):
    """Characters of a text in all such runs, a run counted for each expression that matches it, and of the longest."""
    found = np.zeros(2, np.int64)
    _base64(data, found)
    _hexadecimal(data, table, found)
    _escapes(data, found)
    return found
