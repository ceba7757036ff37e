"""Verify finds what is wrong and says so, whatever the damage does to those who would read it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pytest

from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.verify import Finding, verify
from corpus.version import read_version, sealed
from flows import path


@pytest.fixture(scope="module")
def built(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built small world that no test changes: the corpus' folder."""
    recipe = load_recipe(world_at(tmp_path_factory.mktemp("verify")))
    store = Store(recipe.store_url)
    with Pool(1, store) as pool:
        path.build(recipe, store, PoolRun(store, pool))
    return Path(recipe.store_url)


@pytest.fixture
def corpus(built: Path, tmp_path: Path) -> Store:
    """A copy of it, to change."""
    shutil.copytree(built, tmp_path / "copy")
    return Store(tmp_path / "copy")


def wrong(store: Store) -> list[Finding]:
    return [finding for finding in verify(store) if not finding.holds]


@pytest.mark.parametrize("column", ["tokens", "doc_id", "source", "domain", "lang"])
@pytest.mark.parametrize("split", ["shards", "heldout"])
def test_a_shard_whose_offsets_point_nowhere_is_named_and_not_followed(corpus: Store, column: str, split: str) -> None:
    what = read_version(corpus)
    record = what["shards"][1] if split == "shards" else what["heldout"]["web"][0]
    raw = bytearray(corpus.get(record["path"]))
    buffer = pa.py_buffer(bytes(raw))
    offsets = pa.ipc.open_file(buffer).get_batch(0).column(column).buffers()[1]
    raw[offsets.address - buffer.address + 4 * 3 + 3] ^= 0x40  # a billion more
    corpus.put(record["path"], bytes(raw))
    found = wrong(corpus)
    assert f"{record['path']} has another SHA-256 than recorded" in found[0].detail
    assert any(f"{record['path']}: damaged, not looked into" in finding.detail for finding in found)


def test_a_damaged_tokenizer_is_named_among_other_damage(corpus: Store) -> None:
    table = read_version(corpus)["tokenizer"]["token_bytes_path"]
    for name in [*list(corpus.list("documents"))[:4], table]:
        corpus.put(name, bytes(len(corpus.get(name))))
    found = wrong(corpus)
    assert len(found) == 2 and "and 2 more" in found[0].detail and "each id stands for is damaged" in found[1].detail


def test_a_held_out_document_that_is_trained_on_is_named(corpus: Store) -> None:
    """The same shard held out and trained on, in a version that is whole otherwise."""
    what = read_version(corpus)
    what["heldout"]["web"].append(what["shards"][0])
    body = {name: value for name, value in what.items() if name != "seal"}
    corpus.put("versions/0001.json", sealed(body))
    found = {finding.what: finding.detail for finding in verify(corpus, 1) if not finding.holds}
    assert " more" in found["no held-out document is trained on"]
