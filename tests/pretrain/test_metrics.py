import json
from pathlib import Path

from pretrain.metrics import Metrics


def report(path: Path, after_step: int, steps: list[int], said: list[str]) -> None:
    metrics = Metrics(path, after_step=after_step, say=said.append)
    for step in steps:
        metrics.step(step, 9, loss=1.5, tokens=10 * step, lr_scale=1.0, tokens_per_second=2.0)
    metrics.close()


def test_every_step_stands_once_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "out" / "metrics.jsonl"
    said: list[str] = []
    report(path, 0, [1, 2, 3], said)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "lo')  # killed while writing
    report(path, 2, [3, 4], said)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[2] == {"step": 3, "loss": 1.5, "tokens": 30, "lr_scale": 1.0, "tokens_per_second": 2.0}
    assert len(said) == 5


def test_a_run_that_begins_anew_begins_a_new_file(tmp_path: Path) -> None:
    for _ in range(2):
        report(tmp_path / "metrics.jsonl", 0, [1], [])
    assert len((tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 1
