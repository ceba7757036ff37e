"""The loader's windows in, tensors out.

`corpus.loader` reads; its whole state is one integer: how many windows have been consumed. Step s takes the next
`batch_windows` windows; rank r of w takes the r-th of w equal shares of them. So any number of ranks reads the same
global batches in the same order, and a run continued with another number of ranks misses nothing and repeats nothing.

    loader → rows (NumPy; the objective's doing) → tensors (on the device) → to_batch (masks, documents) → model
               └→ digest: what a step has read, in 128 bits
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch
import xxhash
from torch import Tensor

from corpus.errors import RecipeError
from corpus.loader import Loader
from pretrain.config import ObjectiveConfig
from pretrain.model.loss import IGNORED
from pretrain.objectives.rows import Rows, Special
from pretrain.objectives.transform import apply


@dataclass(frozen=True)
class Batch:
    """One forward pass' input, on the device. T tokens a row, S of a source."""

    tokens: Tensor
    """int32 [n, T]."""
    targets: Tensor
    """int64 [n, T]: what is to be said at each place; IGNORED where nothing is."""
    documents: Tensor
    """int32 [n, T]: which document of its row each token belongs to, counted from 1."""
    starts: Tensor
    """int32 [m]: where documents begin in the n·T tokens laid end to end; behind them n·T, repeated until m is a power
    of two, so that attention asks for memory in few sizes."""
    source: Tensor | None = None
    """int32 [n, S]: what the encoder of an encoder-decoder reads."""
    source_documents: Tensor | None = None
    """int32 [n, S]: with the numbers of `documents`."""

    def inputs(self) -> dict[str, Tensor]:
        """The model's arguments."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Reader:
    """A corpus' windows as a model is to read them."""

    loader: Loader
    objective: ObjectiveConfig
    special: Special
    seed: int

    def rows(self, position: int, count: int) -> Rows:
        """The windows at [position, position + count)."""
        read = self.loader.batch(position, count, opened=True)
        segments = partial(self.loader.segments, position, count)
        return apply(self.objective, read.tokens, read.bounds, segments, self.special, self.seed)


def share(position: int, batch_windows: int, rank: int = 0, world_size: int = 1) -> tuple[int, int]:
    """(first window, number of windows) of one rank's part of the global batch that starts at `position`.

    Raises RecipeError when the ranks cannot share the batch evenly.
    """
    if batch_windows % world_size:
        raise RecipeError(f"batch_windows = {batch_windows} cannot be shared by {world_size} ranks: make it a multiple")
    part = batch_windows // world_size
    return position + rank * part, part


def digest(rows: Rows, position: int) -> np.ndarray:
    """What the rows at `position` and after hold, in 128 bits as two int64, of all rows added up (modulo 2^64 each).

    A sum of one XXH3-128 for each row, seeded by its position: the same however a global batch is shared out.
    """
    starts = _by_row(rows.starts, rows.tokens)
    columns = [rows.tokens, rows.targets, starts]
    if rows.source is not None and rows.source_starts is not None:
        columns += [rows.source, _by_row(rows.source_starts, rows.source)]
    names = []
    for row, parts in enumerate(zip(*columns, strict=True)):
        name = xxhash.xxh3_128(seed=position + row)
        for part in parts:
            name.update(np.ascontiguousarray(part).data)
        names.append(name.digest())
    return np.frombuffer(b"".join(names), np.uint64).reshape(-1, 2).sum(axis=0, dtype=np.uint64).view(np.int64)


def _by_row(starts: np.ndarray, tokens: np.ndarray) -> list[np.ndarray]:
    """The starts of each row, counted from its own first place."""
    firsts = np.arange(len(tokens) + 1) * tokens.shape[1]
    cuts = np.searchsorted(starts, firsts).tolist()
    own = starts - np.repeat(firsts[:-1], np.diff(cuts)).astype(starts.dtype)
    return [own[low:high] for low, high in pairwise(cuts)]


def micro_batches(rows: Rows, micro_windows: int, pad_id: int, device: torch.device) -> Iterator[Batch]:
    """The rows as batches of at most `micro_windows` (0 = all), each made when it is asked for."""
    step = micro_windows or len(rows.tokens)
    for first in range(0, len(rows.tokens), step):
        yield to_batch(tensors(rows.part(first, first + step), device), pad_id)


@dataclass(frozen=True)
class Tensors:
    """Rows as tensors on the device, int32 as they are: 8 bytes a token to move, and on the CPU none to copy."""

    tokens: Tensor
    targets: Tensor
    starts: Tensor
    source: Tensor | None = None
    source_starts: Tensor | None = None


def tensors(rows: Rows, device: torch.device) -> Tensors:
    """Rows → tensors on the device; on the CPU views of the same memory, for a GPU through pinned memory."""
    to: Callable[[np.ndarray], Tensor] = partial(_moved, device) if device.type == "cuda" else torch.from_numpy
    source, starts = rows.source, rows.source_starts
    return Tensors(
        to(rows.tokens), to(rows.targets), to(rows.starts),
        None if source is None else to(source), None if starts is None else to(starts),
    )  # fmt: skip


def to_batch(moved: Tensors, pad_id: int) -> Batch:
    """What a model wants of the tensors, worked out on their device."""
    targets = moved.targets.long()
    batch = Batch(
        moved.tokens, targets.masked_fill(targets == pad_id, IGNORED), _numbers(moved.starts, moved.tokens),
        _padded(moved.starts, moved.tokens.numel()),
    )  # fmt: skip
    if moved.source is None or moved.source_starts is None:
        return batch
    return replace(batch, source=moved.source, source_documents=_numbers(moved.source_starts, moved.source))


def _moved(device: torch.device, array: np.ndarray) -> Tensor:
    """Through pinned memory; what is not contiguous would be copied to memory that is not, and waited for."""
    return torch.from_numpy(array).contiguous().pin_memory().to(device, non_blocking=True)


def _padded(starts: Tensor, end: int) -> Tensor:
    """The starts with the end behind them, repeated up to a power of two."""
    return torch.nn.functional.pad(starts, (0, (1 << len(starts).bit_length()) - len(starts)), value=end)


def _numbers(starts: Tensor, tokens: Tensor) -> Tensor:
    """The number in its row of the document that each token belongs to: int32, in the shape of `tokens`."""
    begins = torch.zeros(tokens.numel(), dtype=torch.int32, device=tokens.device)
    begins[starts.long()] = 1
    return begins.view(tokens.shape).cumsum(1, dtype=torch.int32)
