"""The table [contamination]: presets, what wins, what is refused."""

import pytest

from corpus.contamination import PRESETS, Contamination, read_contamination
from corpus.errors import RecipeError
from corpus.strict import Text

TEXT = Text("recipe.toml", "")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_what_the_table_leaves_open(preset: str) -> None:
    found = read_contamination({"benchmarks": ["x"], "preset": preset, "common": 3}, TEXT)
    expected = {"preset": preset, **PRESETS[preset], "common": 3}
    assert {key: getattr(found, key) for key in expected} == expected
    assert found.told.startswith(f"preset {preset}: ")


def test_without_a_preset_it_is_13_words_and_any_of_them() -> None:
    found = read_contamination({"benchmarks": ["x"]}, TEXT)
    assert found == Contamination(benchmarks=("x",)) and (found.n, found.measure, found.common) == (13, "any", 10)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "`benchmarks` is None, it must be paths"),
        ({"benchmarks": ["x"], "preset": "13gram"}, "unknown preset `13gram`; did you mean `13-gram`"),
        ({"benchmarks": ["x"], "preset": 13}, "`preset` is 13"),
        ({"benchmarks": ["x"], "n": 64}, "`n` is 64"),
        ({"benchmarks": ["x"], "least": 1.5}, "`least` is 1.5"),
        ({"benchmarks": ["x"], "fold": "lower"}, "`fold` is 'lower'"),
        ({"benchmarks": ["x"], "unit": "lines"}, "`within` is 'text', it must be \"line\""),
        ({"benchmarks": [""]}, "`benchmarks` is ''"),
        ({"benchmarks": ["x"], "short": -1}, "`short` is -1"),
        ({"benchmarks": ["x"], "wndow": 1}, "did you mean `window`"),
    ],
)
def test_what_cannot_be_meant_is_refused(table: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_contamination(table, TEXT)
