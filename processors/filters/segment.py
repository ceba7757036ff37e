"""Words of languages that are written without blanks: texts and their languages go in, bounds of words come out.

The words are what `\\w+|[^\\w\\s]+` finds, cut further inside `\\w+`, with three differences that these scripts need: a
combining mark belongs to the character before it (Thai and Khmer vowels are marks, which `\\w` is not), joiners
belong to words, and the zero-width space parts them. So Latin words, code and numbers within such a text are counted as
everywhere. Variants:

    icu       the dictionaries of ICU (Chinese and Japanese, Thai, Lao, Burmese, Khmer), by the package icu4py
    bigrams   pairs of characters, where no dictionary is wanted: more words than there are, the same in every version
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError, RecipeError
from processors.filters.characters import SPACE, TABLE_SIZE, WORD, character_table
from processors.filters.languages import UNSPACED, code_of

LIBRARY = "icu4py"
VARIANTS = ("icu", "bigrams")

# Blocks whose letters stand without blanks: Thai and Lao, Myanmar, Khmer, Kana and ideographs with their extensions.
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
    (0x1B000, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip
_RUN_BYTES = 1 << 18  # short texts are cut together: a call costs as much as some kilobytes
_PIECE = 1 << 18  # characters
_BLANK, _OTHER, _WORD, _MARK, _UNSPACED = 0, 1, 2, 4, 8


@dataclass(frozen=True)
class Bounds:
    """Where the words of some rows lie: `starts` and `ends` of row i are at `offsets[i]` to `offsets[i + 1]`.

    Attributes:
        rows: bool[n], the rows that were segmented; the others have no words here.
        offsets: int64[n + 1].
        starts: int64, bytes within the row's own text, ascending.
        ends: int64, likewise; words do not overlap.
    """

    rows: np.ndarray
    offsets: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def word_bounds(texts: pa.Array, languages: pa.Array | None, variant: str = "icu") -> Bounds | None:
    """The words of the rows whose language is in `UNSPACED`; None where there is no such row.

    Args:
        texts: large_string[n].
        languages: string[n] of codes as a model or a page gives them (`languages.code_of` reads them), or null.
        variant: one of `VARIANTS`.

    Raises:
        RecipeError: an unknown variant.
        InputError: the variant's package is not installed.
    """
    if variant not in VARIANTS:
        raise RecipeError(f"unknown word segmentation `{variant}`; there are {', '.join(VARIANTS)}")
    codes = _unspaced_codes(texts, languages)
    if not codes:
        return None
    if variant == "icu" and find_spec(LIBRARY) is None:
        raise InputError(
            f"{len(codes)} texts in {', '.join(sorted(set(codes.values())))} need word segmentation: pip install "
            f'{LIBRARY}, or take pairs of characters: words = "bigrams" in the filter `language`'
        )
    sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    starts, ends, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)], np.zeros(len(texts), np.int64)
    for rows, code in _runs(codes, sizes):
        text = "\n".join(texts.take(pa.array(rows)).to_pylist())  # no word goes over a newline
        found = _in_pieces(text, code if variant == "icu" else None)
        firsts = np.concatenate([[0], np.cumsum(sizes[rows] + 1)])
        counts[rows] = np.diff(np.searchsorted(found[0], firsts))
        starts.append(found[0] - np.repeat(firsts[:-1], counts[rows]))
        ends.append(found[1] - np.repeat(firsts[:-1], counts[rows]))
    segmented = np.zeros(len(texts), np.bool_)
    segmented[list(codes)] = True
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Bounds(segmented, offsets, np.concatenate(starts), np.concatenate(ends))


def segment_identity(variant: str = "icu") -> dict[str, str]:
    """What the words of such texts rest on: the variant, and the version of its package, "" where it is missing."""
    if variant != "icu":
        return {"segment": variant}
    try:
        return {"segment": variant, LIBRARY: version(LIBRARY)}
    except PackageNotFoundError:
        return {"segment": variant, LIBRARY: ""}


def _unspaced_codes(texts: pa.Array, languages: pa.Array | None) -> dict[int, str]:
    """The code of each row that is to be segmented, by row, ascending."""
    if languages is None or len(texts) == 0:
        return {}
    labels = [each for each in pc.unique(languages).to_pylist() if each is not None and code_of(each) in UNSPACED]
    if not labels:
        return {}
    wanted = pc.and_(pc.is_in(languages, value_set=pa.array(labels, languages.type)), texts.is_valid())
    places = np.flatnonzero(pc.fill_null(wanted, False).to_numpy(zero_copy_only=False)).tolist()
    return {row: code_of(languages[row].as_py()) or "" for row in places}


def _runs(codes: dict[int, str], sizes: np.ndarray) -> Iterator[tuple[list[int], str]]:
    """The rows in order, those of one language that follow each other together, up to some bytes."""
    rows: list[int] = []
    held = 0
    for row, code in codes.items():
        if rows and (code != codes[rows[-1]] or held + sizes[row] > _RUN_BYTES):
            yield rows, codes[rows[-1]]
            rows, held = [], 0
        rows.append(row)
        held += int(sizes[row])
    yield rows, codes[rows[-1]]


def _in_pieces(text: str, code: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Where the words of a text start and end, in bytes; by pairs of characters where `code` is None.

    A long text is read in pieces that end after a blank, or anywhere where half a piece has none: bounds the memory.
    """
    starts, ends, first, place = [], [], 0, 0
    while first < len(text):
        last = first + _PIECE
        if last < len(text):
            blank = max(text.rfind(each, first + _PIECE // 2, last) for each in ("\n", " "))
            last = blank + 1 if blank >= 0 else last
        piece = text[first:last]
        found = _words(piece, None if code is None else _icu_cuts(piece, code))
        starts.append(found[0] + place)
        ends.append(found[1] + place)
        first, place = last, place + len(piece.encode())
    none = np.empty(0, np.int64)
    return np.concatenate([none, *starts]), np.concatenate([none, *ends])


def _icu_cuts(text: str, code: str) -> np.ndarray:
    """Where ICU parts a text: the number of characters before each cut, int64."""
    from icu4py.breakers import WordBreaker

    return np.cumsum(np.fromiter(map(len, WordBreaker(text, code)), np.int64))


def _words(text: str, cuts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The byte at which each word starts and the one at which it ends: cut at `cuts`, or into pairs of characters."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    kinds = _kinds()[np.minimum(points, TABLE_SIZE)]
    base = (kinds & _MARK) == 0
    groups = kinds[np.maximum.accumulate(np.where(base, np.arange(points.size), 0))]  # a mark is of its base's kind
    groups[~base & (groups == _BLANK)] = _WORD  # and a word of its own where it has none
    groups &= _OTHER | _WORD | (_UNSPACED if cuts is None else 0)
    edge = np.ones(points.size + 1, np.bool_)
    edge[1:-1] = groups[1:] != groups[:-1]
    if cuts is None:
        number = np.cumsum(base)
        first = np.maximum.accumulate(np.where(edge[:-1], number, 0))
        edge[:-1] |= base & ((groups & _UNSPACED) != 0) & ((number - first) % 2 == 0)
    else:
        inner = cuts[cuts < points.size]
        edge[inner] |= base[inner] & (groups[inner] == _WORD)
    widths = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    places = np.concatenate([[0], np.cumsum(widths)])
    edges = np.flatnonzero(edge)
    words = groups[edges[:-1]] != _BLANK
    return places[edges[:-1][words]], places[edges[1:][words]]


@cache
def _kinds() -> np.ndarray:
    """The kind of every code point: uint8[TABLE_SIZE + 1], the last for all beyond the table."""
    flags = character_table()
    kinds = np.where(flags & SPACE, _BLANK, np.where(flags & WORD, _WORD, _OTHER)).astype(np.uint8)
    marks = [point for point in range(TABLE_SIZE) if unicodedata.category(chr(point))[0] == "M"]
    kinds[[*marks, 0x200C, 0x200D]] = _WORD | _MARK  # with the zero-width joiners
    kinds[0x200B] = _BLANK
    for first, final in _UNSPACED_BLOCKS:
        block = kinds[first : final + 1]
        block[block == _WORD] |= _UNSPACED
    return np.append(kinds, np.uint8(_OTHER))
