"""A flow as a command: `python -m flows.build RECIPE [--store URL] [--workers N] [--accept SOURCE]`.

A mistake of the user's is one line, Ctrl-C is one line, and neither leaves a process behind. Exit codes: 0 done,
1 failed, 130 interrupted, 143 terminated.
"""

import argparse
import logging
import sys
from typing import Any

from prefect import Flow
from prefect.exceptions import TerminationSignal

from corpus import interrupt
from corpus.errors import GristmillError
from corpus.recipe import load_recipe
from flows import path, server

NOISE = ("Still processing", "Crash detected")  # a queue that is being emptied; what the next line says too


def command(flow: Flow[..., Any]) -> None:
    """Run a flow that takes `recipe`, `store`, `workers`, perhaps `accept`, with this process' arguments, and exit."""
    parser = argparse.ArgumentParser(prog=f"python -m flows.{flow.name}", description=flow.description)
    parser.add_argument("recipe", help="the recipe's TOML file")
    parser.add_argument("--store", default="", help="where the corpus lies: a folder or a URL (default: the recipe's)")
    parser.add_argument("--workers", type=int, default=0, help="worker processes (default: one a core)")
    if "accept" in flow.parameters.properties:
        parser.add_argument(
            "--accept", action="append", default=[], help="a source whose share of duplicates is accepted"
        )
    sys.exit(run(flow, **vars(parser.parse_args())))


def run(flow: Flow[..., Any], recipe: str, **options: Any) -> int:
    """Run a flow with its options, on a server of its own where none is set, and give the exit code."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_worth_showing)
    try:
        path.check(load_recipe(recipe))  # a mistake in it costs no server
        with interrupt.remembered(), server.serving():
            flow(recipe, **options)
    except GristmillError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, TerminationSignal) as error:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 143
    return 0


def _worth_showing(record: logging.LogRecord) -> bool:
    """What a person at a terminal wants of Prefect's log; Prefect's database gets all of it."""
    if record.exc_info or record.name == "prefect.task_runs":
        return False  # errors are told at the end; task runs would be a line a batch
    if server.embedded() and "View at" in str(record.msg):
        return False  # a server that shows no pages, and is gone in a moment
    return not any(noise in str(record.msg) for noise in NOISE)
