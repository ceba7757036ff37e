"""The trainer that a flow starts: stopped at any line, it has saved before the flow goes on."""

import subprocess
import sys
from pathlib import Path

from corpus.recipe import load_recipe

CONFIG = """
steps = 5000
sequence_length = 32
batch_windows = 4
log_every = 1
device = "cpu"
[model]
layers = 1
width = 16
heads = 1
kv_heads = 1
hidden = 32
[optim]
lr = 0.01
embedding_lr = 0.01
head_lr = 0.01
"""

STOP_AT_A_LINE = """
import sys
from flows.pretrain import trainer
with trainer(sys.argv[1], "--config", sys.argv[2], "--out", sys.argv[3]) as process:
    for line in process.stdout:
        if line.startswith("step"):
            break
print(process.returncode)
"""


def test_a_stopped_trainer_has_saved_its_last_step(world: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "gristmill", "build", str(world), "--workers", "1"], check=True, capture_output=True
    )
    (tmp_path / "run.toml").write_text(CONFIG)
    arguments = [load_recipe(world).store_url, str(tmp_path / "run.toml"), str(tmp_path / "trained")]
    done = subprocess.run(
        [sys.executable, "-c", STOP_AT_A_LINE, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "75"  # paused
    steps = (tmp_path / "trained/metrics.jsonl").read_text().splitlines()
    latest = (tmp_path / "trained/checkpoints/latest").read_text().strip()
    assert latest == f"step-{len(steps):08d}"
