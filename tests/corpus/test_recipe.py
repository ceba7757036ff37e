"""Recipes are read strictly: what is wrong is named with its line and the nearest right word."""

from pathlib import Path

import pytest

from corpus.dedupe import Dedupe
from corpus.errors import RecipeError
from corpus.recipe import load_recipe

GOOD = """name = "small"
[[source]]
name = "web"
kind = "web"
root = "raw"
files = ["*.warc.gz"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_a_recipe_has_defaults_and_a_store_beside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    recipe = load_recipe(write(tmp_path / "recipes", GOOD))
    assert recipe.dedupe.banding == (22, 5)
    assert recipe.store_url == str(tmp_path / "builds" / "small")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("files =", "flies ="), ("recipe.toml:6", "`flies`", "did you mean `files`?")),
        (GOOD + "[dedupe]\ntreshold = 0.7\n", ("recipe.toml:8", "`treshold`", "`threshold`")),
        (GOOD + "[dedupe]\nthreshold = 7\n", ("recipe.toml:8", "7", "at most 1")),
        (GOOD + "[dedupe]\nbands = 14\n", ("recipe.toml:8", "`bands` is 14", "given with `rows`")),
        (GOOD + '[tokenizer]\nvocab_size = "big"\n', ("recipe.toml:8", "'big'", "int")),
        (GOOD.replace('root = "raw"\n', ""), ("lacks `root`",)),
        (GOOD + GOOD.split("\n", 1)[1], ("different for two sources of one name",)),
        ("name = small", ("not TOML",)),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe(write(tmp_path, text))
    for part in says:
        assert part in str(error.value)


def test_a_missing_recipe_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nope\.toml: cannot be read: No such file"):
        load_recipe(tmp_path / "nope.toml")


@pytest.mark.parametrize("threshold", [0.2, 0.3, 0.5, 0.66, 0.7, 0.75, 0.8, 0.9, 1.0])
def test_bands_follow_the_threshold_so_that_hardly_a_pair_is_missed(threshold: float) -> None:
    assert Dedupe(threshold=threshold).missed <= 2e-4
    assert Dedupe(threshold=0.8, bands=14, rows=8).missed == pytest.approx(0.076, abs=0.001)  # FineWeb's


def test_snapshots_of_one_source_agree_on_what_it_is(tmp_path: Path) -> None:
    later = GOOD.split("\n", 1)[1] + 'snapshot = "1"\n'
    assert len(load_recipe(write(tmp_path, GOOD + later)).source) == 2
    with pytest.raises(RecipeError, match=r"recipe\.toml:13: `domain` is 'news', it must be ''"):
        load_recipe(write(tmp_path, GOOD + later + 'domain = "news"\n'))
