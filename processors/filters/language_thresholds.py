"""How sure a model must be of each language, from a file: FineWeb-2 gives every language a threshold of its own.

The file is a table of TOML (`.toml`), or lines of a label, a tab and a number; `#` begins a comment. It may also be the
folder `configs` that FineWeb-2 publishes: a file `<label>.yml` for each language, with a line `language_score: 0.821`.

    deu_Latn = 0.783            deu_Latn	0.783
    ja = 0.6                    ja	0.6

A key is the model's label, or the two letters that stand for several of them. What is not named has the filter's
`min_score`.
"""

import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from processors.filters.languages import code_of
from processors.filters.rule import Rule

_DIGITS = 6  # of "0.6512"
_PUBLISHED = re.compile(r"^language_score:[ \t]*(\S+)[ \t]*$", re.MULTILINE)


def sure_column(labels: pa.Array, scores: pa.Array) -> pa.Array:
    """The label and its probability as one string, "de 0.6512", so that one stored column answers any thresholds."""
    rows = zip(labels.to_pylist(), scores.to_pylist(), strict=True)
    return pa.array([None if label is None else f"{label} {score:.4f}" for label, score in rows], pa.string())


@dataclass(frozen=True)
class Unsure(Rule):
    """Fires where the probability is below the threshold of its label; `below` is that of labels not named."""

    thresholds: tuple[tuple[str, float], ...] = ()

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops, of what `sure_column` made; null never falls."""
        bounds = dict(self.thresholds)
        labels = pc.dictionary_encode(pc.utf8_slice_codeunits(scores, 0, -_DIGITS - 1))
        known = [self._bound(bounds, label) for label in labels.dictionary.to_pylist()]
        bound = pa.array(known, pa.float64()).take(labels.indices)
        chance = pc.cast(pc.utf8_slice_codeunits(scores, -_DIGITS), pa.float64())
        return pc.fill_null(pc.less(chance, bound), False)

    def _bound(self, bounds: dict[str, float], label: str) -> float:
        code = code_of(label)
        default = -math.inf if self.below is None else self.below
        return bounds.get(label, default if code is None else bounds.get(code, default))

    def settings(self) -> dict[str, object]:
        """The rule and its thresholds as data for JSON."""
        return super().settings() | {"thresholds": dict(self.thresholds)}


def read_thresholds(path: str) -> tuple[tuple[str, float], ...]:
    """The thresholds of a file or folder, by label.

    Raises:
        InputError: the file cannot be read, or a line holds no label and probability.
    """
    try:
        if Path(path).is_dir():
            found = _folder(path)
        else:
            text = Path(path).read_text("utf-8")
            found = _toml(path, text) if path.endswith(".toml") else _lines(path, text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    for label, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(f"{path}: the threshold of {label} is {value!r}; a probability lies between 0 and 1")
    return tuple(sorted((label, float(value)) for label, value in found.items()))


def _folder(path: str) -> dict[str, float]:
    texts = {file: file.read_text("utf-8") for file in sorted(Path(path).glob("*.yml"))}
    found = {file: match[1] for file, text in texts.items() if (match := _PUBLISHED.search(text))}
    if not found:
        raise InputError(f"{path}: no file <label>.yml in it with a line `language_score: …`")
    return {file.stem: _number(str(file), told) for file, told in found.items()}


def _number(where: str, told: str) -> float:
    try:
        return float(told)
    except ValueError as error:
        raise InputError(f"{where}: {told!r} is no number") from error


def _toml(path: str, text: str) -> dict[str, float]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: no TOML: {error}") from error


def _lines(path: str, text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.partition("#")[0].split()
        if not cells:
            continue
        if len(cells) != 2:
            raise InputError(f"{path}:{number}: {line!r} is no label and a number with a tab between")
        found[cells[0]] = _number(f"{path}:{number}", cells[1])
    return found
