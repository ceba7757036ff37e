"""`gristmill train` and `gristmill prove`: train on a corpus, and show that a run can be stopped anywhere."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import RecipeError
from report.model import check_installed

Root = Annotated[str, typer.Argument(metavar="CORPUS", help="Where the corpus lies: a folder or a store's URL.")]
Config = Annotated[
    str,
    typer.Option(
        help="Settings: the path of a TOML file, or the name of a bundled one (tiny, tiny-fim, single_gpu …)."
    ),
]


def train(
    corpus: Root,
    config: Config = "tiny",
    out: Annotated[
        Path | None, typer.Option(help="Where checkpoints and metrics go; without it builds/CORPUS-CONFIG.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many steps in all; run again to go on.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for shards of a corpus in an object store.")] = None,
    log_to: Annotated[
        list[str] | None, typer.Option(help="tensorboard, wandb, mlflow or trackio; may be given again.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Trainers on this machine: one for each GPU.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines that run this command together.")] = 1,
    rendezvous: Annotated[str, typer.Option(help="With --nodes: HOST:PORT of one of them, where they meet.")] = "",
) -> None:
    """Train a model on a published corpus; safe to interrupt and run again.

    Exit code 75: stopped and saved, the same command goes on.
    """
    check_installed("torch")
    from pretrain import launch

    folder, loggers = out or Path("builds") / f"{Path(corpus).name}-{Path(config).stem}", log_to or []
    if processes > 1 or nodes > 1:
        arguments = launch.command(
            corpus, config, folder, steps=steps, cache=cache, log_to=loggers, processes=processes, nodes=nodes,
            rendezvous=rendezvous,
        )  # fmt: skip
        raise typer.Exit(launch.run(arguments, folder))
    if rendezvous:
        raise RecipeError(f"--rendezvous {rendezvous} is for several machines: give --nodes too, or leave it out")
    from pretrain.config import load_config
    from pretrain.train import PausedError
    from pretrain.train import train as run

    try:
        run(corpus, load_config(config), folder, steps, cache=cache, log_to=loggers)
    except PausedError as paused:
        print(paused, file=sys.stderr)
        raise typer.Exit(launch.PAUSED) from None


def prove(
    corpus: Root,
    config: Config = "tiny",
    out: Annotated[Path, typer.Option(help="A folder for the proof's runs.")] = Path("builds/proof"),
    half: Annotated[int, typer.Option(min=2, help="Steps before the kill, and after it.")] = 5,
    ranks: Annotated[str, typer.Option(help="Numbers of ranks that it is proved for.")] = "1,2,4",
) -> None:
    """Prove that training reads and learns the same when it is killed and continued, at any number of ranks.

    On this corpus, on the CPU, with real processes and SIGKILL. Exit code 1 where a claim does not hold.
    """
    check_installed("torch")
    from pretrain.config import load_config
    from pretrain.prove import prove as run

    try:
        worlds = [int(number) for number in ranks.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{ranks!r}: numbers with commas between them, as 1,2,4") from None
    claims = run(corpus, load_config(config), out, half=half, worlds=worlds)
    held = sum(claim.holds for claim in claims)
    print(f"{held} of {len(claims)} claims hold")
    raise typer.Exit(0 if held == len(claims) else 1)
