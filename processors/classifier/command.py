"""`gristmill classifier …`: the commands, which the front door mounts. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train classifiers that filter chains use.", no_args_is_help=True, rich_markup_mode=None)

Sets = Annotated[list[str] | None, typer.Option(help="Files by a glob, or builds/NAME:SOURCE:RULE; may be repeated.")]


@app.callback()
def commands() -> None:
    """Keeps `train` a word of its own."""


@app.command()
def train(
    out: Annotated[Path, typer.Option("--out", help="The model to write; what it does is written beside it.")],
    settings: Annotated[
        Path | None, typer.Argument(metavar="[SETTINGS.toml]", help="The same options, and more.")
    ] = None,
    positive: Sets = None,
    negative: Sets = None,
    on: Sets = None,
    keep: Annotated[float | None, typer.Option(help="The share of --on to keep: 0.1.")] = None,
    label: Annotated[str | None, typer.Option(help="What the positive examples are called: hq.")] = None,
    column: Annotated[str | None, typer.Option(help="What holds the text in files: text.")] = None,
    window: Annotated[int | None, typer.Option(help="Read so many first characters; 0 reads all.")] = None,
    word_ngrams: Annotated[int | None, typer.Option(help="2 reads pairs of words as well; 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed draws and holds out others: 0.")] = None,
) -> None:
    """Train a fastText classifier on good and bad examples, and find its threshold."""
    from processors.classifier.settings import read_training
    from processors.classifier.told import told, write_facts
    from processors.classifier.train import train as run

    options = {
        "positive": positive, "negative": negative, "on": on, "keep": keep, "label": label, "column": column,
        "window": window, "word_ngrams": word_ngrams, "seed": seed,
    }  # fmt: skip
    trained = run(read_training(settings, {key: value for key, value in options.items() if value}), out)
    print(told(trained))
    print(f"\nwritten: {trained.model}, {write_facts(trained)}")
