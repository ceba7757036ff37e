"""C4's rules: lines that are no prose are cut, pages that are no prose are dropped.

JMLR 21/140 section 2.2, as FineWeb applies it (datatrove `c4_filters.py`, terminal punctuation off). A line, without
the blanks at its ends, is cut when it (in this order)

    has a word (by blanks) of more than 1,000 characters
    does not end in . ? ! " ' or ends in "..."             only if `terminal_punctuation`
    has fewer than 3 words
    holds "javascript"
    holds terms of use, privacy policy, cookie policy, uses cookies, use of cookies or use cookies

and so are citation marks ([], [12], [edit], [citation needed]) in what is left. Kept lines are joined by one newline.
A document is dropped on a line with "lorem ipsum", a line with "{" (lines cut for another reason do not count), or
fewer than 5 sentences in the kept lines. Phrases match in either case of ASCII letters.

Sentences are counted by this rule, in place of a trained splitter: one ends at . ! ? or … (and closing quotation marks
or brackets) before a blank, unless the next letter or digit is a lower-case letter; at 。！？｡ anywhere; and with its
line. What holds no letter or digit is no sentence.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpus.text import SPANS
from processors.filters.characters import character_table
from processors.filters.measure import IDENTITY, Measures, buffers
from processors.filters.rule import SPANS as SPANS_NAME
from processors.filters.rule import Rule, in_force

# As in c4_lines: lorem ipsum, curly bracket, javascript, then policy phrases.
_NEEDLES = (
    b"lorem ipsum", b"{", b"javascript",
    b"terms of use", b"privacy policy", b"cookie policy", b"uses cookies", b"use of cookies", b"use cookies",
)  # fmt: skip
_MARKS = (b"[edit]", b"[citation needed]")
_CUTS = ("blank", "long_word", "no_punctuation", "few_words", "javascript", "policy", "citation")


@dataclass(frozen=True)
class C4:
    """Scores are int64: `sentences`, and the lines with `lorem_ipsum` and `curly_bracket`; cuts come as spans.

    Attributes:
        min_sentences, max_lorem_ipsum, max_curly_brackets: bounds of the document rules.
        terminal_punctuation: cut lines that do not end in it; off in FineWeb.
        citations: cut citation marks.
        phrases: cut lines with "javascript" or a policy phrase.
        min_line_words: fewer words cut the line.
        max_word_length: a longer word cuts the line.
    """

    name: ClassVar[str] = "c4"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    min_sentences: int = 5
    max_lorem_ipsum: int = 0
    max_curly_brackets: int = 0
    terminal_punctuation: bool = False
    citations: bool = True
    phrases: bool = True
    min_line_words: int = 3
    max_word_length: int = 1000

    def number_settings(self) -> dict[str, object]:
        """The line rules: they decide what is counted."""
        names = ("terminal_punctuation", "citations", "phrases", "min_line_words", "max_word_length")
        return {"unicode": IDENTITY["unicode"], **{name: getattr(self, name) for name in names}}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """Counts of the kept lines, and the spans that leave them."""
        from processors.filters.c4_lines import cut_lines

        texts = batch.column("text")
        needles, bounds = _joined(_NEEDLES)
        firsts = np.zeros(256, np.bool_)
        firsts[[code for needle in _NEEDLES for code in (needle[0], needle[:1].upper()[0])]] = True
        limits = (self.min_line_words, self.max_word_length, self.terminal_punctuation, self.citations, self.phrases)
        spans, counts = cut_lines(
            *buffers(texts), character_table(), needles, bounds, firsts, *_joined(_MARKS), np.array(limits, np.int64)
        )
        missing = texts.is_null().to_numpy(zero_copy_only=False)
        names = ("sentences", "lorem_ipsum", "curly_bracket")
        columns = {name: pa.array(row, mask=missing) for name, row in zip(names, counts, strict=True)}
        return columns | {SPANS_NAME: _span_column(spans, len(texts))}

    def rules(self) -> tuple[Rule, ...]:
        """In datatrove's order."""
        return in_force(
            Rule("lorem_ipsum", "lorem_ipsum", above=self.max_lorem_ipsum),
            Rule("curly_bracket", "curly_bracket", above=self.max_curly_brackets),
            Rule("few_sentences", "sentences", below=self.min_sentences),
        )


def _joined(phrases: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    bounds = np.cumsum([0, *map(len, phrases)]).astype(np.int64)
    return np.frombuffer(b"".join(phrases), np.uint8), bounds


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
