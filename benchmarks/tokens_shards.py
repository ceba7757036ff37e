"""From tokens to verified shards on two cores, then another mixture of the same tokens: wall-clock, workers being up.

Every shard is checked as in a build: no id beyond the vocabulary, no piece missing, read back equal.
"""

import os
import tempfile
import time

from made_tokens import checked, locked_tokenizer, make_tokens, to_shards
from peers import Row, print_head, print_rows

from corpus.layout import Shard
from corpus.pool import Pool, PoolRun
from corpus.store import Store

TOKENS = 200_000_000
BAR = 50  # Mtok/s


def main() -> None:
    """Print the rows."""
    print_head()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder, Pool(2, store := Store(folder)) as pool:
        made, model = make_tokens(store, TOKENS), locked_tokenizer(store)
        run = PoolRun(store, pool)
        small = checked({"web": 1, "books": 1, "code": 1, "general": 1})
        to_shards(small, model, make_tokens(store, 1, 100_000), run)  # workers start, kernels are loaded
        for what, weights in (
            ("tokens → verified shards", {"web": 40.0, "books": 25.0, "code": 25.0, "general": 10.0}),
            (
                "another mixture of the same tokens → verified shards",
                {"web": 30, "books": 35, "code": 25, "general": 10},
            ),
        ):
            start = time.monotonic()
            _, sharded = to_shards(checked(weights), model, made, run)
            seconds = time.monotonic() - start
            tokens = sum(file.tokens for entry in sharded for file in entry.files if isinstance(file, Shard))
            rate = tokens / seconds / 1e6
            told = f"{rate:.0f} Mtok/s ({tokens / 1e6:.0f} M tokens in {len(sharded)} shards, {seconds:.1f} s)"
            print_rows([Row(what, told, "", f"≥ {BAR} Mtok/s, 2 cores", rate >= BAR)])
