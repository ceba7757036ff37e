"""The trainings of a corpus: which are found, what their page says, how their curves are drawn."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from corpus.errors import InputError, StoreError
from corpus.store import Store
from corpus.version import path_of, point, sealed
from report.report import report, table, training
from report.training import (
    Run,
    comparison,
    domain_rows,
    facts,
    heldout_chart,
    loss_chart,
    read_run,
    run_in,
    runs_of,
    smoothed,
    svg,
)

WHAT: dict[str, Any] = {
    "corpus": "small <1>",
    "version": 3,
    "tokenizer": {"sha256": "t"},
    "order": {"sha256": "o"},
    "shards": [{}, {}],
    "ledger": [{"stage": "ingest", "source": "crawl", "part": "", "outcome": "passed", "documents": 7}],
    "mixture": [
        {"domain": "web", "asked": 1.0, "achieved": 1.0, "available": 9, "planned": 9, "placed": 1_234, "epochs": 1.0,
         "group": "", "why": "as asked"},
    ],
}  # fmt: skip


def score(bpb: float | None, num_bytes: int = 100) -> dict[str, Any]:
    return {"bpb": bpb, "unigram_bpb": 3.0, "ratio": bpb and bpb / 3, "tokens": 50, "num_bytes": num_bytes}


def step(number: int, loss: float | None, **more: Any) -> dict[str, Any]:
    return {"step": number, "steps": 40, "loss": loss, "tokens": 100 * number, "tokens_per_second": 5_000.0,
            "data_seconds": 0.1, "compute_seconds": 0.9, **more}  # fmt: skip


def evaluation(number: int, **bpb: float | None) -> dict[str, Any]:
    return {"step": number, "heldout": {name: score(each) for name, each in bpb.items()}, "bpb": 1.5, "ratio": 0.5}


RECORDS = [
    step(10, 4.0), evaluation(10, web=2.0, code=None), step(20, 3.0), evaluation(20, web=9.0), evaluation(20, web=1.5),
    {"step": 20, "logger": "wandb", "failed": "gone"}, step(30, None, comm_seconds=0.25, mfu=0.4), step(40, 2.5),
]  # fmt: skip
RESULT = {"steps": 40, "tokens": 4_000, "heldout_bpb": 1.25, "ratio": 0.4, "per_domain": {"web": score(1.25)}}


def write(out: Path, records: list[dict[str, Any]], tokenizer: str = "t", **about: Any) -> Path:
    """A run's folder by hand."""
    out.mkdir(parents=True)
    told = {"tokenizer_sha256": tokenizer, "order_sha256": "o", "parameters": 1_000, **about}
    (out / "run.json").write_text(json.dumps(told), "utf-8")
    (out / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records) + '{"step"', "utf-8")
    return out


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = {"model": {"kind": "decoder", "layers": 1, "width": 32}, "objective": {"name": "fim"}}
    out = write(tmp_path / "tiny", [*RECORDS, RESULT], settings=settings, mfu="MFU = how")
    (out / "status.json").write_text('{"state": "finished"}', "utf-8")
    return read_run(out, json.loads((out / "run.json").read_text("utf-8")))


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)  # runs of the checkout's own builds are not looked at
    store = Store(str(tmp_path / "builds" / "small"))
    store.put(path_of(3), sealed(WHAT))
    point(store, 3)
    return str(tmp_path / "builds" / "small")


def test_a_run_is_read_as_far_as_it_is(run: Run) -> None:
    assert [record["step"] for record in run.steps] == [10, 20, 30, 40]
    assert [(each["step"], each["tokens"], each["heldout"]["web"]["bpb"]) for each in run.evaluations] == [
        (10, 1_000, 2.0), (20, 2_000, 1.5), (40, 4_000, 1.25),
    ]  # fmt: skip
    assert (run.name, run.tokens, run.state) == ("tiny", 4_000, "finished")


def test_what_is_damaged_is_left_out(run: Run, corpus: str, tmp_path: Path) -> None:
    with (run.out / "metrics.jsonl").open("ab") as file:
        file.write(b'\n\xff\xfe\n[1]\n{"step": 50, "tokens": null}\n{"step": 50, "heldout": null}\n')
        file.write(b'{"step": "50", "tokens": 3}\n{"heldout": {}}\n{"steps": 50, "per_domain": null}\n')
    again = read_run(run.out, run.about)
    assert (again.steps, again.evaluations) == (run.steps, run.evaluations)
    (write(tmp_path / "builds" / "broken", RECORDS) / "run.json").write_bytes(b"\xff")
    assert runs_of(corpus, WHAT) == []


def test_runs_are_found_by_the_data_they_read(corpus: str, tmp_path: Path) -> None:
    for place in ("builds/small-tiny", "builds/runs/small-a", "builds/runs/small-b"):
        write(tmp_path / place, RECORDS)
    write(tmp_path / "builds" / "other", RECORDS, tokenizer="another")
    write(tmp_path / "builds" / "begun", [])
    (tmp_path / "builds" / "broken").mkdir()
    (tmp_path / "builds" / "broken" / "run.json").write_text("[", "utf-8")
    assert [found.name for found in runs_of(corpus, WHAT)] == ["small-a", "small-b", "small-tiny"]
    assert [found.name for found in runs_of("s3://bucket/small", WHAT)] == ["small-a", "small-b", "small-tiny"]
    named = [tmp_path / "builds" / "runs" / "small-b"]
    assert [found.name for found in runs_of(corpus, WHAT, named * 2)] == ["small-b"]
    other = write(tmp_path / "elsewhere" / "small-b", RECORDS)
    assert [found.name for found in runs_of(corpus, WHAT, [*named, other])] == sorted(map(str, [*named, other]))


def test_a_named_run_that_does_not_belong_is_refused(corpus: str, tmp_path: Path) -> None:
    other = write(tmp_path / "other", RECORDS, tokenizer="another")
    with pytest.raises(InputError, match=r"other: was trained on other data than this version"):
        runs_of(corpus, WHAT, [other])
    with pytest.raises(InputError, match=r"none: holds no run\.json"):
        runs_of(corpus, WHAT, [tmp_path / "none"])


def test_what_is_known_of_a_run(run: Run) -> None:
    assert facts(run) == [
        ("model", "decoder, 1 layer of 32, 1,000 parameters"),
        ("objective", "fim"),
        ("steps", "40 of 40, finished"),
        ("tokens", "4,000"),
        ("tokens/s", "5,000 (median)"),
        ("MFU", "40.0% (median); MFU = how"),
        ("time", "10.0% waiting for data, 90.0% computing; of a profiled step 0.25 s in communication"),
    ]
    assert domain_rows(run)[1] == [
        ("web", "50", "100", "1.250", "3.000", "0.417"),
        ("all", "50", "100", "1.250", "3.125", "0.400"),
    ]
    assert comparison([run])[1] == [("tiny", "fim", "1,000", "4,000", "2.500", "50", "1.250", "0.400")]


def test_a_corpus_without_held_out_documents_has_no_table_of_them(tmp_path: Path) -> None:
    nothing = RESULT | {"heldout_bpb": None, "ratio": None, "per_domain": {}}
    run = run_in(write(tmp_path / "run", [step(40, 2.5), nothing]))
    assert (domain_rows(run)[1], heldout_chart(run)) == ([], None)
    page = "".join(training([run]))
    assert "40 of 40" in page and "held" not in page.casefold()


def test_a_run_that_has_only_begun_is_shown(tmp_path: Path) -> None:
    run = read_run(tmp_path, {})
    assert facts(run) == [
        ("model", "?, ? layers of ?, 0 parameters"),
        ("objective", "?"),
        ("steps", "0 of 0"),
        ("tokens", "0"),
    ]
    assert (domain_rows(run)[1], loss_chart(run), heldout_chart(run)) == ([], None, None)
    assert comparison([run])[1] == [(tmp_path.name, "?", "0", "0", "", "", "", "")]


@given(st.lists(st.floats(0, 20), min_size=1, max_size=300))
def test_the_curve_lies_within_its_losses_and_ends_where_they_do(losses: list[float]) -> None:
    points = smoothed(Run(Path(), {}, [step(number + 1, loss) for number, loss in enumerate(losses)]))
    assert [loss for _, loss, _ in points] == losses
    assert all(min(losses) - 1e-9 <= mean <= max(losses) + 1e-9 for *_, mean in points)
    assert points[0][2] == losses[0] and points[-1][2] == losses[-1]


def test_the_curve_of_a_straight_fall_is_that_fall() -> None:
    points = smoothed(Run(Path(), {}, [step(number, 9.0 - number / 100) for number in range(1, 301)]))
    assert all(mean == pytest.approx(loss) for _, loss, mean in points)


def test_long_runs_and_many_domains_are_drawn_in_part() -> None:
    steps = [step(number, 2.0) for number in range(1, 5_000)]
    scores = {f"d{number}": score(1.0, number) for number in range(14)}
    at = [{"step": number, "tokens": number, "heldout": scores} for number in (1, 2)]
    run = Run(Path(), {}, steps, at)
    loss, heldout = loss_chart(run), heldout_chart(run)
    assert loss and heldout
    assert len(loss["data"]["values"]) < 700 and loss["data"]["values"][-1]["tokens"] == 100 * 4_999
    assert {value["domain"] for value in heldout["data"]["values"]} == {f"d{number}" for number in range(4, 14)}
    assert heldout["title"] == "Held-out documents, the 10 domains with most bytes"


def test_charts_take_the_colour_of_the_page(run: Run) -> None:
    pytest.importorskip("vl_convert")
    for chart, words in ((loss_chart(run), ("Training loss", "nats")), (heldout_chart(run), ("bits per byte", "web"))):
        assert chart
        drawn = svg(chart)
        assert drawn.startswith("<svg") and all(word in drawn for word in words)
        assert "currentColor" in drawn and "#000" not in drawn and "black" not in drawn
        assert not re.search(r'fill="(white|#fff\w*)"', drawn)


def test_without_its_package_no_chart_is_drawn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    chart = loss_chart(run)
    assert chart
    with pytest.raises(InputError, match=r"charts need vl_convert; pip install -e '\.\[report\]'"):
        svg(chart)


def told(*words: str) -> Any:
    app = typer.Typer()
    app.command()(report)
    return CliRunner().invoke(app, [*words], catch_exceptions=False)


def test_the_command_writes_a_page_that_needs_nothing_else(corpus: str, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    write(tmp_path / "builds" / "a", RECORDS)
    write(tmp_path / "elsewhere" / "b&b", RECORDS)
    out = tmp_path / "builds" / "page.html"
    told_b = told(corpus, "--run", str(tmp_path / "elsewhere" / "b&b"), "--out", str(out))
    assert "trainings: b&b" in told_b.output
    page = out.read_text("utf-8")
    assert "<h3>b&amp;b</h3>" in page and "small &lt;1&gt;, version 3" in page
    assert page.count("<svg") == 2 and "1,234" in page and "<td>crawl</td>" in page
    assert not re.search(r"""(src|href)=["']?http""", page)
    assert "prefers-color-scheme: dark" in page


def test_without_trainings_the_page_says_nothing_of_them(corpus: str, tmp_path: Path) -> None:
    assert "small <1>.html is written; trainings: none found" in told(corpus).output.replace("\n", "")
    page = (tmp_path / "builds" / "small <1>.html").read_text("utf-8")
    assert "Training" not in page and "<svg" not in page


def test_a_page_that_cannot_be_written_is_told_in_a_line(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        told(corpus, "--out", str(tmp_path))


def test_numbers_stand_to_the_right() -> None:
    shown = table(("name", "count"), [("a<b", "1,000"), ("c", "")])
    assert "<th>name</th>" in shown and '<th class="n">count</th>' in shown
    assert '<td>a&lt;b</td><td class="n">1,000</td>' in shown
