"""What compressed Arrow batches expand to is known before they are, and limited."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.item import Item
from sources.tables.batch_sizes import largest_batch


def _stream(table: pa.Table, compression: str | None, rows: int) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, rows)
    return out.getvalue()


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("rows", [1, 4])
def test_the_largest_batch_is_known(codec: str, rows: int) -> None:
    table = pa.table({"text": ["x" * 100_000] * 8, "n": range(8)})
    size = largest_batch(pa.py_buffer(_stream(table, codec, rows)))
    assert rows * 100_000 < size < rows * 100_000 + 1000


def test_dictionaries_count_and_what_is_not_compressed_does_not() -> None:
    column: Any = pa.array(["x" * 100_000, "y" * 100_000] * 4).dictionary_encode()
    assert largest_batch(pa.py_buffer(_stream(pa.table({"text": column}), "zstd", 8))) > 200_000
    assert largest_batch(pa.py_buffer(_stream(pa.table({"text": ["x" * 100_000]}), None, 8))) == 0


def test_a_file_with_a_batch_that_is_too_large_is_not_read(world: Callable[..., list[Item]]) -> None:
    data = _stream(pa.table({"text": ["x" * 100_000] * 4}), "zstd", 4)
    assert [i.reason for i in world("a.arrow", data, "tabular", max_batch_bytes=300_000)] == ["too_large"]
    assert [i.reason for i in world("a.arrow", data, "tabular", max_batch_bytes=500_000)] == [""] * 4


@given(st.binary(max_size=60), st.integers(0, 700))
def test_any_bytes_have_some_size(junk: bytes, at: int) -> None:
    data = bytearray(_stream(pa.table({"text": ["one", "two"]}), "zstd", 2))
    data[at : at + len(junk)] = junk
    assert largest_batch(pa.py_buffer(bytes(data))) >= 0
