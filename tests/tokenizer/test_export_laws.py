"""Laws of exports: however shards are cut into another format's files, the stream is the same."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from corpus.errors import DataError
from corpus.shard import open_corpus
from tokenizer.export.export import FORMATS, export
from tokenizer.export.settings import Settings
from tokenizer.export.stream import Chunk, cut_rows, cut_tokens


@st.composite
def chunked(draw: st.DrawFn) -> list[Chunk]:
    """One to five shards of rows of 1 to 9 tokens, now and then of 300; no token comes twice."""
    row = st.one_of(st.integers(1, 9), st.just(300))
    sizes = draw(st.lists(st.lists(row, min_size=1, max_size=6), min_size=1, max_size=5))
    chunks, at = [], 0
    for rows in sizes:
        tokens = np.arange(at, at + sum(rows), dtype=np.uint16)
        offsets = pa.array(np.cumsum([0, *rows]), pa.int32())
        batch = pa.record_batch({"tokens": pa.ListArray.from_arrays(offsets, pa.array(tokens))})
        chunks.append(Chunk(tokens, np.array(rows, np.int64), batch))
        at += len(tokens)
    return chunks


def flat(runs: Iterator[np.ndarray]) -> list[int]:
    return [int(value) for run in runs for value in run]


@given(chunked(), st.integers(1, 20))
def test_cutting_by_tokens_keeps_tokens_and_row_ends(chunks: list[Chunk], size: int) -> None:
    runs = list(cut_tokens(iter(chunks), size))
    assert flat(span for spans, _ in runs for span in spans) == flat(chunk.tokens for chunk in chunks)
    totals = [sum(map(len, spans)) for spans, _ in runs]
    assert all(total == size for total in totals[:-1])
    assert [int(lengths.sum()) for _, lengths in runs] == totals
    assert all(lengths.min() > 0 for _, lengths in runs)
    ends = set(np.cumsum(flat(lengths for _, lengths in runs)).tolist())
    assert ends == set(np.cumsum(flat(c.lengths for c in chunks)).tolist()) | set(np.cumsum(totals).tolist())


@given(chunked(), st.integers(1, 20))
def test_cutting_by_rows_keeps_rows(chunks: list[Chunk], most: int) -> None:
    cut = [part for chunk in chunks for part in cut_rows(chunk, most)]
    assert flat(part.tokens for part in cut) == flat(chunk.tokens for chunk in chunks)
    assert flat(part.lengths for part in cut) == flat(chunk.lengths for chunk in chunks)
    assert all(len(part.tokens) <= most or len(part.lengths) == 1 for part in cut)


@pytest.mark.parametrize("to", FORMATS)
@given(chunks=chunked(), length=st.integers(0, 12), most=st.sampled_from((0, 20, 333)))
@trials(max_examples=40)
def test_whatever_the_shards_are_the_stream_is_the_same(to: str, chunks: list[Chunk], length: int, most: int) -> None:
    settings = Settings(10_000, "made", length or int(to == "litdata"), most)
    with tempfile.TemporaryDirectory() as folder:
        written = FORMATS[to].write(Path(folder), iter(chunks), settings)
        found = [Chunk(c.tokens.copy(), c.lengths) for c in FORMATS[to].read(Path(folder), settings)]
    tokens = flat(chunk.tokens for chunk in chunks)
    assert written.left_out == (len(tokens) % length if to == "mds" and length else 0)
    assert flat(chunk.tokens for chunk in found) == tokens[: len(tokens) - written.left_out]
    if FORMATS[to].rows(settings):
        assert flat(chunk.lengths for chunk in found) == flat(chunk.lengths for chunk in chunks)


def test_a_bit_that_flipped_in_a_shard_is_found(tmp_path: Path, made_corpus: Callable[..., str]) -> None:
    store = open_corpus(made_corpus(tmp_path / "c")).store
    shard = sorted((tmp_path / "c/shards").glob("*.arrow"))[0]
    data = bytearray(shard.read_bytes())
    data[len(data) // 3] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataError, match=rf"{shard.name} is damaged: its SHA-256"):
        export(store, "megatron", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
