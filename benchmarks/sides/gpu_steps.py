"""Training steps on a GPU, nothing saved or scored between them: their speed, and a profile of one.

Arguments: settings by name, a corpus, steps of a report, the MFU to reach. Each line is printed when it is known.
"""

import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import torch

from corpus.shard import open_corpus
from pretrain.clock import Clock
from pretrain.config import load_config
from pretrain.ranks import leave, open_ranks
from pretrain.run import Run, open_run, record
from pretrain.step import one_step, quiet_gc

WARM = 3  # steps; the first holds compilation
SECONDS, REPORTS = 60, 3  # at least both


def main(name: str, root: str, every: int, bar: float) -> None:
    """Print what a size does."""
    config = load_config(name)
    began = time.monotonic()
    with open_ranks(config) as ranks:
        run = open_run(open_corpus(root), config, ranks)
        told = record(run, root)
        print(f"{name}: {told['parameters']:,} parameters on {told['device']}\n  {told['mfu']}", flush=True)
        clock = Clock(run)
        with quiet_gc():
            report(run, clock, WARM)
            print(f"  opening, compiling and {WARM} steps: {time.monotonic() - began:.0f} s", flush=True)
            began, reports = time.monotonic(), []
            while len(reports) < REPORTS or time.monotonic() - began < SECONDS:
                reports.append(report(run, clock, every))
            told_speed(reports, every, bar)
            for line in profile(run):
                print(line, flush=True)


def report(run: Run, clock: Clock, steps: int) -> dict[str, Any]:
    """The values of so many steps; waits for the device at their end only."""
    for _ in range(steps):
        taken = one_step(run)
    assert taken is not None
    return clock.values(taken)


def told_speed(reports: list[dict[str, Any]], every: int, bar: float) -> None:
    """The medians of all reports, and their range."""
    speeds = [values["tokens_per_second"] for values in reports]
    data, whole = (sum(values[key] for values in reports) for key in ("data_seconds", "compute_seconds"))
    share, memory = data / (data + whole), torch.cuda.max_memory_allocated() / 1e9
    print(f"  {len(reports)} reports of {every} steps: {median(speeds):,.0f} tokens/s", end=" ")
    print(f"({min(speeds):,.0f} to {max(speeds):,.0f}), loss {reports[-1]['loss']:.3f}, {memory:.0f} GB at most")
    rates = [values["mfu"] for values in reports if values["mfu"] is not None]
    if rates:
        met = "met" if median(rates) >= bar else "NOT met"
        print(f"  MFU {median(rates):.1%} ({min(rates):.1%} to {max(rates):.1%}); bar >= {bar:.0%}: {met}")
    print(f"  time in data {share:.2%}; bar < 1%: {'met' if share < 0.01 else 'NOT met'}", flush=True)


def profile(run: Run) -> Iterator[str]:
    """Of one step: how long the device had nothing to do, and the kernels that took most of its time."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as found:
        one_step(run)
        torch.cuda.synchronize()
    ranges, kinds, end, busy = [], dict[str, list[float]](), 0.0, 0.0
    for event in found.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            ranges.append((event.time_range.start, event.time_range.end))
            kinds.setdefault(event.name, []).append(event.time_range.elapsed_us())
    for start, stop in sorted(ranges):
        busy, end = busy + max(0.0, stop - max(start, end)), max(end, stop)
    if not busy:
        yield "  the profiler saw no kernel"
        return
    span = end - min(ranges)[0]
    idle = 1 - busy / span
    yield f"  one step: {len(ranges):,} kernels and copies in {span / 1e3:,.0f} ms, the device idle {idle:.1%} of it"
    for name, times in sorted(kinds.items(), key=lambda kind: -sum(kind[1]))[:15]:
        yield f"  {sum(times) / busy:6.1%} {len(times):6,} x {sum(times) / len(times):8,.0f} us  {name[:90]}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    leave(0)
