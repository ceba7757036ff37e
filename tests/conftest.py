"""What every test can ask for: a small world, corpora published without a build, a training that was done."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from corpus.shard import Rows
from tests.building import build
from tests.made import make_corpus, make_encoded, rows_of
from tests.trained import LONG, make_run
from tests.world import make_world

# The first call of a compiled kernel takes seconds; runs are the same each time, so a failure is never a surprise.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The path of a recipe whose corpus goes to ``out`` beside it."""
    return make_world(tmp_path)


@pytest.fixture(scope="session")
def world_at() -> Callable[..., Path]:
    """`make_world`, for tests that need several."""
    return make_world


@pytest.fixture(scope="session")
def made_corpus() -> Callable[..., str]:
    """`make_corpus`: `made_corpus(folder, pieces, heldout={...}, shard_tokens=...)` gives the root of a corpus."""
    return make_corpus


@pytest.fixture(scope="session")
def made_rows() -> Callable[..., Rows]:
    """`rows_of`: the columns of one shard from pieces."""
    return rows_of


@pytest.fixture(scope="session")
def made_encoded() -> Callable[..., dict[str, Any]]:
    """`make_encoded`: `made_encoded(folder, {"web": 100})` gives the version."""
    return make_encoded


@pytest.fixture(scope="session")
def made_run() -> Callable[..., Path]:
    """`make_run`: `made_run(folder, tied=True, objective="fim")` gives a run's folder."""
    return make_run


@pytest.fixture
def long_training(tmp_path: Path) -> Path:
    """Settings of a training that somebody has to stop."""
    path = tmp_path / "run.toml"
    path.write_text(LONG, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built small world that no test changes; the recipe's path."""
    recipe = make_world(tmp_path_factory.mktemp("built"))
    build(recipe)
    return recipe


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    shutil.copytree(built.parent, tmp_path / "copy")  # keeps modification times
    return tmp_path / "copy" / "recipe.toml"
