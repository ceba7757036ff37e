"""Pieces: the documents of a part cut to what is shuffled, and how much there is of each kind of document.

In: a part's tokens (values only where a long document is cut), selection, and buckets where there are any. Out:
``pieces/``, one row a piece, and the part's stock: documents, bytes and tokens by language, bucket and split. Neither
depends on the mixture, so that another one is planned from stored numbers and reads no token.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import InputError
from corpus.files import File, id_bytes, read_aligned, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import PIECES
from corpus.seeds import draw
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.version import read_version
from mixtures.plan import Available, Kind

SPLITS = ("train", "heldout")
Stock = list[list[Any]]  # rows of source, language, bucket, split, documents, bytes, tokens: end marks counted


@dataclass(frozen=True)
class PieceSettings:
    """How documents are cut. `continuation` is the range of ids that must follow another (byte tokens 0x80 to 0xBF): a
    piece never begins with one."""

    piece_tokens: int
    continuation: tuple[int, int]


def cut_pieces(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's tokens and selection, and perhaps its buckets."""
    files = {file.folder: file for file in part.inputs if isinstance(file, File)}
    tokens = files["tokens"]
    cut = [(files["buckets"], ["bucket"])] if "buckets" in files else []
    table = read_aligned(store, (tokens, ["id", "tokens", "lang", "utf8_bytes"]), (files["selection"], ["split"]), *cut)
    taken = table["tokens"].is_valid().to_numpy() & table["split"].is_valid().to_numpy()
    rows = np.flatnonzero(taken)  # without what is kept, but of which the cuts left nothing
    column = table["tokens"].combine_chunks()
    settings: PieceSettings = part.settings
    owner, start, stop = _cuts(column, rows, settings)
    first = np.append(True, owner[1:] != owner[:-1]) if len(owner) else np.zeros(0, bool)
    last = np.append(first[1:], True) if len(owner) else first
    names = {
        name: (table[name] if name in table.column_names else pa.chunked_array([pa.nulls(len(table), pa.string())]))
        .fill_null("").combine_chunks().dictionary_encode()
        for name in ("split", "lang", "bucket")
    }  # fmt: skip
    at = pa.array(rows[owner])
    pieces = pa.table(
        [
            pa.array(rows[owner].astype(np.int32)), pa.array(start.astype(np.int32)),
            pa.array((stop - start + last).astype(np.int32)),
            pa.array((np.arange(len(owner)) - np.flatnonzero(first)[owner]).astype(np.int32)), pa.array(last),
            *(names[name].take(at) for name in ("split", "lang", "bucket")),
            pa.array(draw(id_bytes(table["id"])[rows[owner]], 0)),
        ],
        schema=PIECES,
    )  # fmt: skip
    ends = np.bincount(owner, stop - start, len(rows)).astype(np.int64)  # tokens of each document without its mark
    sizes = table["utf8_bytes"].to_numpy(zero_copy_only=False)[rows].astype(np.int64)
    stock, counts = _stock(part, names, rows, ends, sizes)
    return Output((write_parquet(store, "pieces", tokens.part, pieces),), tuple(counts), {"stock": stock})


PIECES_STAGE = Stage("pieces", cut_pieces, version=1)


def _cuts(column: pa.Array, rows: np.ndarray, settings: PieceSettings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each piece: its document as a position in `rows`, and its bounds in tokens of that document."""
    offsets = column.offsets.to_numpy()
    values = column.values.to_numpy(zero_copy_only=True)
    lengths = (offsets[rows + 1] - offsets[rows]).astype(np.int64)
    low, high = settings.continuation
    inner: list[int] = []  # places, in documents longer than a piece, where a further piece begins
    owners: list[int] = []
    for long in np.flatnonzero(lengths > settings.piece_tokens).tolist():
        begin, cut = int(offsets[rows[long]]), 0
        while lengths[long] - cut > settings.piece_tokens:
            cut += settings.piece_tokens
            while low <= values[begin + cut] < high:
                cut -= 1
            inner.append(cut)
            owners.append(long)
    owner = np.concatenate([np.arange(len(rows)), np.array(owners, np.int64)])
    start = np.concatenate([np.zeros(len(rows), np.int64), np.array(inner, np.int64)])
    order = np.lexsort((start, owner))
    owner, start = owner[order], start[order]
    stop = np.append(start[1:], 0)
    ends = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
    return owner, start, np.where(ends, lengths[owner], stop[: len(owner)])


def _stock(
    part: Part, names: dict[str, pa.DictionaryArray], rows: np.ndarray, tokens: np.ndarray, sizes: np.ndarray
) -> tuple[Stock, list[Count]]:
    words = [names[name].dictionary.to_pylist() for name in ("lang", "bucket", "split")]
    codes = np.stack([names[name].indices.to_numpy()[rows] for name in ("lang", "bucket", "split")], axis=1)
    kinds, kind = np.unique(codes, axis=0, return_inverse=True)
    documents = np.bincount(kind.ravel(), minlength=len(kinds)).tolist()
    text = np.bincount(kind.ravel(), tokens, len(kinds)).astype(np.int64).tolist()
    read = np.bincount(kind.ravel(), sizes, len(kinds)).astype(np.int64).tolist()
    stock: Stock = []
    for n, of in enumerate(kinds.tolist()):
        language, bucket, split = (words[k][code] for k, code in enumerate(of))
        stock.append([part.source, language, bucket, split, documents[n], read[n], text[n] + documents[n]])
    stock.sort()
    passed = [
        Count("pieces", part.source, part.name, PASSED, split, documents=sum(r[4] for r in mine),
              bytes=sum(r[5] for r in mine), tokens=sum(r[6] - r[4] for r in mine))
        for split in SPLITS if (mine := [row for row in stock if row[3] == split])
    ]  # fmt: skip
    return stock, passed


def added_up(stocks: list[Stock]) -> Stock:
    """The stocks of several parts as one, sorted."""
    sums: dict[tuple[str, ...], Counter[int]] = {}
    for row in (row for stock in stocks for row in stock):
        sums.setdefault(tuple(row[:4]), Counter()).update({n: row[n] for n in (4, 5, 6)})
    return [[*kind, *(numbers[n] for n in (4, 5, 6))] for kind, numbers in sorted(sums.items())]


def available(stock: Stock, domains: dict[str, str], split: str = "train") -> dict[Kind, Available]:
    """What one split holds of each kind of document that there is. `domains` maps a source to its domain."""
    found = {Kind(row[0], domains[row[0]], row[1], row[2]): Available(0, 0, 0) for row in stock}
    for source, language, bucket, of, *numbers in stock:
        if of == split:
            found[Kind(source, domains[source], language, bucket)] = Available(*numbers)
    return found


def stock_of(store: Store) -> dict[Kind, Available]:
    """What the published version has to train on. Raises InputError where none is published."""
    what = read_version(store)
    if "stock" not in what:
        raise InputError(f"{store.url}: this version was published without its stock; build it again")
    return available(what["stock"], what["domains"])
