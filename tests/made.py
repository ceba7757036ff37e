"""Corpora published without the path having run: pieces of random ids in, a version out."""

import hashlib
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.files import File, write_arrow, write_bytes, write_parquet
from corpus.schema import SELECTION, tokens_schema
from corpus.shard import Rows, Shard, Tokenizer, write_shard
from corpus.stage import Part
from corpus.store import Store
from corpus.version import path_of, point, sealed
from mixtures.pieces import PieceSettings, added_up, cut_pieces

Pieces = Sequence[tuple[int, int, str, Sequence[int]]]  # number of the document, of the piece, domain, ids


def some_pieces(seed: int, documents: int, vocab_size: int, eos_id: int) -> Iterator[tuple[int, int, str, list[int]]]:
    """Documents of 1 to 90 random ids and an end mark, in pieces of at most 40; of the domains web, code and books."""
    random_ = random.Random(seed)
    for document in range(documents):
        ids = [random_.randrange(4, vocab_size) for _ in range(random_.randint(1, 90))] + [eos_id]
        domain = random_.choice(("web", "web", "code", "books"))
        for piece, at in enumerate(range(0, len(ids), 40)):
            yield document, piece, domain, ids[at : at + 40]


def make_corpus(
    root: Path | str,
    pieces: Pieces | None = None,
    *,
    heldout: dict[str, Pieces] | None = None,
    shard_tokens: int = 1_000,
    vocab_size: int = 64,
    tokenizer_name: str = "t",
    order_name: str = "o",
) -> str:
    """Publish a corpus made of pieces in stream order, without running the path; its root.

    A shard ends with the piece that fills it to `shard_tokens`. Documents get the id md5(number), pieces the source
    of their domain's name; every id but the four first stands for two bytes. End mark 1, padding 2.
    """
    store = Store(root)
    if pieces is None:
        pieces = list(some_pieces(0, 200, vocab_size, 1))
    if heldout is None:
        heldout = {"web": [p for p in some_pieces(1, 20, vocab_size, 1) if p[2] == "web"]}
    sizes = io.BytesIO()
    np.save(sizes, np.array([0] * 4 + [2] * (vocab_size - 4), np.int32))
    table = write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue())
    name, order = (hashlib.sha256(text.encode()).hexdigest() for text in (tokenizer_name, order_name))
    tokenizer = Tokenizer("tokenizer/t.model", name, vocab_size, 1, 2, table.path)

    def write(folder: str, prefix: str, pieces: Pieces) -> Iterator[Shard]:
        ends = np.cumsum([len(ids) for *_, ids in pieces]) if pieces else np.zeros(0, np.int64)
        numbers = (ends - [len(ids) for *_, ids in pieces]) // shard_tokens
        for number in sorted(set(numbers.tolist())):
            mine = [pieces[k] for k in np.flatnonzero(numbers == number).tolist()]
            yield write_shard(store, folder, f"{prefix}{number:05d}", rows_of(mine, vocab_size), tokenizer, order)

    what = {
        "corpus": "made",
        "version": 1,
        "tokenizer": asdict(tokenizer),
        "order": {"path": "order/train", "sha256": order},
        "shards": [asdict(shard) for shard in write("shards", "", pieces)],
        "heldout": {d: [asdict(s) for s in write("shards/heldout", f"{d}-", p)] for d, p in heldout.items()},
        "mixture": [],
        "files": [table.plain()],
        "inputs": [],
        "ledger": [],
    }
    publish_version(store, what)
    return store.url


def publish_version(store: Store, what: dict[str, Any]) -> None:
    """Write a version and make it the current one, without checking what it says."""
    store.put(path_of(what["version"]), sealed(what))
    point(store, what["version"])


def rows_of(pieces: Pieces, vocab_size: int) -> Rows:
    """Pieces as the columns of one shard."""
    dtype = np.uint16 if vocab_size <= 1 << 16 else np.uint32
    ids = b"".join(hashlib.md5(str(document).encode()).digest() for document, *_ in pieces)
    domains = pa.array([domain for _, _, domain, _ in pieces], pa.string())
    return Rows(
        tokens=np.concatenate([np.asarray(ids, dtype) for *_, ids in pieces]),
        lengths=np.array([len(ids) for *_, ids in pieces], np.int64),
        doc_id=np.frombuffer(ids, np.uint8).reshape(-1, 16),
        piece=np.array([piece for _, piece, _, _ in pieces], np.int32),
        source=domains,
        domain=domains,
        lang=pa.array(["en"] * len(pieces), pa.string()),
        utf8_bytes=np.array([2 * sum(token > 3 for token in ids) for *_, ids in pieces], np.int64),
    )


def make_encoded(root: Path | str, documents: dict[str, int], *, piece_tokens: int = 40) -> dict[str, Any]:
    """Publish what a search reads: tokens and pieces of random documents, `documents[source]` of each in two parts.

    A source's domain has its name; one document in ten is held out. End mark 1, padding 2; 64 ids of two bytes each.
    """
    store, random_ = Store(root), random.Random(3)
    files: list[File] = []
    stocks = []
    for source, count in documents.items():
        for number in range(2):
            ids = [hashlib.md5(f"{source}/{number}/{n}".encode()).digest() for n in range(count // 2)]
            tokens = [[random_.randrange(4, 64) for _ in range(random_.randint(1, 90))] for _ in ids]
            encoded = pa.table(
                [ids, tokens, ["en"] * len(ids), [2 * len(each) for each in tokens]], schema=tokens_schema(64)
            )  # fmt: skip
            split = ["heldout" if n % 10 == 9 else "train" for n in range(len(ids))]
            columns = {"id": ids, "kept": [True] * len(ids), "split": split}
            chosen = pa.table([pa.array(columns.get(f.name, [None] * len(ids)), f.type) for f in SELECTION], SELECTION)
            part = f"{source}/{number}"
            given = (write_arrow(store, "tokens", part, encoded), write_parquet(store, "selection", part, chosen))
            out = cut_pieces(store, Part(part, given, PieceSettings(piece_tokens, (0, 0)), source))
            files += [*given, *out.files]
            stocks.append(out.info["stock"])
    sizes = io.BytesIO()
    np.save(sizes, np.array([0] * 4 + [2] * 60, np.int32))
    table = write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue())
    what = {
        "corpus": "made",
        "version": 1,
        "tokenizer": asdict(Tokenizer("tokenizer/t.model", "0" * 64, 64, 1, 2, table.path)),
        "domains": {source: source for source in documents},
        "stock": added_up(stocks),
        "files": [file.plain() for file in files],
        "mixture": [],
        "stages": [],
    }
    publish_version(store, what)
    return what
