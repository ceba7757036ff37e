"""Shards: what is refused at writing, what is found at opening, and the stream that they are together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DataError, InputError
from corpus.files import File
from corpus.shard import Rows, Shard, Tokenizer, open_corpus, read_shard, token_values, write_shard
from corpus.store import Store
from corpus.version import read_version

TOKENIZER = Tokenizer("tokenizer/t.model", "ab" * 32, 64, 1, 2, "tokenizer/b.npy")
ORDER = "cd" * 32
PIECES = [(0, 0, "web", [5, 6, 7]), (0, 1, "web", [8, 1]), (1, 0, "code", [9, 1]), (2, 3, "web", [10])]
MadeRows, MadeCorpus = Callable[..., Rows], Callable[..., str]


def test_a_shard_reads_back_with_all_that_is_recorded(tmp_path: Path, made_rows: MadeRows) -> None:
    store = Store(tmp_path)
    shard = write_shard(store, "shards", "00000", made_rows(PIECES, 64), TOKENIZER, ORDER)
    assert (shard.rows, shard.tokens, shard.domains) == (4, 8, {"code": 2, "web": 6})
    rows = read_shard(store, shard, TOKENIZER, ORDER)
    assert rows["tokens"].to_pylist() == [ids for *_, ids in PIECES]
    assert rows["tokens"].type == pa.list_(pa.uint16())
    assert rows["piece"].to_pylist() == [0, 1, 0, 3] and rows["utf8_bytes"].to_pylist() == [6, 2, 2, 2]
    assert {len(identity) for identity in rows["doc_id"].to_pylist()} == {16}
    assert token_values(store, shard, TOKENIZER, ORDER).tolist() == [5, 6, 7, 8, 1, 9, 1, 10]
    again = write_shard(store, "shards", "00000", made_rows(PIECES, 64), TOKENIZER, ORDER)
    assert again == shard and len(store.list("shards")) == 1


def test_columns_may_be_dictionaries(tmp_path: Path, made_rows: MadeRows) -> None:
    store, rows = Store(tmp_path), made_rows(PIECES, 64)
    coded = replace(rows, **{name: getattr(rows, name).dictionary_encode() for name in ("source", "domain", "lang")})
    written = [write_shard(store, "shards", "0", each, TOKENIZER, ORDER) for each in (rows, coded)]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: replace(r, tokens=r.tokens + 60), "token 70 in a vocabulary of 64"),
        (lambda r: replace(r, lengths=np.array([3, 2, 3, 0])), "piece 3 has no tokens"),
        (lambda r: replace(r, lengths=np.array([3, 2, 2, 2])), "8 tokens for pieces of 9"),
        (lambda r: replace(r, lengths=np.zeros(0, np.int64)), "no pieces to write"),
        (lambda r: replace(r, domain=pa.array(["web", "web", None, "web"])), "without a domain"),
        (lambda r: replace(r, domain=pa.array(["web", "web", "", "web"])), "without a domain"),
    ],
)
def test_what_must_not_be_written_is_refused(
    tmp_path: Path, made_rows: MadeRows, change: Callable[[Rows], Rows], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        write_shard(Store(tmp_path), "shards", "0", change(made_rows(PIECES, 64)), TOKENIZER, ORDER)
    assert not Store(tmp_path).list("shards")


def test_a_disk_that_changes_a_byte_is_noticed(
    tmp_path: Path, made_rows: MadeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Store.put

    def worn(store: Store, path: str, data: bytes) -> None:
        spoiled = bytearray(data)
        spoiled[bytes(data).rindex(bytes([10, 0]))] ^= 1  # the last token
        put(store, path, bytes(spoiled))

    monkeypatch.setattr(Store, "put", worn)
    with pytest.raises(DataError, match="does not read back"):
        write_shard(Store(tmp_path), "shards", "0", made_rows(PIECES, 64), TOKENIZER, ORDER)


def test_many_ids_take_four_bytes(tmp_path: Path, made_rows: MadeRows) -> None:
    store, large = Store(tmp_path), replace(TOKENIZER, vocab_size=70_000)
    shard = write_shard(store, "shards", "0", made_rows([(0, 0, "web", [69_999, 1])], 70_000), large, ORDER)
    values = token_values(store, shard, large, ORDER)
    assert values.dtype == np.uint32 and values.tolist() == [69_999, 1]


def test_a_strangers_shard_is_refused_when_it_is_read(tmp_path: Path, made_rows: MadeRows) -> None:
    store = Store(tmp_path)
    shard = write_shard(store, "shards", "0", made_rows(PIECES, 64), TOKENIZER, ORDER)
    with pytest.raises(DataError, match="order_sha256 is cdcd"):
        read_shard(store, shard, TOKENIZER, "ef" * 32)
    with pytest.raises(DataError, match="tokenizer_sha256 is abab"):
        read_shard(store, shard, replace(TOKENIZER, sha256="ef" * 32), ORDER)
    with pytest.raises(DataError, match="cannot be read"):
        read_shard(store, File("shards/none.0.arrow", "", 1, 1), TOKENIZER, ORDER)


def shards_of(root: str) -> list[Shard]:
    return [Shard(**raw) for raw in read_version(Store(root))["shards"]]


def test_the_check_at_the_start_names_what_was_tampered_with(tmp_path: Path, made_corpus: MadeCorpus) -> None:
    root = made_corpus(tmp_path / "c")
    first, second = (tmp_path / "c" / shard.path for shard in shards_of(root)[:2])
    kept = {path: path.read_bytes() for path in (first, second)}
    open_corpus(root)

    def found(name: str) -> None:
        with pytest.raises(DataError, match=name) as error:
            open_corpus(root)
        assert first.name in str(error.value) and "\n" not in str(error.value)
        open_corpus(root, check=False)
        for path, data in kept.items():
            path.write_bytes(data)

    first.write_bytes(kept[first][:-1])
    found("are recorded")
    first.write_bytes(kept[second].ljust(len(kept[first]), b"\0")[: len(kept[first])])
    found("is not the shard that is recorded")
    first.unlink()
    found("cannot be read")
    open_corpus(root)


@given(at=st.integers(0, 1 << 30))
def test_a_small_shard_shows_every_changed_byte_at_the_start(
    tmp_path_factory: pytest.TempPathFactory, made_corpus: MadeCorpus, at: int
) -> None:
    folder = tmp_path_factory.mktemp("c")
    root = made_corpus(folder, PIECES)
    path = folder / shards_of(root)[0].path
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 + at % 255
    path.write_bytes(data)
    with pytest.raises(DataError):
        open_corpus(root)


@given(
    lengths=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=5), min_size=1, max_size=12),
    shard_tokens=st.integers(1, 60),
    cut=st.tuples(st.integers(0, 200), st.integers(0, 200)),
)
def test_the_stream_is_its_pieces_and_begins_where_documents_do(
    tmp_path_factory: pytest.TempPathFactory,
    made_corpus: MadeCorpus,
    lengths: list[list[int]],
    shard_tokens: int,
    cut: tuple[int, int],
) -> None:
    pieces, ids, begins, number = [], [], [], 4
    for document, sizes in enumerate(lengths):
        for piece, size in enumerate(sizes):
            if piece != 2 or size > 3:  # the third piece of some documents lies elsewhere: a gap
                if not pieces or pieces[-1][:2] != (document, piece - 1):
                    begins.append(len(ids))
                values = [4 + (number + k) % 60 for k in range(size)]
                pieces.append((document, piece, "web", values))
                ids += values
                number += size
    root = made_corpus(tmp_path_factory.mktemp("c"), pieces, shard_tokens=shard_tokens)
    stream = open_corpus(root).train
    assert stream.num_tokens == len(ids)
    start, stop = sorted(min(place, len(ids)) for place in cut)
    assert stream.tokens(start, stop).tolist() == ids[start:stop]
    found = stream.begins(np.array([start]), np.array([stop]))[1]
    assert found.tolist() == [place for place in begins if start <= place < stop]
    rows = stream.rows(start, stop)
    ends = np.cumsum([0, *(len(piece[3]) for piece in pieces)])
    wanted = [k for k in range(len(pieces)) if ends[k] < stop and ends[k + 1] > start] if start < stop else []
    if wanted:
        assert rows["start"].to_pylist() == ends[wanted].tolist()
        assert rows["stop"].to_pylist() == (ends[1:][wanted]).tolist()
        assert rows["piece"].to_pylist() == [pieces[k][1] for k in wanted]
        for shard, row, at in zip(*(rows[name].to_pylist() for name in ("shard", "row", "start")), strict=True):
            assert stream.starts[shard] + stream.shard(shard).offsets[row] == at
    else:
        assert rows.num_rows == 0


def test_few_shards_are_open_at_a_time_and_none_before_it_is_read(tmp_path: Path, made_corpus: MadeCorpus) -> None:
    root = made_corpus(tmp_path / "c", shard_tokens=50)
    stream = open_corpus(root).train
    assert len(stream.shards) > 100
    stream._keep = 3
    assert not stream._open
    whole = np.concatenate(
        [token_values(Store(root), s, open_corpus(root).tokenizer, order(root)) for s in shards_of(root)]
    )
    for first in range(0, stream.num_windows(8), 7):
        assert stream.windows(first, 1, 8)[0].tolist() == whole[first * 8 : first * 8 + 9].tolist()
        assert len(stream._open) <= 3
    with pytest.raises(InputError, match="the stream holds"):
        stream.windows(stream.num_windows(8), 1, 8)
    with pytest.raises(InputError, match="the stream holds"):
        stream.tokens(-1, 3)


def order(root: str) -> str:
    return read_version(Store(root))["order"]["sha256"]
