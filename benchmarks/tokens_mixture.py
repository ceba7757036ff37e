"""How exactly a mixture is met: made-up tokens through order, place and shard, for mixtures of few and many entries.

Everything is counted from the shards that were written: by entry against the plan, at every prefix against the plan's
ratios, and from the loader's counters at random positions.
"""

import tempfile
from dataclasses import replace
from typing import Any

import numpy as np
from made_tokens import checked, locked_tokenizer, make_tokens, to_shards
from peers import Row, print_head, print_rows

from corpus.layout import Shard
from corpus.loader import Loader
from corpus.pool import Pool, PoolRun
from corpus.shard import Opened, open_corpus, read_shard
from corpus.store import Store
from corpus.version import path_of, point, sealed
from flows.checked import Checked
from mixtures.plan import Domain, Group, Mixture, StageSettings

TOKENS = 8_000_000


def mixtures() -> dict[str, Mixture]:
    """By name, what is asked for."""
    four = tuple(Domain(name, weight, 4.0) for name, weight in
                 (("web", 40), ("books", 25), ("code", 25), ("general", 10)))  # fmt: skip
    uneven = tuple(Domain(name, weight, 4.0) for name, weight in
                   (("web", 96.9), ("books", 0.1), ("code", 2), ("general", 1)))  # fmt: skip
    group = (Group("all", "unimax", weight=100, by="language", max_epochs=2.0),)
    both = (Domain("web", 40, 4.0), Domain("books", 30, 4.0))
    nested = (Group("rest", "temperature", weight=30, alpha=0.3, by="source", max_epochs=4.0),)
    stages = (
        StageSettings("stable", share=0.8, weights={"web": 60, "books": 20, "code": 10, "general": 10}),
        StageSettings("decay", share=0.2, weights={"web": 10, "books": 60, "code": 30}),
    )
    return {
        "four entries": Mixture(four),
        "96.9, 2, 1, 0.1 %": Mixture(uneven),
        "UniMax over languages": Mixture(group=group),
        "two entries and a group by temperature": Mixture(both, group=nested),
        "two stages": Mixture(four, stage=stages),
    }


def main() -> None:
    """Print the rows."""
    print_head()
    for name, mixture in mixtures().items():
        with tempfile.TemporaryDirectory() as folder, Pool(1, store := Store(folder)) as pool:
            made, model = make_tokens(store, TOKENS, 500_000), locked_tokenizer(store)
            plan = replace(checked({}, shard_tokens=1 << 20), mixture=mixture)
            print_rows(_rows(name, plan, store, *to_shards(plan, model, made, PoolRun(store, pool)), model))


def _rows(name: str, plan: Checked, store: Store, ordered: Any, sharded: Any, model: Any) -> list[Row]:
    shards = [file for entry in sharded for file in entry.files if isinstance(file, Shard)]
    train = [shard for shard in shards if not shard.path.startswith("shards/heldout/")]
    info = ordered.info
    entries = [line["domain"] for line in info["plan"]]
    entry, length = [], []
    for shard in train:
        opened = Opened.of(read_shard(store, shard, model.tokenizer, info["order_sha256"]))
        entry += [entries.index(domain) for domain in opened.rows.column("domain").to_pylist()]
        length.append(np.diff(opened.offsets))
    of, tokens = np.array(entry), np.concatenate(length).astype(np.int64)
    longest = int(tokens.max())
    totals = np.bincount(of, tokens, len(entries)).astype(np.int64)
    off = max(abs(int(total) - line["planned"]) for total, line in zip(totals, info["plan"], strict=True))
    worst, begin, before, ends = 0.0, 0, 0, np.cumsum(tokens)
    for stage in info["stages"]:
        until = int(np.searchsorted(ends, before + sum(stage["placed"].values()), "right"))
        whole, here = sum(stage["planned"].values()), ends[begin:until] - before
        for entry_name, planned in stage["planned"].items():
            mine = np.cumsum(np.where(of[begin:until] == entries.index(entry_name), tokens[begin:until], 0))
            worst = max(worst, float(np.abs(mine - here * planned / whole).max(initial=0)))
        begin, before = until, int(ends[until - 1])
    wrong = _consumed(store, model, info, train, of, tokens, entries)
    return [
        Row(f"{name} ({len(entries)}): farthest entry from its plan", f"{off:,} of {int(ends[-1]):,} tokens", "",
            f"≤ one piece ({longest:,})", off <= longest),
        Row(f"{name}: farthest entry at any prefix", f"{worst:,.0f} tokens", "Megatron's greedy: 1.7 samples",
            f"≤ one piece ({longest:,})", worst <= longest),
        Row(f"{name}: counters that differ at 100 positions", f"{wrong}", "", "0", wrong == 0),
    ]  # fmt: skip


def _consumed(
    store: Store, model: Any, info: Any, train: list[Shard], of: np.ndarray, tokens: np.ndarray, entries: list[str]
) -> int:
    """How often the loader's counters differ from a count of the rows."""
    from dataclasses import asdict

    what = {
        "version": 1, "tokenizer": asdict(model.tokenizer), "order": {"sha256": info["order_sha256"]},
        "shards": [asdict(shard) for shard in train], "heldout": {},
    }  # fmt: skip
    store.put(path_of(1), sealed(what))
    point(store, 1)
    loader, ends = Loader(open_corpus(store.url), 2_048), np.cumsum(tokens)
    wrong = 0
    for position in np.random.default_rng(1).integers(0, loader.num_windows + 1, 100).tolist():
        until = position * 2_048
        taken = np.clip(until - (ends - tokens), 0, tokens)
        sums = np.bincount(of, taken, len(entries)).astype(np.int64)
        expected = {name: int(n) for name, n in zip(entries, sums, strict=True) if n}
        wrong += {name: n for name, n in loader.consumed(position).items() if n} != expected
    return wrong
