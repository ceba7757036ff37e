"""Rules for source code: minified, generated and data files, and files with too few or too many comments.

Each number is null where the variant does not judge it for the file's language (as Linguist calls it) or extension;
`code_tables.py` lists them. Lines are those of str.splitlines, characters are code points; where only a part is named
it is its share of all characters. A file is dropped when

    number              starcoder  santacoder  redpajama  stack-v2  deepseek-coder
    longest_line      >      1000        1000       1000      1000      1000   characters
    mean_line         >       100         100        100       100       100   characters
    long_prose_line   >         -           -          -   100,000         -   HTML, JSON, Markdown, Text, XML, others
    lines             >         -           -          -   100,000         -
    alphanumeric      <      0.25        0.25       0.25      0.25         -   letters, digits; stack-v2: 2 languages
    alphabetic        <      0.25           -          -      0.25      0.25   letters; starcoder: 16 extensions
    xml               >         0           -          -         -         0   "<?xml version=" in 100 characters
    comments          <         -        0.01          -         -         -   characters of comments and docstrings
    comments          >         -         0.8          -         -         -
    letters_per_word  <         -           -        1.5         -         -   letters / words of `\\w+|[^\\w\\s]+`
    visible           <       0.2           -          -       0.2       0.2   HTML: characters outside of markup
    visible_characters<       101           -          -       100       100   HTML
    data_characters   <        50           -          -         -        50   JSON and YAML
    data_characters   >      5000           -          -         -      5000
    data_alphabetic   <       0.5           -          -         -         -   letters of JSON and YAML
    data_lines        >         -           -          -       512         -   JSON, YAML, Text, OWL, Graphviz
    encoded           >         -           -          -       0.5         -   characters of data written as text
    longest_encoded   >         -           -          -      1024         -   base64, hexadecimal pairs, \\u escapes
    generated         >         -           -          -         0         -   "auto-generated" … in 5 first lines
    stray_notes       >         -           -          -         0         -   Text, but for readme, notes and others

StarCoder: 2305.06161 section 3, bigcode-dataset `preprocessing/filtering.py` with `visual_inspection.csv`, but for its
list of extensions (choose those at the source) and 500 characters a line for `.fsh`. SantaCoder: 2301.03988 and the
README beside that program; it took Python, Java and JavaScript only; its rules on stars and on characters per token
need what a document does not have. RedPajama v1: `data_prep/github/github_run_filter.py`; it counts tokens of a
model's tokenizer where we count words, of which there are fewer, so the same bound drops less here. The Stack v2:
2402.19173 section 2.1; files that go-enry calls generated are the filter `file_kind`'s. DeepSeek-Coder: 2401.14196
section 2.1.

Comments are found by the marks of each language's comments and strings; docstrings are literals in triple quotes at
the beginning of a file or after a colon.
"""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from processors.filters.characters import character_table
from processors.filters.code_tables import GENERATED, NOTES, SCOPES, syntaxes
from processors.filters.measure import IDENTITY, Measures, buffers, divide
from processors.filters.rule import BY_VARIANT, Rule, fill, in_force

_LINES = {"max_line": 1000.0, "max_mean_line": 100.0, "min_alphanumeric": 0.25}
_OFF = {
    "max_prose_line": inf, "max_lines": inf, "min_alphabetic": -inf, "max_xml": inf, "min_comments": -inf,
    "max_comments": inf, "min_letters_per_word": -inf, "min_visible": -inf, "min_visible_characters": -inf,
    "min_data_characters": -inf, "max_data_characters": inf, "min_data_alphabetic": -inf, "max_data_lines": inf,
    "max_encoded": inf, "max_longest_encoded": inf, "max_generated": inf, "max_stray_notes": inf,
}  # fmt: skip


@dataclass(frozen=True)
class SourceCode:
    """The numbers of the table: shares and means are float64, counts and flags (1 or 0) int64.

    Attributes:
        variant: whose rules; a bound given beside it stands in place of the variant's.
    """

    name: ClassVar[str] = "code"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ("code_language", "member", "file")
    VARIANTS: ClassVar[dict[str, dict[str, float]]] = {
        "starcoder": _OFF | _LINES | {
            "max_xml": 0, "min_alphabetic": 0.25, "min_visible": 0.2, "min_visible_characters": 101,
            "min_data_characters": 50, "max_data_characters": 5000, "min_data_alphabetic": 0.5,
        },
        "santacoder": _OFF | _LINES | {"min_comments": 0.01, "max_comments": 0.8},
        "redpajama": _OFF | _LINES | {"min_letters_per_word": 1.5},
        "stack-v2": _OFF | _LINES | {
            "max_prose_line": 100_000, "max_lines": 100_000, "min_alphabetic": 0.25, "min_visible": 0.2,
            "min_visible_characters": 100, "max_data_lines": 512, "max_encoded": 0.5, "max_longest_encoded": 1024,
            "max_generated": 0, "max_stray_notes": 0,
        },
        "deepseek-coder": _OFF | _LINES | {
            "min_alphanumeric": -inf, "min_alphabetic": 0.25, "max_xml": 0, "min_visible": 0.2,
            "min_visible_characters": 100, "min_data_characters": 50, "max_data_characters": 5000,
        },
    }  # fmt: skip
    SOURCES: ClassVar[dict[str, str]] = {
        "starcoder": "StarCoder, 2305.06161 section 3; bigcode-dataset `preprocessing/filtering.py`",
        "santacoder": "SantaCoder, 2301.03988; bigcode-dataset `preprocessing/filtering.py`",
        "redpajama": "RedPajama-Data v1 `data_prep/github/github_run_filter.py`",
        "stack-v2": "StarCoder 2 and The Stack v2, 2402.19173 section 2.1",
        "deepseek-coder": "DeepSeek-Coder, 2401.14196 section 2.1",
    }

    variant: str = "starcoder"
    max_line: float = BY_VARIANT
    max_mean_line: float = BY_VARIANT
    max_prose_line: float = BY_VARIANT
    max_lines: float = BY_VARIANT
    min_alphanumeric: float = BY_VARIANT
    min_alphabetic: float = BY_VARIANT
    max_xml: float = BY_VARIANT
    min_comments: float = BY_VARIANT
    max_comments: float = BY_VARIANT
    min_letters_per_word: float = BY_VARIANT
    min_visible: float = BY_VARIANT
    min_visible_characters: float = BY_VARIANT
    min_data_characters: float = BY_VARIANT
    max_data_characters: float = BY_VARIANT
    min_data_alphabetic: float = BY_VARIANT
    max_data_lines: float = BY_VARIANT
    max_encoded: float = BY_VARIANT
    max_longest_encoded: float = BY_VARIANT
    max_generated: float = BY_VARIANT
    max_stray_notes: float = BY_VARIANT

    def __post_init__(self) -> None:
        fill(self)

    def number_settings(self) -> dict[str, object]:
        """What a letter is, and which files the variant judges by what."""
        return {**IDENTITY, "variant": self.variant}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The numbers of the table."""
        texts, scope = batch.column("text"), SCOPES[self.variant]
        language, member, file = (batch.column(name).cast(pa.string()) for name in self.columns)
        files = pc.coalesce(member, file)
        extension = pc.utf8_lower(pc.replace_substring_regex(files, r"(?s)^.*\.([^./]+)$", r"\1"))

        def among(names: tuple[str, ...]) -> np.ndarray:
            known = pa.array(names, pa.string())
            return _flags(pc.or_(pc.is_in(language, value_set=known), pc.is_in(extension, value_set=known)))

        there = _flags(texts.is_valid())
        pages, data = among(("HTML",)) & there, among(scope.data)
        counts, known = _scanned(texts, language, pages)
        characters = measures["characters"]
        letters = divide(counts["letters"], characters, texts)
        by_letters = among(scope.alphabetic) != scope.but_alphabetic
        by_signs = among(scope.alphabetic) if scope.but_alphabetic else ~among(scope.any_signs)
        by_lines = ~among(scope.any_line)
        longest, number = measures.count("longest_row"), measures.count("characters")
        notes = among(scope.notes) & ~_flags(pc.match_substring_regex(files, NOTES))
        return {
            "longest_line": _where(by_lines, longest),
            "mean_line": _where(by_lines, measures.ratio("row_characters", "rows")),
            "long_prose_line": _where(among(scope.long_line), longest),
            "lines": measures.count("rows"),
            "alphanumeric": _where(by_signs, measures.ratio("alnum_characters", "characters")),
            "alphabetic": _where(by_letters, letters),
            "xml": _where(~among(scope.any_xml), _is_xml(texts)),
            "comments": _where(known, divide(counts["comment"], characters, texts)),
            "letters_per_word": divide(counts["letters"], measures["words"], texts),
            "visible": _where(pages, divide(counts["visible"], characters, texts)),
            "visible_characters": _where(pages, pa.array(counts["visible"])),
            "data_characters": _where(data, number),
            "data_alphabetic": _where(data, letters),
            "data_lines": _where(data, measures.count("rows")),
            "encoded": divide(np.minimum(counts["encoded"], characters), characters, texts),
            "longest_encoded": _where(there, pa.array(counts["longest_encoded"])),
            "generated": _where(there, pa.array(counts["generated"])),
            "stray_notes": _where(there, pa.array(notes.astype(np.int64))),
        }

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("longest_line", "longest_line", above=self.max_line),
            Rule("mean_line", "mean_line", above=self.max_mean_line),
            Rule("long_prose_line", "long_prose_line", above=self.max_prose_line),
            Rule("many_lines", "lines", above=self.max_lines),
            Rule("alphanumeric", "alphanumeric", below=self.min_alphanumeric),
            Rule("alphabetic", "alphabetic", below=self.min_alphabetic),
            Rule("xml", "xml", above=self.max_xml),
            Rule("few_comments", "comments", below=self.min_comments),
            Rule("many_comments", "comments", above=self.max_comments),
            Rule("letters_per_word", "letters_per_word", below=self.min_letters_per_word),
            Rule("visible", "visible", below=self.min_visible),
            Rule("visible_characters", "visible_characters", below=self.min_visible_characters),
            Rule("small_data", "data_characters", below=self.min_data_characters),
            Rule("large_data", "data_characters", above=self.max_data_characters),
            Rule("data_alphabetic", "data_alphabetic", below=self.min_data_alphabetic),
            Rule("data_lines", "data_lines", above=self.max_data_lines),
            Rule("encoded", "encoded", above=self.max_encoded),
            Rule("longest_encoded", "longest_encoded", above=self.max_longest_encoded),
            Rule("generated", "generated", above=self.max_generated),
            Rule("stray_notes", "stray_notes", above=self.max_stray_notes),
        )


def _is_xml(texts: pa.Array) -> pa.Array:
    return pc.cast(pc.match_substring(pc.utf8_slice_codeunits(texts, 0, 100), "<?xml version="), pa.int64())


def _flags(column: pa.Array) -> np.ndarray:
    return pc.fill_null(column, False).to_numpy(zero_copy_only=False)


def _where(judged: np.ndarray, column: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(judged), column, pa.scalar(None, column.type))


def _scanned(texts: pa.Array, languages: pa.Array, pages: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The kernel's counts by name, and of which texts it knows how comments are written."""
    from processors.filters.code_kernel import COLUMNS, scan_code

    numbers, made = syntaxes()
    places = pc.index_in(languages, value_set=pa.array(list(numbers), pa.string()))
    which = np.array([*numbers.values(), -1], np.int64)[pc.fill_null(places, len(numbers)).to_numpy()]
    bounds = np.cumsum([0, *map(len, GENERATED)]).astype(np.int64)
    counts = scan_code(
        *buffers(texts), character_table(), which, pages, made.lines, made.opens, made.closes, made.quotes, made.flags,
        made.firsts, np.frombuffer(b"".join(GENERATED), np.uint8), bounds,
    )  # fmt: skip
    return dict(zip(COLUMNS, counts, strict=True)), which >= 0
