"""The build as a Prefect flow: `python -m flows.build recipes/starter.toml`, or the deployment `build`.

In: a recipe. Out: a published corpus, the same bytes as `gristmill build` gives, and a run to look at in Prefect: a
task run per batch, the ledger and the funnel as tables, the mixture asked for and achieved. Prefect decides what runs
when and where; what is done is decided by the entries in the store, so a run that was stopped goes on where it was.
"""

import sys

from prefect import flow
from rich.console import Console

from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path, steps
from flows.command import command
from report import console


@flow(name="build", flow_run_name="build {recipe}")
def build(recipe: str, store: str = "", workers: int = 0, accept: list[str] | None = None) -> int:
    """Build and publish a corpus, and give its version.

    Args:
        recipe: Path of the recipe's TOML file.
        store: Where the corpus lies, a folder or a URL; by default where the recipe says.
        workers: Worker processes; 0: one a core.
        accept: Sources whose share of duplicates was looked at and accepted.
    """
    wanted = load_recipe(recipe)
    corpus = Store(store or wanted.store_url)
    with steps.task_runs(corpus, workers) as run:
        published = path.build(wanted, corpus, run, accept or [])
    steps.show(wanted, corpus, published)
    screen = Console(width=None if sys.stdout.isatty() else 160)
    if published.new or run.begun:
        console.show(screen, published, corpus.url, wanted.dedupe)
    else:
        console.show_unchanged(screen, published, corpus.url)
    return published.version


if __name__ == "__main__":
    command(build)
