"""Arrays of a BPE model for the compiled encoder, and the models for which it does not hold.

In: a `.model`, read. Out: `Tables`, or why SentencePiece itself has to encode.
"""

import math
from itertools import pairwise

import numpy as np

from tokenizer.bpe import JOINED, LOOK, SYMBOL_BITS, Tables, fill_joined, fill_table
from tokenizer.model import BLANK, BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER, Model, symbol_score
from tokenizer.viterbi import Trie, laid_out

_MOST_CHARACTERS = 32_767  # of a piece: sizes are int16
_MOST_PREFIXES = 64  # SentencePiece looks at so many user-defined symbols in one place
_UNKNOWN_COSTS = 10.0  # more than the worst piece: of unigram_model.cc


def obstacle(model: Model) -> str:
    """Why no compiled encoder would give SentencePiece's ids; empty where one does."""
    reasons = {
        "it is neither BPE nor unigram": model.model_type not in ("bpe", "unigram"),
        "it has no byte fallback": not model.byte_fallback,
        "it normalises characters": model.normalizer != "identity",
        "it removes blanks": model.remove_extra_whitespaces,
        "it does not escape blanks": not model.escape_whitespaces,
        "it puts blanks behind words": model.blanks_behind,
        "a piece holds a NUL": any("\0" in piece for piece in model.pieces),
    }
    if model.model_type == "bpe":
        merged = [float(model.scores[i]) for piece, i in model.of_kind(NORMAL).items() if len(piece) > 1]
        marks = [*model.of_kind(UNKNOWN), *model.of_kind(CONTROL)]
        reasons |= {
            "it has unused pieces": bool(model.of_kind(UNUSED)),
            "scores of its pieces are equal": len(set(merged)) < len(merged) or any(map(math.isnan, merged)),
            "a mark is spelt as one character": any(len(mark) == 1 for mark in marks),
            "a user-defined symbol is too long": any(
                len(each.encode()) > _MOST_PREFIXES for each in model.of_kind(USER)
            ),
            "a piece is too long": any(len(piece) > _MOST_CHARACTERS for piece in model.pieces),
            "its vocabulary is too large": sum(map(len, model.pieces)) >= 1 << SYMBOL_BITS,
        }
    return next((reason for reason, holds in reasons.items() if holds), "")


def trie_of(model: Model) -> Trie:
    """The arrays of a unigram model that has no obstacle, U+2581 as a blank."""
    normal, user = (
        {piece: i for piece, i in model.of_kind(kind).items() if " " not in piece} for kind in (NORMAL, USER)
    )
    scores, sizes = model.scores.copy(), np.zeros(len(model.pieces), np.int32)
    known = model.scores[model.kinds == NORMAL]
    for piece, i in user.items():
        scores[i] = symbol_score(piece)
    ids = {piece.replace(BLANK, " ").encode(): i for piece, i in (normal | user).items()}
    for data, i in ids.items():
        sizes[i] = len(data)
    # every beginning of a piece is a node; in this order those with one parent lie side by side, behind their parents
    nodes = sorted({data[:k] for data in ids for k in range(len(data) + 1)} | {b""}, key=lambda node: (len(node), node))
    number = {node: at for at, node in enumerate(nodes)}
    parents = np.array([number[node[:-1]] for node in nodes[1:]], np.int64)
    labels = np.array([node[-1] for node in nodes[1:]], np.int64)
    first = np.searchsorted(parents, np.arange(len(nodes) + 1))
    ends = np.array([ids.get(node, -1) for node in nodes], np.int32)
    laid = laid_out(first, labels, np.arange(1, len(nodes)), ends)
    unknown = np.array([min([np.finfo(np.float32).max, *known])], np.float32) - np.float32(_UNKNOWN_COSTS)
    return Trie(laid, scores, sizes, unknown, _bytes(model))


def _bytes(model: Model) -> np.ndarray:
    """int32[256]: the ids of the byte pieces."""
    found = np.zeros(256, np.int32)
    for piece, i in model.of_kind(BYTE).items():
        found[int(piece[3:5], 16)] = i
    return found


def tables_of(model: Model) -> Tables:
    """The arrays of a BPE model that has no obstacle, U+2581 as a blank."""
    rows = [
        (-float(model.scores[i]), piece.replace(BLANK, " "), i)
        for piece, i in model.of_kind(NORMAL).items()
        if " " not in piece  # which no text meets, because its blanks are U+2581 by then
    ]
    # symbols are numbered in the order in which they merge; characters, which no merge gives, come behind
    longer = [piece for _, piece, _ in sorted(row for row in rows if len(row[1]) > 1)]
    characters = sorted({character for _, piece, _ in rows for character in piece})
    number = {symbol: at for at, symbol in enumerate([*longer, *characters], 1)}
    id_of = {piece: i for _, piece, i in rows}
    ids = np.array([-1, *(id_of.get(symbol, -2 - ord(symbol[0])) for symbol in number)], np.int32)
    symbols = np.zeros(max(map(ord, characters), default=0) + 1, np.int32)
    symbols[[ord(character) for character in characters]] = np.arange(len(longer) + 1, len(number) + 1)
    splits = [
        (number[piece[:k]], number[piece[k:]], number[piece])
        for piece in longer
        for k in range(1, len(piece))
        if piece[:k] in number and piece[k:] in number
    ]
    byte_ids = _bytes(model)
    ones = byte_ids[:128].copy()
    ones[ord(" ")] = -1  # U+2581 has three bytes
    for code in range(128):
        ones[code] = id_of.get(chr(code), ones[code])
    user = {symbol.replace(BLANK, " "): i for symbol, i in model.of_kind(USER).items() if " " not in symbol}
    trie, user_ids, starts = _trie(user)
    flags, joined = _pairs(longer, user, starts)
    return Tables(flags, joined, symbols, _table(splits), ids, byte_ids, ones, trie, user_ids, starts)


def _pairs(pieces: list[str], user: dict[str, int], starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which characters stand side by side in a piece: exact flags below 128, and a bitmap of all."""
    pairs = {(ord(left), ord(right)) for piece in pieces for left, right in pairwise(piece)}
    size = 1 << max(6, len(pairs).bit_length() - 1)  # words: 32 to 64 bits for each pair
    joined = np.zeros(size, np.uint64)
    flags = np.zeros((128, 256), np.uint8)
    flags[:, 128:] = LOOK
    rows = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    fill_joined(joined, rows)
    both = rows[(rows < 128).all(axis=1)]
    flags[both[:, 0], both[:, 1]] = JOINED
    flags[:, starts] |= LOOK
    flags[:, [ord(symbol) for symbol in user if symbol.isascii() and len(symbol) == 1]] = 0  # always a cut
    return flags.reshape(-1), joined


def _trie(user: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A trie over the bytes of user-defined symbols."""
    edges: dict[tuple[int, int], int] = {}
    ids: dict[int, int] = {}
    for symbol, i in user.items():
        node = 0
        for byte in symbol.encode():
            node = edges.setdefault((node, byte), len(edges) + 1)
        ids[node] = i
    user_ids = np.full(len(edges) + 1, -1, np.int32)
    user_ids[list(ids)] = list(ids.values())
    starts = np.zeros(256, np.bool_)
    starts[[byte for node, byte in edges if node == 0]] = True
    return _table([(node, byte, child) for (node, byte), child in edges.items()]), user_ids, starts


def _table(rows: list[tuple[int, int, int]]) -> np.ndarray:
    table = np.zeros(1 << max(4, (2 * len(rows)).bit_length()), np.uint64)
    fill_table(table, np.array(rows, np.int64).reshape(-1, 3))
    return table
