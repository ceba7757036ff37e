"""How a training starts, is stopped once, and says how it ended: with the real torchrun, and a stand-in for a trainer.

The stand-in keeps to what launch asks of a trainer: a heartbeat in status.json, SIGTERM answered after a whole step by
"paused" and the exit code 75 (0 as a worker of torchrun). The last test runs the real one.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corpus.errors import RecipeError
from pretrain import agent, child, launch
from pretrain.train import PAUSED

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds that a busy machine may need for what takes an idle one few
STAND_IN = """
import json, os, signal, sys, time
from pathlib import Path

out, mode, rank = Path(sys.argv[1]), sys.argv[2], os.environ.get("RANK", "0")
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))

def say(state, step):
    (out / "aside").write_text(json.dumps({"state": state, "step": step, "steps": 1000, "updated": time.time()}))
    os.replace(out / "aside", out / "status.json")

def mark(name):
    (out / f"{name}{rank}").write_text(f"{os.getpid()} {len(asked)} {os.environ.get('OMP_NUM_THREADS')}")

if rank == "0" and mode != "fail":
    say("running", 1)
mark("up")
if mode == "fail":
    while not (out / "up0").exists():  # else torchrun may end rank 0 before it has said why
        time.sleep(0.01)
    if rank == "0":
        print("error: the settings do not fit", file=sys.stderr)
    sys.exit(1)
if mode == "die" and rank != "0":
    os.kill(os.getpid(), signal.SIGKILL)
for step in range(3 if mode == "finish" else 1000):
    time.sleep(0.03)
    if asked:
        time.sleep(0.3)  # a last checkpoint, and time for a second signal that should not come
        mark("saved")
        if rank == "0":
            say("paused", step)
        sys.exit(0 if "WORLD_SIZE" in os.environ else 75)
if rank == "0":
    say("finished", step)
"""
PARENT = "import sys; from pretrain import launch; print(launch.run(sys.argv[2:], sys.argv[1]))"


def stand_in(tmp_path: Path, mode: str, processes: int) -> list[str]:
    """The command of a training, its trainer replaced."""
    (tmp_path / "trainer.py").write_text(STAND_IN)
    command = launch.command("corpus", "tiny", tmp_path, processes=processes)
    at = command.index("pretrain.train") - 1  # "-m"
    return [*command[:at], str(tmp_path / "trainer.py"), str(tmp_path), mode]


@contextmanager
def parent(tmp_path: Path, command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that runs a training in its foreground and prints the outcome, as `gristmill train` does."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("OMP_NUM_THREADS", None)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), *command], env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def eventually(tmp_path: Path, *names: str) -> list[list[str]]:
    """The words in files that a trainer writes, once all are there."""
    until = time.monotonic() + PATIENCE
    while not all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in names):
        assert time.monotonic() < until, names
        time.sleep(0.02)
    return [(tmp_path / name).read_text().split() for name in names]


def gone(pid: str) -> bool:
    """Whether a process has ended; one that nobody has buried yet counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes between the opening and the reading
        return True


def all_gone(*pids: str) -> None:
    until = time.monotonic() + PATIENCE
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < until, pids
        time.sleep(0.02)


def agent_of(worker: str) -> int:
    return int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])


def test_one_process_needs_no_torchrun() -> None:
    command = launch.command("c", "tiny", "out", steps=3, cache="cache")
    assert " ".join(command[1:]) == "-u -m pretrain.train c --config tiny --out out --steps 3 --cache cache"


def test_several_meet_on_their_machine_and_have_time_to_save() -> None:
    command = launch.command("c", "tiny", "out", processes=4)
    assert {"--standalone", "--nproc-per-node=4"} < {*command}
    assert agent.SAVE_SECONDS < child.GRACE  # torchrun ends its workers before its own end comes
    assert launch.command("c", "tiny", "out")[-6:] == command[-6:]


def test_several_machines_must_know_where_to_meet() -> None:
    command = launch.command("c", "tiny", "out", nodes=2, rendezvous="a:29400")
    assert {"--nnodes=2", "--nproc-per-node=1", "--rdzv-endpoint=a:29400"} < {*command}
    assert "--standalone" not in command
    with pytest.raises(RecipeError, match="2 nodes must be told where to meet: --rendezvous HOST:PORT"):
        launch.command("c", "tiny", "out", nodes=2)
    for wrong in ("node0", "node0:", ":29400", "node0:port"):
        with pytest.raises(RecipeError, match="must be HOST:PORT"):
            launch.command("c", "tiny", "out", nodes=2, rendezvous=wrong)


def test_the_trainers_exit_code_for_paused_is_ours() -> None:
    assert PAUSED == launch.PAUSED


@pytest.mark.parametrize("processes", [1, 2])
def test_asked_twice_each_trainer_is_asked_once_and_the_run_is_paused(tmp_path: Path, processes: int) -> None:
    ranks = [str(rank) for rank in range(processes)]
    with parent(tmp_path, stand_in(tmp_path, "train", processes)) as process:
        pids = [up[0] for up in eventually(tmp_path, *(f"up{rank}" for rank in ranks))]
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C: everybody in the foreground
        process.terminate()
        output, errors = process.communicate(timeout=PATIENCE)
    assert (output, errors) == (f"{launch.PAUSED}\n", "")
    for _, asked, threads in eventually(tmp_path, *(f"saved{rank}" for rank in ranks)):
        assert asked == "1"
        assert processes == 1 or int(threads) == max((os.cpu_count() or 1) // processes, 1)
    all_gone(*pids)


@pytest.mark.parametrize("processes", [1, 2])
def test_stopped_before_it_began_it_is_paused(tmp_path: Path, processes: int) -> None:
    command = stand_in(tmp_path, "train", processes)
    (tmp_path / "trainer.py").write_text("import sys, time; open(sys.argv[1] + '/up', 'w').write('1'); time.sleep(999)")
    with parent(tmp_path, command) as process:
        eventually(tmp_path, "up")
        process.terminate()
        assert process.communicate(timeout=PATIENCE) == (f"{launch.PAUSED}\n", "")


def test_stopped_at_once_it_is_paused(tmp_path: Path) -> None:
    """Whatever had begun by then: nothing, `child`, or the trainer."""
    command = stand_in(tmp_path, "train", 1)
    for wait in (0.0, 0.01, 0.03, 0.1):
        with launch.started(command, tmp_path) as training:
            time.sleep(wait)
            training.stop()
            assert training.wait() == launch.PAUSED


def test_a_killed_parent_leaves_a_checkpoint_and_no_process(tmp_path: Path) -> None:
    with parent(tmp_path, stand_in(tmp_path, "train", 2)) as process:
        ups = eventually(tmp_path, "up0", "up1")
        process.kill()
        assert [saved[1] for saved in eventually(tmp_path, "saved0", "saved1")] == ["1", "1"]
    all_gone(*(up[0] for up in ups))
    assert (launch.read_status(tmp_path) or {})["state"] == "paused"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux gives processes that lost their parent to a new one")
@pytest.mark.parametrize("victim", ["torchrun", "child"])
def test_workers_end_with_who_started_them(tmp_path: Path, victim: str) -> None:
    with parent(tmp_path, stand_in(tmp_path, "train", 2)) as process:
        (first, *_), (second, *_) = eventually(tmp_path, "up0", "up1")
        torchrun = agent_of(first)
        os.kill(torchrun if victim == "torchrun" else agent_of(str(torchrun)), signal.SIGKILL)
        eventually(tmp_path, "saved0", "saved1")
        all_gone(first, second, str(torchrun))
        output, errors = process.communicate(timeout=PATIENCE)
    if victim == "torchrun":
        assert (output, errors) == (f"{launch.PAUSED}\n", "error: the trainer was ended by SIGKILL\n")


@pytest.mark.parametrize(
    ("mode", "code", "says"),
    [
        ("finish", 0, ""),
        ("fail", 1, "error: the settings do not fit\n"),
        ("die", 1, "error: the trainer of rank 1 was ended by SIGKILL: the machine was short of memory?\n"),
    ],
)
def test_torchrun_adds_nothing_to_what_the_trainer_says(tmp_path: Path, mode: str, code: int, says: str) -> None:
    (tmp_path / "status.json").write_text(json.dumps({"state": "paused", "step": 1, "steps": 2}))  # of a run before
    with parent(tmp_path, stand_in(tmp_path, mode, 2)) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    assert (output, errors) == (f"{code}\n", says)


def test_nodes_that_do_not_meet_are_told_so_in_a_line() -> None:
    command = launch.command("c", "tiny", "out", nodes=2, rendezvous="localhost:1")
    at = command.index("-m", command.index("pretrain.agent"))
    command.insert(at, "--rdzv-conf=is_host=0,read_timeout=1")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("check --rendezvous (--rdzv-endpoint)")


def test_a_heartbeat_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    for left in (b"", b"{", b"\xff"):
        (tmp_path / "status.json").write_bytes(left)
        assert launch.read_status(tmp_path) is None


def test_nothing_of_torch_is_loaded_here() -> None:
    code = "import sys, pretrain.launch; print('torch' in sys.modules, len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"


def test_two_real_ranks_are_stopped_and_one_goes_on(tmp_path: Path, corpus_root: str, long_training: Path) -> None:
    out = tmp_path / "out"
    two = launch.command(corpus_root, str(long_training), out, processes=2)
    with parent(out, two) as process:
        while (launch.read_status(out) or {"step": 0})["step"] < 5:
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        output, errors = process.communicate(timeout=PATIENCE)
    assert output.splitlines()[-1] == str(launch.PAUSED), output + errors
    stopped = launch.read_status(out) or {}
    assert stopped["state"] == "paused" and stopped["world_size"] == 2
    assert (out / "checkpoints" / "latest").read_text().strip() == f"step-{stopped['step']:08d}"
    one = launch.command(corpus_root, str(long_training), out, steps=stopped["step"] + 5)
    with parent(out, one) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    assert output.splitlines()[-1] == "0", output + errors
    ended = launch.read_status(out) or {}
    assert (ended["step"], ended["world_size"]) == (stopped["step"] + 5, 1)
