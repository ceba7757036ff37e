"""`gristmill report`: a corpus on one page of HTML, which needs nothing but itself.

In: a published version and the trainings on it. Out: a file with the funnel, the mixture and, where there are any, the
trainings (`report.training`); light or dark as the reader's screen.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from report.training import Run

Row = tuple[str, ...]


def report(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")],
    run: Annotated[
        list[Path] | None, typer.Option(help="A training's folder; may be given again. Without it: those found beside.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The page; by default NAME.html beside the corpus.")] = None,
) -> None:
    """Write a corpus' page: what became of the documents, the mixture, and the trainings on it."""
    from corpus.errors import StoreError
    from corpus.store import Store
    from corpus.tables import check_place
    from corpus.version import read_version
    from report.training import runs_of

    store = Store(corpus)
    what = read_version(store)
    beside = Path() if "://" in corpus else Path(corpus).resolve().parent
    place = out or beside / f"{what['corpus']}.html"
    check_place(place)
    runs = runs_of(corpus, what, run or ())
    try:
        place.write_text(page(what, store.url, runs), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{place}: cannot be written ({error.strerror}); name another file with --out") from error
    print(f"{place} is written; trainings: {', '.join(run.name for run in runs) or 'none found'}")


def page(what: dict[str, Any], url: str, runs: "Sequence[Run]" = ()) -> str:
    """The page of a published version (`corpus.version.read_version`) that lies at `url`."""
    from corpus.ledger import Count
    from report.console import funnel, mixture

    title = f"{what['corpus']}, version {what['version']}"
    placed, shards = sum(line["placed"] for line in what["mixture"]), len(what["shards"])
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{placed:,} tokens to train on, in {shards:,} shard{'s' * (shards != 1)} at <code>{escape(url)}</code></p>",
        "<h2>The funnel (documents)</h2>",
        table(*funnel([Count(**count) for count in what["ledger"]])),
        "<h2>The mixture (tokens)</h2>",
        table(*mixture(what["mixture"])),
        *training(runs),
    ]
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(body))


def training(runs: "Sequence[Run]") -> Iterator[str]:
    """The section on trainings; nothing where there are none."""
    from report.training import comparison, domain_rows, facts, heldout_chart, loss_chart, svg

    if runs:
        yield "<h2>Training</h2>"
    if len(runs) > 1:
        yield table(*comparison(runs))
    for run in runs:
        yield f"<h3>{escape(run.name)}</h3>"
        yield "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in facts(run)) + "</dl>"
        charts = [svg(chart) for chart in (loss_chart(run), heldout_chart(run)) if chart is not None]
        if charts:
            yield '<div class="charts">' + "\n".join(f"<figure>{chart}</figure>" for chart in charts) + "</div>"
        header, rows = domain_rows(run)
        if rows:
            yield table(header, rows)
    if any(domain_rows(run)[1] for run in runs):
        yield (
            '<p class="note">Bits per byte of held-out documents; the unigram model knows how often each token '
            "comes and nothing else, and the ratio is the model's bits over its bits. Runs of other objectives, "
            "or scored on other held-out tokens, cannot be compared by them.</p>"
        )


def table(header: Row, rows: Sequence[Row]) -> str:
    """An HTML table; columns of numbers to the right."""
    right = [bool(rows) and all(not row[k] or row[k][:1].isdigit() for row in rows) for k in range(len(header))]

    def cells(tag: str, row: Row) -> str:
        marks = (' class="n"' if number else "" for number in right)
        return "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for mark, cell in zip(marks, row, strict=True))

    lines = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{cells("th", header)}</tr></thead>\n<tbody>{lines}</tbody></table></div>'
    )


_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #667; --rule: #d8dbe0; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e6ea; --dim: #99a; --rule: #363b42; --paper: #14171a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 64rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .25rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: var(--dim); text-align: left; vertical-align: bottom; }
th, td { padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
.n { text-align: right; }
.wide { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .25rem 0 1rem; }
dt, .note { color: var(--dim); } dd { margin: 0; }
.note { font-size: .85rem; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; } svg { max-width: 100%; height: auto; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
