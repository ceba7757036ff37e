"""Windows as they lie in the stream: window w shows tokens [wT, wT + T], the last one as a label only.

In: window numbers. Out: their ids, where documents begin in them, which tokens they consume.
"""

import numpy as np

from corpus.stream import TokenStream


class Plain:
    """The stream cut every `length` tokens. What `corpus.packing.Packed` does as well, for pieces packed into rows."""

    def __init__(self, stream: TokenStream, length: int) -> None:
        self.stream, self.length = stream, length
        self.num_windows = stream.num_windows(length)
        self.prefix_bound = 0

    def read(self, windows: np.ndarray, out: np.ndarray) -> None:
        """The ids of windows int64[n] into int32[n, length + 1]."""
        starts, size = windows * self.length, self.length + 1
        if len(windows) and int(windows[-1]) - int(windows[0]) == len(windows) - 1 and (np.diff(windows) == 1).all():
            run = self.stream.tokens(int(starts[0]), int(starts[-1]) + size)
            out[:] = np.lib.stride_tricks.as_strided(run, out.shape, (self.length * run.itemsize, run.itemsize))
            return
        for number, mine in self.stream.overlaps(starts, starts + size):
            base, tokens = int(self.stream.starts[number]), self.stream.shard(number).tokens
            at = starts[mine] - base
            here = np.flatnonzero((at >= 0) & (at + size <= len(tokens)))
            if len(here):
                step = tokens.itemsize
                view = np.lib.stride_tricks.as_strided(tokens, (len(tokens) - size + 1, size), (step, step))
                out[mine[here]] = view[at[here]]
            for row, start in zip(mine.tolist(), at.tolist(), strict=True):
                if start >= 0 and start + size > len(tokens):  # goes on in the next shard
                    out[row] = self.stream.tokens(base + start, base + start + size)

    def bounds(self, windows: np.ndarray) -> np.ndarray:
        """int64: where windows and documents begin, counted over all inputs of the batch, in order."""
        starts = windows * self.length
        which, places = self.stream.begins(starts, starts + self.length)
        inside = places + which * self.length - starts[which]
        return _merged(np.arange(len(windows)) * self.length, inside)

    def shown(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tokens in windows, labels included: int64 starts and stops in the stream, and whose they are."""
        starts = windows * self.length
        return starts, starts + self.length + 1, np.arange(len(windows))

    def consumed(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens that windows consume: starts and stops; no two windows consume the same."""
        return windows * self.length, (windows + 1) * self.length

    def whole(self, windows: int) -> tuple[int, int]:
        """(tokens, window): the first `windows` consume the first `tokens` and what those from `window` on do."""
        return windows * self.length, windows

    def find(self, start: int, stop: int) -> np.ndarray:
        """The windows that show any of tokens [start, stop), int64 in order."""
        first = max(-(-start // self.length) - 1, 0)
        return np.arange(first, min(-(-stop // self.length), self.num_windows))


def _merged(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Both, in order, each value once."""
    both = np.concatenate([one, other])
    both.sort(kind="stable")
    return both[np.concatenate([[True], both[1:] != both[:-1]])] if len(both) else both
