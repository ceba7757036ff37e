"""Mixture files: presets say their source and their sum, keys are laid over them, and every mistake is told."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import RecipeError
from corpus.strict import Text
from mixtures.load import PRESETS, load_mixture
from mixtures.mixture import Mixture

TEXT = Text("recipe.toml", "", "mixture")
NAMES = sorted(path.stem for path in PRESETS.glob("*.toml"))


def loaded(toml: str, folder: Path = Path()) -> Mixture:
    """As a recipe's [mixture] would be."""
    return load_mixture(tomllib.loads(toml)["mixture"], folder, Text("recipe.toml", toml, "mixture"))


def test_the_presets_are_there() -> None:
    assert NAMES == ["gpt3", "llama", "starter", "stem30-web25-books15", "the-pile", "unimax-multilingual"]


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_says_its_source_and_what_its_column_sums_to(name: str) -> None:
    mixture = load_mixture({"preset": name}, Path(), TEXT)
    assert mixture.name == name
    assert mixture.source
    total = sum(target.weight for target in mixture.targets if target.weight != "rest")
    assert f" {total:.6g}" in mixture.note


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("gpt3", [(60, 0.44), (22, 2.9), (8, 1.9), (8, 0.43), (3, 3.4)]),
        ("llama", [(67.0, 1.10), (15.0, 1.06), (4.5, 0.64), (4.5, 2.45), (4.5, 2.23), (2.5, 1.06), (2.0, 1.03)]),
    ],
)
def test_weights_and_epochs_are_the_papers(name: str, rows: list[tuple[float, float]]) -> None:
    mixture = load_mixture({"preset": name}, Path(), TEXT)
    assert [(domain.weight, domain.max_epochs) for domain in mixture.domain] == rows


# GiB and epochs of Gao et al. 2020, table 1, in the preset's order
PILE = """227.12 1  90.27 2  100.96 1.5  62.77 2  56.21 2  95.16 1  51.15 1.5  32.20 2  22.90 2  19.26 2  10.88 2.5
12.98 1.5  6.38 3  7.75 2  5.52 2  6.30 1.5  4.59 2  3.90 2  3.73 2  2.38 2  1.89 2  0.88 2"""


def test_the_piles_weights_are_raw_size_times_epochs() -> None:
    numbers = [float(number) for number in PILE.split()]
    sizes, epochs = numbers[::2], numbers[1::2]
    whole = sum(size * often for size, often in zip(sizes, epochs, strict=True))
    assert whole == pytest.approx(1254.20, abs=0.2)
    pile = load_mixture({"preset": "the-pile"}, Path(), TEXT)
    assert [domain.max_epochs for domain in pile.domain] == epochs
    for domain, size, often in zip(pile.domain, sizes, epochs, strict=True):
        assert domain.weight == pytest.approx(100 * size * often / whole, abs=0.011)


def test_keys_of_the_recipe_lie_over_the_preset() -> None:
    mixture = loaded('[mixture]\npreset = "llama"\nbudget = 5\nshortfall = "shrink"\nname = "mine"')
    assert (mixture.budget, mixture.shortfall, mixture.name) == (5, "shrink", "mine")
    assert len(mixture.domain) == 7
    assert mixture.source.startswith("Touvron")


def test_a_preset_may_be_a_file_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\n[[domain]]\nname = "a"\nweight = 1\n', "utf-8")
    mixture = loaded('[mixture]\npreset = "mine.toml"', tmp_path)
    assert (mixture.name, mixture.domain[0].name) == ("mine", "a")


def test_a_mistake_in_a_preset_is_told_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\n[[domain]]\nname = "a"\nweight = 0\n', "utf-8")
    with pytest.raises(RecipeError, match=r"mine\.toml:4: `weight` is 0, it must be a number above 0"):
        loaded('[mixture]\npreset = "mine.toml"', tmp_path)
    (tmp_path / "mine.toml").write_text('name = "mine"\n[[domain]]\nname = "a"\nweight = 1\n', "utf-8")
    with pytest.raises(RecipeError, match=r"recipe\.toml:3: `budget` is 0, it must be at least 1 token"):
        loaded('[mixture]\npreset = "mine.toml"\nbudget = 0', tmp_path)


def test_only_what_is_said_of_a_mixture_is_not_its_identity() -> None:
    one = loaded('[mixture]\nname = "x"\nnote = "y"\n[[mixture.domain]]\nname = "a"\nweight = 1')
    other = loaded('[mixture]\nname = "x"\nsource = "w"\n[[mixture.domain]]\nname = "a"\nweight = 1.0')
    longer = loaded('[mixture]\nbudget = 9\n[[mixture.domain]]\nname = "a"\nweight = 1')
    assert one.identity == other.identity != longer.identity


A = '[[mixture.domain]]\nname = "a"\nweight = 1\n'
B = '[[mixture.domain]]\nname = "b"\nweight = 2\n'
IN_G = '[[mixture.domain]]\nname = "a"\ngroup = "g"\n'


def group(**keys: Any) -> str:
    said = {"name": "g", "weight": 1} | keys
    return "[[mixture.group]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in said.items())


def stage(**keys: Any) -> str:
    return "[[mixture.stage]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)


MISTAKES = [
    ('preset = "the-pyle"', 2, "unknown mixture preset `the-pyle`; did you mean `the-pile`"),
    ("", 1, "`domain` is [], it must be at least one: [[mixture.domain]] or [[mixture.group]]"),
    ('unit = "byte"\n' + A, 2, "unknown unit `byte`; did you mean `bytes`"),
    ('shortfall = "redistribut"\n' + A, 2, "did you mean `redistribute`"),
    ("budgt = 4\n" + A, 2, "unknown key `budgt`; did you mean `budget`"),
    ("budget = 0\n" + A, 2, "`budget` is 0, it must be at least 1 token"),
    ("budget = 1.5\n" + A, 2, "`budget` is 1.5, it must be an integer"),
    ("seed = -1\n" + A, 2, "`seed` is -1, it must be at least 0 and below 2**63"),
    ("tolerance = 1.0\n" + A, 2, "`tolerance` is 1.0, it must be at least 0 and below 1"),
    (A + A, 6, "`name` is 'a', it must be another name: there is one of that name before it"),
    (A.replace("weight", "wieght"), 4, "unknown key `wieght`; did you mean `weight`"),
    (A.replace("1", "-1"), 4, '`weight` is -1, it must be a number above 0, or "rest"; or give an `amount`'),
    (A.replace("1", "true"), 4, "`weight` is True, it must be a number above 0"),
    (A.replace("1", "nan"), 4, "`weight` is nan, it must be a number above 0"),
    (A.replace("weight = 1\n", ""), 2, "`weight` is None, it must be a number above 0"),
    (A.replace('"a"', '"a/b"'), 3, "`name` is 'a/b', it must be letters, digits, . _ -"),
    (A + "amount = 5\n", 4, "`weight` is 1, it must be left out where `amount` is given"),
    (A.replace("weight = 1", "amount = 0"), 4, "`amount` is 0, it must be at least 1 of the unit, tokens"),
    (A + "max_epochs = 0\n", 5, "`max_epochs` is 0.0, it must be above 0 and at most 10,000"),
    (A + "max_epochs = 4e4\n", 5, "`max_epochs` is 40000.0, it must be above 0 and at most 10,000"),
    (A + "max_epochs = nan\n", 5, "`max_epochs` is nan, it must be above 0"),
    ("budget = 9223372036854775807\n" + A, 2, "it must be at most 2**62 tokens"),
    (A + group(by="language", rule="temperature", alpha=1.5), 10, "`alpha` is 1.5, it must be between 0 (even) and 1"),
    (A + "min_tokens = -1\n", 5, "`min_tokens` is -1, it must be at least 0"),
    (A + "heldout_tokens = -1\n", 5, "`heldout_tokens` is -1, it must be at least 0; leave it out to write all"),
    ("budget = 9\n" + A + "min_tokens = 10\n", 2, "`budget` is 9, it must be at least what min_tokens sum to, 10"),
    ("budget = 9\n" + A.replace("weight = 1", "amount = 5"), 2, "`budget` is 9, it must be left out where every"),
    ("budget = 9\n" + A + B.replace("weight = 2", "amount = 10"), 2, "at least what the amounts sum to, 10"),
    (A.replace("1", '"rest"') + B.replace("2", '"rest"'), 7, 'a number: "rest" is for one of them only, a has it'),
    (A.replace("1", '"rest"') + B.replace("2", "100"), 4, "the others sum to 100 of 100, nothing is left"),
    (A + 'select = { lang = "de" }\n', 5, "unknown column `lang`; did you mean `language`"),
    (A + "select = { language = 3 }\n", 5, "a string or a list of strings"),
    (A + "select = { language = [] }\n", 5, "a string or a list of strings"),
    (A + 'select = { bucket = "head" }\n', 5, "it must be names of [[mixture.bucket]]: there is none"),
    (A + 'group = "h"\n' + group(), 5, "unknown group `h`; known: g"),
    (IN_G + "weight = 3\n" + group(), 5, "`weight` is 3, it must be left out: the rule of g is proportional"),
    (IN_G + "amount = 3\n" + group(), 5, "`amount` is 3, it must be left out: the group g has the target"),
    (IN_G + group(rule="weights"), 2, "`weight` is None, it must be a number above 0, its share of g"),
    (A + group(), 5, '`by` is None, it must be given, or some [[mixture.domain]] must say group = "g"'),
    (IN_G + group(by="language"), 8, "`by` is 'language', it must be left out, or a taken out of the group"),
    (A + group(by="langauge"), 8, "unknown by `langauge`; did you mean `language`"),
    (A + group(by="language", rule="weights"), 9, "proportional, temperature or unimax where the group has `by`"),
    (A + group(by="language", rule="unimaxx"), 9, "unknown rule `unimaxx`; did you mean `unimax`"),
    (A + group(by="language", rule="temperature"), 5, "`alpha` is None, it must be between 0 (even) and 1"),
    (A + group(by="language", alpha=0.3), 9, '`alpha` is 0.3, it must be left out, or rule = "temperature"'),
    (A + group(by="language", select={"topic": "x"}), 9, "unknown column `topic`"),
    (A + group(by="language", fold_below=-1), 9, "`fold_below` is -1, it must be at least 0"),
    (IN_G + group(fold_below=5), 8, "`fold_below` is 5, it must be left out where the group has no `by`"),
    (IN_G + group(select={"language": "de"}), 8, "it must be left out where the group has no `by`"),
    (A.replace('"a"', '"g.de"') + group(by="language"), 3, "`name` is 'g.de', it must be another name: g.… are the"),
    (A + group(name="a", by="language"), 6, "`name` is 'a', it must be another name"),
    (A + stage(name="s"), 5, "`tokens` is None, it must be given, or `share` in its place"),
    (A + stage(name="s", share=0.5), 7, "it must be such that all of them sum to 1: they sum to 0.5"),
    (A + stage(name="s", share=1.0, tokens=5), 8, "`tokens` is 5, it must be given, or `share` in its place"),
    (A + stage(name="s", tokens=0), 7, "`tokens` is 0, it must be at least 1"),
    (A + stage(name="s", share=0.5) + stage(name="t", tokens=5), 5, "all by `tokens`, or all by `share`"),
    (A + stage(name="s", share=0.5) + stage(name="s", share=0.5), 9, "`name` is 's', it must be another name"),
    ("budget = 4\n" + A + stage(name="s", tokens=5), 2, "`budget` is 4, it must be left out, or the sum of the st"),
    (A + stage(name="s", share=1.0, weights={"aa": 1}), 8, "unknown domain or group `aa`; did you mean `a`"),
    (A + stage(name="s", share=1.0, weights={"a": 0}), 8, "leave out what is not in the stage"),
    (A + B + stage(name="s", share=1.0, weights={"a": 1}), 6, "`name` is 'b', it must be in the weights of some"),
    (A + B.replace("weight = 2", "amount = 5") + stage(name="s", share=1.0, weights={"b": 1}), 11, "without an amount"),
    (
        IN_G + group() + stage(name="s", share=1.0, weights={"a": 1}),
        11,
        "its group, g: a stage weighs groups as wholes",
    ),
]


@pytest.mark.parametrize(("toml", "number", "says"), MISTAKES)
def test_mistakes_are_told_with_line_value_and_remedy(toml: str, number: int, says: str) -> None:
    with pytest.raises(RecipeError) as told:
        loaded(f"[mixture]\n{toml}")
    assert says in str(told.value)
    assert str(told.value).startswith(f"recipe.toml:{number}:"), str(told.value)


def test_the_line_is_that_of_the_second_of_two() -> None:
    with pytest.raises(RecipeError, match=r"^recipe\.toml:7: `weight` is 0"):
        loaded("[mixture]\n" + A + B.replace("2", "0"))
