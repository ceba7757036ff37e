"""FineWeb's rules: its variants, and final marks by language."""

import pyarrow as pa
import pytest

from corpus.errors import RecipeError
from processors.filters.fineweb import FineWeb
from processors.filters.measure import Measures


def test_variants_differ_in_the_bounds_that_were_published() -> None:
    bounds = {
        variant: {
            rule.name: rule.below if rule.above is None else rule.above for rule in FineWeb(variant=variant).rules()
        }
        for variant in FineWeb.VARIANTS
    }
    assert [bounds[variant]["copied_characters"] for variant in ("datatrove", "paper", "fineweb2")] == [0.01, 0.1, 0.1]
    assert "newlines" not in bounds["paper"] and "short_lines" not in bounds["fineweb2"]
    assert all(each["terminal_lines"] == 0.12 and each["empty"] == 1 for each in bounds.values())


def test_final_marks_go_by_the_language_where_the_recipe_asks() -> None:
    texts = ["नमस्ते।\nयह", "ภาษาไทย\nไม่มี", "“So it is.”\nHe said: ‘no’\n \n", "«Так.»\nи", "end.\n\n", "", None]
    column = pa.array(texts, pa.large_string())
    languages = pa.array(["hi", "th", "en", "ru", None, "en", "en"])
    batch = pa.RecordBatch.from_arrays([column], ["text"])
    found = FineWeb(terminals="language").scores(batch, Measures(column, languages))["terminal_lines"].to_pylist()
    assert found == [0.5, None, 0.0, 0.5, 1.0, None, None]
    plain = FineWeb().scores(batch, Measures(column, languages))["terminal_lines"].to_pylist()
    assert plain == [0.5, 0.0, 0.0, 0.0, 1.0, None, None]
    with pytest.raises(RecipeError, match="unknown terminals `french`"):
        FineWeb(terminals="french")
