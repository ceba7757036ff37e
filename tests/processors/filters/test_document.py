"""docs/filters.md is what the code says: every filter, score, rule and setting stands in it."""

from dataclasses import fields
from pathlib import Path

from processors.filters.document import page
from processors.filters.load import FILTERS

PAGE = Path(__file__).parents[3] / "docs" / "filters.md"


def test_the_page_is_written_from_the_code() -> None:
    told = page()
    assert PAGE.read_text(encoding="utf-8") == told, "run: python -m processors.filters.document > docs/filters.md"
    sections = dict(part.split("\n", 1) for part in told.split("\n## ")[1:])
    for name, kind in FILTERS.items():
        for each in fields(kind):
            assert f"| `{each.name}` |" in sections[name], f"{name}: {each.name}"
        for variant in getattr(kind, "VARIANTS", {}):
            made = kind(variant=variant)
            assert f"`{variant}`" in sections[name]
            for rule in made.rules():
                assert f"`{name}.{rule.name}`" in sections[name] and f"`{rule.score}`" in sections[name]
        for rule in kind().rules():
            assert any(
                said.strip(" |") for said in rows(sections[name].partition("**Rules.**")[2], f"{name}.{rule.name}")
            )


def rows(section: str, name: str) -> list[str]:
    """What stands beside a name in the tables of a section."""
    start = f"| `{name}` |"
    return [line.removeprefix(start) for line in section.split("\n") if line.startswith(start)]


def test_the_page_can_be_read() -> None:
    told = page()
    assert told.count("```") % 2 == 0
    assert "nan" not in told.split() and "inf" not in told.replace("`inf`", "").replace("`-inf`", "").split()
    for line in told.split("\n"):
        assert not line.startswith("| ") or line.endswith(" |")
