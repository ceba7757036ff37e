"""What a recipe may say of its tokenizer; mistakes are told with file, line and what must be."""

from pathlib import Path

import pytest

from corpus.errors import RecipeError
from corpus.recipe import load_recipe

RECIPE = """name = "r"

[[source]]
name = "web"
kind = "web"
root = "raw"
files = ["*"]

[tokenizer]
"""


def load(folder: Path, lines: str) -> object:
    path = folder / "recipe.toml"
    path.write_text(RECIPE + lines)
    return load_recipe(path).tokenizer


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('symbols = ["a b"]', r"toml:10: `symbols` is 'a b', it must be without blanks"),
        ('symbols = [""]', "without blanks"),
        ('symbols = ["<0x0A>"]', "not a byte"),
        ('control = ["</s>"]', r"`control` is '</s>', it must be said once"),
        ('symbols = ["<call>"]\ncontrol = ["<call>"]', r"toml:11: `control` is '<call>', it must be said once"),
        ("lossy = true", r"`lossy` is True, it must be given with `model`"),
        (
            'model = "a.model"\nvocab_size = 8000',
            r"toml:11: `vocab_size` is 8000, it must be left out: the given model",
        ),
        ('model = "a.model"\nsplit_digits = true', "left out: the given model says it"),
        ("character_coverage = 0.95", "between 0.98 and 1"),
        ('model_typ = "bpe"', "did you mean `model_type`"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, lines: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        load(tmp_path, lines)


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    load(tmp_path, 'symbols = ["<think>", "¶"]\ncontrol = []\nsplit_scripts = false')
    load(tmp_path, 'model = "a.model"\nlossy = true\nretrain = true\nsample_bytes = 1000')
