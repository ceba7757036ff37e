"""Reading apart: input bytes nobody knows are parsed in a child process that can be replaced.

In: a file and how to read it. Out: the same items as `sources.read.read`, come through a pipe. A child that gives no
sign of life for a minute, takes more memory than it may, or dies, is replaced; the record that it had in hand is
quarantined, written down by the caller, and passed over in this reading and all later ones. Limits that are counted
(bytes, nodes, members) decide what can be read; the clock and the memory only replace a worker.

The child lives as long as the process that it reads for and ends with it.
"""

import atexit
import contextlib
import ctypes
import mmap
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from corpus.errors import InputError
from sources import hand
from sources.item import Document, Item, Unit
from sources.settings import ReadSettings

SILENCE = 60.0  # seconds without a sign of life after which a child counts as hung
MEMORY = 2**30  # resident bytes that a child may take; the counted limits keep it below half of that
_POLL = 0.5
_SEND_BYTES, _SEND_ITEMS, _SEND_SECONDS = 2**18, 256, 0.2
_LENGTH = struct.Struct("<Q")
_REST = -1  # as ordinal: everything from `start` on
_item = attrgetter(*(f.name for f in fields(Item) if f.name != "document"))
_document = attrgetter(*(f.name for f in fields(Document)))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cost a reader its life: where it begins (in the file's unit), and why it is passed over."""

    file: str
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

    `refusals` are known from earlier readings of the file called `name`; new ones go to `write_down`. Raises what the
    reader raises, and InputError where no child can be started.
    """
    known = [refusal for refusal in refusals if refusal.file == name]
    given = 0
    while True:
        reader = _idle.pop() if _idle else _Reader()
        whole = False
        try:
            for item in reader.items(path, settings, known, given, silence, memory):
                given += 1
                yield item
            whole = True
            return
        except _DiedError as died:
            in_hand = died.seen.start != hand.NOTHING
            start, ordinal = (died.seen.start, died.seen.ordinal) if in_hand else (died.seen.read, _REST)
            if any((old.start, old.ordinal) == (start, ordinal) for old in known):
                raise InputError(
                    f"{path}: its reader dies at {start} though that is passed over ({died.detail}); take the file out"
                ) from died
            refusal = Refusal(name, start, ordinal, died.reason, died.detail)
            known.append(refusal)
            write_down(refusal)
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
                [sys.executable, "-m", "sources.apart", str(file.fileno())],
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
        job = pickle.dumps((sys.path, path, settings, refusals, skip))
        with contextlib.suppress(BrokenPipeError):  # a child that is gone shows when its answer is read
            self.process.stdin.write(_LENGTH.pack(len(job)) + job)
            self.process.stdin.flush()
        while True:
            kind, content = pickle.loads(self._frame(silence, memory))
            if kind == "done":
                return
            if kind == "error":
                raise content
            for row, document in content:
                yield made(*row[:5], Document(*document) if document else None, *row[5:])

    def _frame(self, silence: float, memory: int) -> bytes:
        length = _LENGTH.unpack(self._bytes(_LENGTH.size, silence, memory))[0]
        return self._bytes(length, silence, memory)

    def _bytes(self, size: int, silence: float, memory: int) -> bytes:
        assert self.process.stdout is not None
        parts: list[bytes] = []
        beats, since = -1, time.monotonic()
        while size:
            if not select.select([self.process.stdout], [], [], _POLL)[0]:
                seen = hand.see(self.board)
                if seen.beats != beats:
                    beats, since = seen.beats, time.monotonic()
                elif time.monotonic() - since > silence:
                    raise self._died("reader_hung", f"no sign of life for {silence:.0f} s")
                if (resident := _resident(self.process.pid)) > memory:
                    raise self._died("reader_out_of_memory", f"{resident >> 20} MiB resident, at most {memory >> 20}")
                continue
            data = os.read(self.process.stdout.fileno(), size)
            if not data:
                self.process.wait()
                raise self._died("reader_died", f"its process ended with code {self.process.returncode}")
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

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


@atexit.register
def end_idle() -> None:
    """Let the children go that wait for another file; what is read next starts a new one."""
    while _idle:
        _idle.pop().end()


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where the system does not say it in /proc."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return 0


def _main(board_number: int) -> None:
    """The child: jobs come in by standard input, items go out by what was standard output."""
    _die_with_parent()
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not end up among the items
    board = mmap.mmap(board_number, hand.BOARD_BYTES)
    while head := sys.stdin.buffer.read(_LENGTH.size):
        sys.path[:], path, settings, refusals, skip = pickle.loads(sys.stdin.buffer.read(_LENGTH.unpack(head)[0]))
        try:
            _send_items(out, board, path, settings, refusals, skip)
            _send(out, "done", None)
        except BrokenPipeError:
            return
        except Exception as error:  # not of this process: it is raised where the items are asked for
            _send(out, "error", _portable(error))


def _send_items(
    out: Any, board: mmap.mmap, path: Path, settings: ReadSettings, refusals: Sequence[Refusal], skip: int
) -> None:
    waiting: list[tuple[Any, Any]] = []
    size, sent = 0, time.monotonic()
    for number, item in enumerate(_reading(board, path, settings, refusals)):
        if number < skip:
            continue
        document = item.document
        waiting.append((_item(item), _document(document) if document else None))
        size += len(document.text) if document else 0
        if size >= _SEND_BYTES or len(waiting) >= _SEND_ITEMS or time.monotonic() - sent > _SEND_SECONDS:
            _send(out, "items", waiting)
            waiting, size, sent = [], 0, time.monotonic()
    _send(out, "items", waiting)


def _reading(board: mmap.mmap, path: Path, settings: ReadSettings, refusals: Sequence[Refusal]) -> Iterator[Item]:
    from sources.read import read
    from sources.tables.read import rows_stated

    hand.watch(board, {(r.start, r.ordinal): (r.reason, r.detail) for r in refusals})
    rests = {r.start: r for r in refusals if r.ordinal == _REST}
    at = 0
    unit: Unit = "byte"
    items = iter(()) if 0 in rests else read(path, settings)
    for item in items:
        yield item
        at, unit = item.end, item.unit
        if at in rests:
            break
    if rest := rests.get(at):
        end = path.stat().st_size if unit == "byte" else (unit == "row" and rows_stated(path)) or at
        yield Item(at, end, "quarantined", rest.reason, rest.detail, unit=unit)


def _send(out: Any, kind: str, content: Any) -> None:
    data = pickle.dumps((kind, content), protocol=5)
    view = memoryview(_LENGTH.pack(len(data)) + data)
    while view:
        view = view[out.write(view) :]


def _portable(error: Exception) -> Exception:
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def _die_with_parent() -> None:
    """On Linux the kernel ends this process with its parent; elsewhere the closed pipe does, after a record."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    _main(int(sys.argv[1]))
