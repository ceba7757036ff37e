"""Ctrl-C that cannot get lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. Inside a destructor or a callback from C there
is nobody to pass it on to: it is printed as "Exception ignored", and the build would go on. So the signal is
remembered as well, and the runners look, whenever a batch ends, whether they were asked to stop.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_asked = False


@contextmanager
def remembered() -> Iterator[None]:
    """Within it, a Ctrl-C is remembered; main thread only. Where Ctrl-C is ignored or handled otherwise, nothing."""
    global _asked
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        _asked = False
        signal.signal(signal.SIGINT, signal.default_int_handler)


def check() -> None:
    """Raise the KeyboardInterrupt that was asked for and got lost."""
    if _asked:
        raise KeyboardInterrupt


def _remember(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
