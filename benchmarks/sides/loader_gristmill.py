"""A side of the loader's benchmark: `loader_gristmill.py CORPUS LENGTH BATCH` prints Mtok per CPU-second."""

import json
import sys
import time
from collections.abc import Callable

import numpy as np

from corpus.loader import Loader
from corpus.shard import open_corpus

ROUNDS, LEAST = 5, 0.3  # CPU-seconds of a round


def rate(work: Callable[[], int]) -> float:
    """Mtok per CPU-second of the best round; `work` gives the tokens that it read."""
    work()
    best = 0.0
    for _ in range(ROUNDS):
        tokens, start = 0, time.process_time()
        while time.process_time() - start < LEAST:
            tokens += work()
        best = max(best, tokens / (time.process_time() - start) / 1e6)
    return best


def main() -> None:
    """Measure."""
    root, length, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    corpus = open_corpus(root)
    whole = [corpus.train.shard(number).tokens for number in range(len(corpus.train.shards))]
    room = np.empty(max(map(len, whole)), whole[0].dtype)

    def memcpy() -> int:
        for tokens in whole:
            np.copyto(room[: len(tokens)], tokens)
        return corpus.train.num_tokens

    def epoch(bounds: bool, **settings: int) -> Callable[[], int]:
        loader = Loader(corpus, length, **settings)
        out = np.empty((batch, length + 1), np.int32)

        def work() -> int:
            for position in range(0, loader.num_windows - batch + 1, batch):
                (loader.batch if bounds else loader.tokens)(position, batch, out)
            return loader.num_windows // batch * batch * length

        return work

    found = {
        "memcpy": rate(memcpy),
        "rows": rate(epoch(False)),
        "rows, shuffled": rate(epoch(False, shuffle_block=4096)),
        "with boundaries": rate(epoch(True)),
        "shuffled, with boundaries": rate(epoch(True, shuffle_block=4096)),
        "packed, with boundaries": rate(epoch(True, pack_block=1024)),
    }
    padding = Loader(corpus, length, pack_block=1024).padding
    print("RESULT " + json.dumps({"rates": found, "padding": padding}))


if __name__ == "__main__":
    main()
