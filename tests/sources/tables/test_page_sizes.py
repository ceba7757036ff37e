from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.item import Item
from sources.tables.page_sizes import PageHeaderError, _page_header, largest_page

World = Callable[..., list[Item]]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_no_value_is_larger_than_the_largest_page(tmp_path: Path, version: str, dictionary: bool) -> None:
    texts = [f"{n} " + "word " * (n * 37 % 900) for n in range(2000)] + ["x" * 300_000]
    path = tmp_path / "rows.parquet"
    pq.write_table(
        pa.table({"text": texts}), path, compression="zstd", data_page_version=version, use_dictionary=dictionary
    )
    chunk = pq.read_metadata(path).row_group(0).column(0)
    with path.open("rb") as file:
        largest = largest_page(file, chunk)
    assert 300_000 <= largest <= chunk.total_uncompressed_size


def test_a_page_that_states_too_much_is_never_expanded(world: World, tmp_path: Path) -> None:
    tables = [pa.table({"text": [text]}) for text in ("one", "x" * 2_000_000, "three")]
    with pq.ParquetWriter(tmp_path / "x", tables[0].schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
    items = world("a.parquet", (tmp_path / "x").read_bytes(), "tabular", max_page_bytes=1_000_000)
    assert [i.reason for i in items] == ["", "too_large", ""]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_none(data: bytes) -> None:
    try:
        expanded, stored, length = _page_header(data)
    except PageHeaderError:
        return
    assert expanded >= 0
    assert stored >= 0
    assert length <= len(data)
