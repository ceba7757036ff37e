"""What a process gives back to the system between parts: allocators keep it, and a worker's peak would grow with each.

Linux with glibc; elsewhere nothing is done.
"""

import contextlib
import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def give_back_large_blocks() -> None:
    """Have glibc map every block of a megabyte and more by itself: else it comes to keep those of up to 32 MB."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**20)
            ctypes.CDLL(None).mallopt(_M_TRIM_THRESHOLD, 2**24)


def give_back() -> None:
    """Let the system have what Arrow and glibc keep for later."""
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
