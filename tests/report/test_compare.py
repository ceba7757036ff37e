"""Trainings side by side: what was told to them, and what came of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import InputError
from corpus.store import Store
from report.compare import compare, differences, opened, outcomes
from tests.made import make_corpus, publish_version


def run_at(
    out: Path, corpus: str, *, version: int = 1, bpb: float = 2.0, num_bytes: int = 100, **settings: Any
) -> Path:
    """What a finished training leaves."""
    out.mkdir(parents=True)
    about = {"corpus": corpus, "version": version, "tokenizer_sha256": "a" * 64, "order_sha256": f"{version}" * 64}
    optim = {"lr": 0.1, "name": "muon"} | settings
    (out / "run.json").write_text(json.dumps(about | {"parameters": 1_000, "settings": {"optim": optim, "steps": 2}}))
    records: list[dict[str, Any]] = [
        {"step": step, "steps": 2, "loss": 4.0 - step, "tokens": 64 * step, "tokens_per_second": 5e4} for step in (1, 2)
    ]
    score = {"bpb": bpb, "num_bytes": num_bytes, "ratio": bpb / 4}
    records.append({"steps": 2, "heldout_bpb": bpb, "ratio": bpb / 4, "per_domain": {"web": score}})
    (out / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return out


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    """Two versions, the second with another mixture."""
    root = make_corpus(tmp_path / "corpus")
    for version, web in ((1, 0.5), (2, 0.25)):
        lines = [{"domain": "web", "achieved": web}, {"domain": "books", "achieved": 1 - web}]
        publish_version(Store(root), {"corpus": "made", "version": version, "mixture": lines})
    return root


def test_only_what_differs_is_told(corpus: str, tmp_path: Path) -> None:
    one = run_at(tmp_path / "one", corpus)
    two = run_at(tmp_path / "two", corpus, version=2, lr=0.2)
    assert differences(opened([one, two])) == [
        ("version", "1", "2"),
        ("order", "1" * 12, "2" * 12),
        ("mixture.web", "50.0%", "25.0%"),
        ("mixture.books", "50.0%", "75.0%"),
        ("optim.lr", "0.1", "0.2"),
    ]
    assert differences(opened([one, one])) == []


def test_no_corpus_is_asked_where_the_order_is_one(tmp_path: Path) -> None:
    """One that lies in a store out of reach can cost minutes."""
    runs = [run_at(tmp_path / name, f"gone://{name}") for name in ("one", "two")]
    assert differences(opened(runs)) == [("corpus", "gone://one", "gone://two")]


def test_the_device_that_auto_came_to_is_told(corpus: str, tmp_path: Path) -> None:
    runs = [run_at(tmp_path / name, corpus) for name in ("one", "two")]
    for run, device in zip(runs, ("1 CPU thread", "8 CPU threads"), strict=True):
        about = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(about | {"device": device, "settings": {"device": "auto"}}))
    assert differences(opened(runs)) == [("device", "1 CPU thread", "8 CPU threads")]


def test_results_stand_beside_the_first_runs(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = run_at(tmp_path / "one", corpus)
    two, longer = run_at(tmp_path / "two", corpus, bpb=1.5), run_at(tmp_path / "longer", corpus, num_bytes=101)
    rows = {row[0]: row[1:] for row in outcomes(opened([one, two, longer]))}
    assert rows["web"] == ("2.000", "1.500 -0.500", "2.000 +0.000*")
    assert rows["tokens"] == ("128", "128", "128") and rows["tokens/s"] == ("50,000",) * 3
    assert rows["of the unigram model's"] == ("0.500", "0.375", "0.500")
    compare([one, longer])
    assert "* scored on other text than one" in capsys.readouterr().out
    compare([one, two])
    assert "other text" not in capsys.readouterr().out


def test_a_run_without_a_report_and_a_corpus_that_is_gone(corpus: str, tmp_path: Path) -> None:
    one, two = run_at(tmp_path / "one", corpus), run_at(tmp_path / "two", str(tmp_path / "nowhere"), version=2)
    (two / "metrics.jsonl").unlink()
    found = opened([one, two])
    told = {row[0]: row[1:] for row in differences(found)}
    assert told["mixture.web"] == ("50.0%", "") and told["mixture"][1] == "of a corpus that cannot be read"
    assert outcomes(found)[1] == ("training loss", "2.000", "")


def test_a_training_that_diverged_is_called_so(corpus: str, tmp_path: Path) -> None:
    """Its last losses are null in the record; those before would look as if it had gone well."""
    one, two, never = (run_at(tmp_path / name, corpus) for name in ("one", "two", "never"))
    lost = {"step": 3, "steps": 3, "loss": None, "tokens": 192}
    with (two / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(lost) + "\n")
    (never / "metrics.jsonl").write_text(json.dumps(lost) + "\n")
    assert outcomes(opened([one, two, never]))[1] == ("training loss", "2.000", "diverged", "diverged")


def test_figures_of_other_objectives_are_not_to_be_compared(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = run_at(tmp_path / "one", corpus), run_at(tmp_path / "two", corpus)
    compare([one, two])
    assert "objectives" not in capsys.readouterr().out
    about = json.loads((two / "run.json").read_text())
    (two / "run.json").write_text(json.dumps(about | {"settings": {"objective": {"name": "fim"}}}))
    compare([one, two])
    assert "The objectives differ" in capsys.readouterr().out


def test_many_runs_and_long_names_are_shown_whole(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [run_at(tmp_path / f"{n}-{'long' * 10}" / "[red]run", corpus, bpb=n) for n in range(10)]
    compare(runs)
    told = capsys.readouterr().out
    assert all(str(run) in told for run in runs) and "all held-out, bits per byte" in told and "9.000 +9.000" in told


def test_folders_of_one_name_are_told_apart(corpus: str, tmp_path: Path) -> None:
    runs = [run_at(tmp_path / place / "run", corpus) for place in ("a", "b")]
    assert [run.name for run in opened(runs)] == [str(run) for run in runs]


def test_the_folder_one_is_in_has_a_name(corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run_at(tmp_path / "one", corpus))
    run_at(tmp_path / "two", corpus)
    assert [run.name for run in opened([Path(), Path("../two")])] == ["one", "two"]


def test_what_cannot_be_compared_is_refused(corpus: str, tmp_path: Path) -> None:
    one = run_at(tmp_path / "one", corpus)
    with pytest.raises(InputError, match="1 run to compare: give two or more"):
        opened([one])
    with pytest.raises(InputError, match=r"nowhere: holds no run\.json; give the folder"):
        opened([one, tmp_path / "nowhere"])
    for settings in (None, [], "tiny"):
        (one / "run.json").write_text(json.dumps({"corpus": corpus, "settings": settings}))
        with pytest.raises(InputError, match=r"one: its run\.json is no training's; give the folder"):
            opened([one, one])
