"""A version says itself whether it is whole: no byte of it, nor of what points at it, changes unseen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.errors import DataError, GristmillError, InputError
from corpus.store import Store
from corpus.version import CURRENT, path_of, point, read_version, sealed

WHAT = {"version": 1, "corpus": "mill", "shards": [{"path": "shards/00000.aa.arrow", "bytes": 7}], "ledger": []}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    for number in (1, 2, 10_000):
        store.put(path_of(number), sealed({**WHAT, "version": number}))
    point(store, 2)
    return store


@pytest.mark.parametrize("name", [path_of(2), CURRENT])
def test_every_flipped_bit_is_found(store: Store, name: str) -> None:
    good = bytes(store.get(name))
    for at in range(len(good)):
        for bit in range(8):
            store.put(name, good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
            with pytest.raises(GristmillError):
                read_version(store)
    store.put(name, good)
    assert read_version(store)["version"] == 2


def test_a_cut_or_empty_version_is_found(store: Store) -> None:
    good = bytes(store.get(path_of(2)))
    for length in range(len(good)):
        store.put(path_of(2), good[:length])
        with pytest.raises(DataError):
            read_version(store, 2)


def test_any_version_can_be_read_and_pointed_at(store: Store) -> None:
    assert read_version(store, 1) == WHAT
    point(store, 10_000)
    assert read_version(store)["version"] == 10_000


def test_what_is_not_published_is_told(tmp_path: Path, made_corpus: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="no corpus is published here"):
        read_version(Store(tmp_path / "none"))
    with pytest.raises(InputError, match="no version 7"):
        read_version(Store(made_corpus(tmp_path / "made")), 7)
