import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.errors import RecipeError
from processors.classifier.command import app

pytest.importorskip("fasttext_new")


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    for name, word in (("good", "kind"), ("bad", "rude")):
        rows = [json.dumps({"body": f"{word} words of number {n} " + f"{word}{n % 7} " * 9}) for n in range(80)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    return tmp_path


def test_options_train_a_model_and_print_the_recipe_s_lines(sets: Path) -> None:
    options = ["--positive", f"{sets}/good.jsonl", "--negative", f"{sets}/bad.jsonl", "--column", "body"]
    done = CliRunner().invoke(app, ["train", *options, "--out", f"{sets}/m.bin", "--label", "kind", "--window", "500"])
    assert done.exit_code == 0, done.output
    assert 'name = "classifier"' in done.output and 'label = "kind"' in done.output and "window = 500" in done.output
    assert json.loads((sets / "m.json").read_text())["settings"]["column"] == "body"
    assert (sets / "m.bin").stat().st_size > 1000


def test_toml_holds_the_same_and_options_lie_over_it(sets: Path) -> None:
    (sets / "set.toml").write_text(
        'positive = ["good.jsonl"]\nnegative = ["bad.jsonl"]\ncolumn = "body"\nlabel = "a"\n'
    )
    done = CliRunner().invoke(app, ["train", f"{sets}/set.toml", "--out", f"{sets}/m.bin", "--seed", "3"])
    assert done.exit_code == 0, done.output
    settings = json.loads((sets / "m.json").read_text())["settings"]
    assert (settings["label"], settings["seed"], settings["positive"]) == ("a", 3, [f"{sets}/good.jsonl"])


def test_a_missing_set_is_an_error_of_the_user(sets: Path) -> None:
    done = CliRunner().invoke(app, ["train", "--positive", f"{sets}/good.jsonl", "--out", f"{sets}/m.bin"])
    assert isinstance(done.exception, RecipeError) and "--negative" in str(done.exception)
