"""Rows of a corpus' shards in, tensors out.

The loader's whole state is one integer: how many windows have been consumed. Step s takes the next `batch_windows`
windows; rank r of w takes the r-th of w equal shares of them. So any number of ranks reads the same global batches in
the same order, and a run continued with another number of ranks misses nothing and repeats nothing.
No workers and no queue: the shards are memory-mapped and a batch is a copy of a few hundred kilobytes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from corpus.errors import InputError, RecipeError
from corpus.shard import TokenStream
from pretrain.model import IGNORED, document_ids


@dataclass(frozen=True)
class Batch:
    """One forward pass' input: int64 [windows, T] each."""

    tokens: Tensor
    targets: Tensor
    """The next id of each token; IGNORED where it is PAD (tokens that were taken out of the corpus)."""
    documents: Tensor
    """Which document of the window each token belongs to."""

    def num_targets(self) -> int:
        """Targets that bear loss."""
        return int((self.targets != IGNORED).sum())


def share(position: int, batch_windows: int, rank: int = 0, world_size: int = 1) -> tuple[int, int]:
    """(first window, number of windows) of one rank's part of the global batch that starts at `position`.

    Raises RecipeError when the ranks cannot share the batch evenly.
    """
    if batch_windows % world_size:
        raise RecipeError(f"batch_windows = {batch_windows} cannot be shared by {world_size} ranks: make it a multiple")
    part = batch_windows // world_size
    return position + rank * part, part


def read_windows(stream: TokenStream, first: int, count: int, length: int) -> np.ndarray:
    """Windows `first` to `first + count` of an endless repetition of the stream: int32 [count, length + 1].

    Raises InputError when the stream is shorter than one window.
    """
    available = stream.num_windows(length)
    if available < 1:
        raise InputError(
            f"the training stream holds {stream.num_tokens:,} tokens, less than one window of {length} + 1: "
            "build a larger corpus or lower sequence_length"
        )
    rows = []
    while count:
        start = first % available
        taken = min(count, available - start)
        rows.append(stream.windows(start, taken, length))
        first, count = first + taken, count - taken
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def to_batch(windows: np.ndarray, *, eos_id: int, pad_id: int, device: torch.device) -> Batch:
    """Windows int [n, T + 1] → tensors on `device`."""
    ids = torch.from_numpy(windows.astype(np.int64)).to(device, non_blocking=True)
    tokens, targets = ids[:, :-1], ids[:, 1:]
    return Batch(tokens, targets.masked_fill(targets == pad_id, IGNORED), document_ids(tokens, eos_id))
