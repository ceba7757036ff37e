"""A side of the loader's benchmark: `loader_tensors.py CORPUS BATCH LENGTH…` prints Mtok per CPU-second of each.

What a training step is given, `pretrain.data`'s rows as tensors in the CPU's memory, beside `Loader.batch` on the same
windows, in turns, on one core. Without torch it prints nothing but {}.
"""

import json
import sys
import time
from collections.abc import Callable

from corpus.loader import Loader
from corpus.shard import Corpus, open_corpus

ROUNDS, LEAST = 9, 0.3  # CPU-seconds of a round
Read = Callable[[int, int], object]  # (position, count)


def ways(corpus: Corpus, length: int) -> tuple[Loader, dict[str, Read]]:
    """Both ways to read. Raises ImportError where torch is missing."""
    import torch

    from pretrain.config import ObjectiveConfig
    from pretrain.data import Reader, tensors
    from pretrain.objectives.rows import special_ids

    torch.set_num_threads(1)
    loader, objective, cpu = Loader(corpus, length), ObjectiveConfig(), torch.device("cpu")
    reader = Reader(loader, objective, special_ids(corpus, objective), 0)
    return loader, {
        "batch": loader.batch,
        "tensors": lambda position, count: tensors(reader.rows(position, count), cpu),
    }


def rates(corpus: Corpus, length: int, batch: int) -> dict[str, float]:
    """Of each way the best round."""
    loader, reads = ways(corpus, length)
    best = dict.fromkeys(reads, 0.0)
    for _ in range(ROUNDS):
        for name, read in reads.items():
            tokens, start = 0, time.process_time()
            while time.process_time() - start < LEAST:
                for position in range(0, loader.num_windows - batch + 1, batch):
                    read(position, batch)
                tokens += loader.num_windows // batch * batch * length
            best[name] = max(best[name], tokens / (time.process_time() - start) / 1e6)
    return best


def main() -> None:
    """Measure."""
    root, batch, *lengths = sys.argv[1:]
    corpus = open_corpus(root)
    try:
        found = {length: rates(corpus, int(length), int(batch)) for length in lengths}
    except ImportError:
        found = {}
    print("RESULT " + json.dumps(found))


if __name__ == "__main__":
    main()
