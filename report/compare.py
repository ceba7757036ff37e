"""`gristmill compare`: trainings side by side, on one corpus or on several.

In: run folders as `pretrain.train` leaves them. Out: a table of what differs between them, settings and data, and one
of what came of it: bits per byte of every held-out domain, each beside the first run's.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.errors import GristmillError, InputError

if TYPE_CHECKING:
    from report.training import Run

Row = tuple[str, ...]
_OTHER = "*"  # behind what was scored on other text than the first run's


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN …", help="Trainings' folders; the first is the base.")],
) -> None:
    """Show trainings side by side: what differs between them, and bits per byte of each held-out domain."""
    from rich.console import Console

    from report.console import table
    from report.training import objective

    found = opened(runs)
    header = ("", *(run.name for run in found))
    differing, results = differences(found), outcomes(found)
    tables = [table("\nWhat came of it", header, results)]
    tables = [table("What differs", header, differing), *tables] if differing else tables
    console = Console(highlight=False, markup=False)
    anywhere = console.options.update(max_width=10_000)  # a name that was cut would name nothing
    console.width = max([console.width, *(console.measure(each, options=anywhere).maximum for each in tables)])
    if not differing:
        console.print("Settings and data are the same.")
    for each in tables:
        console.print(each)
    if any(_OTHER in cell for row in results for cell in row[1:]):
        said = f"{_OTHER} scored on other text than {found[0].name}, as its length tells: to be compared roughly."
        console.print(f"\n{said}", soft_wrap=True)
    if len({objective(run) for run in found}) > 1:
        console.print(
            "\nThe objectives differ, and so does what is scored: their figures cannot be compared.", soft_wrap=True
        )


def opened(folders: Sequence[Path]) -> "list[Run]":
    """The runs in these folders, named by them. Raises InputError for fewer than two, and a folder that holds none."""
    from report.training import named_apart, run_in

    if len(folders) < 2:
        raise InputError(f"{len(folders)} run to compare: give two or more folders of `gristmill train --out`")
    return named_apart([run_in(folder) for folder in folders])


def differences(runs: "Sequence[Run]") -> list[Row]:
    """A row for everything that was told to the trainings and is not the same for all: corpus, mixture, settings."""
    mixed = len({run.about.get("order_sha256") for run in runs}) > 1  # else none needs to be asked for its mixture
    told = [_told(run, mixed) for run in runs]
    keys = dict.fromkeys(key for each in told for key in each)
    rows = [(key, *(_cell(each.get(key)) for each in told)) for key in keys]
    return [row for row in rows if len({*row[1:]}) > 1]


def outcomes(runs: "Sequence[Run]") -> list[Row]:
    """Rows of what was measured: tokens fed, loss, speed, bits per byte and their difference to the first run's."""
    from report.training import last_loss

    rows: list[Row] = [
        ("tokens", *(f"{run.tokens:,}" for run in runs)),
        ("training loss", *(last_loss(run) for run in runs)),
        ("tokens/s", *(_speed(run) for run in runs)),
    ]
    last = [run.evaluations[-1] if run.evaluations else {"heldout": {}} for run in runs]
    domains = dict.fromkeys(name for each in last for name in each["heldout"])
    whole = [
        {"bpb": each.get("bpb"), "num_bytes": sum(score.get("num_bytes") or 0 for score in each["heldout"].values())}
        for each in last
    ]
    ratios = (each.get("ratio") for each in last)
    return [
        *rows,
        *((domain, *_beside([each["heldout"].get(domain, {}) for each in last])) for domain in domains),
        ("all held-out, bits per byte", *_beside(whole)),
        ("of the unigram model's", *("" if ratio is None else f"{ratio:.3f}" for ratio in ratios)),
    ]


def _beside(scores: Sequence[dict[str, Any]]) -> list[str]:
    """Bits per byte of one domain, with the difference to the first run's."""
    base, cells = scores[0], []
    for score in scores:
        bpb = score.get("bpb")
        change = "" if score is base or None in (bpb, base.get("bpb")) else f" {bpb - base['bpb']:+.3f}"
        other = _OTHER if change and score.get("num_bytes") != base.get("num_bytes") else ""
        cells.append("" if bpb is None else f"{bpb:.3f}{change}{other}")
    return cells


def _speed(run: "Run") -> str:
    speeds = [record["tokens_per_second"] for record in run.steps if record.get("tokens_per_second")]
    return f"{median(speeds):,.0f}" if speeds else ""


def _told(run: "Run", mixed: bool) -> dict[str, Any]:
    """What run.json says that may differ for a reason, as one table: {"optim.lr": 0.01}."""
    from pretrain.config import flat

    about = run.about
    hashes = {name: str(about.get(f"{name}_sha256", "?"))[:12] for name in ("tokenizer", "order")}
    seen = {key: about.get(key) for key in ("corpus", "version")} | hashes
    seen |= {key: about.get(key) for key in ("parameters", "world_size")}
    asked = flat(about.get("settings", {})) | {"device": about.get("device")}  # what "auto" came to
    return seen | (_mixture(about) if mixed else {}) | asked


def _mixture(about: dict[str, Any]) -> dict[str, str]:
    """The share of each domain in the tokens of the corpus that the run reads, as far as that is still there."""
    from corpus.store import Store
    from corpus.version import read_version

    try:
        lines = read_version(Store(str(about.get("corpus"))), about.get("version")).get("mixture", ())
    except GristmillError:
        return {"mixture": "of a corpus that cannot be read"}
    return {f"mixture.{line['domain']}": f"{line['achieved']:.1%}" for line in lines}


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)
