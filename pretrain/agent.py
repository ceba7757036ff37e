"""torchrun that ends in one line where it would print its own traceback: `python -m pretrain.agent ARGUMENTS…`.

The arguments are those of `python -m torch.distributed.run`, and so is the work: it starts the workers of this node and
waits. What went wrong in a worker, the worker has said. Each gets its share of the cores, unless OMP_NUM_THREADS says
otherwise; torchrun's own choice is one, announced in five lines.

SIGTERM is passed on to the workers, and that is all: torchrun would count itself as failed, kill the workers after a
while, and leave the agents of other nodes waiting for it for five minutes. Where there is no /proc to find the workers
in, torchrun's own way stays.

Exit codes: 0 every worker ended well; 1 one did not; 128 + n signal n came and ended it. With GRISTMILL_DEBUG set,
torchrun's log and traceback are shown.
"""

import contextlib
import logging
import os
import signal
import sys
import tempfile
from types import FrameType

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.run import get_args_parser, main, parse_args

from pretrain.child import GRACE, children

STOPPED = 128 + signal.SIGTERM
SAVE_SECONDS = int(GRACE) - 30  # torchrun kills workers after 30 s by default, with the checkpoint half written


def run(arguments: list[str]) -> int:
    """Run torchrun, and give the exit code."""
    workers = parse_args(arguments).nproc_per_node
    if workers.isdigit():
        os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // int(workers), 1)))
    if sys.platform == "linux":
        signal.signal(signal.SIGTERM, _pass_on)
        arguments = ["--signals-to-handle=SIGINT,SIGHUP,SIGQUIT", *arguments]
    if "--shutdown-timeout" in get_args_parser().format_help():  # since torch 2.13
        arguments = [f"--shutdown-timeout={SAVE_SECONDS}", *arguments]
    if os.environ.get("GRISTMILL_DEBUG"):
        main(arguments)
        return 0
    logging.disable(logging.ERROR)  # of this process only: "Sending process … closing signal", and so on
    try:
        with tempfile.TemporaryDirectory(prefix="gristmill-agent-") as logs:  # torchrun leaves one behind
            main([f"--log-dir={logs}", *arguments])
    except SignalException as stopped:
        return 128 + int(stopped.sigval)
    except ChildFailedError as failed:
        return _failed(failed)
    except RendezvousError as error:
        print(
            f"error: the nodes did not find each other ({error}); check --rendezvous (--rdzv-endpoint)", file=sys.stderr
        )
        return 1
    return 0


def _pass_on(number: int, frame: FrameType | None) -> None:
    workers = list(children(os.getpid()))
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, number)
    if not workers:
        sys.exit(128 + number)


def _failed(failed: ChildFailedError) -> int:
    rank, first = failed.get_first_failure()
    if first.exitcode == -signal.SIGTERM:
        return STOPPED  # asked before it could listen
    if first.exitcode < 0:  # it could say nothing itself
        remedy = ": the machine was short of memory?" if first.exitcode == -signal.SIGKILL else ""
        print(f"error: the trainer of rank {rank} was ended by {first.signal_name()}{remedy}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
