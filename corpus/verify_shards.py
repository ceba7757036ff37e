"""What is in the shards of a published version, against what it says of them.

In: a store and a version. Out: findings on ids, bytes, documents held out, the mixture and its prefixes.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import GristmillError
from corpus.loader import Loader
from corpus.shard import Opened, Shard, Tokenizer, open_corpus, read_shard
from corpus.store import Store


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: what, whether it holds, and the numbers."""

    what: str
    holds: bool
    detail: str


def finding(what: str, wrong: list[str], detail: str) -> Finding:
    """What was checked holds where nothing is wrong; the first three things that are."""
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Finding(what, not wrong, "; ".join(wrong[:3]) + more if wrong else detail)


@dataclass
class Seen:
    """What the shards hold, as they are gone through in the order of training."""

    entries: list[str]
    wrong: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)  # shards that hold other counts than their records
    held: np.ndarray = field(default_factory=lambda: np.zeros(0, "S16"))  # documents held out, each once
    both: list[str] = field(default_factory=list)  # of those, the ones that are trained on
    placed: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # entry and length of each training row


def verify_shards(store: Store, what: dict[str, Any], damaged: Collection[str] = ()) -> Iterator[Finding]:
    """Findings on a version's shards, from their own bytes; those that are known to be damaged are not looked into."""
    tokenizer, order = Tokenizer(**what["tokenizer"]), what["order"]["sha256"]
    sizes = np.load(pa.BufferReader(store.get(tokenizer.token_bytes_path)))
    held = [Shard(**shard) for shards in what["heldout"].values() for shard in shards]
    train = [Shard(**shard) for shard in what["shards"]]
    seen = Seen([line["domain"] for line in what["mixture"]])
    for number, shard in enumerate([*held, *train]):
        if shard.path in damaged:
            seen.wrong.append(f"{shard.path}: damaged, not looked into")
            continue
        try:
            _look(seen, shard, Opened.of(read_shard(store, shard, tokenizer, order)), sizes, number >= len(held))
        except (OSError, GristmillError, pa.ArrowInvalid) as error:
            seen.wrong.append(f"{shard.path}: {error}")
    total = sum(seen.placed.values())
    yield finding(f"{len(train)} shards open, belong to this order and tokenizer", seen.wrong, f"{total:,} tokens")
    yield finding("shards hold what their records say", seen.records, f"{len(train) + len(held)} records")
    yield finding("no held-out document is trained on", seen.both, f"{len(seen.held):,} held out")
    if seen.wrong:
        yield Finding("the mixture and its prefixes are as recorded", False, "not counted, for shards are wrong")
        return
    yield _mixture(what["mixture"], seen.placed)
    yield _prefixes(what, seen)
    yield _consumed(store, what)


def _look(seen: Seen, shard: Shard, opened: Opened, sizes: np.ndarray, trains: bool) -> None:
    tokens, lengths = opened.tokens, np.diff(opened.offsets)
    if len(tokens) and int(tokens.max()) >= len(sizes):
        seen.wrong.append(f"{shard.path}: token {tokens.max()} in a vocabulary of {len(sizes)}")
    elif int(sizes[tokens].sum(dtype=np.int64)) != pc.sum(opened.rows.column("utf8_bytes")).as_py():
        seen.wrong.append(f"{shard.path}: its tokens stand for other bytes than recorded")
    names = opened.rows.column("domain").dictionary_encode()
    codes = names.indices.to_numpy()
    sums = np.bincount(codes, lengths, len(names.dictionary)).astype(np.int64).tolist()
    domains = dict(zip(names.dictionary.to_pylist(), sums, strict=True))
    if (len(tokens), domains) != (shard.tokens, shard.domains):
        seen.records.append(f"{shard.path}: {len(tokens):,} tokens of {domains}, {shard.tokens:,} of {shard.domains}")
    documents = np.unique(opened.ids)
    if not trains:
        seen.held = np.union1d(seen.held, documents)
        return
    seen.both += [bytes(doc).ljust(16, b"\0").hex() for doc in np.intersect1d(documents, seen.held)]
    for name, count in domains.items():
        seen.placed[name] = seen.placed.get(name, 0) + count
    entry = np.array(
        [seen.entries.index(name) if name in seen.entries else -1 for name in names.dictionary.to_pylist()]
    )
    seen.rows.append((entry.astype(np.int16)[codes], lengths.astype(np.int32)))


def _mixture(lines: list[dict[str, Any]], placed: dict[str, int]) -> Finding:
    wrong = [
        f"{line['domain']}: {placed.get(line['domain'], 0):,} tokens in shards, {line['placed']:,} recorded"
        for line in lines
        if placed.get(line["domain"], 0) != line["placed"]
    ]
    off = max((abs(line["achieved"] - line["asked"]) for line in lines), default=0.0)
    return finding("the mixture is as recorded, in tokens", wrong, f"largest distance from what was asked: {off:.3%}")


def _consumed(store: Store, what: dict[str, Any]) -> Finding:
    """What a loader reads of each domain in one epoch, and the rest that is less than a window, is what was placed."""
    corpus = open_corpus(store.url, what["version"], check=False)
    length = min(2_048, corpus.train.num_tokens - 1)
    if length < 1:
        return Finding("the loader reads what was placed", True, "there is nothing to read")
    loader = Loader(corpus, length)
    read = loader.consumed(loader.num_windows)
    rest = corpus.train.count(np.array([loader.num_windows * length]), np.array([corpus.train.num_tokens]))
    wrong = [
        f"{line['domain']}: {tokens:,} tokens read, {line['placed']:,} placed"
        for line in what["mixture"]
        if (tokens := read.get(line["domain"], 0) + rest.get(line["domain"], 0)) != line["placed"]
    ]
    return finding(
        "the loader reads what was placed, by domain", wrong, f"{loader.num_windows:,} windows of {length:,}"
    )


def _prefixes(what: dict[str, Any], seen: Seen) -> Finding:
    """The stages follow each other as planned, and no prefix of one is farther from its ratios than the plan says."""
    none = np.zeros(0, np.int16)
    entry = np.concatenate([none, *(entry for entry, _ in seen.rows)])
    length = np.concatenate([none, *(length for _, length in seen.rows)]).astype(np.int64)
    ends = np.cumsum(length)
    wrong, worst, begin, before = [], 0.0, 0, 0
    for stage in what["stages"]:
        until = before + sum(stage["placed"].values())
        end = int(np.searchsorted(ends, until, "right"))
        whole, here = sum(stage["planned"].values()), ends[begin:end] - before
        for name, planned in stage["planned"].items():
            mine = np.where(entry[begin:end] == seen.entries.index(name), length[begin:end], 0)
            so_far = np.cumsum(mine)
            worst = max(worst, float(np.abs(so_far - here * (planned / whole)).max(initial=0)))
            if int(mine.sum()) != stage["placed"].get(name, 0):
                wrong.append(f"stage {stage['name'] or 'of all'}: {name} has {mine.sum():,} tokens")
        begin, before = end, until
    if worst > what["order"]["prefix"] + 1:
        wrong.append(
            f"a domain is {worst:,.0f} tokens from its share at one place, {what['order']['prefix']:,.0f} recorded"
        )
    longest = int(length.max(initial=0))
    detail = f"at most {worst:,.0f} tokens from its share at any place; the longest piece has {longest:,}"
    return finding("every prefix holds the ratios", wrong, detail)
