"""What a side measures of its own process: CPU-seconds and peak memory."""

import resource
from pathlib import Path


def seconds() -> float:
    """CPU-seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def reset_peak() -> None:
    """Let `peak_bytes` speak of this process from now on, where the system can (Linux)."""
    refs = Path("/proc/self/clear_refs")
    if refs.exists():
        refs.write_text("5")


def peak_bytes() -> int:
    """The largest resident set since the last reset, of this process or of a child that has ended.

    Linux carries `ru_maxrss` over from the parent that started a process, so its own figure is read from /proc.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    status = Path("/proc/self/status")
    if not status.exists():
        return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children) * 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return max(int(line.split()[1]), children) * 1024
