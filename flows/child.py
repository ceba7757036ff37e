"""Runs a command that must not outlive its parent: `python child.py COMMAND …`, standard input a pipe from the parent.

The command gets a process group of its own. SIGTERM and SIGINT are passed on to the group as SIGTERM. When the pipe
closes, whether the parent closed it or was killed, the group is asked to stop, and killed GRACE seconds later. The exit
code is the command's. Needs only the standard library, so that it costs a child of a flow no import of Prefect.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE = 60.0  # seconds for a last checkpoint


def main(command: list[str]) -> int:
    """Run the command to its end, and give its exit code (128 + n when signal n ended it)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def send(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def stop_with_parent() -> None:
        sys.stdin.buffer.read()
        send(signal.SIGTERM)
        threading.Timer(GRACE, send, [signal.SIGKILL]).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: send(signal.SIGTERM))
    threading.Thread(target=stop_with_parent, daemon=True).start()
    code = process.wait()
    send(signal.SIGKILL)  # whatever the command left of its group
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the thread above may still be reading
