"""More classes of characters, beside characters.py: one byte of flags for each code point, from Python's tables.

Python's Unicode version is part of the numbers' identity, as there. Emoji have no table in Python, so they stand here.
"""

import unicodedata
from functools import cache

import numpy as np

from processors.filters.characters import TABLE_SIZE

UPPER = 1  # str.isupper
DIGIT = 2  # str.isdigit
DECIMAL = 4  # str.isdecimal, the regular expression \d
SYMBOL = 8  # categories S*: currency, mathematics, arrows, boxes, pictures
PUNCTUATION = 16  # categories P*
MARK = 32  # categories M*: accents and vowel signs that belong to the letter before them
EMOJI = 64
UNPRINTED = 128  # control characters but blanks, private use, not assigned, and U+FFFD

# Property Emoji of emoji-data.txt beyond ASCII, without (c), (r), digits and letters in circles; the last is whole.
_EMOJI = """
203c 2049 2139 2194-2199 21a9-21aa 231a-231b 2328 23cf 23e9-23f3 23f8-23fa 25aa-25ab 25b6 25c0 25fb-25fe 2600-2604 260e
2611 2614-2615 2618 261d 2620 2622-2623 2626 262a 262e-262f 2638-263a 2640 2642 2648-2653 265f-2660 2663 2665-2666 2668
267b 267e-267f 2692-2697 2699 269b-269c 26a0-26a1 26a7 26aa-26ab 26b0-26b1 26bd-26be 26c4-26c5 26c8 26ce-26cf 26d1
26d3-26d4 26e9-26ea 26f0-26f5 26f7-26fa 26fd 2702 2705 2708-270d 270f 2712 2714 2716 271d 2721 2728 2733-2734 2744 2747
274c 274e 2753-2755 2757 2763-2764 2795-2797 27a1 27b0 27bf 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 3030 303d
1f000-1faff
"""


@cache
def class_table() -> np.ndarray:
    """The flags of the code points below `TABLE_SIZE`: uint8[TABLE_SIZE], read-only."""
    characters = "".join(map(chr, range(TABLE_SIZE)))
    table = np.zeros(TABLE_SIZE, np.uint8)
    for flag, test in ((UPPER, str.isupper), (DIGIT, str.isdigit), (DECIMAL, str.isdecimal)):
        table |= np.frombuffer(bytes(map(test, characters)), np.uint8) * np.uint8(flag)
    kinds = np.array(list(map(unicodedata.category, characters)))
    for flag, letter in ((SYMBOL, "S"), (PUNCTUATION, "P"), (MARK, "M")):
        table[np.char.startswith(kinds, letter)] |= flag
    emoji = np.zeros(TABLE_SIZE, np.bool_)
    for stretch in _EMOJI.split():
        first, _, last = stretch.partition("-")
        emoji[int(first, 16) : int(last or first, 16) + 1] = True
    table[emoji & np.isin(kinds, ["So", "Sk", "Sm"])] |= EMOJI
    blanks = np.frombuffer(bytes(map(str.isspace, characters)), np.bool_)
    table[np.isin(kinds, ["Cc", "Co", "Cn"]) & ~blanks] |= UNPRINTED
    table[0xFFFD] |= UNPRINTED
    table.flags.writeable = False
    return table


VOWEL, CONSONANT = 1, 2


@cache
def latin_table() -> np.ndarray:
    """Vowels (aeiouy, with or without accents) and consonants of Latin script: uint8[0x2000], read-only."""
    table = np.zeros(0x2000, np.uint8)
    for point in range(0x2000):
        letter = chr(point)
        if letter.isalpha() and (point < 0x250 or point >= 0x1E00) and "LATIN" in unicodedata.name(letter, ""):
            base = unicodedata.normalize("NFD", letter)[0].lower()
            table[point] = VOWEL if base in "aeiouyæœøıə" else CONSONANT
    table.flags.writeable = False
    return table


@cache
def lower_table() -> np.ndarray:
    """The code point of str.lower where that is one character, else the point itself: int32[TABLE_SIZE], read-only."""
    table = np.arange(TABLE_SIZE, dtype=np.int32)
    for point, character in enumerate(map(chr, range(0x20000))):
        lower = character.lower()
        table[point] = ord(lower) if len(lower) == 1 else point
    table.flags.writeable = False
    return table
