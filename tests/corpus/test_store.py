"""Stores hold whole objects or none, and say in a line what is wrong with a place."""

import pickle
from pathlib import Path

import pytest

from corpus.errors import StoreError
from corpus.store import Store


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "root" if request.param == "folder" else f"memory://{tmp_path}")


def test_what_is_put_is_got_listed_mapped_and_deleted(store: Store) -> None:
    store.put("a/one.bin", b"1")
    store.put("a/two.bin", b"22")
    store.put("b/three.bin", b"333")
    assert bytes(store.get("a/two.bin")) == b"22"
    assert store.map("b/three.bin").to_pybytes() == b"333"
    assert store.list("a") == {"a/one.bin": 1, "a/two.bin": 2}
    store.delete("a/one.bin")
    store.delete("a/one.bin")
    assert store.list("a") == {"a/two.bin": 2}
    with pytest.raises(FileNotFoundError):
        store.get("a/one.bin")


def test_create_writes_once(store: Store) -> None:
    assert store.create("x", b"first")
    assert not store.create("x", b"second")
    assert bytes(store.get("x")) == b"first"


def test_a_store_survives_pickling(store: Store) -> None:
    store.put("x", b"1")
    assert bytes(pickle.loads(pickle.dumps(store)).get("x")) == b"1"


def test_places_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such kind of store"):
        Store("ftp://host/corpus")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file/corpus") as error:
        Store(tmp_path / "file" / "corpus").put("x", b"1")
    assert "\n" not in str(error.value)


def test_no_space_left_says_so() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no full device")
    error = Store("/tmp")._refused("x", OSError(28, "No space left on device"))
    assert "no space left to write x" in str(error)
