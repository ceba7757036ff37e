"""Tokens to shards: what a naive copy of the order gives, for any lengths, vocabularies and parts."""

import io
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import DataError
from corpus.files import File, read_table, write_arrow, write_bytes, write_parquet
from corpus.layout import Shard, Tokenizer
from corpus.schema import ID, tokens_schema
from corpus.shard import read_shard
from corpus.stage import Part
from corpus.store import Store
from mixtures.order import OrderSettings, order
from mixtures.pieces import PieceSettings, added_up, cut_pieces
from mixtures.plan import Domain, Mixture
from tokenizer import shard as rooms
from tokenizer.shard import ShardSettings, place, shard

EOS = 2
SELECTION = pa.schema([("id", ID), ("split", pa.string())])
Documents = list[tuple[list[int] | None, str]]  # ids (None: dropped) and the split


def encoded(store: Store, name: str, documents: Documents, vocab_size: int) -> tuple[File, File]:
    ids = pa.array([f"{name}{n}".encode().ljust(16, b".") for n in range(len(documents))], ID)
    tokens = [None if split == "dropped" else ids for ids, split in documents]
    sizes = [None if each is None else 4 * len(each) for each in tokens]
    languages = ["en"] * len(documents)
    table = pa.table([ids, tokens, languages, sizes], schema=tokens_schema(vocab_size))
    splits = pa.array([None if split == "dropped" else split for _, split in documents])
    selection = pa.table([ids, splits], schema=SELECTION)
    return write_arrow(store, "tokens", name, table), write_parquet(store, "selection", name, selection)


def tokenizer_of(store: Store, vocab_size: int) -> tuple[Tokenizer, File]:
    sizes = io.BytesIO()
    np.save(sizes, (np.arange(vocab_size) % 5).astype(np.int32))
    file = write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue())
    return Tokenizer("m", "0" * 64, vocab_size, EOS, 3, file.path), file


def through(store: Store, parts: dict[str, Documents], vocab_size: int, mixture: Mixture) -> tuple[Any, list[Shard]]:
    """The stages after encode, in this process: the order's output and all shards."""
    tokenizer, sizes = tokenizer_of(store, vocab_size)
    files = {name: encoded(store, name, documents, vocab_size) for name, documents in parts.items()}
    cut = [
        cut_pieces(store, Part(name, each, PieceSettings(16, (vocab_size, vocab_size)), name.split("/")[0]))
        for name, each in files.items()
    ]
    domains = {name.split("/")[0]: name.split("/")[0] for name in parts}
    plan = OrderSettings(mixture, domains, added_up([each.info["stock"] for each in cut]), 5, 60)
    ordered = order(store, Part("all", tuple(file for each in cut for file in each.files), plan))
    by = {folder: [f for f in ordered.files if f.folder == folder] for folder in ("order", "places")}
    placed = [place(store, Part(f.part, (files[f.part][0], f), tokenizer)) for f in by["places"]]
    gathered = tuple(file for each in placed for file in each.files)
    orders = {file.part: file for file in by["order"]}
    shards = []
    for number, (name, stream, start, stop) in enumerate(ordered.info["shards"]):
        what = ShardSettings(tokenizer, ordered.info["order_sha256"], number, start, stop, "")
        shards += shard(store, Part(name, (orders[stream], sizes), what, aside=gathered)).files
    return ordered, shards  # type: ignore[return-value]


def naive(store: Store, ordered: Any, stream: str, parts: dict[str, Documents]) -> list[tuple[list[int], bytes]]:
    """Every row of a stream, and its document, looked up one by one."""
    file = next(file for file in ordered.files if file.folder == "order" and file.part == stream)
    rows = []
    for row in read_table(store, file).to_pylist():
        ids = parts[row["part"]][row["row"]][0]
        assert ids is not None
        end = row["start"] + row["length"] - row["last"]
        assert end <= len(ids) and row["last"] == (end == len(ids))
        name = f"{row['part']}{row['row']}".encode().ljust(16, b".")
        rows.append((ids[row["start"] : end] + [EOS] * row["last"], name))
    return rows


@st.composite
def parts_of(draw: st.DrawFn) -> tuple[int, dict[str, Documents]]:
    vocab_size = draw(st.sampled_from([300, 1 << 16, (1 << 16) + 1, 200_000]))
    document = st.tuples(
        st.lists(st.integers(4, vocab_size - 1), max_size=70), st.sampled_from(["train", "train", "heldout", "dropped"])
    )
    names = draw(st.sampled_from([["a/0-0"], ["a/0-0", "b/0-0"], ["a/0-0", "a/0-1", "b/0-0"]]))
    parts: dict[str, Documents] = {name: draw(st.lists(document, max_size=8)) for name in names}
    parts[names[0]].append(([4, vocab_size - 1], "train"))
    return vocab_size, parts


@settings(max_examples=60)
@given(made=parts_of(), epochs=st.sampled_from([1.0, 3.5]), chunk=st.sampled_from([1, 50, 1 << 26]))
def test_shards_hold_what_a_naive_copy_gives(made: tuple[int, dict[str, Documents]], epochs: float, chunk: int) -> None:
    vocab_size, parts = made
    store = Store(f"memory://shards-{id(made)}")
    mixture = Mixture((Domain("a", 3, epochs), Domain("b", 1, epochs)), optional=("b",))
    with mock.patch.object(rooms, "CHUNK", chunk):
        ordered, shards = through(store, parts, vocab_size, mixture)
    tokenizer, _ = tokenizer_of(store, vocab_size)
    found: dict[str, list[tuple[list[int], bytes]]] = {}
    for (_, stream, *_), file in zip(ordered.info["shards"], shards, strict=True):
        rows = read_shard(store, file, tokenizer, ordered.info["order_sha256"])
        ids, documents = rows.column("tokens").to_pylist(), rows.column("doc_id").to_pylist()
        found.setdefault(stream, []).extend(zip(ids, documents, strict=True))
        assert rows.column("utf8_bytes").to_pylist() == [sum(token % 5 for token in each) for each in ids]
        assert rows.column("tokens").type.value_type == (pa.uint16() if vocab_size <= 1 << 16 else pa.uint32())
    streams = {file.part for file in ordered.files if file.folder == "order"}
    for stream in streams:
        assert found.get(stream, []) == naive(store, ordered, stream, parts)
    assert ("heldout-a" in streams) == any(split == "heldout" for name in parts if name[0] == "a"
                                           for _, split in parts[name])  # fmt: skip


def test_an_id_beyond_the_vocabulary_is_refused() -> None:
    documents: Documents = [([5, 6, 300], "train")]
    with pytest.raises(DataError, match="token 300 in a vocabulary of 300; encode again"):
        through(Store("memory://beyond"), {"a/0-0": documents}, 300, Mixture((Domain("a", 1),)))
