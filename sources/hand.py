"""Which record a reader has in hand: written where another process sees it, so that a hang or a crash has a name.

A reader that runs apart (`sources.apart`) is given a board: 32 bytes of shared memory. Taking a record and laying it
down cost a microsecond. Where no board is given, nothing is written.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap

_ROW = struct.Struct("<Qqqq")  # beats; start and ordinal of the record in hand; the number of items made
BOARD_BYTES = _ROW.size
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Seen:
    """What the board says. `start` is NOTHING between two records."""

    beats: int  # 0 until the first sign of life
    start: int
    ordinal: int
    made: int


@dataclass
class _State:
    board: mmap | None = None
    refused: Mapping[tuple[int, int], tuple[str, str]] | None = None
    beats: int = 0
    made: int = 0


_state = _State()


def watch(board: mmap | None, refused: Mapping[tuple[int, int], tuple[str, str]]) -> None:
    """From now on records show on `board` (None: nowhere); those of `refused` (start, ordinal) must not be touched."""
    _state.board, _state.refused, _state.made = board, refused, 0
    _show(NOTHING, NOTHING)


def take(start: int, ordinal: int) -> tuple[str, str] | None:
    """A record is about to be read. Gives reason and detail where it is one that must not be."""
    if _state.board is None:
        return None
    _show(start, ordinal)
    return _state.refused.get((start, ordinal)) if _state.refused else None


def lay_down() -> None:
    """The record in hand is done."""
    _show(NOTHING, NOTHING)


def made(items: int) -> None:
    """So many items have been made of the file."""
    _state.made = items
    _show(NOTHING, NOTHING)


def beat() -> None:
    """Sign of life in the midst of long work whose amount is bounded."""
    if _state.board is not None:
        _state.beats += 1
        struct.pack_into("<Q", _state.board, 0, _state.beats)


def see(board: mmap) -> Seen:
    """What a board says."""
    return Seen(*_ROW.unpack_from(board))


def _show(start: int, ordinal: int) -> None:
    if _state.board is not None:
        _state.beats += 1
        _ROW.pack_into(_state.board, 0, _state.beats, start, ordinal, _state.made)
