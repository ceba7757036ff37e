"""The filter of one's own that docs/filters.md points to, through a chain in a recipe beside it."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import InputError, RecipeError
from corpus.recipe import load_recipe
from corpus.strict import Text
from flows import path as flow
from processors.filters.chain import number_identity, score_table
from processors.filters.load import load_chain
from processors.filters.rule import Filter

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_filter.py"
RECIPE = """\
name = "own"
[[source]]
name = "notes"
kind = "books"
chain = "mine"
root = "notes"
files = ["*.txt"]
[[chain.mine]]
name = "own_filter.py:Vowels"
below = 0.25
[mixture]
[[mixture.domain]]
name = "notes"
weight = 1
"""
TEXTS = ["The mill turns with the water.", "Brrr, hmm, pst!", "Aiaiai, ooo!", "12", None]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    shutil.copy(EXAMPLE, tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "recipe.toml"


def chain_of(recipe: Path) -> tuple[Filter, ...]:
    return flow.check(load_recipe(recipe)).chains["notes"]


def test_a_recipe_names_the_file_and_the_class(recipe: Path) -> None:
    table = pa.table({"id": range(len(TEXTS)), "text": TEXTS})
    scored = score_table(table, chain_of(recipe))
    assert scored["vowels.share"].to_pylist() == [7 / 24, 0, 1, None, None]
    assert scored["rules"].to_pylist() == [[], ["vowels.few"], ["vowels.many"], [], []]


def test_a_changed_filter_scores_anew_and_a_changed_bound_does_not(recipe: Path) -> None:
    before = number_identity(chain_of(recipe))
    recipe.write_text(RECIPE.replace("0.25", "0.1"))
    assert number_identity(chain_of(recipe)) == before
    code = recipe.parent / "own_filter.py"
    code.write_text(code.read_text().replace("aeiou", "aeiouy"))
    assert number_identity(chain_of(recipe)) != before


def test_what_cannot_be_had_is_told_before_any_work(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("below", "bellow"))
    with pytest.raises(RecipeError, match="below"):
        chain_of(recipe)
    recipe.write_text(RECIPE.replace("Vowels", "Consonants"))
    with pytest.raises(InputError, match="Consonants"):
        chain_of(recipe)


def test_the_line_that_its_docstring_shows_is_enough(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path)
    (loaded,) = load_chain([{"name": "own_filter.py:Vowels"}], Text(str(tmp_path / "recipe.toml"), ""))
    assert loaded.name == "vowels" and [rule.name for rule in loaded.rules()] == ["few", "many"]
