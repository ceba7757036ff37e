"""`gristmill mix-search`: look for a mixture by many small trainings, and say how far that is to be trusted."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.errors import RecipeError

if TYPE_CHECKING:
    from flows.search import Found
    from mixtures.mixture import Mixture

Row = tuple[str, ...]


def search(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")],
    target: Annotated[str, typer.Option(help="What is to be good, and how much each counts: web=.5,books=.5")],
    runs: Annotated[int, typer.Option(help="Trainings in all.")] = 64,
    tokens: Annotated[int, typer.Option(help="Tokens of each.")] = 2_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other mixtures.")] = 0,
    base: Annotated[str, typer.Option(help="The mixture to improve: a recipe, a mixture file or a preset.")] = "",
    config: Annotated[str, typer.Option(help="A training's TOML: its path, or a bundled one's name.")] = "tiny-proxy",
    workers: Annotated[int, typer.Option(min=0, help="Processes, a core each; 0: as many as there are cores.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results; the same one goes on.")] = None,
) -> None:
    """Look for a better mixture by many small trainings; safe to interrupt and run again."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from corpus.store import Store
    from corpus.version import read_version
    from flows.search import Ask
    from flows.search import search as run
    from pretrain.config import load_config
    from report.console import table

    store, wanted = Store(corpus), Ask(read_target(target), runs, tokens, seed)
    mixture = read_base(base, read_version(store))
    folder = out or Path("builds") / f"{Path(corpus).name}-search"
    console = Console(width=None if Console().is_terminal else 160, highlight=False)
    columns = (TextColumn("trainings"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task("", total=runs)
        found = run(
            store, mixture, wanted, load_config(config), folder, workers or os.cpu_count() or 1,
            lambda done, total, _: bars.update(bar, completed=done, total=total),
        )  # fmt: skip
    console.print(table("\nShares of the tokens", *shares_table(found)))
    console.print(table("\nBits per byte, held out", *outcome_table(found)))
    console.print(f"\n{closing(found, wanted.runs, wanted.tokens)}", soft_wrap=True)
    console.print(f"Written: {folder / 'proposal.toml'}; see it with gristmill mix {corpus} --try", soft_wrap=True)


def read_target(told: str) -> dict[str, float]:
    """``web=.5,books=.5`` as weights. Raises RecipeError where it is not that."""
    out = {}
    for each in told.split(","):
        name, _, weight = each.partition("=")
        try:
            out[name.strip()] = float(weight)
        except ValueError as error:
            raise RecipeError(f"--target: {each!r} is not NAME=WEIGHT, as web=.5; commas between them") from error
    return out


def read_base(told: str, what: Mapping[str, Any]) -> "Mixture":
    """The mixture to improve; by default the published one."""
    from corpus.strict import Text
    from mixtures.load import load_mixture
    from report.tried import read_tried

    if told:
        return read_tried(told, what)
    if "asked" not in what:
        raise RecipeError("this version was published without its mixture; name it: --base RECIPE")
    return load_mixture(_stated(what["asked"]), Path(), Text("the published mixture", ""))


def _stated(value: Any) -> Any:
    """A table as a file would say it: without what is empty."""
    if isinstance(value, dict):
        return {key: _stated(item) for key, item in value.items() if item not in (None, "", [], {})}
    return [_stated(item) for item in value] if isinstance(value, list) else value


def shares_table(found: "Found") -> tuple[Row, list[Row]]:
    """Header and a row a target: its share in the base and proposed, where resampled runs would put it, its limit."""
    space = found.space
    rows: list[Row] = []
    for n, name in enumerate(space.names):
        low, high = found.spread[:, n]
        limit = min(space.most[n], 1.0)
        rows.append(
            (name, f"{space.base[n]:.2%}", f"{found.shares[n]:.2%}", f"{low:.0%} to {high:.0%}", f"{limit:.0%}")
        )
    return ("domain", "base", "proposed", "90 % of fits propose", "most, by its epochs"), rows


def outcome_table(found: "Found") -> tuple[Row, list[Row]]:
    """Header and a row an outcome: the base, the difference that the fit expects and that the trial measured, and how
    the fit does on runs that it has not seen."""
    header = ("held out", "base", "noise", "expected change", "measured change", "fit: error", "R²", "rank")
    rows: list[Row] = []
    for n, name in enumerate(found.outcomes):
        trust = found.trusts[n]
        rows.append((
            name, f"{found.base[n]:.4f}", f"{found.noise[n]:.4f}", _change(found.expected[n]),
            _change(found.measured[n]), f"{trust.error:.4f}", f"{trust.explained:.2f}", f"{trust.rank:.2f}",
        ))  # fmt: skip
    return header, rows


def _change(values: Any) -> str:
    mean, low, high = values
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def closing(found: "Found", runs: int, tokens: int) -> str:
    """What came of it, in a few sentences."""
    _, low, high = found.measured[-1]
    said = {
        "better": f"The proposal is better than the base, by {-high:.4f} to {-low:.4f} bits per byte of the target",
        "worse": f"The proposal is worse than the base, by {low:.4f} to {high:.4f} bits per byte of the target",
        "neither": f"The proposal is no better than the base: {low:+.4f} to {high:+.4f} bits per byte of the target",
    }[found.verdict]
    trust = found.trusts[-1]
    weak = "" if trust.explained >= 0.5 else " The fit explains little: more runs, or longer ones, may show more."
    return (
        f"{said} (95 % interval of pairs of runs that the choice has not seen). Of runs left out the fit explains "
        f"{max(trust.explained, 0):.0%} of the variance.{weak} {runs} trainings of {tokens:,} tokens on "
        f"{found.ratio:.2%} of the stock say nothing sure of a large model: the proposal is one that is worth a trial."
    )
