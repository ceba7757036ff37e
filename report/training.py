"""The trainings of a corpus as a section of its page: how the loss fell, what held-out domains cost, where time went.

In: run folders as `pretrain.train` leaves them, of which run.json and metrics.jsonl are read; a run that is still going
is shown as far as it is. Out: HTML with charts drawn as SVG, whose lines and letters take the page's colour. Runs are
found beside the corpus (its sister folders and builds/runs/) by the hashes of tokenizer and order, or are named.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import Any

from corpus.errors import InputError

_POINTS = 600  # of a curve: more cannot be seen
_SHOWN = 10  # domains in a chart, and colours
# Readable on white and on black: schemeObservable10 of github.com/d3/d3-scale-chromatic, its blue somewhat lighter.
_COLOURS = ["#5480e8", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e",
            "#9498a0"]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One training, as its folder tells of it."""

    out: Path
    about: dict[str, Any]
    """run.json."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Reported steps, in order."""
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    """Of held-out domains, in order, the last one at each step; with `tokens` as its step's report has them."""
    state: str = ""
    name: str = ""
    """The folder's; its whole path where two have the same."""

    @property
    def tokens(self) -> int:
        """Fed so far."""
        return self.steps[-1]["tokens"] if self.steps else 0


def runs_of(corpus: str, what: dict[str, Any], named: Sequence[Path] = ()) -> list[Run]:
    """The runs on this version of the corpus: those named, or else those found; by name.

    Raises InputError for a named folder that holds no run, or one on other data.
    """
    data = what["tokenizer"]["sha256"], what["order"]["sha256"]
    found = []
    for out in dict.fromkeys(named) or _candidates(corpus):
        about = _object(out / "run.json")
        if about and (about.get("tokenizer_sha256"), about.get("order_sha256")) == data:
            found.append(read_run(out, about))
        elif named:
            why = "was trained on other data than this version of the corpus" if about else "holds no run.json"
            raise InputError(
                f"{out}: {why}; give the folder that `gristmill train --out` was given, or leave --run out"
            )
    return sorted((run for run in named_apart(found) if run.steps or run.evaluations), key=lambda run: run.name)


def named_apart(runs: Sequence[Run]) -> list[Run]:
    """The runs, by their whole path those whose folders have one name."""
    names = [run.name for run in runs]
    return [replace(run, name=str(run.out)) if names.count(run.name) > 1 else run for run in runs]


def run_in(out: Path) -> Run:
    """The run of a folder, on whatever corpus. Raises InputError where it holds none that can be read."""
    about = _object(out / "run.json")
    if not about or not isinstance(about.get("settings", {}), dict):
        why = "its run.json is no training's" if about else "holds no run.json"
        raise InputError(f"{out}: {why}; give the folder that `gristmill train --out` was given")
    return read_run(out, about)


def _candidates(corpus: str) -> Iterator[Path]:
    """Folders beside the corpus, and beside and under `builds`, where training puts runs by default."""
    beside = [] if "://" in corpus else [Path(corpus).resolve().parent]
    places = dict.fromkeys(place for above in [*beside, Path("builds").resolve()] for place in (above, above / "runs"))
    yield from (path.parent for place in places for path in sorted(place.glob("*/run.json")))


def read_run(out: Path, about: dict[str, Any]) -> Run:
    """What metrics.jsonl holds, without lines that are none of a run's. Evaluations are placed by their tokens."""
    steps: dict[int, dict[str, Any]] = {}
    evaluations: dict[int, dict[str, Any]] = {}
    for line in _text(out / "metrics.jsonl").splitlines():
        record = _parsed(line)
        step = record.get("step", record.get("steps"))
        if not isinstance(step, int):
            continue
        if isinstance(record.get("heldout"), dict):
            evaluations[step] = record
        elif isinstance(record.get("per_domain"), dict):  # the result of a finished run
            whole = {"bpb": record.get("heldout_bpb"), "ratio": record.get("ratio")}
            evaluations[step] = {"step": step, "heldout": record["per_domain"], **whole}
        elif isinstance(record.get("tokens"), int):
            steps[step] = record
    ordered = [steps[step] for step in sorted(steps)]
    a_step = median(record["tokens"] / record["step"] for record in ordered if record["step"]) if ordered else 0.0
    placed = [evaluations[step] | {"tokens": round(step * a_step)} for step in sorted(evaluations)]
    return Run(out, about, ordered, placed, str(_object(out / "status.json").get("state", "")), out.resolve().name)


def _object(path: Path) -> dict[str, Any]:
    return _parsed(_text(path))


def _text(path: Path) -> str:
    """Of a file that a run may be writing: what is damaged is for the parser to leave out."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def facts(run: Run) -> list[tuple[str, str]]:
    """What is to be known of a run before one looks at its curves: name and value."""
    last = run.steps[-1] if run.steps else {}
    model = run.about.get("settings", {}).get("model", {})
    layers = model.get("layers", "?")
    shape = f"{model.get('kind', '?')}, {layers} layer{'' if layers == 1 else 's'} of {model.get('width', '?')}"
    state = f", {run.state}" if run.state in ("paused", "finished") else ""  # a killed run has left "running"
    told = [
        ("model", f"{shape}, {run.about.get('parameters', 0):,} parameters"),
        ("objective", objective(run)),
        ("steps", f"{last.get('step', 0):,} of {last.get('steps', 0):,}{state}"),
        ("tokens", f"{run.tokens:,}"),
    ]
    speeds = [record["tokens_per_second"] for record in run.steps if record.get("tokens_per_second")]
    if speeds:
        told.append(("tokens/s", f"{median(speeds):,.0f} (median)"))
    shares = [record["mfu"] for record in run.steps if record.get("mfu") is not None]
    if shares:
        told.append(("MFU", "; ".join(filter(None, (f"{median(shares):.1%} (median)", run.about.get("mfu"))))))
    return told + time_split(run)


def objective(run: Run) -> str:
    """What the run learns to predict; bits per byte of two objectives cannot be compared."""
    return str(run.about.get("settings", {}).get("objective", {}).get("name", "?"))


def time_split(run: Run) -> list[tuple[str, str]]:
    """Where the reported steps' time went; communication from the steps that were profiled."""
    sums = {part: sum(record.get(f"{part}_seconds") or 0.0 for record in run.steps) for part in ("data", "compute")}
    whole = sum(sums.values())
    if not whole:
        return []
    told = f"{sums['data'] / whole:.1%} waiting for data, {sums['compute'] / whole:.1%} computing"
    profiled = [record["comm_seconds"] for record in run.steps if record.get("comm_seconds")]
    if profiled:
        told += f"; of a profiled step {profiled[-1]:.3g} s in communication"
    return [("time", told)]


def domain_rows(run: Run) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and a row a held-out domain, by the last evaluation, and one for all of them."""
    header = ("held-out domain", "tokens", "bytes", "bits per byte", "unigram model", "ratio")
    if not run.evaluations or not run.evaluations[-1]["heldout"]:
        return header, []
    last = run.evaluations[-1]
    rows = [
        (name, *(_count(score.get(key)) for key in ("tokens", "num_bytes")),
         *(_decimals(score.get(key)) for key in ("bpb", "unigram_bpb", "ratio")))
        for name, score in last["heldout"].items()
    ]  # fmt: skip
    sums = (sum(score.get(key) or 0 for score in last["heldout"].values()) for key in ("tokens", "num_bytes"))
    bpb, ratio = last.get("bpb"), last.get("ratio")
    rows.append(("all", *map(_count, sums), *map(_decimals, (bpb, bpb / ratio if bpb and ratio else None, ratio))))
    return header, rows


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def heldout_tokens(run: Run) -> str:
    """How many the last evaluation read."""
    scores = run.evaluations[-1]["heldout"].values() if run.evaluations else ()
    return _count(sum(score.get("tokens") or 0 for score in scores)) if scores else ""


def comparison(runs: Sequence[Run]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and a row a run."""
    header = ("run", "objective", "parameters", "tokens", "training loss", "held-out tokens", "bits per byte", "ratio")
    return header, [
        (run.name, objective(run), f"{run.about.get('parameters', 0):,}", f"{run.tokens:,}",
         last_loss(run), heldout_tokens(run),
         *(_decimals(run.evaluations[-1].get(key) if run.evaluations else None) for key in ("bpb", "ratio")))
        for run in runs
    ]  # fmt: skip


def smoothed(run: Run) -> list[tuple[int, float, float]]:
    """Tokens, loss, and the mean of the losses around: of 2 % of the reports, as many before as behind.

    A mean on both sides does not lag as a running one does; at the ends it becomes narrower.
    """
    points = [(record["tokens"], record["loss"]) for record in run.steps if record.get("loss") is not None]
    half = len(points) // 100 + (len(points) > 20)
    found = []
    for at, (tokens, loss) in enumerate(points):
        reach = min(half, at, len(points) - 1 - at)
        found.append((tokens, loss, fmean(loss for _, loss in points[at - reach : at + reach + 1])))
    return found


def last_loss(run: Run) -> str:
    """Of the last report, smoothed; empty where there is none, "diverged" where it was no number."""
    if run.steps and run.steps[-1].get("loss") is None:
        return "diverged"
    return _decimals(smoothed(run)[-1][2]) if run.steps else ""


def loss_chart(run: Run) -> dict[str, Any] | None:
    """Training loss over tokens: every report pale, the mean around it strong. None where nothing was reported."""
    points = smoothed(run)
    if len(points) < 2:
        return None
    points = points[:: len(points) // _POINTS + 1] + points[-1:]
    values = [{"tokens": tokens, "loss": loss, "mean": mean} for tokens, loss, mean in points]

    def line(name: str, **mark: float) -> dict[str, Any]:
        y = {"field": name, "type": "quantitative", "title": "nats per target", "scale": {"zero": False}}
        return {"mark": {"type": "line", "color": _COLOURS[0], **mark}, "encoding": {"y": y}}

    layers = [line("loss", strokeWidth=1, opacity=0.5), line("mean", strokeWidth=2)]
    return _chart("Training loss", values, {"layer": layers, "encoding": {"x": _TOKENS}})


def heldout_chart(run: Run) -> dict[str, Any] | None:
    """Bits per byte of held-out domains over tokens, those with most bytes; None where they were scored only once."""
    if len(run.evaluations) < 2:
        return None
    last = run.evaluations[-1]["heldout"]
    names = sorted(last, key=lambda name: -(last[name].get("num_bytes") or 0))[:_SHOWN]
    values = [
        {"tokens": record["tokens"], "domain": name, "bpb": record["heldout"][name]["bpb"]}
        for record in run.evaluations
        for name in names
        if record["heldout"].get(name, {}).get("bpb") is not None
    ]
    best_last = sorted(names, key=lambda name: -(last[name].get("bpb") or 0.0))  # as the lines end, from above
    encoding = {
        "x": _TOKENS,
        "y": {"field": "bpb", "type": "quantitative", "title": "bits per byte", "scale": {"zero": False}},
        "color": {"field": "domain", "type": "nominal", "title": None, "sort": best_last,
                  "scale": {"domain": best_last, "range": _COLOURS}},
    }  # fmt: skip
    mark = {"type": "line", "strokeWidth": 2, "point": {"size": 20}}
    few = f", the {_SHOWN} domains with most bytes" if len(last) > _SHOWN else ""
    return _chart(f"Held-out documents{few}", values, {"mark": mark, "encoding": encoding})


_TOKENS = {
    "field": "tokens",
    "type": "quantitative",
    "scale": {"zero": True, "nice": False},  # both charts of a run end where the run does
    "axis": {"format": "~s", "tickCount": 6, "labelExpr": "datum.value ? datum.label : '0'"},
}


def _chart(title: str, values: list[dict[str, Any]], what: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite chart without a background, letters and frame in the colour of the text around it."""
    ink = "currentColor"
    axis = {
        "labelColor": ink, "titleColor": ink, "domainColor": ink, "tickColor": ink, "gridColor": ink,
        "gridOpacity": 0.12, "domainOpacity": 0.4, "tickOpacity": 0.4, "titleFontWeight": "normal",
    }  # fmt: skip
    config = {
        "background": None, "font": "system-ui, sans-serif", "axis": axis, "legend": {"labelColor": ink},
        "title": {"color": ink, "anchor": "start", "fontSize": 13}, "view": {"stroke": None},
    }  # fmt: skip
    return {"title": title, "width": 380, "height": 230, "data": {"values": values}, "config": config, **what}


def svg(chart: dict[str, Any]) -> str:
    """A chart as an SVG element. Raises InputError where vl-convert, which draws it, is not installed."""
    if find_spec("vl_convert") is None:
        raise InputError("charts need vl_convert; pip install -e '.[report]'")
    return str(import_module("vl_convert").vegalite_to_svg(chart))
