"""A look at a stream of chunks: bytes ahead can be seen before they are taken, and the offset is always known."""

import re
from collections.abc import Iterator

from sources.containers.compression import BrokenError


class Window:
    """Bytes from `position` on. When the stream breaks, what came before is still given and `broken` says why."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()
        self._at = 0  # of what is held, how much is taken
        self._taken = 0  # position of _held[0] in the stream
        self.broken: BrokenError | None = None
        self.ended = False

    @property
    def position(self) -> int:
        """Offset of the next byte in the stream."""
        return self._taken + self._at

    def ahead(self, size: int) -> int:
        """How many of the next `size` bytes there are; they are held from now on."""
        self._fill(size)
        return min(size, len(self._held) - self._at)

    def peek(self, size: int, ahead: int = 0) -> bytes:
        """The `size` bytes that begin `ahead` bytes on, fewer at the stream's end, without taking them."""
        self._fill(ahead + size)
        return bytes(memoryview(self._held)[self._at + ahead : self._at + ahead + size])

    def take(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the stream's end."""
        data = self.peek(size)
        self._at += len(data)
        return data

    def skip(self, size: int) -> int:
        """Pass over `size` bytes without holding them; gives how many there were."""
        left = size
        while left:
            self._fill(1)
            here = min(left, len(self._held) - self._at)
            if not here:
                break
            self._at += here
            left -= here
        return size - left

    def find(self, needle: bytes, ahead: int, limit: int) -> int:
        """Distance from here to the first `needle` at least `ahead` bytes on and ending within `limit`, or -1."""
        size = min(2**12, limit)
        while True:
            self._fill(size)
            found = self._held.find(needle, self._at + ahead, self._at + limit)
            if found >= 0:
                return found - self._at
            if size >= limit or len(self._held) - self._at < size:
                return -1
            ahead = max(ahead, len(self._held) - self._at - len(needle) + 1)
            size = min(2 * max(size, len(self._held) - self._at), limit)

    def search(self, pattern: re.Pattern[bytes], ahead: int, limit: int, longest: int) -> tuple[int, int] | None:
        """Where, from here, the first match of at most `longest` bytes begins and ends, as `find` looks for it."""
        size = min(2**12, limit)
        while True:
            self._fill(size)
            match = pattern.search(self._held, self._at + ahead, self._at + limit)
            if match:
                span = (match.start() - self._at, match.end() - self._at)
                del match  # it holds the bytearray, which cannot grow while it does
                return span
            if size >= limit or len(self._held) - self._at < size:
                return None
            ahead = max(ahead, len(self._held) - self._at - longest + 1)
            size = min(2 * max(size, len(self._held) - self._at), limit)

    def _fill(self, size: int) -> None:
        if len(self._held) - self._at >= size or self.ended:
            return
        if self._at:
            del self._held[: self._at]
            self._taken, self._at = self._taken + self._at, 0
        while len(self._held) < size:
            try:
                piece = next(self._chunks, None)
            except BrokenError as broken:
                self.broken, piece = broken, None
            if piece is None:
                self.ended = True
                return
            self._held += piece
