"""`gristmill where`: the command; `report.steps` finds what it shows. What it needs is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import InputError, RecipeError


def where(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")],
    step: Annotated[int, typer.Option(min=0, help="A training step, the first is 1: show its documents.")] = 0,
    document: Annotated[str, typer.Option(metavar="ID", help="A document's id: show where its tokens lie.")] = "",
    run: Annotated[
        Path | None, typer.Option(help="A run's folder: its steps are meant, on the version it reads.")
    ] = None,
    config: Annotated[
        str, typer.Option(help="Without --run: the settings, as `train` takes them.", show_default="tiny")
    ] = "",
    batch_size: Annotated[int, typer.Option(min=0, help="Windows of a step, over all ranks; 0: as in --config.")] = 0,
    sequence_length: Annotated[int, typer.Option(min=0, help="Inputs of a window; 0: as in --config.")] = 0,
    shuffle_block: Annotated[
        int, typer.Option(min=0, help="Windows of a block that is shuffled, 1: none; 0: as in --config.")
    ] = 0,
    pack_block: Annotated[
        int, typer.Option(min=-1, help="Windows of a block that is packed, 0: none; -1: as in --config.")
    ] = -1,
    seed: Annotated[int, typer.Option(min=-1, help="Of the shuffle; -1: as in --config.")] = -1,
    epoch: Annotated[int, typer.Option(min=0, help="With --document: the epoch whose steps are shown.")] = 0,
    version: Annotated[int, typer.Option(min=0, help="A published version; 0: the current one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, an object a line.")] = False,
) -> None:
    """Show the documents of a training step, or where a document's tokens lie and which steps read them."""
    if bool(step) == bool(document):
        raise RecipeError("`gristmill where` needs --step N or --document ID, one of them")
    if run and config:
        raise RecipeError(f"--run {run} has settings of its own: leave --config out")
    if step and epoch:
        raise RecipeError(f"--epoch {epoch} is for --document; steps count on through the epochs: leave it out")
    from corpus.loader import Loader
    from corpus.shard import open_corpus
    from pretrain.config import load_config, load_run
    from report.steps import documents_of, places_of, read_by, show_places, show_step

    meant, read, order = load_run(run) if run else (load_config(config or "tiny"), None, None)
    batch_size, sequence_length = batch_size or meant.batch_windows, sequence_length or meant.sequence_length
    opened = open_corpus(corpus, version or read)
    if run and opened.order_sha256 != order:
        raise InputError(f"{run} was trained on another corpus, or version, than this one: its run.json names them")
    if run and step > meant.steps:
        raise InputError(f"{run} has {meant.steps:,} steps, the first is 1: name one of them")
    loader = Loader(
        opened,
        sequence_length,
        shuffle_block=shuffle_block or meant.shuffle_block,
        pack_block=meant.pack_block if pack_block < 0 else pack_block,
        seed=meant.seed if seed < 0 else seed,
    )
    if step:
        show_step(loader, documents_of(loader, step, batch_size), step, batch_size, as_json)
        return
    whole, places = places_of(opened, document)
    show_places(whole, [read_by(loader, place, batch_size, epoch) for place in places], as_json)
