"""What a character is: one byte of flags for each code point, built once from Python's own Unicode tables.

The flags follow `str.isspace`, `str.isalpha`, `str.isalnum`, `str.islower` and `str.splitlines`, so the compiled
kernels and a plain Python program agree on every character. Python's Unicode version therefore changes numbers and is
part of their identity (`UNICODE`).
"""

import unicodedata
from functools import cache

import numpy as np

UNICODE = unicodedata.unidata_version

SPACE = 1  # str.isspace, the regular expression \s
WORD = 2  # \w: letters, digits and the underscore
ALPHA = 4
ALNUM = 8
LOWER = 16
BREAK = 32  # ends a line for str.splitlines
TERMINAL = 64  # ends a sentence
MARK = 128  # punctuation for Gopher's rules: a word of nothing else is no word

# Code points from here on carry no flag: private use, tags, variation selectors and planes with no letters.
TABLE_SIZE = 0x40000

_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

# Unicode's property Sentence_Terminal (PropList.txt) and the three Khmer signs U+17D6, U+17D9, U+17DA. What
# datatrove 0.10 reads as terminal punctuation is this list without 16 rare signs; both lack quotation marks and "…".
_TERMINALS = """
0021 002e 003f 0589 061d-061f 06d4 0700-0702 07f9 0837 0839 083d-083e 0964-0965 104a-104b 1362 1367-1368 166e
1735-1736 17d4-17d6 17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b4e-1b4f 1b5a-1b5b 1b5e-1b5f 1b7d-1b7f 1c3b-1c3c
1c7e-1c7f 2024 203c-203d 2047-2049 2cf9-2cfb 2e2e 2e3c 2e53-2e54 2e60-2e61 3002 a4ff a60e-a60f a6f3 a6f7
a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe12 fe15-fe16 fe52 fe56-fe57 ff01 ff0e ff1f ff61
10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df
11238-11239 1123b-1123c 112a9 113d4-113d5 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 1173c-1173e 11944
11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44
16d6e-16d6f 16e98 1bc9f 1da88
"""

# What datatrove 0.10 reads as punctuation (`utils/text.py`) besides terminal punctuation: ASCII's, control characters,
# and some signs of other scripts, the digit U+FF11 among them.
_MARKS = """
0000-0008 000b-001f 0021-002f 003a-0040 005b-0060 007b-009f 00ab 00b4 00bb 2013-2014 2019 201c-201e 2026 2236 2501
25ba 3001-3002 3008-300d 3010-3011 ff01 ff05 ff08-ff09 ff0c ff0e ff11 ff1a-ff1b ff1f ff5e
"""


@cache
def character_table() -> np.ndarray:
    """The flags of the code points below `TABLE_SIZE`: uint8[TABLE_SIZE], read-only."""
    characters = "".join(map(chr, range(TABLE_SIZE)))
    table = np.zeros(TABLE_SIZE, np.uint8)
    for flag, test in ((SPACE, str.isspace), (ALPHA, str.isalpha), (ALNUM | WORD, str.isalnum), (LOWER, str.islower)):
        table |= np.frombuffer(bytes(map(test, characters)), np.uint8) * np.uint8(flag)
    table[ord("_")] |= WORD
    table[[ord(character) for character in _BREAKS]] |= BREAK
    for stretches, flag in ((_TERMINALS, TERMINAL | MARK), (_MARKS, MARK)):
        for stretch in stretches.split():
            first, _, last = stretch.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] |= flag
    table.flags.writeable = False
    return table
