"""What counts as equal when words are compared: one number for each code point, by the name of the fold.

    no_punctuation  lower case; punctuation, ASCII symbols, marks of format deleted; blanks part words
    simplified      lower case without diacritics; punctuation and ASCII symbols are blanks; a run of digits is one 0
    exact           every character as it is; blanks part words

In all of them a character of a script that is written without blanks is a word of its own: 13 words of Chinese are 13
characters. Taken from Python's own Unicode tables (`processors.filters.characters.UNICODE`).
"""

import string
import unicodedata
from functools import cache

import numpy as np

from processors.dedupe.letters import ALONE as ALONE_IN_LETTERS
from processors.dedupe.letters import letter_table
from processors.filters.characters import TABLE_SIZE

POINT = (1 << 24) - 1  # bits 0-23: what the character becomes; 0: nothing at all
BLANK, NEWLINE, ALONE, DIGIT, LETTER = 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 28


@cache
def fold_table(fold: str) -> np.ndarray:
    """uint32[TABLE_SIZE], read-only; code points from there on stand for themselves."""
    alone = letter_table()[:TABLE_SIZE] & np.uint64(ALONE_IN_LETTERS) != 0
    table = np.zeros(TABLE_SIZE, np.uint32)
    for point in range(TABLE_SIZE):
        table[point] = _folded(chr(point), fold, bool(alone[point]))
    table[ord("\n")] |= NEWLINE
    table.flags.writeable = False
    return table


def _folded(character: str, fold: str, alone: bool) -> int:
    if character.isspace():
        return BLANK
    letter = LETTER * character.isalpha()
    if fold == "exact":
        return ord(character) | ALONE * alone | letter or BLANK
    kind = unicodedata.category(character)
    if kind[0] == "P" or character in string.punctuation:
        return BLANK if fold == "simplified" else 0
    if kind in ("Cf", "Cc"):
        return 0
    if fold == "simplified":
        if kind == "Mn":
            return 0
        parted = unicodedata.normalize("NFD", character)
        character = parted[0] if all(unicodedata.category(mark) == "Mn" for mark in parted[1:]) else character
        if character.isdecimal():
            return ord("0") | DIGIT
    lowered = character.lower()[0].replace("ς", "σ")
    return ord(lowered) | ALONE * alone | letter
