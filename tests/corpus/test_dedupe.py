"""Published presets: what they say, what they miss, and how a recipe's own keys win over them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.dedupe import PRESETS, Dedupe, read_dedupe
from corpus.errors import RecipeError
from corpus.recipe import load_recipe
from corpus.strict import Text

TABLE = Text("table", "")
SOURCE = """name = "small"
[[source]]
name = "a"
kind = "web"
root = "."
files = ["*.warc"]
"""


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_good_table(name: str) -> None:
    dedupe = read_dedupe({"preset": name}, TABLE)
    assert dedupe.preset == name
    assert {key: getattr(dedupe, key) for key in PRESETS[name]} == PRESETS[name]
    assert dedupe.told.startswith(f"preset {name}: {dedupe.banding[0]} bands × {dedupe.banding[1]} rows of ")


@pytest.mark.parametrize(
    ("name", "shingle", "banding", "threshold", "found"),  # found: percent of pairs at 0.7, 0.75, 0.8, 0.85
    [
        ("fineweb", (5, "simplified"), (14, 8), 0.75, (56.5, 77.2, 92.4, 98.8)),
        ("fineweb-2", (5, "segmented"), (14, 8), 0.75, (56.5, 77.2, 92.4, 98.8)),
        ("nemo-curator", (24, "characters"), (20, 13), 0.8, (17.7, 38.2, 67.7, 92.4)),
        ("data-prep-kit", (5, "words"), (14, 8), 0.75, (56.5, 77.2, 92.4, 98.8)),
        ("data-juicer", (5, "words"), (32, 8), 0.7, (85.0, 96.6, 99.7, 100)),
        ("marin", (5, "characters"), (26, 11), 0.8, (40.5, 67.4, 90.3, 99.1)),
        ("duplodocus", (5, "words"), (20, 5), 0.8, (97.5, 99.6, 100, 100)),
        ("refinedweb", (5, "words"), (450, 20), 0.8, (30.2, 76.1, 99.5, 100)),
    ],
)
def test_presets_are_as_published(
    name: str, shingle: tuple[int, str], banding: tuple[int, int], threshold: float, found: tuple[float, ...]
) -> None:
    dedupe = read_dedupe({"preset": name}, TABLE)
    assert (dedupe.shingle, dedupe.unit) == shingle
    assert (dedupe.banding, dedupe.threshold) == (banding, threshold)
    assert tuple(round(100 * (1 - dedupe.missed_at(s)), 1) for s in (0.7, 0.75, 0.8, 0.85)) == found


@pytest.mark.parametrize(
    ("name", "permutations", "threshold"),
    [("bigcode", 256, 0.7), ("redpajama-v2", 128, 0.8)],
)
def test_solved_bands_are_the_best_of_their_permutations(name: str, permutations: int, threshold: float) -> None:
    """Their solver weighs the area of false proposals below the threshold and of misses above it alike."""

    def wrong(bands: int, rows: int) -> float:
        steps = [(k + 0.5) / 200 for k in range(200)]
        low = sum(1 - (1 - (s * threshold) ** rows) ** bands for s in steps) * threshold
        high = sum((1 - (threshold + s * (1 - threshold)) ** rows) ** bands for s in steps) * (1 - threshold)
        return low + high

    most = [(permutations // rows, rows) for rows in range(1, permutations + 1)]  # more bands or fewer near them
    tried = [(bands - less, rows) for bands, rows in most for less in range(0, bands, max(1, bands // 8))]
    assert min(tried, key=lambda each: wrong(*each)) == read_dedupe({"preset": name}, TABLE).banding


def test_our_own_presets_miss_nearly_nothing() -> None:
    for name in ("segmented", "code"):
        assert read_dedupe({"preset": name}, TABLE).missed <= 2e-4


@given(st.integers(1, 500), st.integers(1, 30), st.floats(0.01, 1))
def test_missed_is_what_no_band_catches(bands: int, rows: int, threshold: float) -> None:
    dedupe = Dedupe(bands=bands, rows=rows, threshold=threshold)
    assert dedupe.missed == pytest.approx((1 - threshold**rows) ** bands)
    assert dedupe.missed_at(1.0) == 0 and dedupe.missed_at(0.0) == 1
    assert dedupe.missed_at(threshold / 2) >= dedupe.missed


@given(st.floats(0.05, 1))
def test_default_bands_keep_their_promise(threshold: float) -> None:
    assert Dedupe(threshold=threshold).missed <= 2.0001e-4


def test_told_says_what_is_missed() -> None:
    said = "14 bands × 8 rows of 5 simplified words; of alike pairs, 22.8 % at 0.75, 7.65 % at 0.8 are missed"
    assert read_dedupe({"preset": "fineweb"}, TABLE).told == f"preset fineweb: {said}"
    assert Dedupe().told.startswith("22 bands × 5 rows of 5 words; of alike pairs, 0.0161 % at 0.8, ")
    assert Dedupe(threshold=1.0).told.endswith(" 0 % at 1 are missed")


def test_what_stands_beside_a_preset_wins(recipe: Callable[[str], Path]) -> None:
    path = recipe('[dedupe]\npreset = "fineweb"\nthreshold = 0.8\nunit = "words"\nmax_removed = 0.9\n')
    wanted = Dedupe(
        preset="fineweb", threshold=0.8, unit="words", shingle=5, bands=14, rows=8, seed=1, max_removed=0.9
    )  # fmt: skip
    assert load_recipe(path).dedupe == wanted
    assert wanted.told.startswith("preset fineweb, changed: 14 bands × 8 rows of 5 words;")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('preset = "finewebb"', ("recipe.toml:8", "preset `finewebb`", "did you mean `fineweb`?")),
        ("preset = 14", ("recipe.toml:8", "`preset` is 14", "a string")),
        ('preset = "fineweb"\nrows = 0', ("recipe.toml:9", "`rows` is 0", "at least 1")),
        ('preset = "code"\nrows = 4', ("recipe.toml:9", "`rows` is 4", "given with `bands`")),
        ("threshold = 1e-9", ("recipe.toml:8", "at least 0.01")),
        ("shingle = 1_000_000", ("recipe.toml:8", "at most 1,000")),
        ("rows = 1000\nbands = 1000", ("recipe.toml:9", "so few that bands × rows is at most 10,000")),
        ('preset = "marin"\nunit = "letters"', ("recipe.toml:9", "`unit` is 'letters'", '"characters"')),
        ('preset = "marin"\nbandz = 4', ("recipe.toml:9", "`bandz`", "did you mean `bands`?")),
    ],
)
def test_mistakes_beside_a_preset_name_the_line(
    table: str, says: tuple[str, ...], recipe: Callable[[str], Path]
) -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe(recipe(f"[dedupe]\n{table}\n"))
    assert all(each in str(error.value) for each in says), error.value


@pytest.mark.parametrize("value", [1, [], "x"])
def test_a_table_that_is_none_is_told(value: Any, recipe: Callable[[str], Path]) -> None:
    path = recipe("")
    path.write_text(f"dedupe = {value!r}\n" + path.read_text())
    with pytest.raises(RecipeError, match=r"recipe.toml:1: `dedupe` is"):
        load_recipe(path)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Path]:
    def write(more: str) -> Path:
        path = tmp_path / "recipe.toml"
        path.write_text(SOURCE + more)
        return path

    return write
