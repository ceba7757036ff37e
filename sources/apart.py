"""Reading apart: input bytes nobody knows are parsed in a child process that can be replaced.

In: a file and how to read it. Out: the same items as `sources.read.read`, come through a pipe. A child that gives no
sign of life for a minute, takes more memory than it may, or dies, is replaced. Once may be chance: memory was
short, somebody sent a signal. The record in whose midst a second one dies is quarantined, written down by the caller,
and passed over in this reading and all later ones; so is the rest of the file where no record is in hand, where passing
one over does not help, and after `REFUSALS` of them. Limits that are counted (bytes, nodes, members) decide what can be
read; the clock and the memory only replace a worker.

The child (`sources.reader`) lives as long as the process that it reads for and ends with it.
"""

import atexit
import contextlib
import mmap
import os
import pickle
import select
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import InputError
from sources import hand
from sources.item import Document, Item
from sources.settings import ReadSettings

SILENCE = 60.0  # seconds without a sign of life after which a child counts as hung
MEMORY = 2**30  # bytes that a child may have of its own; the counted limits keep it well below
REFUSALS = 100  # of one file, which is read anew for each
CHANCES = 4  # deaths in a row of which no two are of one place
LENGTH = struct.Struct("<Q")  # before everything that goes through the pipes
REST = -1  # as ordinal: everything after the first `start` items
_POLL = 0.5


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cost readers their lives: where it begins (in the file's unit), and why it is passed over."""

    file: str  # for people
    start: int
    ordinal: int
    reason: str  # reader_hung | reader_out_of_memory | reader_died
    detail: str


class _DiedError(Exception):
    def __init__(self, reason: str, detail: str, seen: hand.Seen) -> None:
        super().__init__(reason)
        self.reason, self.detail, self.seen = reason, detail, seen


def read_apart(
    path: Path,
    settings: ReadSettings,
    name: str = "",
    refusals: Sequence[Refusal] = (),
    write_down: Callable[[Refusal], None] = lambda refusal: None,
    *,
    silence: float = SILENCE,
    memory: int = MEMORY,
) -> Iterator[Item]:
    """The items of one input file, in order, read in a child process.

    `refusals` are known from earlier readings of the same bytes in the same way; new ones, of a file called `name`, go
    to `write_down`. Raises what the reader raises, and InputError where one child after another dies of nothing that
    could be passed over.
    """
    known = {(refusal.start, refusal.ordinal): refusal for refusal in refusals}
    given = deaths = 0
    last: tuple[int, int] | None = None
    while True:
        reader = _idle.pop() if _idle else _Reader()
        whole = False
        try:
            for item in reader.items(path, settings, list(known.values()), given, silence, memory):
                given += 1
                yield item
            whole = True
            return
        except _DiedError as died:
            place, deaths = (died.seen.start, died.seen.ordinal), deaths + 1
            if died.seen.start == hand.NOTHING or place in known or len(known) >= REFUSALS:
                place = (died.seen.made, REST)
            if died.seen.beats and place == last and place not in known:
                known[place] = Refusal(name, *place, died.reason, died.detail)
                write_down(known[place])
                deaths = 0
            elif deaths == CHANCES:
                raise InputError(
                    f"{path}: {deaths} readers died and no record is to blame (the last: {died.detail}); "
                    f"see whether memory is short and whether `{sys.executable} -m sources.reader` can run"
                ) from died
            last = place
        finally:
            if whole:
                _idle.append(reader)
            else:
                reader.end()


class _Reader:
    """A child process and the board on which it shows what it has in hand."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.truncate(hand.BOARD_BYTES)
            self.board = mmap.mmap(file.fileno(), hand.BOARD_BYTES)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sources.reader", str(file.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[file.fileno()],
                process_group=0,  # Ctrl-C is its parent's business
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    def items(
        self, path: Path, settings: ReadSettings, refusals: list[Refusal], skip: int, silence: float, memory: int
    ) -> Iterator[Item]:
        """The items after the first `skip`. Raises _DiedError when the child hangs, grows too large or dies."""
        assert self.process.stdin is not None
        made: Any = Item
        self.board[:] = bytes(hand.BOARD_BYTES)  # what the last file left there
        job = pickle.dumps((sys.path, path, settings, refusals, skip))
        with contextlib.suppress(BrokenPipeError):  # a child that is gone shows when its answer is read
            self.process.stdin.write(LENGTH.pack(len(job)) + job)
            self.process.stdin.flush()
        while True:
            (length,) = LENGTH.unpack(self._bytes(LENGTH.size, silence, memory))
            self._check_memory(memory)
            kind, content = pickle.loads(self._bytes(length, silence, memory))
            if kind == "done":
                _spent.append(content)
                return
            if kind == "error":
                raise content
            for row, document in content:
                yield made(*row[:5], Document(*document) if document else None, *row[5:])

    def _bytes(self, size: int, silence: float, memory: int) -> bytes:
        assert self.process.stdout is not None
        parts: list[bytes] = []
        beats, polls = -1, 0  # not a clock: while this process is stopped or the machine sleeps, nobody looks
        while size:
            if not select.select([self.process.stdout], [], [], _POLL)[0]:
                seen = hand.see(self.board)
                beats, polls = seen.beats, polls + 1 if seen.beats == beats else 0
                most = silence if beats else max(silence, SILENCE)  # one that starts is silent, too
                if polls * _POLL > most:
                    raise self._died("reader_hung", f"no sign of life for {most:.0f} s")
                self._check_memory(memory)
                continue
            data = os.read(self.process.stdout.fileno(), size)
            if not data:
                self.process.wait()
                raise self._died("reader_died", f"its process ended with code {self.process.returncode}")
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _check_memory(self, most: int) -> None:
        if (taken := _own_memory(self.process.pid)) > most:
            raise self._died("reader_out_of_memory", f"{taken >> 20} MiB taken, at most {most >> 20}")

    def _died(self, reason: str, detail: str) -> _DiedError:
        self.process.kill()  # before the board is read: from here on it stands still
        self.process.wait()
        return _DiedError(reason, detail, hand.see(self.board))

    def end(self) -> None:
        """Let the child go, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                assert pipe is not None
                pipe.close()
        self.board.close()


_idle: list[_Reader] = []
_spent: list[float] = []


def spent() -> float:
    """Core-seconds that children took to read the files that they have ended so far, their start not counted."""
    _spent[:] = [sum(_spent)]
    return _spent[0]


@atexit.register
def end_idle() -> None:
    """Let the children go that wait for another file; what is read next starts a new one."""
    while _idle:
        _idle.pop().end()


def _own_memory(pid: int) -> int:
    """Bytes of memory that a process shares with no file, for those are its own; 0 where /proc does not say it."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(shared)) * mmap.PAGESIZE
    except (OSError, ValueError):
        return 0
