"""What a writer is told beside the stream, and what it tells."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Settings:
    """How an export is cut, and what its files name."""

    vocab_size: int
    stamp: str  # names the contents: order, tokenizer
    sequence_length: int = 0  # tokens a sample or block; 0: rows as they are
    file_tokens: int = 0  # most tokens a file; 0: as the format likes it

    @property
    def dtype(self) -> np.dtype:
        """uint16 up to 65,536 ids, uint32 above, as in the shards."""
        return np.dtype("<u2" if self.vocab_size <= 1 << 16 else "<u4")


class Written(NamedTuple):
    """What became of a stream."""

    dtype: str
    left_out: int = 0  # tokens at the stream's end that are not in the files
    notes: tuple[str, ...] = ()  # what else the format changed, with numbers
