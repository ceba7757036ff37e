"""Every flipped byte is found by `verify`, a swapped or cut shard by the check at start-up.

On a corpus that is built for it from examples/starter.
"""

import os
import random
import tempfile
import time
from pathlib import Path

from peers import ROOT, Row, print_head, print_rows

from corpus.errors import GristmillError
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.shard import open_corpus
from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version
from flows import path

FLIPS = 25  # of each kind of file


def main() -> None:
    """Print the rows."""
    print_head()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        with Pool(os.cpu_count() or 1, store) as pool:
            path.build(load_recipe(ROOT / "recipes/starter.toml"), store, PoolRun(store, pool))
        clean = _holds(store)
        print_rows([Row("a corpus as it was published", "holds" if clean else "fails", "", "holds", clean)])
        kinds = {
            "shards": [*store.list("shards")],
            "manifest": ["versions/0001.json", "versions/current", "mixture.lock"],
            "tokenizer": [*store.list("tokenizer")],
        }
        for kind, names in kinds.items():
            print_rows([_flipped(store, kind, names)])
        print_rows(_at_start(store, Path(folder)))


def _holds(store: Store) -> bool:
    try:
        return all(finding.holds for finding in verify(store))
    except GristmillError:
        return False


def _flipped(store: Store, kind: str, names: list[str]) -> Row:
    chosen, found = random.Random(1), 0
    for _ in range(FLIPS):
        name = chosen.choice(names)
        good = bytes(store.get(name))
        at = chosen.randrange(len(good))
        store.put(name, good[:at] + bytes([good[at] ^ 1 << chosen.randrange(8)]) + good[at + 1 :])
        found += not _holds(store)
        store.put(name, good)
    return Row(f"a flipped bit in {kind}", f"{found} of {FLIPS} found", "", "all", found == FLIPS)


def _at_start(store: Store, folder: Path) -> list[Row]:
    """Shards that are swapped, cut, or put in another's place."""
    shards = [folder / shard["path"] for shard in read_version(store)["shards"]]
    first, last = shards[0], shards[-1]
    good, other = first.read_bytes(), last.read_bytes()
    rows = []
    for what, changes in (
        ("two shards swapped", {first: other, last: good}),
        ("a shard cut short", {first: good[:-9]}),
        ("another shard, filled up to the same size", {first: (other * 2)[: len(good)]}),
        ("a shard that is gone", {first: None}),
    ):
        for file, content in changes.items():
            file.unlink() if content is None else file.write_bytes(content)
        start = time.monotonic()
        try:
            open_corpus(store.url)
            found = False
        except GristmillError:
            found = True
        seconds = time.monotonic() - start
        first.write_bytes(good), last.write_bytes(other)
        told = f"{'found' if found else 'not found'} in {seconds:.2f} s"
        rows.append(Row(what, told, "", "found in < 1 s", found and seconds < 1))
    return rows
