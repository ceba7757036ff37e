"""The loader's windows in, tensors out.

`corpus.loader` reads; its whole state is one integer: how many windows have been consumed. Step s takes the next
`batch_windows` windows; rank r of w takes the r-th of w equal shares of them. So any number of ranks reads the same
global batches in the same order, and a run continued with another number of ranks misses nothing and repeats nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from corpus.errors import RecipeError
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


def to_batch(windows: np.ndarray, bounds: np.ndarray, *, eos_id: int, pad_id: int, device: torch.device) -> Batch:
    """Windows int [n, T + 1] and where documents begin in their n·T inputs (`corpus.loader.Batch`) → tensors."""
    ids = torch.from_numpy(windows.astype(np.int64)).to(device, non_blocking=True)
    tokens, targets = ids[:, :-1], ids[:, 1:]
    begins = torch.zeros(tokens.shape, dtype=torch.bool)
    begins.view(-1)[torch.from_numpy(bounds.astype(np.int64))] = True
    documents = document_ids(tokens, eos_id, begins.to(device, non_blocking=True))
    return Batch(tokens, targets.masked_fill(targets == pad_id, IGNORED), documents)
