"""Numbers in the documentation that the code computes: they are what it says."""

import re
from pathlib import Path

from corpus.dedupe import PRESETS, Dedupe

DOCS = Path(__file__).parents[1] / "docs"


def row(name: str) -> str:
    """A preset's row of the table in docs/dedupe.md: misses in per cent."""
    dedupe = Dedupe(**{"preset": name, **PRESETS.get(name, {})})
    bands, rows = dedupe.banding
    missed = [percent(dedupe.missed_at(s)) for s in (dedupe.threshold, 0.7, 0.75, 0.8, 0.85, 0.9)]
    what = f"{dedupe.unit}, {dedupe.shingle}"
    return (
        f"| {f'`{name}`' if name else 'none'} | {what} | {bands} × {rows} | {dedupe.threshold} | {' | '.join(missed)} |"
    )


def percent(share: float) -> str:
    return f"{100 * share:.2g}" if share >= 1e-6 else "< 0.0001"


def test_the_table_of_misses_is_what_the_bands_give() -> None:
    text = (DOCS / "dedupe.md").read_text("utf-8")
    table = text[text.index("| preset |") :].split("\n\n")[0].splitlines()
    assert table[2:] == [row(name) for name in ("", *PRESETS)]


def test_pictures_are_there() -> None:
    for page in sorted(DOCS.glob("*.md")):
        for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text("utf-8")):
            assert (DOCS / name).is_file(), f"{page.name} shows {name}"


def test_the_tests_that_prove_something_are_there() -> None:
    for page in sorted(DOCS.glob("*.md")):
        for paths, words in re.findall(r'pytest((?: tests/[\w./]+)+)(?: -k "?([\w ]+))?', page.read_text("utf-8")):
            found = [DOCS.parent / path for path in paths.split()]
            assert all(path.exists() for path in found), f"{page.name} names{paths}"
            for word in words.split(" or ") if words else ():
                names = [name for path in found for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))]
                assert any(word in name for name in names), f"{page.name} names{paths} -k {word}"
