"""Reading a mixture file: the recipe's ``[mixture]``, or a preset with keys laid over it.

In: a TOML table and the text it was read from. Out: a checked `Mixture`, or a RecipeError with file and line.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus.strict import Text, parse, read_toml, unknown
from mixtures.check import check_mixture
from mixtures.mixture import Lines, Mixture

PRESETS = Path(__file__).parent


def load_mixture(table: dict[str, Any], folder: Path, text: Text) -> Mixture:
    """The recipe's ``[mixture]``: its own tables, or ``preset = "name or path"`` with keys laid over it.

    `text` is what the table was read from, `folder` where a preset given by path is looked for.

    Raises RecipeError for an unknown preset or key and for whatever cannot be meant, with file and line.
    """
    own = dict(table)
    preset = own.pop("preset", None)
    stated = parse(Mixture, own, text)
    lines = Lines(text, frozenset(own), text)
    if preset is not None:
        path = preset_path(str(preset), folder, text.line("preset"))
        content, base = read_toml(path)
        lines = replace(lines, preset=Text(str(path), content))
        known = parse(Mixture, base, lines.preset)
        stated = replace(known, **{key: getattr(stated, key) for key in own})
    check_mixture(stated, lines)
    return stated


def preset_path(name: str, folder: Path, where: str) -> Path:
    """A bundled preset's file, or a file below `folder`. Raises RecipeError where there is neither."""
    for path in (PRESETS / f"{name}.toml", folder / name):
        if path.is_file():
            return path
    raise unknown(where, "mixture preset", name, sorted(path.stem for path in PRESETS.glob("*.toml")))
