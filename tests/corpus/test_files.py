"""Files: the same table gives the same bytes under the same name, and a misaligned pair is refused."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DataError
from corpus.files import File, id_bytes, id_hash, read_aligned, read_table, write_arrow, write_parquet
from corpus.schema import ID
from corpus.store import Store


def table(*names: str, **columns: list[object]) -> pa.Table:
    return pa.table({"id": pa.array([name.encode().ljust(16, b".") for name in names], ID), **columns})


@pytest.mark.parametrize("write", [write_parquet, write_arrow])
def test_the_same_table_gives_the_same_file(tmp_path: Path, write: Callable[..., File]) -> None:
    content = table("a", "b", text=["x", None])
    first = write(Store(tmp_path / "1"), "documents", "web/0", content)
    again = write(
        Store(tmp_path / "2"), "documents", "web/0", pa.concat_tables([content.slice(0, 1), content.slice(1)])
    )
    assert first == again
    assert first.sha256[:12] in first.path
    assert (first.folder, first.part) == ("documents", "web/0")
    assert read_table(Store(tmp_path / "1"), first).equals(content)


def test_aligned_files_are_read_side_by_side_and_others_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one = write_parquet(store, "documents", "p", table("a", "b", text=["x", "y"]))
    two = write_parquet(store, "scores", "p", table("a", "b", n=[1, 2]))
    swapped = write_parquet(store, "verdicts", "p", table("b", "a", n=[1, 2]))
    assert read_aligned(store, (one, ["text"]), (two, ["n"])).to_pydict() == {"text": ["x", "y"], "n": [1, 2]}
    with pytest.raises(DataError, match="not aligned"):
        read_aligned(store, (one, ["text"]), (swapped, ["n"]))


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    file = write_parquet(store, "documents", "p", table("a", text=["x"]))
    store.put(file.path, b"short")
    with pytest.raises(DataError, match=r"holds 5 bytes"):
        read_table(store, file)
    store.delete(file.path)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(store, file)


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.integers(0, 5))
def test_ids_are_seen_through_slices_and_chunks(ids: list[bytes], cut: int) -> None:
    array = pa.array(ids, ID)
    chunked = pa.chunked_array([array[:cut], array[cut:]], ID)
    assert [bytes(row) for row in id_bytes(array[cut:])] == ids[cut:]
    assert id_hash(chunked) == id_hash(array)
