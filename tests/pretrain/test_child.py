"""A command under `pretrain.child` ends when its parent does, and says how it ended."""

import subprocess
import sys
import time

from pretrain import child

SAVES = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
print("up", flush=True)
time.sleep(999)
"""


def start(code: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, child.__file__, sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True
    )


def test_exit_code_and_lines_come_through() -> None:
    with start("print('a line'); raise SystemExit(3)") as process:
        assert process.stdout is not None
        assert process.stdout.read() == "a line\n"
    assert process.returncode == 3


def test_closing_the_pipe_asks_it_to_stop() -> None:
    began = time.monotonic()
    with start(SAVES) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "up\n"
        process.stdin.close()
    assert process.returncode == 75
    assert time.monotonic() - began < 300


def test_a_signal_is_passed_on() -> None:
    with start(SAVES) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(300) == 75
