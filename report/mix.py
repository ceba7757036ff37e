"""`gristmill mix`: a corpus' mixture, and what another one would give."""

import json
from typing import Annotated

import typer


def mix(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")],
    try_: Annotated[str, typer.Option("--try", help="Another mixture: a recipe, a mixture file or a preset.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The plan as JSON, for another program.")] = False,
) -> None:
    """Show a corpus' mixture; or plan another for it, without running anything."""
    from rich.console import Console

    from corpus.store import Store
    from corpus.version import read_version
    from mixtures.pieces import stock_of
    from report.console import table
    from report.tried import as_data, closing, plan_table, read_tried, show_published, try_mixture

    store = Store(corpus)
    what = read_version(store)
    console = Console(width=None if Console().is_terminal else 160, highlight=False)
    if not try_:
        show_published(console, what, as_json)
        return
    tried = try_mixture(read_tried(try_, what), what, stock_of(store))
    if as_json:
        print(json.dumps(as_data(tried), indent=1))
        return
    header, rows = plan_table(tried)
    title = f"The mixture {tried.mixture.name} for version {what['version']} of {what['corpus']} (tokens)"
    shown = table(title, header, rows)
    for column in shown.columns[2:-1]:
        column.justify = "right"
    console.print(shown)
    console.print(f"\n{closing(tried)}", soft_wrap=True)
