"""docs/mixtures.md: its examples give the tables that stand below them, and its table of presets is what they hold."""

import re
import tomllib
from pathlib import Path

import pytest

from corpus.strict import Text
from mixtures.load import PRESETS, load_mixture
from mixtures.mixture import Domain, Group, Mixture, StageSettings
from mixtures.plan import Available, Kind, solve
from report.tried import Tried, plan_table

PAGE = (Path(__file__).parents[2] / "docs" / "mixtures.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.S)
SHOWN = ("domain", "group", "available", "asked", "planned", "epochs")


def rows_after(header: str) -> list[list[str]]:
    table = PAGE[PAGE.index(f"| {header}") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]


def stock() -> dict[Kind, Available]:
    rows = rows_after("source | domain")
    return {Kind(*row[:3]): Available(*(int(cell.replace(",", "")) for cell in row[3:])) for row in rows}


def shown(mixture: Mixture) -> str:
    header, rows = plan_table(Tried(mixture, solve(mixture, stock()), {}, {}))
    stages = [stage.name for stage in mixture.stage]
    names = [name for name in (*SHOWN, *stages, "why") if name != "group" or mixture.group]
    own = [row for row in rows if not row[0].endswith("in all")]
    table = [names, *([row[header.index(name)] for name in names] for row in own)]
    widths = [max(len(row[n]) for row in table) for n in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in lines) + "\n"


@pytest.mark.parametrize(("toml", "text"), EXAMPLES)
def test_examples_give_the_tables_below_them(toml: str, text: str) -> None:
    mixture = load_mixture(tomllib.loads(toml)["mixture"], Path(), Text("page", toml, "mixture"))
    assert shown(mixture) == text


def test_every_example_has_its_table() -> None:
    assert len(EXAMPLES) == PAGE.count("```toml") == 6


def test_the_presets_are_as_the_table_says() -> None:
    rows = rows_after("preset | unit")
    assert [row[0].strip("`") for row in rows] == sorted(path.stem for path in PRESETS.glob("*.toml"))
    for name, unit, count, total, source in rows:
        mixture = load_mixture({"preset": name.strip("`")}, Path(), Text("page", ""))
        assert unit == mixture.unit
        assert count == ("one a language" if mixture.group else str(len(mixture.domain)))
        weights = [target.weight for target in mixture.targets]
        whole = f"{sum(weight for weight in weights if weight != 'rest'):g}"
        assert total == (f"{whole} and the rest" if "rest" in weights else whole)
        assert all(part in mixture.source.lower() for part in source.lower().split(", "))


@pytest.mark.parametrize("kind", [Domain, Group, Mixture, StageSettings])
def test_every_key_is_told(kind: type) -> None:
    for name in kind.__dataclass_fields__:  # type: ignore[attr-defined]
        told = f"`{name}`" in PAGE or f"[[mixture.{name}]]" in PAGE
        assert told, f"{kind.__name__}.{name}"
