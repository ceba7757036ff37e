"""The training that a flow starts: what its run shows, and how it ends; with the real trainer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.errors import InputError
from corpus.recipe import load_recipe
from flows import pretrain as flow

ROOT = Path(__file__).parents[2]
# The flow as a script has it, on a server of its own: asked to stop, then on to an end, then a mistake.
RUN = """
import json, os, signal, sys, threading, time
from flows import pretrain as flow, server
from pretrain import launch
from tests.flows.api import post

corpus, config, out = sys.argv[1:]
flow.LOOK_SECONDS = 0.05  # a look after the last word, too

def stop_at(step):
    while (launch.read_status(out) or {"step": 0})["step"] < step:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)

with server.serving() as address:
    threading.Thread(target=stop_at, args=[5], daemon=True).start()
    states = [flow.pretrain(corpus, config, out, return_state=True)]
    stopped = launch.read_status(out)["step"]
    states.append(flow.pretrain(corpus, config, out, steps=stopped + 3, return_state=True))
    states.append(flow.pretrain(corpus, config + ".none", out, return_state=True))
    shown = [[each["key"], each["type"], each["data"]] for each in post(address + "/artifacts/filter", {})]
told = [[state.type.value, state.name, state.message] for state in states]
print(json.dumps({"stopped": stopped, "states": told, "shown": shown, "torch": "torch" in sys.modules}))
"""


@pytest.mark.server
def test_a_run_is_stopped_goes_on_and_says_what_is_wrong(
    world: Path, tmp_path: Path, environment: dict[str, str], long_training: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "gristmill", "build", str(world), "--workers", "1"], check=True, capture_output=True
    )
    shorter = long_training.read_text(encoding="utf-8").replace("steps = 100_000", "steps = 5_000")
    long_training.write_text(shorter, encoding="utf-8")  # so that progress is told in more than one number
    corpus, config, out = load_recipe(world).store_url, str(long_training), tmp_path / "trained"
    done = subprocess.run(
        [sys.executable, "-c", RUN, corpus, config, str(out)],
        capture_output=True, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    paused, ended, failed = found["states"]
    assert paused == ["COMPLETED", "Paused", f"stopped and saved; run it again to go on from {out}"]
    assert ended == ["COMPLETED", "Completed", f"{out} holds the model"]
    assert failed[0] == "FAILED" and f"{config}.none" in failed[2]
    assert f"continuing {out} from step {found['stopped']:,}" in done.stderr
    latest = (out / "checkpoints" / "latest").read_text().strip()
    assert latest == f"step-{found['stopped'] + 3:08d}"
    bars = [data for _, kind, data in found["shown"] if kind == "progress"]
    assert len(bars) == 3 and min(bars) > 0  # one a flow run; the mistaken one stays where the folder stood
    tables = [data for key, _, data in found["shown"] if key == "metrics"]
    assert all("| step | loss | tokens_per_second |" in data for data in tables)
    assert any("| domain | bpb | ratio |" in data for data in tables)
    assert not found["torch"]


def test_every_version_has_a_folder(tmp_path: Path) -> None:
    assert flow.default_folder("s3://bucket/books", "runs/big.toml", 12) == Path("builds/runs/books-0012-big")
    with pytest.raises(InputError, match="no corpus is published here"):
        flow.default_folder(str(tmp_path), "tiny", None)


def test_lines_come_as_they_are_written_and_silence_is_told() -> None:
    end, start = os.pipe()
    with os.fdopen(end, "rb") as pipe:
        read = flow.lines(pipe, 0.05)
        os.write(start, b"one\r\ntw")
        assert next(read) == "one"
        assert next(read) == ""  # nothing came
        os.write(start, "o\n\u00e9".encode()[:-1])
        assert next(read) == "two"
        os.close(start)
        assert next(read) == "\ufffd"  # half a letter, and no end of a line
        assert not list(read)


def test_a_lost_rank_is_not_the_cause() -> None:
    short, gone = "error of rank 1: disk full", "error of rank 0: another rank is gone"
    assert flow.cause([short, gone]) == short
    assert flow.cause([gone, "error: the trainer of rank 1 was ended by SIGKILL"]).endswith("SIGKILL")
    assert flow.cause([]) == ""


def test_tables_hold_the_last_steps_and_the_last_held_out_result(tmp_path: Path) -> None:
    steps = [{"step": step, "loss": 3.0, "tokens_per_second": 1e4, "mfu": None} for step in range(1, 2000)]
    old, new = ({"step": 5, "heldout": {"web": {"bpb": bpb, "ratio": 0.5, "loss": 1}}} for bpb in (9.0, 1.25))
    records = [old, *steps[:30], new, *steps[30:]]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records) + '{"step": 2000, "lo')
    shown = flow.tables(tmp_path)
    assert "| 1999 | 3 | 10,000 |" in shown and "| 1990 |" in shown and "| 1989 |" not in shown
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records[:40]))
    assert "| web | 1.25 | 0.5 |" in flow.tables(tmp_path)
    assert "Nothing was reported yet" in flow.tables(tmp_path / "none")
