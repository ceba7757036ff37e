"""A trainer that saves after every step, killed with SIGKILL at random moments and continued each time."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from starter import ROOT, starter

KILLS = 20


def main() -> None:
    """Kill, load what `latest` names, go on; print how often it loaded."""
    from pretrain.checkpoint import FOLDER, latest, load_model, read_meta

    corpus, tiny = starter(), (ROOT / "pretrain/tiny.toml").read_text(encoding="utf-8")
    moments, loaded, steps = random.Random(0), 0, [0]
    with tempfile.TemporaryDirectory() as folder:
        config, out = Path(folder) / "tiny.toml", Path(folder) / "run"
        config.write_text(
            f"save_every = 1\nmicro_windows = 1\n{tiny}".replace("batch_windows = 16", "batch_windows = 1")
        )
        for _ in range(KILLS):
            command = [sys.executable, "-m", "pretrain.train", corpus, "--config", str(config), "--out", str(out)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
                while latest(out / FOLDER) in (None, f"step-{steps[-1]:08d}") and process.poll() is None:
                    time.sleep(0.005)
                time.sleep(moments.random() * 0.5)
                process.kill()
            name = latest(out / FOLDER)
            if name is None:
                continue
            load_model(out)
            steps.append(read_meta(out / FOLDER / name).step)
            loaded += 1
    print(f"{loaded} of {KILLS} times what `latest` named loaded; steps reached: {', '.join(map(str, steps[1:]))}")
