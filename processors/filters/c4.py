"""C4's rules: lines that are no prose are cut, pages that are no prose are dropped.

2.2 of the T5 paper (1910.10683). A line, without the blanks at its ends, is cut when it (in this order)

                                                                        fineweb  paper    dclm
    has a word (by blanks) of more than so many characters              1,000    1,000    1,000
    does not end in . ? ! " ' or ends in "..."                          no       yes      yes
    has fewer words than                                                3        5        5
    holds "javascript"                                                  yes      yes      yes
    holds terms of use, privacy policy, cookie policy, uses cookies,
    use of cookies or use cookies                                       yes      yes      yes

and so are citation marks ([], [12], [edit], [citation needed]) in what is left. Kept lines are joined by one newline.
A document is dropped on a line with "lorem ipsum", a line with "{" (lines cut for another reason do not count), or on

    fewer sentences in the kept lines than                              5        3        3
    more characters than                                                any      any      190,000

`fineweb` is datatrove's `c4_filters.py` with terminal punctuation off, as FineWeb has it; 5 sentences and 3 words stand
in the paper's first editions, 3 sentences and 5 words in its last and in the code that made C4. Bad words are another
filter. Phrases match in either case of ASCII letters. Sentences are counted by rule, in place of a trained splitter:
the way datatrove counts them in English (sentences.py). With `finals = "language"` a line ends in what the document's
language ends its sentences with (languages.py); no line is cut for it where a language has no such mark.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.strict import unknown
from corpus.text import SPANS
from processors.filters.characters import character_table
from processors.filters.measure import IDENTITY, Measures, buffers, final_marks
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force
from processors.filters.rule import SPANS as SPANS_NAME

# As in c4_lines: lorem ipsum, curly bracket, javascript, then policy phrases.
_NEEDLES = (
    b"lorem ipsum", b"{", b"javascript",
    b"terms of use", b"privacy policy", b"cookie policy", b"uses cookies", b"use of cookies", b"use cookies",
)  # fmt: skip
_MARKS = (b"[edit]", b"[citation needed]")
_CUTS = ("blank", "long_word", "no_punctuation", "few_words", "javascript", "policy", "citation")
_FINEWEB: dict[str, float] = {
    "min_sentences": 5, "max_characters": float("inf"), "min_line_words": 3,
}  # fmt: skip
_PAPER = {**_FINEWEB, "min_sentences": 3, "min_line_words": 5}


@dataclass(frozen=True)
class C4:
    """Scores are int64: `sentences`, lines with `lorem_ipsum` and `curly_bracket`, `characters`; cuts come as spans.

    Attributes:
        variant: fineweb, paper or dclm.
        finals: "published", or "language" for the final marks of the document's language.
        terminal_punctuation: cut lines that do not end in it also in `fineweb`; the others do anyway.
        citations: cut citation marks.
        phrases: cut lines with "javascript" or a policy phrase.
        min_sentences, max_lorem_ipsum, max_curly_brackets, max_characters: bounds of the document rules.
        min_line_words: fewer words cut the line.
        max_word_length: a longer word cuts the line.
    """

    name: ClassVar[str] = "c4"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ()
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "fineweb": _FINEWEB, "paper": _PAPER, "dclm": {**_PAPER, "max_characters": 190_000},
    }  # fmt: skip
    SOURCES: ClassVar[dict[str, str]] = {
        "fineweb": "datatrove 0.10, `pipeline/filters/c4_filters.py`, as in `examples/fineweb.py`",
        "paper": "1910.10683 section 2.2; tensorflow/datasets, `text/c4_utils.py`",
        "dclm": "mlfoundations/dclm, `baselines/baselines_configs/c4.yaml`",
    }

    variant: str = "fineweb"
    finals: str = "published"
    terminal_punctuation: bool = False
    citations: bool = True
    phrases: bool = True
    min_sentences: float = BY_VARIANT
    max_lorem_ipsum: int = 0
    max_curly_brackets: int = 0
    max_characters: float = BY_VARIANT
    min_line_words: float = BY_VARIANT
    max_word_length: int = 1000

    def __post_init__(self) -> None:
        """Fills in the variant's bounds."""
        fill(self)
        if self.finals not in ("published", "language"):
            raise unknown(self.name, "finals", self.finals, ["published", "language"])

    def number_settings(self) -> dict[str, object]:
        """The line rules: they decide what is counted."""
        names = ("min_line_words", "max_word_length", "terminal_punctuation", "phrases")
        lines = dict(zip(names, self._limits(), strict=True))
        return {"unicode": IDENTITY["unicode"], "finals": self.finals, "citations": self.citations, **lines}

    def _limits(self) -> list[int]:
        """What the kernel asks of a line; bounds that are off become such as all lines pass."""
        words, longest = max(self.min_line_words, 0), min(self.max_word_length, 1 << 40)
        return [int(words), int(longest), self.terminal_punctuation or self.variant != "fineweb", self.phrases]

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Counts of the kept lines, and the spans that leave them."""
        from processors.filters.cuts import cut_lines

        texts = batch.column("text")
        limits = np.array(self._limits(), np.int64)
        languages = measures.languages if self.finals == "language" else pa.nulls(len(texts), pa.string())
        spans, counts = cut_lines(
            *buffers(texts), character_table(), _phrases(self.citations), limits, *final_marks(languages)
        )
        missing = texts.is_null().to_numpy(zero_copy_only=False)
        names = ("sentences", "lorem_ipsum", "curly_bracket")
        columns = {name: pa.array(row, mask=missing) for name, row in zip(names, counts, strict=True)}
        columns["characters"] = pc.cast(pc.utf8_length(texts), pa.int64())
        return columns | {SPANS_NAME: _span_column(spans, len(texts))}

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order."""
        return in_force(
            Rule("many_characters", "characters", above=self.max_characters),
            Rule("lorem_ipsum", "lorem_ipsum", above=self.max_lorem_ipsum),
            Rule("curly_bracket", "curly_bracket", above=self.max_curly_brackets),
            Rule("few_sentences", "sentences", below=self.min_sentences),
        )


def _phrases(citations: bool) -> tuple[object, ...]:
    """What the kernel searches lines for, see `cuts.cut_lines`."""
    from processors.filters.c4_lines import anchor_of, byte_kinds, pair_bits

    kinds = byte_kinds(_NEEDLES)
    needles = (*_joined(_NEEDLES), np.array([anchor_of(needle) for needle in _NEEDLES], np.int64))
    return kinds, pair_bits(_NEEDLES, kinds), needles, _joined(_MARKS if citations else ())


def _joined(phrases: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    bounds = np.cumsum([0, *map(len, phrases)]).astype(np.int64)
    return np.frombuffer(b"".join(phrases) or b" ", np.uint8), bounds


def _span_column(spans: np.ndarray, rows: int) -> pa.Array:
    """The kernel's spans as one list a row; null where a row has none."""
    counts = np.bincount(spans[:, 0], minlength=rows)
    rules = pa.array([f"{C4.name}.{cut}" for cut in _CUTS], pa.string()).take(pa.array(spans[:, 3]))
    replacements = pa.array(["", "\n"], pa.string()).take(pa.array(spans[:, 4]))
    columns = [
        pa.array(np.ascontiguousarray(spans[:, 1])),
        pa.array(np.ascontiguousarray(spans[:, 2])),
        rules,
        replacements,
    ]
    flat = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS, mask=pa.array(counts == 0))
