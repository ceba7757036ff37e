"""The child of `sources.apart`: jobs come in by standard input, items go out by what was standard output.

In: a path, how to read it, what is to be passed over, and how many items were given before. Out: the items after those,
a few hundred at a time, and on the board of `sources.hand` what is being done.
"""

import ctypes
import mmap
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

from corpus import memory
from sources import hand
from sources.apart import LENGTH, REST, Refusal
from sources.item import Document, Item, Unit
from sources.settings import ReadSettings

_SEND_BYTES, _SEND_ITEMS, _SEND_SECONDS = 2**18, 256, 0.2
_item = attrgetter(*(f.name for f in fields(Item) if f.name != "document"))
_document = attrgetter(*(f.name for f in fields(Document)))


def _main(board_number: int) -> None:
    """Do one job after another, until there are none or nobody listens."""
    _die_with_parent()
    memory.give_back_large_blocks()
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not end up among the items
    board = mmap.mmap(board_number, hand.BOARD_BYTES)
    while head := sys.stdin.buffer.read(LENGTH.size):
        sys.path[:], path, settings, refusals, skip = pickle.loads(sys.stdin.buffer.read(LENGTH.unpack(head)[0]))
        begun = time.process_time()
        try:
            if settings.kind not in ("code", "tabular"):
                _prepare(board)
            _send_items(out, board, path, settings, refusals, skip)
            _send(out, "done", time.process_time() - begun)
            memory.give_back()
        except BrokenPipeError:
            return
        except Exception as error:  # not of this process: it is raised where the items are asked for
            _send(out, "error", _portable(error))


@cache
def _prepare(board: mmap.mmap) -> None:
    """Compile the kernels where an update has changed them: that may take minutes, and is no fault of the input."""
    from processors.compile import are_readers_warm, warm_readers

    if are_readers_warm():
        return
    hand.watch(board, {})
    ready = threading.Event()

    def beat() -> None:
        while not ready.wait(1):
            hand.beat()

    threading.Thread(target=beat, daemon=True).start()
    try:
        warm_readers()
    finally:
        ready.set()


def _send_items(
    out: Any, board: mmap.mmap, path: Path, settings: ReadSettings, refusals: Sequence[Refusal], skip: int
) -> None:
    from sources.ingest import tiled

    waiting: list[tuple[Any, Any]] = []
    size, sent = 0, time.monotonic()
    items = tiled(_reading(board, path, settings, refusals), path.name, _stored(path), path)
    for item in islice(items, skip, None):
        document = item.document
        waiting.append((_item(item), _document(document) if document else None))
        size += len(document.text) if document else 0
        if size >= _SEND_BYTES or len(waiting) >= _SEND_ITEMS or time.monotonic() - sent > _SEND_SECONDS:
            _send(out, "items", waiting)
            waiting, size, sent = [], 0, time.monotonic()
        del item, document  # a large one is not held while the next one is made
    _send(out, "items", waiting)


def _reading(board: mmap.mmap, path: Path, settings: ReadSettings, refusals: Sequence[Refusal]) -> Iterator[Item]:
    """The items of a file, up to the one after which all is refused or the reader fails outside of any record."""
    from sources.containers.compression import BrokenError
    from sources.outcome import FAULTS, UnreadError, told
    from sources.read import read
    from sources.tables.read import rows_stated

    hand.watch(board, {(r.start, r.ordinal): (r.reason, r.detail) for r in refusals})
    rests = {r.start: (r.reason, r.detail) for r in refusals if r.ordinal == REST}
    at = number = 0
    unit: Unit = "byte"
    total: int | None = _stored(path)
    rest = rests.get(0)
    try:
        for item in () if rest else read(path, settings):
            number += 1
            if number == 1 and item.unit == "row":
                total = rows_stated(path)
            hand.made(number)
            at, unit = item.end, item.unit
            yield item
            del item
            if rest := rests.get(number):
                break
    except (UnreadError, BrokenError) as error:
        rest = error.reason, error.detail
    except FAULTS as error:
        if isinstance(error, OSError) and error.errno:  # the machine's fault, not that of the bytes
            raise
        rest = "reader_fault", told(error)
    if rest:
        end = max(at, total or 0) if unit in ("byte", "row") else at
        yield Item(at, end, "quarantined", *rest, unit=unit)


def _stored(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0  # a repository is a folder


def _send(out: Any, kind: str, content: Any) -> None:
    data = pickle.dumps((kind, content), protocol=5)
    view = memoryview(LENGTH.pack(len(data)) + data)
    while view:
        view = view[out.write(view) :]


def _portable(error: Exception) -> Exception:
    """The error itself, or what it says where it cannot be sent."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:  # a library's error may raise anything when it is packed or made again
        return RuntimeError(f"{type(error).__name__}: {error}")


def _die_with_parent() -> None:
    """On Linux the kernel ends this process with its parent; elsewhere the closed pipe does, after a record."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    _main(int(sys.argv[1]))
