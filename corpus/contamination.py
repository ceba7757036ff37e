"""How benchmark items are looked for in a corpus: a recipe's table [contamination], and published settings by name.

In: TOML. Out: a frozen dataclass. Without the table, or without `benchmarks` in it, nothing is looked for.

What the presets come from, and what they leave out:

``13-gram``
    GPT-3 (2005.14165, appendix C): 13 words, lower-cased, "whitespace delimited word with no punctuation"; n-grams in
    more than 10 documents are "common cultural phrases, legal boilerplate, or similar" and do not count. Any other one
    takes the whole document, as GPT-3 did before it saw that this costs whole books.
``gpt-3``
    The same, and what GPT-3 did then: the n-gram falls with 200 characters to each side, pieces of fewer than 200
    characters fall, and a document in more than 10 pieces falls whole.
``8-gram``
    PaLM (2204.02311, section 8): an item counts as seen where 70 % of its 8-grams are, here all in one document. The
    paper says nothing of letters and punctuation: GPT-3's are taken.
``datatrove``
    `src/datatrove/pipeline/decont/n_grams.py`: 12 words that hold at least one of the answer; numbers folded,
    diacritics dropped, punctuation a blank. Its words are those of its tokenizer, ours what blanks part.
``marin``
    `lib/marin/src/marin/datakit/decon.py`: 13 words within a paragraph, nothing folded; a document is contaminated
    where half of a paragraph's n-grams are a benchmark's; paragraphs of 3 to 12 words are compared whole. Which n-grams
    are common it is told by hand: here those in more than 10 documents.
``dolma``
    Dolma (2402.00159, and `configs/` of allenai/dolma): a line of at least 13 words that equals one of a benchmark's
    takes the document. Blanks are folded here; its Bloom filter's error is not repeated.
``llama-2``
    Llama 2 (2307.09288, appendix A.6): a token is contaminated in a match of more than 10 tokens, an item is "dirty"
    from 80 % of them on. Words in place of its tokenizer's tokens, and no skips inside a match.
"""

from dataclasses import dataclass
from typing import Any

from corpus.strict import Text, must, parse, with_preset

FOLDS = ("no_punctuation", "simplified", "exact")
UNITS = ("words", "lines")
WITHIN = ("text", "paragraph", "line")
SIDES = ("both", "answer")
MEASURES = ("any", "grams", "words", "paragraph")
FALLS = ("document", "paragraph", "window")
MAX_N = 63

PRESETS: dict[str, dict[str, Any]] = {
    "13-gram": {},
    "gpt-3": {"falls": "window"},
    "8-gram": {"n": 8, "measure": "grams", "least": 0.7, "common": 0},
    "datatrove": {"n": 12, "fold": "simplified", "sides": "answer", "short": 0, "common": 0},
    "marin": {"fold": "exact", "within": "paragraph", "short": 3, "measure": "paragraph", "least": 0.5},
    "dolma": {"unit": "lines", "within": "line", "fold": "exact", "short": 0, "common": 0},
    "llama-2": {"n": 11, "measure": "words", "least": 0.8, "short": 0, "common": 0},
}


@dataclass(frozen=True)
class Contamination:
    """What of a benchmark is looked for, what counts as found, and what falls for it."""

    benchmarks: tuple[str, ...] = ()  # JSON, JSONL, CSV, TSV (.gz, .zst), Parquet, text; globs beside the recipe
    preset: str = "13-gram"  # published numbers by name (`PRESETS`); what stands beside it in the table wins
    n: int = 13  # words in a row; of unit "lines", the least that a line has
    unit: str = "words"  # words, or whole lines
    fold: str = "no_punctuation"  # what is equal: see `processors.contamination.letters`
    within: str = "text"  # no n-gram reaches over the end of a text, of a paragraph (an empty line), of a line
    short: int = 8  # items of fewer than n and at least so many words are looked for whole (GPT-3's least n); 0: none
    sides: str = "both"  # of an item: "answer" asks for n-grams that hold a word of an answer
    measure: str = "any"  # any n-gram; or the share that `least` is compared with: of an item's n-grams ("grams"), of
    least: float = 0.0  # its "words" inside found ones, or of the n-grams of one "paragraph" of the document
    common: int = 10  # an n-gram in more than so many different texts is a phrase, no benchmark's; 0: every one counts
    falls: str = "document"  # or the "paragraph" that holds a hit, or a "window" of characters around it
    window: int = 200  # characters to each side
    piece: int = 200  # pieces between windows of fewer characters fall as well
    pieces: int = 10  # a document that windows cut into more of them falls whole
    id: str = ""  # the column of an item's id; default: the first of `benchmarks.IDS` that is there, else file:line
    questions: tuple[str, ...] = ()  # columns that ask; default: those of `benchmarks.QUESTIONS` that are there
    answers: tuple[str, ...] = ()  # columns that answer; default: those of `benchmarks.ANSWERS` that are there

    @property
    def told(self) -> str:
        """In words: the preset and what it means."""
        what = f"lines of at least {self.n} words" if self.unit == "lines" else f"{self.n} words in a row"
        share = {"grams": "an item's n-grams", "words": "an item's words", "paragraph": "a paragraph's n-grams"}
        found = "any of them" if self.measure == "any" else f"{self.least:.0%} of {share[self.measure]}"
        spared = f"; those in more than {self.common} texts are phrases" if self.common else ""
        return f"preset {self.preset}: {what}, {found}; what falls is the {self.falls}{spared}"


def filled(table: dict[str, Any], text: Text) -> dict[str, Any]:
    """The table with its preset's numbers where it says none. Raises RecipeError for a preset that is not known.

    Also where the table names no benchmark: it would look for nothing.
    """
    must(bool(table.get("benchmarks")), text, "benchmarks", table.get("benchmarks"), "paths of benchmark files")
    return with_preset(table, PRESETS, text, "13-gram")


def read_contamination(table: dict[str, Any], text: Text) -> Contamination:
    """What a table says, checked. Raises RecipeError."""
    contamination = parse(Contamination, filled(table, text), text)
    check_contamination(contamination, text)
    return contamination


def check_contamination(contamination: Contamination, text: Text) -> None:
    """Raise RecipeError for a number out of range or a word that is not known."""
    c = contamination
    words = {"fold": FOLDS, "unit": UNITS, "within": WITHIN, "sides": SIDES, "measure": MEASURES, "falls": FALLS}
    for key, known in words.items():
        must(getattr(c, key) in known, text, key, getattr(c, key), " or ".join(f'"{name}"' for name in known))
    must(1 <= c.n <= MAX_N, text, "n", c.n, f"at least 1 and at most {MAX_N}")
    must(0 <= c.least <= 1, text, "least", c.least, "at least 0 and at most 1")
    must(c.unit == "words" or c.within == "line", text, "within", c.within, '"line", as unit "lines" asks')
    for key in ("short", "common", "window", "piece", "pieces"):
        must(getattr(c, key) >= 0, text, key, getattr(c, key), "at least 0")
    for pattern in c.benchmarks:
        must(bool(pattern) and "\0" not in pattern, text, "benchmarks", pattern, "a path or a glob")
