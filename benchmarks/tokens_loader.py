"""The loader beside four others, on the same tokens in one run; as tensors; and opening a corpus of 10,000 shards.

Tokens are made up, documents of lognormal lengths (median 400 tokens, mean about 800). The peers' files are written by
`gristmill export` and read by their own packages. All read rows of T = 2048 into int32, on one core, from a warm page
cache; rates are Mtok per CPU-second, the best of five rounds.
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from peers import Row, print_head, print_rows, run

from corpus.files import write_bytes
from corpus.shard import Rows, Shard, Tokenizer, write_shard
from corpus.store import Store
from corpus.version import path_of, point, sealed
from tokenizer.export.export import export

LENGTH, BATCH, VOCAB = 2_048, 64, 32_000
TOKENS, SHARD_TOKENS, SHARDS = 48_000_000, 16_000_000, 10_000
PEERS = {"litdata": "litdata", "mds": "mds", "datatrove": "nanoset", "megatron": "megatron"}


def made(store: Store, tokens: int, shard_tokens: int) -> tuple[Tokenizer, list[Shard]]:
    """Shards of random ids, every document one piece."""
    sizes = io.BytesIO()
    np.save(sizes, np.full(VOCAB, 4, np.int32))
    table = write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue())
    model = write_bytes(store, "tokenizer", "tokenizer", "model", b"made up")
    tokenizer = Tokenizer(model.path, model.sha256, VOCAB, 1, 2, table.path)
    rng, shards = np.random.default_rng(0), []
    for number in range(tokens // shard_tokens):
        lengths = np.exp(rng.normal(np.log(400), 1.2, shard_tokens // 300)).astype(np.int64) + 2
        lengths = lengths[: np.searchsorted(np.cumsum(lengths), shard_tokens) + 1]
        values = rng.integers(4, VOCAB, int(lengths.sum()), dtype=np.uint16)
        values[np.cumsum(lengths) - 1] = 1
        count = len(lengths)
        names = pa.array(np.array(["web", "books", "code"])[rng.integers(0, 3, count)])
        ids = np.frombuffer(rng.bytes(16 * count), np.uint8).reshape(-1, 16)
        rows = Rows(values, lengths, ids, np.zeros(count, np.int32), names, names, names, lengths * 4)
        shards.append(write_shard(store, "shards", f"{number:05d}", rows, tokenizer, order()))
    return tokenizer, shards


def order() -> str:
    """A hash to name the order by."""
    return hashlib.sha256(b"made up").hexdigest()


def publish(store: Store, tokenizer: Tokenizer, shards: list[Shard]) -> None:
    """A version of these shards."""
    files = [shard.plain() for shard in shards]
    what = {
        "corpus": "made", "version": 1, "tokenizer": asdict(tokenizer), "order": {"path": "", "sha256": order()},
        "mixture": [], "shards": [asdict(shard) for shard in shards], "heldout": {}, "files": files, "inputs": [],
        "ledger": [],
    }  # fmt: skip
    store.put(path_of(1), sealed(what))
    point(store, 1)


def rates(folder: Path) -> Iterator[Row]:
    """Ours, then each peer's, on the same tokens."""
    store = Store(folder / "corpus")
    publish(store, *made(store, TOKENS, SHARD_TOKENS))
    found = run("gristmill", "loader_gristmill", store.url, LENGTH, BATCH)
    ours = found["rates"]
    copied = f"memcpy {ours['memcpy']:,.0f}"
    for what, bar in (
        ("rows", 1_000), ("rows, shuffled", None), ("with boundaries", 200),
        ("shuffled, with boundaries", None), ("packed, with boundaries", None),
    ):  # fmt: skip
        name = f"{what} in blocks of 4,096" if "shuffled" in what else what
        name = f"{what}, {found['padding']:.1%} padding" if "packed" in what else name
        met = None if bar is None else ours[what] >= bar
        yield Row(name, f"{ours[what]:,.0f} Mtok/s", copied, f"≥ {bar:,}" if bar else "", met)
    yield from tensors(store)
    for peer, way in PEERS.items():
        place = folder / peer
        (exported,) = export(store, way, str(place), sequence_length=LENGTH)
        rate = run("loaders", "loader_peers", peer, place / exported.name, LENGTH)["rate"]
        ratio = ours["rows"] / rate
        yield Row(
            f"rows, beside {peer}", f"{ours['rows']:,.0f} Mtok/s", f"{rate:,.0f}", f"≥ 5 ×: {ratio:.1f} ×", ratio >= 5
        )


def tensors(store: Store) -> Iterator[Row]:
    """What training reads beside what the loader gives; nothing where torch is not installed."""
    found = run("gristmill", "loader_tensors", store.url, BATCH, LENGTH // 2, LENGTH)
    if not found:
        yield Row("tensors", "skipped: torch is not installed", "", "", None)
    for length, rate in found.items():
        ratio = rate["tensors"] / rate["batch"]
        yield Row(
            f"tensors, T = {int(length):,}", f"{rate['tensors']:,.0f} Mtok/s", f"with boundaries {rate['batch']:,.0f}",
            f"≥ 0.8 ×: {ratio:.2f} ×", ratio >= 0.8,
        )  # fmt: skip


def start(folder: Path) -> Iterator[Row]:
    """Opening 10,000 small shards, copies of one, and what the check finds."""
    store = Store(folder / "many")
    tokenizer, (one, other) = made(store, 20_000, 10_000)
    root = Path(store.url)
    shards = [replace(one, path=f"shards/{number:05d}.{number:012x}.arrow") for number in range(SHARDS)]
    for shard in shards:
        shutil.copyfile(root / one.path, root / shard.path)
    publish(store, tokenizer, shards)
    found = run("gristmill", "loader_start", store.url)
    told = f"{found['seconds']:.2f} s, {found['cpu']:.2f} CPU-s"
    yield Row(f"opening {SHARDS:,} shards and reading a batch", told, "", "≤ 2 s", found["seconds"] <= 2)
    told = f"{found['check']:.2f} s, {found['check_cpu']:.2f} CPU-s"
    yield Row("of it the sampled check", told, "", "< 1 s", found["check"] < 1)
    victim = root / shards[-3].path
    whole = (root / one.path).read_bytes()
    for what, data in (("swapped", (root / other.path).read_bytes()), ("truncated", whole[:-1])):
        victim.write_bytes(data.ljust(len(whole), b"\0")[: len(whole)] if what == "swapped" else data)
        found = run("gristmill", "loader_start", store.url)
        named = victim.name in found["said"]
        told = f"{'named' if named else 'not found'}, {found['check']:.2f} s"
        yield Row(f"a {what} shard among them", told, "", "found in < 1 s", named and found["check"] < 1)


def main() -> None:
    """Print the rows."""
    print_head()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        print_rows(rates(Path(folder)))
        print_rows(start(Path(folder)))


if __name__ == "__main__":
    main()
