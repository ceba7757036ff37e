"""What betrays a badly scanned or badly set book: garbage strings, broken lines, page numbers, running heads.

    garbage        share of words (divided by blanks, signs at their ends left off) that no writer wrote; words in
                   scripts without blanks are left out
    odd            share of those words in which a digit or a sign other than hyphens, apostrophes, dots, strokes and
                   "&" stands between two letters ("th1s", "w|th"), or an upper-case letter after a lower-case one
    hyphens        share of lines that end in a letter and a hyphen
    broken         share of lines that begin with a lower-case letter where the line before ends in a letter, a comma
                   or a hyphen
    tiny           share of lines of at most 3 characters, a letter or digit among them
    page_numbers   share of lines that are nothing but a number, in Arabic or Roman figures, with signs around it;
                   a section's, with a dot between its figures ("10.7.4"), is none
    running_heads  share of lines of at most 80 characters that begin or end with a number and whose letters, at least
                   4, stand in at least 3 such lines
    non_letters    share of characters but blanks that are no letter and no mark on one
    known          share of words of letters that the dictionary has; null without one

Lines are those that newlines divide, blank ones left out. The rules for garbage strings are those of Taghva, Nartker,
Condit and Borsack, Automatic Removal of "Garbage Strings" in OCR Text (2001), as `rmgarbage` (github, foodoh and
benmarwick) has them; a word falls that has

    more than 40 characters (rmgarbage: 20, which takes German compounds)
    fewer letters and digits than other characters
    the same character four times in a row, digits excepted
    two different signs inside
    an upper-case letter inside a word of letters that begins and ends with a lower-case one
    only Latin letters, and of consonants and vowels one more than ten times as often as the other, or more than 7 of
        only one kind

So it reads Latin script best; in others only the rules on length, signs, case and repetition speak. `dictionary` is a
file with a word a line, in whatever languages. The thresholds are our own, set so that no sound book of the development
corpus falls. There sound books score at most 0.06 `garbage` and 0.08 `odd`; an English one whose every twentieth letter
was misread 0.004 and 0.05, every tenth 0.01 and 0.10. A dictionary sees more: with Webster's Second (234,450 words) the
English ones score 0.81 to 0.94 `known`, the same one with misread letters 0.84 and 0.77 in place of 0.94, and texts in
other languages 0.06 to 0.34.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from processors.filters.characters import character_table
from processors.filters.classes import class_table, latin_table
from processors.filters.digest import digest
from processors.filters.measure import IDENTITY, Measures, buffers, divide
from processors.filters.rule import Rule, in_force


@dataclass(frozen=True)
class BookText:
    """Scores are float64, null where the text has no line, no word or no character to speak of.

    Attributes:
        max_garbage, max_odd, max_hyphens, max_broken, max_tiny, max_page_numbers, max_running_heads, max_non_letters,
            min_known: bounds of the shares; infinite ones are off.
        dictionary: path of a list of words.
    """

    name: ClassVar[str] = "book_text"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ()
    paths: ClassVar[tuple[str, ...]] = ("dictionary",)

    max_garbage: float = 0.1
    max_odd: float = 0.15
    max_hyphens: float = 0.2
    max_broken: float = inf
    max_tiny: float = 0.3
    max_page_numbers: float = 0.2
    max_running_heads: float = 0.4
    max_non_letters: float = 0.4
    min_known: float = -inf
    dictionary: str = ""

    def number_settings(self) -> dict[str, object]:
        """What a letter is, and the dictionary's content."""
        return {**IDENTITY, "dictionary": digest(self.dictionary) if self.dictionary else None}

    def scores(self, batch: pa.RecordBatch, measures: Measures) -> dict[str, pa.Array]:
        """The shares of the table."""
        from processors.filters.book_kernel import COLUMNS, known_words, scan_books

        texts = batch.column("text")
        made = scan_books(*buffers(texts), character_table(), class_table(), latin_table())
        counts = dict(zip(COLUMNS, made, strict=True))
        lines = ("hyphens", "broken", "tiny", "page_numbers", "running_heads")
        scores = {"garbage": divide(counts["garbage"], counts["words"], texts)}
        scores["odd"] = divide(counts["odd"], counts["words"], texts)
        scores |= {name: divide(counts[name], counts["lines"], texts) for name in lines}
        scores["non_letters"] = divide(counts["characters"] - counts["letters"], counts["characters"], texts)
        scores["known"] = pa.nulls(len(texts), pa.float64())
        if self.dictionary:
            lexicon = _words(self.dictionary, digest(self.dictionary))
            words, known = known_words(*buffers(pc.utf8_lower(texts)), character_table(), *lexicon)
            scores["known"] = divide(known, words, texts)
        return scores

    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return in_force(
            Rule("garbage", "garbage", above=self.max_garbage),
            Rule("odd_words", "odd", above=self.max_odd),
            Rule("hyphens", "hyphens", above=self.max_hyphens),
            Rule("broken_lines", "broken", above=self.max_broken),
            Rule("tiny_lines", "tiny", above=self.max_tiny),
            Rule("page_numbers", "page_numbers", above=self.max_page_numbers),
            Rule("running_heads", "running_heads", above=self.max_running_heads),
            Rule("non_letters", "non_letters", above=self.max_non_letters),
            Rule("unknown_words", "known", below=self.min_known),
        )


@lru_cache(4)
def _words(path: str, content: str) -> tuple[np.ndarray, int]:
    """The dictionary as a set of hashes and the bits of its size; `content` is its digest, so a changed one is read."""
    from processors.filters.book_kernel import set_of
    from processors.filters.hashing import room

    try:
        lines = Path(path).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: a dictionary is UTF-8, a word a line; byte {error.start} is not") from error
    words = pa.array(sorted({word.strip().lower() for word in lines.split("\n") if word.strip()}), pa.large_string())
    bits = int(room(len(words)))
    return set_of(*buffers(words), bits), bits
