"""The forecast counts the work of the processes that read, not only that of the one that asks."""

from pathlib import Path

from corpus.recipe import load_recipe
from flows import path
from flows.forecast import measure
from sources.plan import plan_ingest

READER = """
import time
from functools import partial
from sources.item import Document
from sources.outcome import attempt

def read(path, settings):
    yield attempt(partial(made, path), settings, 0, path.stat().st_size, "byte", None)

def made(path):
    begun = time.process_time()
    while time.process_time() - begun < 0.5:
        pass
    return Document(path.read_text())
"""
RECIPE = """
name = "small"
[[source]]
name = "s"
kind = "own.py:read"
root = "in"
files = ["*"]
[mixture]
[[mixture.domain]]
name = "s"
weight = 1
"""


def test_core_seconds_are_those_of_all_processes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("The mill grinds what the farmers bring to it.")
    (tmp_path / "own.py").write_text(READER)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "recipe.toml")
    plan = path.check(recipe)
    (part,) = plan_ingest(recipe.source[0], plan.readings[0], recipe.parts, recipe.folder)
    assert measure(plan, part).seconds > 0.5
