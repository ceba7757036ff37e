"""The front door: `gristmill COMMAND`. Rooms are imported when a command needs them, so that help answers at once.

Every mistake that a message can explain ends in one line and exit code 1; `--debug` shows where it came from.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from processors.classifier.command import app as classifier
from report.compare import compare
from report.export import export
from report.mix import mix
from report.model import export_model, generate
from report.report import report
from report.search import search as mix_search
from report.tokenizer import tokenizer
from report.train import prove, train
from report.where import where

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130  # what Ctrl-C ends a command with

app = typer.Typer(
    help="Turns raw web archives, books and source code into token shards to train on.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(classifier, name="classifier")

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe's TOML file.")]
Root = Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")]
StoreUrl = Annotated[str, typer.Option("--store", help="Where the corpus lies, in place of the recipe's root.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write.")]
Workers = Annotated[int, typer.Option(min=0, help="Worker processes; 0: one a core. Changes no byte of the result.")]


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False) -> None:
    """Options before the command."""
    if debug:
        os.environ["GRISTMILL_DEBUG"] = "1"


def console() -> "Console":
    """The terminal; wide enough for tables where there is none to measure."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    return Console(width=width, highlight=False)


@app.command()
def build(
    recipe: RecipePath,
    store: StoreUrl = "",
    workers: Workers = 0,
    accept: Annotated[list[str] | None, typer.Option(help="A source whose share of duplicates is accepted.")] = None,
    prefect: Annotated[bool, typer.Option("--prefect", help="As a Prefect flow: history, artifacts, a UI.")] = False,
) -> None:
    """Build a corpus; safe to interrupt and run again."""
    if prefect:
        from flows.build import build as flow
        from flows.command import run

        raise typer.Exit(run(flow, str(recipe), store=store, workers=workers, accept=accept or []))
    from corpus.pool import Pool, PoolRun
    from corpus.recipe import load_recipe
    from corpus.store import Store
    from flows import path
    from report.console import StageBars, show, show_unchanged

    wanted = load_recipe(recipe)
    place, screen = Store(store or wanted.store_url), console()
    bars = StageBars(screen)
    with Pool(workers or os.cpu_count() or 1, place) as pool, bars.bars:
        published = path.build(wanted, place, PoolRun(place, pool, bars), accept or [])
        ran = pool.started
    if published.new or ran:
        show(screen, published, place.url, wanted.dedupe)
    else:
        show_unchanged(screen, published, place.url)


@app.command()
def plan(recipe: RecipePath, store: StoreUrl = "") -> None:
    """Show what would run, what is done already, and what it will cost."""
    from corpus.recipe import load_recipe
    from corpus.store import Store
    from flows.forecast import show_plan

    wanted = load_recipe(recipe)
    show_plan(console(), wanted, Store(store or wanted.store_url))


@app.command()
def verify(corpus: Root) -> None:
    """Check every hash, every count and every ratio of a published corpus."""
    from corpus.errors import DataError
    from corpus.store import Store
    from corpus.verify import verify as check

    failed = 0
    for finding in check(Store(corpus)):
        print(f"{'ok    ' if finding.holds else 'WRONG '} {finding.what}: {finding.detail}")
        failed += not finding.holds
    if failed:
        raise DataError(f"{corpus}: {failed} checks failed; restore the files, or remove them and build again")


@app.command()
def explain(corpus: Root, id: Annotated[str, typer.Argument(metavar="ID", help="A document's id.")]) -> None:
    """Tell one document's life: source record, every verdict, where its tokens lie."""
    from corpus.store import Store
    from report.explain import explain as find
    from report.pages import show_life

    show_life(console(), find(Store(corpus), id))


@app.command()
def contamination(
    corpus: Root,
    benchmark: Annotated[list[str], typer.Option(help="A benchmark's file, or a glob; may be given again.")],
    preset: Annotated[str, typer.Option(help="Published settings: 13-gram, 8-gram, gpt-3, datatrove, …")] = "13-gram",
    out: Annotated[Path | None, typer.Option("--out", help="Write every hit there, a JSON object a line.")] = None,
) -> None:
    """Look for benchmark items in a corpus' shards; exit code 1 where some are found."""
    from report.contamination import check_command

    print(check_command(corpus, benchmark, preset, out))


@app.command()
def sample(
    corpus: Root,
    dropped: Annotated[str | None, typer.Option(help='Of those that a rule, a filter or "duplicate" dropped.')] = None,
    source: Annotated[str | None, typer.Option(help="Of one source.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 5,
    seed: Annotated[int, typer.Option(help="Another seed shows others.")] = 0,
) -> None:
    """Look at documents: kept ones, or what a rule dropped."""
    from corpus.store import Store
    from report.explain import sample as take
    from report.pages import show_sample

    show_sample(console(), take(Store(corpus), dropped=dropped, source=source, count=n, seed=seed))


@app.command()
def replay(
    corpus: Root,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="[source:]filter.rule=value, …=off, or filter.score>value; may be given again."),
    ] = None,
) -> None:
    """Ask what filters would keep with other thresholds; opens no text."""
    from corpus.store import Store
    from report.replay import parse_change
    from report.replay import replay as ask
    from report.thresholds import show_replay

    show_replay(console(), ask(Store(corpus), [parse_change(told) for told in change or ()]))


@app.command()
def thresholds(corpus: Root, source: Annotated[str | None, typer.Option(help="Only of one source.")] = None) -> None:
    """Show what each threshold drops, and at which ones 1, 5 and 10 % would fall."""
    from corpus.store import Store
    from report.thresholds import show_thresholds
    from report.thresholds import thresholds as find

    show_thresholds(console(), find(Store(corpus), source))


@app.command()
def clusters(
    corpus: Root,
    source: Annotated[str | None, typer.Option(help="Only of what fell of one source.")] = None,
    n: Annotated[int, typer.Option("-n", min=0, help="How many of the largest clusters.")] = 10,
    members: Annotated[int, typer.Option(min=0, help="How many that fell, of each of them.")] = 3,
    seed: Annotated[int, typer.Option(help="Another seed shows others.")] = 0,
) -> None:
    """Look at duplicates: whose documents fell to whose, and the largest clusters."""
    from corpus.store import Store
    from report.clusters import overview
    from report.pages import show_clusters

    show_clusters(console(), overview(Store(corpus), source=source, count=n, members=members, seed=seed))


@app.command()
def extract(
    page: Annotated[str, typer.Argument(metavar="PAGE.html|-", help="An HTML file, or - for standard input.")],
    extractor: Annotated[str, typer.Option(help="main, whole or trafilatura.")] = "main",
) -> None:
    """Print the text of one HTML page."""
    from processors.files import extract_page

    sys.stdout.buffer.write(extract_page(page, extractor).encode() + b"\n")  # UTF-8, whatever the terminal's locale
    sys.stdout.buffer.flush()


@app.command()
def dedupe(
    table: Annotated[Path, typer.Argument(metavar="IN.parquet", help="Columns id and text.")],
    out: Out,
    preset: Annotated[str, typer.Option(help="Published numbers: fineweb, nemo-curator, …; options win.")] = "",
    threshold: Annotated[float | None, typer.Option(help="Jaccard from which two texts are alike: 0.8.")] = None,
    unit: Annotated[str | None, typer.Option(help="words, segmented, characters or simplified.")] = None,
    shingle: Annotated[int | None, typer.Option(help="How many of them make a shingle: 5.")] = None,
    bands: Annotated[int | None, typer.Option(help="Of MinHash, with --rows; else as the threshold asks.")] = None,
    rows: Annotated[int | None, typer.Option(help="Values of a band.")] = None,
) -> None:
    """Find near-duplicates in one table: id, kept, twin, similarity."""
    from processors.files import dedupe_file

    options = {
        "preset": preset, "threshold": threshold, "unit": unit, "shingle": shingle, "bands": bands, "rows": rows,
    }  # fmt: skip
    print(dedupe_file(table, out, options))


@app.command()
def score(
    table: Annotated[Path, typer.Argument(metavar="IN.parquet", help="Columns id and text.")],
    out: Out,
    chain: Annotated[str, typer.Option(help="A bundled filter chain: web, books, code or text.")] = "web",
) -> None:
    """Score one table with a filter chain: id, kept, rules, a column for each score."""
    from processors.files import score_file

    print(score_file(table, out, chain))


@app.command()
def tokenize(
    table: Annotated[Path, typer.Argument(metavar="IN.parquet", help="Columns id and text.")],
    model: Annotated[Path, typer.Option(help="A SentencePiece model.")],
    out: Out,
) -> None:
    """Encode one table: id, tokens."""
    from tokenizer.file import tokenize_file

    print(tokenize_file(table, model, out))


app.command("mix-search")(mix_search)
for command in (mix, tokenizer, where, export, train, compare, prove, generate, report):
    app.command()(command)
app.command("export-model")(export_model)


def main() -> None:
    """Run a command.

    Exit codes: 0 done, 1 a mistake that the line explains, 2 wrong usage, 75 training paused, 130 interrupted.
    """
    from corpus.errors import GristmillError
    from corpus.interrupt import remembered

    try:
        with remembered():
            app()
    except GristmillError as error:
        if os.environ.get("GRISTMILL_DEBUG"):
            raise
        sys.exit(f"error: {error}")
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            print("stopped; run the same command again to go on", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
