"""BPE as SentencePiece does it, compiled: a column's bytes in, ids out.

A text is cut between two characters that stand side by side in no piece of the vocabulary. A merge across such a cut
would give a piece that holds them, so what is left of it and what is right of it are merged alone, and the ids of the
stretch between two cuts, a *unit*, depend on its bytes only. Units are looked up in a cache of a fixed size and merged
where they are not there. User-defined symbols are found before anything else, from left to right, the longest first;
nothing merges with them.

The algorithm is bpe_model.cc of github.com/google/sentencepiece: the best-scored pair first, of equal ones the
leftmost; a character without a piece becomes its bytes.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

BLANK = 0x2581  # what SentencePiece writes for a blank
SYMBOL_BITS = 21  # of a symbol's number: a pair and what it gives are one uint64
NEVER = np.int32(2**31 - 1)  # the pair does not merge
JOINED, LOOK = 1, 2  # flags of a character and the byte behind it: both stand in a piece; more is to be looked at
BLOCK = 64  # characters whose best pair is one leaf of the tree
_ASCII = 0x80
_MASK = np.uint64((1 << SYMBOL_BITS) - 1)
_BITS = np.uint64(SYMBOL_BITS)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)  # both of MurmurHash3's 64-bit finaliser
_HALF = np.uint64(32)
_ZERO = np.uint64(0)


class Tables(NamedTuple):
    """What a model says, as arrays (`tokenizer.tables` fills them)."""

    flags: np.ndarray  # uint8[128 * 256]: JOINED and LOOK of a character below 128 and the byte behind it
    joined: np.ndarray  # uint64[2^k]: bits of hashed pairs of characters that stand side by side in a piece
    symbols: np.ndarray  # int32[code points]: a character's symbol, 0 where no piece holds it
    merges: np.ndarray  # uint64[2^k]: left << 42 | right << 21 | what both give; a lower number merges first
    ids: np.ndarray  # int32[symbols]: the piece's id, or -2 - code point for a character that is no piece
    bytes: np.ndarray  # int32[256]: ids of the byte pieces
    ones: np.ndarray  # int32[128]: the id of a unit of one byte, -1 for a blank that is no piece
    user: np.ndarray  # uint64[2^k]: a trie of user-defined symbols, node << 42 | byte << 21 | child
    user_ids: np.ndarray  # int32[nodes]: the symbol that ends here, or -1
    user_starts: np.ndarray  # bool[256]: whether one begins with this byte


@intrinsic
def word_at(typing: Any, data: Any, place: Any) -> Any:
    """Eight bytes of a uint8 array from `place` on, as one little-endian uint64; all eight must lie in the array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(first, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


@njit(nogil=True, cache=True)
def mixed(value):
    """A hash of 64 bits, its high ones as good as its low ones."""
    value = (value ^ (value >> _HALF)) * _MIX_1
    value = (value ^ (value >> _HALF)) * _MIX_2
    return value ^ (value >> _HALF)


@njit(nogil=True, cache=True)
def fill_table(table, rows):
    """Says in an empty table, larger than the rows, that for each row left, right gives value (int64[n, 3])."""
    mask = table.size - 1
    for k in range(rows.shape[0]):
        key = np.uint64(rows[k, 0]) << _BITS | np.uint64(rows[k, 1])
        at = np.int64(mixed(key) & np.uint64(mask))
        while table[at] != _ZERO and table[at] >> _BITS != key:
            at = (at + 1) & mask
        table[at] = key << _BITS | np.uint64(rows[k, 2])


@njit(nogil=True, cache=True)
def find(table, left, right):
    """What `left`, `right` gives, 0 for nothing."""
    key = np.uint64(left) << _BITS | np.uint64(right)
    mask = table.size - 1
    at = np.int64(mixed(key) & np.uint64(mask))
    while table[at] != _ZERO:
        if table[at] >> _BITS == key:
            return np.int64(table[at] & _MASK)
        at = (at + 1) & mask
    return 0


@njit(nogil=True, cache=True)
def pair_bit(left, right, size):
    """Where the bit of a pair of characters lies among `size` words."""
    value = mixed(np.uint64(left) << _BITS | np.uint64(right))
    return np.int64((value >> np.uint64(6)) & np.uint64(size - 1)), value & np.uint64(63)


@njit(nogil=True, cache=True)
def fill_joined(joined, pairs):
    """Sets the bits of the pairs of characters (int64[n, 2])."""
    for k in range(pairs.shape[0]):
        word, bit = pair_bit(pairs[k, 0], pairs[k, 1], joined.size)
        joined[word] |= np.uint64(1) << bit


@njit(nogil=True, cache=True)
def is_joined(joined, left, right):
    """Whether a piece may hold the two characters side by side; true by chance for a few that none holds."""
    word, bit = pair_bit(left, right, joined.size)
    return (joined[word] >> bit) & np.uint64(1) != _ZERO


@njit(nogil=True, cache=True)
def marks(data, start, stop):
    """How many U+2581 the bytes hold."""
    found = 0
    for i in range(start, stop - 2):
        found += (data[i] == 0xE2) & (data[i + 1] == 0x96) & (data[i + 2] == 0x81)
    return found


@njit(nogil=True, cache=True)
def decode(data, i, end):
    """The character at byte `i` and its width."""
    first = np.int64(data[i])
    if first < _ASCII:
        return first, 1
    if first < 0xE0 and i + 1 < end:
        return (first & 0x1F) << 6 | np.int64(data[i + 1] & 0x3F), 2
    if 0xE0 <= first < 0xF0 and i + 2 < end:
        code = (first & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | np.int64(data[i + 2] & 0x3F)
        return code, 3
    if first >= 0xF0 and i + 3 < end:
        high = (first & 0x07) << 18 | np.int64(data[i + 1] & 0x3F) << 12
        return high | np.int64(data[i + 2] & 0x3F) << 6 | np.int64(data[i + 3] & 0x3F), 4
    return first, 1


@njit(nogil=True, cache=True)
def user_symbol(data, i, end, user, user_ids):
    """Bytes and id of the longest user-defined symbol at `i`; no bytes where there is none."""
    node, size, found = 0, 0, 0
    for at in range(i, end):
        node = find(user, node, np.int64(data[at]))
        if node == 0:
            break
        if user_ids[node] >= 0:
            size, found = at + 1 - i, user_ids[node]
    return size, found


@njit(nogil=True, cache=True)
def unit_end(data, i, end, flags, joined, user, user_ids, user_starts):
    """Where the unit ends that begins at `i` with something else than a user-defined symbol."""
    left, width = decode(data, i, end)
    j = i + width
    while j < end:
        byte = data[j]
        if left < _ASCII:
            flag = flags[left << 8 | byte]
            if flag == JOINED:
                left = np.int64(byte)
                j += 1
                continue
            if flag == 0:
                break
        if user_starts[byte] and user_symbol(data, j, end, user, user_ids)[0]:
            break
        right, width = decode(data, j, end)
        if not is_joined(joined, left, right):
            break
        left = right
        j += width
    return j


@njit(nogil=True, cache=True)
def put_bytes(code, out, to, tables):
    """Writes the ids of a character's bytes, a blank as U+2581; returns where the next id goes."""
    code = BLANK if code == 0x20 else code
    if code < _ASCII:
        out[to] = tables.bytes[code]
        return to + 1
    if code < 0x800:
        out[to] = tables.bytes[0xC0 | code >> 6]
        to += 1
    else:
        if code < 0x10000:
            out[to] = tables.bytes[0xE0 | code >> 12]
            to += 1
        else:
            out[to] = tables.bytes[0xF0 | code >> 18]
            out[to + 1] = tables.bytes[0x80 | (code >> 12 & 0x3F)]
            to += 2
        out[to] = tables.bytes[0x80 | (code >> 6 & 0x3F)]
        to += 1
    out[to] = tables.bytes[0x80 | (code & 0x3F)]
    return to + 1


@njit(nogil=True, cache=True)
def block_best(pairs, block, n):
    """The best pair of a block."""
    best = NEVER
    for k in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
        best = min(best, pairs[k])
    return best


@njit(nogil=True, cache=True)
def refresh(tree, pairs, k, n):
    """Brings the tree up to date after a change of the pair at `k`."""
    node = (tree.size >> 1) + k // BLOCK
    best = block_best(pairs, k // BLOCK, n)
    while node > 0 and tree[node] != best:
        tree[node] = best
        best = min(best, tree[node ^ 1])
        node >>= 1


@njit(nogil=True, cache=True)
def best_place(tree, pairs, n):
    """The leftmost place of the best pair, -1 where nothing merges."""
    best = tree[1]
    if best == NEVER:
        return -1
    node, leaves = 1, tree.size >> 1
    while node < leaves:
        node <<= 1
        if tree[node] != best:
            node += 1
    k = (node - leaves) * BLOCK
    while pairs[k] != best:
        k += 1
    return k


@njit(nogil=True, cache=True)
def pair_of(held, k, right, merges):
    """What the symbols at `k` and `right` give; a symbol without a number merges with none."""
    if held[k] <= 0 or held[right] <= 0:
        return NEVER
    given = find(merges, held[k], held[right])
    return np.int32(given) if given else NEVER


@njit(nogil=True, cache=True)
def merge(data, i, end, held, sizes, pairs, tree, tables):
    """Merges the unit from `i` to `end`; returns its characters.

    A symbol of s characters at k: `held[k]` is its number (-1 - code point where no piece holds the character), s
    stands at the first and the last of its places in `sizes`, and `pairs[k]` is what it gives with the next one.
    """
    n = 0
    while i < end:
        code, width = decode(data, i, end)
        symbol = tables.symbols[code] if code < tables.symbols.size else 0
        held[n] = symbol if symbol else -1 - code
        sizes[n] = 1
        n += 1
        i += width
    for k in range(n - 1):
        pairs[k] = pair_of(held, k, k + 1, tables.merges)
    pairs[n - 1] = NEVER
    leaves = tree.size >> 1
    for block in range(leaves):
        tree[leaves + block] = block_best(pairs, block, n)
    for node in range(leaves - 1, 0, -1):
        tree[node] = min(tree[2 * node], tree[2 * node + 1])
    k = best_place(tree, pairs, n)
    while k >= 0:
        right = k + sizes[k]
        size = sizes[k] + sizes[right]
        held[k] = pairs[k]
        pairs[right] = NEVER
        sizes[k] = sizes[k + size - 1] = size
        pairs[k] = pair_of(held, k, k + size, tables.merges) if k + size < n else NEVER
        if k > 0:
            before = k - sizes[k - 1]
            pairs[before] = pair_of(held, before, k, tables.merges)
            refresh(tree, pairs, before, n)
        refresh(tree, pairs, k, n)
        refresh(tree, pairs, right, n)
        k = best_place(tree, pairs, n)
    return n


@njit(nogil=True, cache=True)
def leaves_of(n):
    """Leaves of the tree over n characters, a power of two."""
    leaves = 1
    while leaves * BLOCK < n:
        leaves *= 2
    return leaves
