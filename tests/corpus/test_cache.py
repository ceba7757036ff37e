"""The folder of shards of a distant corpus; a memory store stands for the object store."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from corpus.cache import Cache
from corpus.errors import DataError, StoreError
from corpus.loader import Loader
from corpus.shard import Shard, open_corpus
from corpus.store import Store
from corpus.version import read_version

MadeCorpus = Callable[..., str]


@pytest.fixture
def root(made_corpus: MadeCorpus, request: pytest.FixtureRequest) -> str:
    return made_corpus(f"memory://{request.node.name}", shard_tokens=500)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were downloaded, in order."""
    paths, chunks = [], Store.chunks

    def noting(store: Store, path: str) -> Iterator[memoryview]:
        paths.append(path)
        yield from chunks(store, path)

    monkeypatch.setattr(Store, "chunks", noting)
    return paths


def shards_of(root: str) -> list[Shard]:
    return [Shard(**raw) for raw in read_version(Store(root))["shards"]]


def settle() -> None:
    """Wait for what is being fetched ahead."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch "):
            thread.join()


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_distant_corpus_reads_the_same_in_bounded_room(
    root: str, tmp_path: Path, made_corpus: MadeCorpus, fetched: list[str]
) -> None:
    largest = max(shard.bytes for shard in shards_of(root))
    distant = Loader(open_corpus(root, cache=Cache(tmp_path / "cache", 3 * largest)), 16)
    local = Loader(open_corpus(made_corpus(tmp_path / "local", shard_tokens=500)), 16)
    for position in range(0, 2 * local.num_windows, 7):
        assert np.array_equal(distant.tokens(position, 7), local.tokens(position, 7))
        settle()
        assert held(tmp_path / "cache") <= 3 * largest
    assert len(fetched) <= 3 * len(shards_of(root))
    assert len(distant.corpus.train._open) <= 2


def test_what_is_there_is_not_fetched_again_and_the_next_is_fetched_ahead(
    root: str, tmp_path: Path, fetched: list[str]
) -> None:
    for _ in range(2):
        corpus = open_corpus(root, cache=Cache(tmp_path / "cache", 1 << 30))
        corpus.train.tokens(0, 10)
        settle()
    assert fetched == [shard.path for shard in shards_of(root)[:2]]
    for first in range(corpus.train.num_windows(16)):
        corpus.train.windows(first, 1, 16)
        settle()
    assert sorted(fetched) == sorted(shard.path for shard in shards_of(root))


def test_damage_in_the_store_is_named_and_not_kept(root: str, tmp_path: Path) -> None:
    shard = shards_of(root)[0]
    data = bytearray(Store(root).get(shard.path))
    data[len(data) // 2] ^= 1
    Store(root).put(shard.path, bytes(data))
    corpus = open_corpus(root, cache=Cache(tmp_path / "cache", 1 << 30))
    with pytest.raises(DataError, match="another SHA-256"):
        corpus.train.tokens(0, 10)
    assert not list((tmp_path / "cache").glob("*.arrow"))


def test_a_shard_of_another_size_or_none_is_found_at_the_start(root: str, tmp_path: Path) -> None:
    shard = shards_of(root)[3]
    Store(root).put(shard.path, b"short")
    with pytest.raises(DataError, match=f"{shard.path} holds 5 bytes"):
        open_corpus(root)
    Store(root).delete(shard.path)
    with pytest.raises(DataError, match=f"{shard.path} holds no bytes"):
        open_corpus(root)


def test_a_damaged_file_of_the_folder_is_fetched_anew(root: str, tmp_path: Path, fetched: list[str]) -> None:
    cache, shard = Cache(tmp_path, 1 << 30), shards_of(root)[0]
    cache.map(Store(root), shard)
    (path,) = tmp_path.glob("*.arrow")
    path.write_bytes(b"cut")
    assert cache.map(Store(root), shard).size == shard.bytes
    assert fetched == [shard.path] * 2


def test_what_is_mapped_stays_and_what_was_opened_longest_ago_goes(root: str, tmp_path: Path) -> None:
    shards, store = shards_of(root)[:4], Store(root)
    cache = Cache(tmp_path, 3 * max(shard.bytes for shard in shards))
    views = [cache.map(store, shards[0])]
    for shard in shards[1:]:
        cache.map(store, shard)  # not held: the first of these makes room for the last
    there = {path.stem for path in tmp_path.glob("*.arrow")}
    assert there == {shards[0].sha256, shards[2].sha256, shards[3].sha256}
    del views


def test_a_folder_full_of_shards_in_use_is_gone_round(root: str, tmp_path: Path) -> None:
    shards, store = shards_of(root)[:4], Store(root)
    cache = Cache(tmp_path, 2 * max(shard.bytes for shard in shards))
    views = [cache.map(store, shard) for shard in shards]
    assert [view.size for view in views] == [shard.bytes for shard in shards]
    assert held(tmp_path) <= cache.max_bytes


def test_what_a_killed_download_left_makes_room(root: str, tmp_path: Path) -> None:
    shards, store = shards_of(root)[:2], Store(root)
    (tmp_path / f"{'0' * 64}.part").write_bytes(b"x" * shards[0].bytes)
    (tmp_path / f"{shards[0].sha256}.part").write_bytes(b"left by a kill")
    cache = Cache(tmp_path, sum(shard.bytes for shard in shards))
    views = [cache.map(store, shard) for shard in shards]
    assert [bytes(view) for view in views] == [bytes(store.get(shard.path)) for shard in shards]
    assert not list(tmp_path.glob("*.part"))


def test_a_download_that_began_meanwhile_keeps_its_file(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard, store = shards_of(root)[0], Store(root)
    part = tmp_path / f"{'0' * 64}.part"
    part.write_bytes(b"x" * shard.bytes)  # left by a kill
    left, flock = part.stat(), fcntl.flock

    def late(descriptor: int, how: int) -> None:
        if how & fcntl.LOCK_NB and os.path.samestat(os.fstat(descriptor), left):
            part.unlink()
            part.write_bytes(b"by another")
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert bytes(Cache(tmp_path, shard.bytes).map(store, shard)) == bytes(store.get(shard.path))
    assert part.read_bytes() == b"by another"


def test_two_downloads_at_once_do_not_take_the_same_room(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards, chunks = shards_of(root)[:4], Store.chunks
    cache, together = Cache(tmp_path, 2 * max(shard.bytes for shard in shards)), threading.Barrier(2, timeout=180)
    first_two = iter([together, together])

    def slow(store: Store, path: str) -> Iterator[memoryview]:
        if gate := next(first_two, None):  # a third comes where one of them lost its shard before it had mapped it
            gate.wait()  # two have made room, a third finds none
        yield from chunks(store, path)

    monkeypatch.setattr(Store, "chunks", slow)
    views: list[object] = []
    threads = [threading.Thread(target=lambda s=s: views.append(cache.map(Store(root), s))) for s in shards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(views) == 4
    assert held(tmp_path) <= cache.max_bytes


def test_many_threads_fetch_a_shard_once(root: str, tmp_path: Path, fetched: list[str]) -> None:
    cache, shard, sizes = Cache(tmp_path, 1 << 30), shards_of(root)[0], []
    threads = [threading.Thread(target=lambda: sizes.append(cache.map(Store(root), shard).size)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [shard.bytes] * 8 and fetched == [shard.path]


def test_a_cache_too_small_for_two_shards_is_refused(root: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="two shards take"):
        open_corpus(root, cache=Cache(tmp_path, 100))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot make the cache folder"):
        open_corpus(root, cache=Cache(tmp_path / "file" / "x", 1 << 30))


def test_a_folder_needs_no_cache(tmp_path: Path, made_corpus: MadeCorpus) -> None:
    corpus = open_corpus(made_corpus(tmp_path / "c"), cache=Cache(tmp_path / "cache", 1))
    corpus.train.tokens(0, 10)
    assert not (tmp_path / "cache").exists()


def test_a_reader_that_waited_for_a_download_does_not_wait_for_those_who_read_it(root: str, tmp_path: Path) -> None:
    """The one that fetched it may have it mapped before the one that waited gets its lock."""
    cache, shard = Cache(tmp_path, 1 << 30), shards_of(root)[0]
    part, whole = tmp_path / f"{shard.sha256}.part", tmp_path / f"{shard.sha256}.arrow"
    part.write_bytes(Store(root).get(shard.path))
    with part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as a mapping does, on what had been downloaded under this name
        found: list[object] = []
        waits = threading.Thread(target=lambda: found.append(cache.map(Store(root), shard)), daemon=True)
        waits.start()
        waits.join(0.3)
        part.rename(whole)
        waits.join(120)
        assert len(found) == 1
