"""Windows as they lie in the stream: window w shows tokens [wT, wT + T], the last one as a label only.

In: window numbers. Out: their ids, where documents begin in them, which tokens they consume.
"""

from dataclasses import dataclass

import numpy as np

from corpus.seeds import draw, mix
from corpus.stream import TokenStream


@dataclass(frozen=True, eq=False)
class Segments:
    """Parts of documents in a batch of windows, in order; together they are all ids of all windows.

    A part begins where `corpus.loader.Batch.bounds` has a place, and ends where the next begins.
    """

    row: np.ndarray
    """int64[s]: which window."""
    start: np.ndarray
    stop: np.ndarray
    """int64[s]: ids [start, stop) of the window's T + 1; T + 1 where the last label goes on with the document."""
    key: np.ndarray
    """uint64[s]: a hash of document, piece, place and epoch, from which a transform draws."""
    domain: np.ndarray
    """int32[s]: which of `domains`; -1 for padding."""
    domains: list[str]

    @classmethod
    def of(cls, bounds: np.ndarray, length: int, windows: np.ndarray) -> "Segments":
        """From where documents begin in windows with these numbers; keyed by window and place, without domains."""
        row, start = np.divmod(bounds.astype(np.int64), length)
        stop = np.where(np.append(row[1:] == row[:-1], False), np.append(start[1:], 0), length)
        key = mix(mix(windows.astype(np.uint64)[row]) + start.astype(np.uint64))
        return cls(row, start, stop, key, np.full(len(row), -1, np.int32), [])

    @classmethod
    def at(
        cls, stream: TokenStream, row: np.ndarray, start: np.ndarray, stop: np.ndarray, place: np.ndarray,
        epoch: np.ndarray,
    ) -> "Segments":  # fmt: skip
        """From where they lie in the stream, int64[s]: `place` of their first ids (-1: padding), `epoch` of reading."""
        ids, piece = np.zeros((len(row), 16), np.uint8), np.full(len(row), -1, np.int64)
        domain, names = np.full(len(row), -1, np.int32), dict[str, int]()
        shards = np.where(place < 0, -1, np.searchsorted(stream.starts, place, "right") - 1)
        for number in np.unique(shards[shards >= 0]).tolist():
            mine, opened = np.flatnonzero(shards == number), stream.shard(number)
            rows = np.searchsorted(opened.offsets, place[mine] - stream.starts[number], "right") - 1
            ids[mine] = opened.ids[rows].view(np.uint8).reshape(-1, 16)
            piece[mine] = opened.pieces[rows]
            coded = np.array([names.setdefault(name, len(names)) for name in opened.domains[0]], np.int32)
            domain[mine] = coded[opened.domains[1][rows]]
        key = draw(ids, 0, *(number.astype(np.uint64) for number in (piece, place, epoch)))
        return cls(row, start, stop, key, domain, list(names))


def openings(windows: np.ndarray, bounds: np.ndarray, eos_id: int) -> np.ndarray:
    """Where documents open in the n·T inputs of windows int [n, T + 1], laid end to end: int [m], in order, each once.

    `bounds` (`corpus.loader.Batch`), int [k], says where documents and their pieces begin. An EOS before one opens the
    document: as an input it stands where other models put a start mark, so the first token of a document is predicted
    from it alone, and the EOS that ends a document is predicted from that document. A piece from the middle of a
    document has no EOS before it and opens by itself.
    """
    length = windows.shape[1] - 1
    row, column = np.divmod(bounds, length)
    row += bounds  # a window has one id more than inputs
    row -= 1
    opened = windows.reshape(-1).take(row, mode="wrap") == eos_id
    opened &= column > 0
    starts = bounds - opened
    ends = windows[:, length - 1] == eos_id  # opens what the next window shows
    if ends.any():
        starts = np.concatenate([starts, ends.nonzero()[0] * length + length - 1]).astype(bounds.dtype)
        starts.sort()
    new = np.ones(len(starts), bool)
    np.not_equal(starts[1:], starts[:-1], out=new[1:])
    return starts[new]


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

    def bounds(self, windows: np.ndarray, *, opened: bool = False) -> np.ndarray:
        """int64: where windows and documents begin, counted over all inputs of the batch, in order."""
        starts = windows * self.length
        which, places = self.stream.begins(starts, starts + self.length, opened=opened)
        firsts = np.arange(len(windows)) * self.length
        return _merged(firsts, places + (firsts - starts)[which])

    def openings(self, windows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """What `openings` finds in their ids, known without a look at them: an EOS stands where a document ends."""
        return self.bounds(windows, opened=True)

    def parts(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What `Segments` are made from: which window, first id and end in it, place in the stream; int64, in order."""
        starts, size = windows * self.length, self.length + 1
        which, places = self.stream.begins(starts, starts + size)
        flat = _merged(np.arange(len(windows)) * size, places + which * size - starts[which])
        row, start = np.divmod(flat, size)
        stop = np.where(np.append(row[1:] == row[:-1], False), np.append(start[1:], 0), size)
        inside = start < self.length  # the label alone is no part of this window
        row, start, stop = row[inside], start[inside], stop[inside]
        return row, start, stop, starts[row] + start

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
