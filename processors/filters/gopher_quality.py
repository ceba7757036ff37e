"""Gopher's quality rules: is this prose at all?

The table of "MassiveWeb quality filtering" in 2112.11446 appendix A.1.1; a document is dropped when

    words                                    < 50 or > 100,000
    their mean length (Dolma: median)        < 3 or > 10
    "#" / words                              > 0.1
    ellipses / words                         > 0.1
    lines that start with a bullet           > 0.9
    lines that end in an ellipsis            > 0.3
    words with a letter / words              < 0.8
    stop words                               < 2

The bounds are the same everywhere; what is counted is not. `variant` says how:

    fineweb  words `\\w+` or `[^\\w\\s]+`, of which those that are more than punctuation are counted and measured; "..."
             and "…"; bullets "•" and "-", lines of str.splitlines; distinct stop words, in lower case only
    paper    words between blanks; "..." and "…"; bullets ● • * -, lines that are not blank, which may end in ". . ." as
             well; distinct stop words. The paper leaves all this open: our reading
    dolma    words between blanks; `hashes` is the share of words that hold "#" or "…", and there is no score
             `ellipses`; bullets * and - at the very start of a line, empty lines count; only "…"; every stop word
             counts
    dclm     words between blanks, of which those that begin with a letter or digit are counted; `hashes` adds up "#",
             "...", ". . ." and "…"; bullets ● • * -, lines that are not blank; every stop word counts, in either case

The eight stop words are the, be, to, of, and, that, have, with. With `stop_words = "language"` those of the document's
language are counted instead (languages.py), distinct ones; where it is not known or has none, nothing is judged.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from corpus.strict import unknown
from processors.filters.measure import STOP_WORDS, Measures, divide, word_identity
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force

_BOUNDS: dict[str, float] = {
    "min_word_length": 3, "max_word_length": 10, "max_hashes": 0.1,
    "max_ellipses": 0.1, "max_bullet_lines": 0.9, "max_ellipsis_lines": 0.3, "min_alpha_words": 0.8,
}  # fmt: skip
_TOGETHER = {**_BOUNDS, "max_ellipses": float("inf")}


@dataclass(frozen=True)
class GopherQuality:
    """Counts are int64, the rest float64; ratios are null where there are no words or no lines."""

    name: ClassVar[str] = "gopher_quality"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ()
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "fineweb": _BOUNDS, "paper": _BOUNDS, "dolma": _TOGETHER, "dclm": _TOGETHER,
    }  # fmt: skip
    SOURCES: ClassVar[dict[str, str]] = {
        "fineweb": "datatrove 0.10, `pipeline/filters/gopher_quality_filter.py`",
        "paper": "2112.11446 appendix A.1.1",
        "dolma": "allenai/dolma, `python/dolma/taggers/gopher.py` and `configs/dolma-v1_6/mixing/cc-head.yaml`",
        "dclm": "mlfoundations/dclm, `mappers/filters/content_filters.py` and `dclm_baseline_refinedweb.yaml`",
    }

    variant: str = "fineweb"
    stop_words: str = "english"
    min_words: int = 50
    max_words: int = 100_000
    min_word_length: float = BY_VARIANT
    max_word_length: float = BY_VARIANT
    max_hashes: float = BY_VARIANT
    max_ellipses: float = BY_VARIANT
    max_bullet_lines: float = BY_VARIANT
    max_ellipsis_lines: float = BY_VARIANT
    min_alpha_words: float = BY_VARIANT
    min_stop_words: int = 2

    def __post_init__(self) -> None:
        """Fills in the variant's bounds."""
        fill(self)
        if self.stop_words not in ("english", "language"):
            raise unknown(self.name, "stop_words", self.stop_words, ["english", "language"])

    def number_settings(self) -> dict[str, object]:
        """The word splitter, the stop words, and the variant where it counts otherwise."""
        words: object = list(STOP_WORDS) if self.stop_words == "english" else "language"
        return {**word_identity(), "stop_words": words, "variant": self.variant}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The eight numbers of the table."""
        found = _fineweb(measures) if self.variant == "fineweb" else _otherwise(self.variant, measures)
        if self.stop_words == "language":
            found["stop_words"] = measures.language_stop_words()
        return found

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order."""
        return in_force(
            Rule("few_words", "words", below=self.min_words),
            Rule("many_words", "words", above=self.max_words),
            Rule("short_words", "word_length", below=self.min_word_length),
            Rule("long_words", "word_length", above=self.max_word_length),
            Rule("hashes", "hashes", above=self.max_hashes),
            Rule("ellipses", "ellipses", above=self.max_ellipses),
            Rule("bullet_lines", "bullet_lines", above=self.max_bullet_lines),
            Rule("ellipsis_lines", "ellipsis_lines", above=self.max_ellipsis_lines),
            Rule("alpha_words", "alpha_words", below=self.min_alpha_words),
            Rule("stop_words", "stop_words", below=self.min_stop_words),
        )


def _fineweb(measures: Measures) -> dict[str, pa.Array]:
    return {
        "words": measures.count("unmarked_words"),
        "word_length": measures.ratio("unmarked_word_characters", "unmarked_words"),
        "hashes": measures.ratio("hashes", "words"),
        "ellipses": measures.ratio("ellipses", "words"),
        "bullet_lines": measures.ratio("bullet_rows", "rows"),
        "ellipsis_lines": measures.ratio("ellipsis_rows", "rows"),
        "alpha_words": measures.ratio("alpha_words", "words"),
        "stop_words": measures.count("stop_words"),
    }


def _otherwise(variant: str, measures: Measures) -> dict[str, pa.Array]:
    counts = measures.read("quality", variant)

    def ratio(part: str, whole: str) -> pa.Array:
        return divide(counts[part], counts[whole], measures.texts)

    apart = variant == "paper"
    return {
        "words": measures.whole(counts["words"]),
        "word_length": ratio("length", "lengths"),
        "hashes": ratio("hashes" if apart else "symbols", "blank_words"),
        "ellipses": ratio("ellipses", "blank_words") if apart else pa.nulls(len(measures.texts), pa.float64()),
        "bullet_lines": ratio("bullet_lines", "lines"),
        "ellipsis_lines": ratio("ellipsis_lines", "lines"),
        "alpha_words": ratio("alpha_words", "blank_words"),
        "stop_words": measures.whole(counts["stop_words"]),
    }
