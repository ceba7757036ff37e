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
    one, two = run_at(tmp_path / "one", corpus), run_at(tmp_path / "two", str(tmp_path / "nowhere"))
    (two / "metrics.jsonl").unlink()
    found = opened([one, two])
    told = {row[0]: row[1:] for row in differences(found)}
    assert told["mixture.web"] == ("50.0%", "") and told["mixture"][1] == "of a corpus that is not there"
    assert outcomes(found)[1] == ("training loss", "2.000", "")


def test_folders_of_one_name_are_told_apart(corpus: str, tmp_path: Path) -> None:
    runs = [run_at(tmp_path / place / "run", corpus) for place in ("a", "b")]
    assert [run.name for run in opened(runs)] == [str(run) for run in runs]


def test_what_cannot_be_compared_is_refused(corpus: str, tmp_path: Path) -> None:
    one = run_at(tmp_path / "one", corpus)
    with pytest.raises(InputError, match="1 run to compare: give two or more"):
        opened([one])
    with pytest.raises(InputError, match=r"nowhere: holds no run\.json; give the folder"):
        opened([one, tmp_path / "nowhere"])
