"""MFU, memory and the time in data on one GPU: `single_gpu` (124 M) and `single_gpu_1b` (1 B), a few steps each.

The corpus is made up, random ids in documents of lognormal length: what is learned from it does not matter, how fast
does. The first two reports hold compilation and are left out.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from tokens_loader import made, publish

from corpus.store import Store

STEPS = {"single_gpu": 60, "single_gpu_1b": 16}


def main() -> None:
    """Print tokens/s, memory, MFU and the share of time in data for both sizes; without a GPU say so."""
    import torch

    if not torch.cuda.is_available():
        print("no CUDA device here: nothing measured")
        return
    from pretrain.config import load_config
    from pretrain.train import train

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "corpus")
        publish(store, *made(store, 48_000_000, 16_000_000))
        for name, steps in STEPS.items():
            out = Path(folder) / name
            torch.cuda.reset_peak_memory_stats()
            train(store.url, replace(load_config(name), log_every=steps // 8, save_every=0), out, steps, say=print)
            lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
            warm = [line for line in lines if "batch" in line][2:]
            run = json.loads((out / "run.json").read_text(encoding="utf-8"))
            data, rest = (sum(line[key] for line in warm) for key in ("data_seconds", "compute_seconds"))
            speed, mfu = (median(line[key] or 0.0 for line in warm) for key in ("tokens_per_second", "mfu"))
            print(f"{name}: {run['parameters']:,} parameters on {run['device']}: {speed:,.0f} tokens/s,")
            memory = torch.cuda.max_memory_allocated() / 1e9
            print(f"  MFU {mfu:.1%}, {data / (data + rest):.2%} of the time in data, {memory:.0f} GB at most")
            print(f"  {run['mfu']}", flush=True)
