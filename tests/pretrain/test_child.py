"""A command under `pretrain.child` ends when its parent does, and says how it ended."""

import subprocess
import sys
import time
from pathlib import Path

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


def test_what_hangs_is_killed_once_the_grace_is_over_and_not_twice_as_late() -> None:
    """A command that does not stop, and a worker of its own session that does not either."""
    worker = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(999)"
    code = "import subprocess, sys; "
    code += f"subprocess.Popen([sys.executable, '-c', {worker!r}], start_new_session=True); {worker}"
    short = f"import sys; sys.path.insert(0, {str(Path(child.__file__).parent)!r}); import child; child.GRACE = 6.0; "
    short += f"sys.exit(child.main([sys.executable, '-c', {code!r}]))"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", short], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["up\n", "up\n"]
        began = time.monotonic()
        process.terminate()
        assert process.wait(300) == 128 + 9
        assert 6 <= time.monotonic() - began < 12
