"""A fastText classifier by path: quality, toxicity, or what else a model was trained to tell.

    [[chain.web]]                       # quality: drop what is too unlike the good examples
    name = "classifier"
    model = "models/quality.bin"        # published, or made by `gristmill classifier train`
    variant = "dclm"

    [[chain.web]]                       # toxicity: cut the paragraphs that are too like the bad examples
    name = "classifier"
    as = "toxicity"
    model = "models/toxicity.bin"
    label = "toxic"
    variant = "dolma"
    unit = "paragraph"
    cut = true

The score is the probability of `label`, so the threshold is decided later; `window` reads a text's first characters.

| variant | below | above | what |
|---|---|---|---|
| dclm | 0.018112 | | P(hq), the top tenth of DCLM's pool (2406.11794; `baselines_configs/fasttext_filter.yaml`) |
| dolma | | 0.4 | P(toxic) or P(nsfw) of a sentence, which is cut (2402.00159; `configs/dolma-v1_6`) |

Paragraphs stand in for Dolma's sentences: lines that hold more than blanks. A document's score is then the highest
probability that one of its paragraphs reaches, those that are cut counted.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import RecipeError
from corpus.text import SPANS
from processors.filters.digest import digest
from processors.filters.fasttext_model import LIBRARY, chance_of, load_model
from processors.filters.measure import Measures, buffers
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force
from processors.filters.rule import SPANS as SPANS_NAME

_ALL = float("inf")


@dataclass(frozen=True)
class Classifier:
    """Scores: `chance`, the probability of the label, null for a null text; of an empty text the model still says one.

    Attributes:
        model: a fastText model, .bin or .ftz.
        label: whose probability it is, with or without `__label__`.
        variant: whose thresholds, see above.
        below: a lower probability drops the document.
        above: a higher probability does.
        window: how many of a text's (of a paragraph's) first characters are read; 0 reads all.
        unit: "document", or "paragraph" for the highest of its paragraphs.
        cut: cut the paragraphs above `above` and drop no document for them.
    """

    name: ClassVar[str] = "classifier"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = (LIBRARY,)
    paths: ClassVar[tuple[str, ...]] = ("model",)

    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "dclm": {"below": 0.018112, "above": _ALL},
        "dolma": {"below": -_ALL, "above": 0.4},
    }
    SOURCES: ClassVar[dict[str, str]] = {
        "dclm": "DCLM `baselines/baselines_configs/fasttext_filter.yaml`",
        "dolma": "Dolma `configs/dolma-v1_6/`",
    }

    model: str = ""
    label: str = "hq"
    variant: str = "dclm"
    below: float = BY_VARIANT
    above: float = BY_VARIANT
    window: int = 0
    unit: str = "document"
    cut: bool = False

    def __post_init__(self) -> None:
        fill(self)
        if self.unit not in ("document", "paragraph"):
            raise RecipeError(f'classifier: `unit` is {self.unit!r}, it must be "document" or "paragraph"')
        if self.cut and self.unit != "paragraph":
            raise RecipeError('classifier: `cut` takes paragraphs out; set unit = "paragraph" with it')
        if self.window < 0:
            raise RecipeError(f"classifier: `window` is {self.window}, it must be at least 0; 0 reads all")

    def number_settings(self) -> dict[str, object]:
        """The model, by its SHA-256, and what of a text it is shown; where it cuts, the threshold as well."""
        if not self.model:
            raise RecipeError("classifier: `model` is not given; name a fastText model, a .bin or .ftz file")
        settings = {"model": digest(self.model), "label": self.label, "window": self.window, "unit": self.unit}
        return {**settings, **({"cut_above": repr(self.above)} if self.cut else {})}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Probabilities, and spans where it cuts."""
        if not len(batch):  # asked only for names and types
            return {"chance": pa.nulls(0, pa.float64())}
        self.number_settings()  # says so where no model is named
        model, texts = load_model(Path(self.model)), batch.column("text")
        if self.unit == "document":
            return {"chance": chance_of(model, texts, self.label, self.window)}
        paragraphs, rows, starts = _paragraphs(texts)
        chances = chance_of(model, paragraphs, self.label, self.window)
        columns = {"chance": _highest(chances, rows, len(texts))}
        if self.cut:
            above = pc.fill_null(pc.greater(chances, self.above), False).to_numpy(zero_copy_only=False)
            columns[SPANS_NAME] = _spans(texts, paragraphs.filter(pa.array(above)), rows[above], starts[above])
        return columns

    def rules(self) -> tuple[Rule, ...]:
        """Too low, then too high."""
        high = () if self.cut else (Rule("high", "chance", above=self.above),)
        return in_force(Rule("low", "chance", below=self.below), *high)


def _paragraphs(texts: pa.Array) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Every line that holds more than blanks: its text, the row that it is of, and where it begins there, in bytes."""
    lines = pc.split_pattern(pc.fill_null(texts, ""), "\n")
    flat = lines.flatten()
    rows = np.repeat(np.arange(len(texts)), pc.list_value_length(lines).to_numpy(zero_copy_only=False))
    sizes = pc.binary_length(flat).to_numpy(zero_copy_only=False).astype(np.int64) + 1  # with the newline
    ends = np.cumsum(sizes)
    first = np.searchsorted(rows, rows)
    starts = ends - sizes - (ends - sizes)[first]
    filled = pc.invert(pc.utf8_is_space(flat)).to_numpy(zero_copy_only=False) & (sizes > 1)
    return flat.filter(pa.array(filled)), rows[filled], starts[filled]


def _highest(chances: pa.Array, rows: np.ndarray, count: int) -> pa.Array:
    """The highest of each row, null where it has none."""
    known = chances.is_valid().to_numpy(zero_copy_only=False)
    best = np.full(count, -1.0)
    np.maximum.at(best, rows[known], chances.drop_null().to_numpy())
    return pa.array(best, pa.float64(), mask=best < 0)


def _spans(texts: pa.Array, cut: pa.Array, rows: np.ndarray, starts: np.ndarray) -> pa.Array:
    """The paragraphs `cut`, each with the newline after it, as one list a row; null where a row has none."""
    sizes = np.diff(buffers(texts)[1])
    ends = np.minimum(starts + pc.binary_length(cut).to_numpy(zero_copy_only=False) + 1, sizes[rows])
    names = [pa.array([what]).take(pa.array(np.zeros(len(rows), np.int64))) for what in ("classifier.high", "")]
    flat = pa.StructArray.from_arrays([pa.array(starts), pa.array(ends), *names], fields=list(SPANS.value_type))
    counts = np.bincount(rows, minlength=len(texts))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS, mask=pa.array(counts == 0))
