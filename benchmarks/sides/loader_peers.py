"""The peers' sides of the loader's benchmark: `loader_peers.py NAME FOLDER LENGTH` prints Mtok per CPU-second.

Each reads the same tokens in the format its own package reads, in the way that is fastest there, row by row into the
same int32 array.
"""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch

torch.set_num_threads(1)
ROUNDS, LEAST = 5, 0.3


def litdata(folder: Path, length: int) -> Iterator[np.ndarray]:
    """`StreamingDataset` with `TokensLoader`, iterated."""
    from litdata import StreamingDataset
    from litdata.streaming.item_loader import TokensLoader

    dataset = StreamingDataset(str(folder), item_loader=TokensLoader(block_size=length), shuffle=False, drop_last=False)
    for row in dataset:
        yield np.asarray(row)


def mds(folder: Path, length: int) -> Iterator[np.ndarray]:
    """`StreamingDataset`, sample by sample: several times as fast as iterating it."""
    spec = importlib.util.find_spec("streaming")  # its front door asks for torchvision
    assert spec
    sys.modules.setdefault("streaming", importlib.util.module_from_spec(spec))
    from streaming.base import StreamingDataset

    dataset = StreamingDataset(local=str(folder), shuffle=False, batch_size=1, num_canonical_nodes=1)
    for number in range(len(dataset)):
        yield dataset[number]["tokens"]


def datatrove(folder: Path, length: int) -> Iterator[np.ndarray]:
    """`DatatroveFolderDataset`, window by window."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    dataset = DatatroveFolderDataset(str(folder), length, token_size=2)
    for number in range(len(dataset)):
        yield dataset[number]["input_ids"].numpy()


def megatron(folder: Path, length: int) -> Iterator[np.ndarray]:
    """`IndexedDataset.get` of each document in a row, joined: what `GPTDataset` does for a sample."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    dataset = IndexedDataset(str(folder / "tokens"))
    ends = np.cumsum(dataset.sequence_lengths, dtype=np.int64)
    starts = ends - dataset.sequence_lengths
    for begin in range(0, int(ends[-1]) - length, length):
        first = int(np.searchsorted(ends, begin, "right"))
        last = int(np.searchsorted(ends, begin + length + 1, "left"))
        yield np.concatenate(
            [
                dataset.get(
                    number,
                    offset=max(0, begin - int(starts[number])),
                    length=int(min(ends[number], begin + length + 1) - max(starts[number], begin)),
                )
                for number in range(first, last + 1)
            ]
        )


SIDES: dict[str, Callable[[Path, int], Iterator[np.ndarray]]] = {
    "litdata": litdata, "mds": mds, "datatrove": datatrove, "megatron": megatron,
}  # fmt: skip


def main() -> None:
    """Measure."""
    name, folder, length = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    out = np.empty(length + 1, np.int32)
    best, counted = 0.0, 0
    rows: Iterator[np.ndarray] = iter(())
    for number in range(ROUNDS + 1):  # the first one opens files and warms up
        tokens, start = 0, time.process_time()
        while time.process_time() - start < LEAST:
            for row in rows:
                out[: len(row)] = row
                tokens += length
                if not tokens % (64 * length) and time.process_time() - start >= LEAST:
                    break
            else:
                rows = SIDES[name](folder, length)
        if number:
            best, counted = max(best, tokens / (time.process_time() - start) / 1e6), counted + tokens
    print("RESULT " + json.dumps({"rate": best, "tokens": counted}))


if __name__ == "__main__":
    main()
