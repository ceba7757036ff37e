"""Which record a reader has in hand: written where another process sees it, so that a hang or a crash has a name.

A reader that runs apart (`sources.apart`) is given a board: 40 bytes of shared memory. Taking a record and laying it
down cost a microsecond. Where no board is given, nothing is written.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap

_ROW = struct.Struct("<Qqqqq")  # beats; start, end and ordinal of the record in hand; the end of the last one laid down
BOARD_BYTES = _ROW.size
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Seen:
    """What the board says. `start` is NOTHING between two records."""

    beats: int
    start: int
    end: int
    ordinal: int
    read: int  # up to where everything was read


@dataclass
class _State:
    board: mmap | None = None
    refused: Mapping[tuple[int, int], tuple[str, str]] | None = None
    beats: int = 0
    read: int = 0


_state = _State()


def watch(board: mmap, refused: Mapping[tuple[int, int], tuple[str, str]]) -> None:
    """From now on records show on `board`, and those of `refused` (start, ordinal) are not to be touched."""
    _state.board, _state.refused, _state.read = board, refused, 0
    _show(NOTHING, NOTHING, NOTHING)


def take(start: int, end: int, ordinal: int) -> tuple[str, str] | None:
    """A record is about to be read. Gives reason and detail where it is one that must not be."""
    if _state.board is None:
        return None
    _show(start, end, ordinal)
    return _state.refused.get((start, ordinal)) if _state.refused else None


def lay_down(end: int) -> None:
    """The record in hand is done."""
    _state.read = end
    _show(NOTHING, NOTHING, NOTHING)


def beat() -> None:
    """Sign of life in the midst of long work whose amount is bounded."""
    if _state.board is not None:
        _state.beats += 1
        struct.pack_into("<Q", _state.board, 0, _state.beats)


def see(board: mmap) -> Seen:
    """What a board says."""
    return Seen(*_ROW.unpack_from(board))


def _show(start: int, end: int, ordinal: int) -> None:
    if _state.board is not None:
        _state.beats += 1
        _ROW.pack_into(_state.board, 0, _state.beats, start, end, ordinal, _state.read)
