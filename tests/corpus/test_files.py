"""Files: the same table gives the same bytes under the same name, and a misaligned pair is refused."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DataError, StoreError
from corpus.files import (
    ROW_GROUP_ROWS,
    File,
    id_bytes,
    id_hash,
    read_aligned,
    read_batch,
    read_rows,
    read_table,
    write_arrow,
    write_batches,
    write_parquet,
)
from corpus.schema import ID
from corpus.store import Store, _Object


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


NUMBERS = pa.table({"n": pa.array(range(50_000)), "half": pa.array([n / 2 for n in range(50_000)])})


@pytest.fixture(scope="module", params=["folder", "memory"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, File, File]:
    """A store with a file of rows and one of batches."""
    store = Store(tmp_path_factory.mktemp("s") if request.param == "folder" else "memory://rows-and-batches")
    batches = {number: NUMBERS.slice(number * 100, 100).to_batches()[0] for number in (3, 1, 70)}
    return store, write_parquet(store, "order", "a", NUMBERS), write_batches(store, "b", "b", NUMBERS.schema, batches)


@given(start=st.integers(0, 49_999), count=st.integers(1, 3 * ROW_GROUP_ROWS))
def test_rows_are_those_asked_for(stored: tuple[Store, File, File], start: int, count: int) -> None:
    store, rows, _ = stored
    found = read_rows(store, rows, start, min(start + count, 50_000), ("n",))
    assert found["n"].to_pylist() == list(range(start, min(start + count, 50_000)))


def test_a_batch_is_found_by_its_number(stored: tuple[Store, File, File]) -> None:
    store, _, batches = stored
    for number in (1, 3, 70):
        found = read_batch(store, batches, number)
        assert found is not None and found.column("n").to_pylist() == list(range(number * 100, number * 100 + 100))
    assert read_batch(store, batches, 7) is None


def test_of_a_remote_file_only_what_is_asked_for_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    store, fetched = Store("memory://fetched"), []
    whole = write_parquet(store, "order", "a", pa.concat_tables([NUMBERS] * 20))
    batches = write_batches(store, "b", "b", NUMBERS.schema, {n: NUMBERS.to_batches()[0] for n in range(20)})
    read = _Object.read
    monkeypatch.setattr(_Object, "read", lambda self, size: fetched.append(got := read(self, size)) or got)
    monkeypatch.setattr(Store, "get", None)
    read_rows(store, whole, 100, 200, ("n",))
    assert 0 < sum(map(len, fetched)) < whole.bytes / 10
    fetched.clear()
    read_batch(store, batches, 11)
    assert 0 < sum(map(len, fetched)) < batches.bytes / 10


@pytest.mark.parametrize("url", ["folder", "memory://gone"])
def test_rows_and_batches_that_cannot_be_read_are_told_in_a_line(tmp_path: Path, url: str) -> None:
    store = Store(tmp_path if url == "folder" else url)
    whole = write_parquet(store, "order", "a", NUMBERS)
    for harm in (lambda: store.put(whole.path, bytes(whole.bytes)), lambda: store.delete(whole.path)):
        harm()
        for read in (lambda: read_rows(store, whole, 0, 9, ("n",)), lambda: read_batch(store, whole, 0)):
            with pytest.raises(DataError, match=r"order/a\S+ cannot be read .*build again") as error:
                read()
            assert "\n" not in str(error.value)


def test_a_read_that_fails_halfway_is_told_in_a_line() -> None:
    store = Store("memory://halfway")
    store.put("x", b"12345678")
    with store.open("x") as file:
        store.delete("x")
        with pytest.raises(StoreError, match=r"memory://halfway/x: cannot be read") as error:
            file.read(4)
    assert "\n" not in str(error.value)
