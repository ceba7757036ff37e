"""A small recipe, and a Prefect of its own for every test process: database and home in a temporary folder."""

import json
import os
import random
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = """\
name = "starter"
[[source]]
name = "notes"
kind = "tabular"
root = "data"
files = ["*.jsonl"]
chain = "plain"
[[chain.plain]]
name = "language"
keep = []
min_score = 0
[mixture]
[[mixture.domain]]
name = "notes"
weight = 1.0
[tokenizer]
vocab_size = 400
"""


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 made-up documents; named like the bundled sample, so that its deployment's trigger fires."""
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "data").mkdir()
    draw = random.Random(1)
    words = [a + b for a in ("ba", "ko", "li", "mu", "ne", "po", "ra", "si") for b in ("da", "ge", "hi", "jo", "ku")]
    texts = [". ".join(" ".join(draw.choices(words, k=9)).capitalize() for _ in range(12)) for _ in range(200)]
    (folder / "data" / "notes.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "recipe.toml"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a child process, with an empty Prefect home and none of the caller's Prefect settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    home = tmp_path_factory.mktemp("prefect")
    return {**inherited, "PREFECT_HOME": str(home), "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1"}
