"""What `str.lower` makes of a character and what the result is, in one number for each code point.

Taken from Python itself, so its Unicode version decides (`processors.filters.characters.UNICODE`). Two characters are
not looked up but worked out where they stand: "Σ", which is lowered by what stands around it, and "İ", which becomes
two characters.
"""

from functools import cache

import numpy as np

from processors.filters.characters import TABLE_SIZE

WIDTH = 32  # bits 0-31: the lowered character in UTF-8, first byte lowest, ASCII with bit 0x20 set; then its length
WORD = 1 << 40  # the lowered character is one of \w
ALONE = 1 << 41  # a word of its own in the unit "segmented"
BLANK = 1 << 42  # str.isspace
CASED = 1 << 43  # decides how a "Σ" nearby is lowered,
IGNORABLE = 1 << 44  # or is passed over by that decision

SIGMA, DOTTED_I = 0x3A3, 0x130
TAGS = 0xE0000  # 512 code points from here on may stand beside a "Σ" and follow the table's other ones

# Scripts written without blanks between words, by Unicode's blocks: Thai, Lao; Tibetan; Myanmar; Khmer; Tai Le, New Tai
# Lue, Khmer symbols; Tai Tham; Balinese; Han's radicals and marks; Hiragana, Katakana, Bopomofo; Han; Yi; Javanese,
# Myanmar; Tai Viet; halfwidth Katakana; Tangut, Khitan; kana, Nushu; Han beyond the first plane. Hangul has blanks.
_ALONE = """
0e00-0eff 0f00-0fff 1000-109f 1780-17ff 1950-19ff 1a20-1aaf 1b00-1b7f 2e80-2fdf 3005-3007 3021-3029 3031-3035 3038-303c
3040-312f 31a0-31bf 31f0-31ff 3400-4dbf 4e00-9fff a000-a4cf a980-a9ff aa60-aadf f900-faff ff66-ff9f 16fe0-18d8f
1aff0-1b2ff 20000-3ffff
"""


@cache
def letter_table() -> np.ndarray:
    """A number for each code point below `TABLE_SIZE`, and the 512 from `TAGS` on: uint64[TABLE_SIZE + 512], read-only.

    See this module's constants for what its bits say.
    """
    points = [*range(TABLE_SIZE), *range(TAGS, TAGS + 512)]
    lowered = ["i" if point == DOTTED_I else chr(point).lower() for point in points]
    table = _utf8(np.array([*map(ord, lowered)], np.uint64))
    for flag, test in ((WORD, str.isalnum), (BLANK, str.isspace)):
        table |= np.fromiter(map(test, lowered), np.uint64) * np.uint64(flag)
    table[ord("_")] |= np.uint64(WORD)
    for stretch in _ALONE.split():
        first, last = (int(end, 16) for end in stretch.split("-"))
        stretch_of = table[first : last + 1]
        stretch_of |= (stretch_of & np.uint64(WORD)) * np.uint64(ALONE // WORD)
    after, before = (_final_after(prefix, points) for prefix in ("", "A"))
    table |= after * np.uint64(CASED) | (before & ~after & np.uint64(1)) * np.uint64(IGNORABLE)
    table.flags.writeable = False
    return table


def _utf8(points: np.ndarray) -> np.ndarray:
    """Code points as their UTF-8 bytes, the first one lowest, with their number above."""
    six = [points >> np.uint64(shift) & np.uint64(0x3F) | np.uint64(0x80) for shift in (0, 6, 12)]
    shifts = [np.uint64(8 * place) for place in range(4)]
    forms = [
        points | np.uint64(0x20),
        points >> np.uint64(6) | np.uint64(0xC0) | six[0] << shifts[1],
        points >> np.uint64(12) | np.uint64(0xE0) | six[1] << shifts[1] | six[0] << shifts[2],
        points >> np.uint64(18) | np.uint64(0xF0) | six[2] << shifts[1] | six[1] << shifts[2] | six[0] << shifts[3],
    ]
    width = np.searchsorted(np.array([0x80, 0x800, 0x10000], np.uint64), points, side="right")
    return np.choose(width, forms) | (width + 1).astype(np.uint64) << np.uint64(WIDTH)


def _final_after(prefix: str, points: list[int]) -> np.ndarray:
    """Whether "Σ" is lowered as a final one after `prefix` and each of the characters: uint64 of 0 and 1."""
    around = "\n".join(f"{prefix}{chr(point)}Σ" for point in points).replace("\u0130", "A") + "\n"
    ends = np.frombuffer(around.lower().encode("utf-32-le", "surrogatepass"), np.uint32)
    return (ends[len(prefix) + 1 :: len(prefix) + 3] == ord("ς")).astype(np.uint64)
