"""The unit "simplified": shingles and signatures as datatrove 0.10.1 makes them for FineWeb, bit by bit.

In: texts. Out: the SHA-1 hashes of their word 5-grams, and MinHash signatures of 64-bit values, equal to those that
`MinhashDedupSignature` writes with the `MinhashConfig` of ``examples/fineweb.py`` (huggingface/datatrove: 14 x 8
hashes, "sha1", 64 bits, seed 1, English). It is slow, for it follows theirs step by step: text is simplified, spaCy's
English rules split it into words, every shingle goes through SHA-1. Both packages are an extra, ``gristmill[fineweb]``:
spaCy's splitter rests on tables of its own, and `regex` knows other digits than Python's `re` does.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from corpus.errors import InputError

if TYPE_CHECKING:
    from spacy.language import Language

MERSENNE = np.uint64((1 << 61) - 1)
EMPTY = np.uint64((1 << 64) - 1)  # each value of a signature where there is no shingle

# What counts as punctuation there (`datatrove/utils/text.py`): that of ASCII, control characters but tab and newline,
# and these, U+FF11 among them.
BEYOND_ASCII = "«´»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～"
PUNCTUATION = re.compile(rf"[!-/:-@\[-`{{-~\x00-\x08\x0b-\x1f\x7f-\x9f{BEYOND_ASCII}]")
NUMBER = r"\p{Nd}+(?:[.,،٫⎖⎗⎘]\p{Nd}+)?"  # digits of any script, with at most one decimal separator among them


class Shingles(NamedTuple):
    """Of n texts: those of text i are hashes[offsets[i] : offsets[i + 1]], sorted, each once."""

    offsets: np.ndarray  # int64[n + 1]
    hashes: np.ndarray  # uint64
    words: np.ndarray  # int64[n]: of each text


def simplify(text: str) -> str:
    """Lower case, numbers to 0, punctuation and runs of blanks to one blank, combining marks off: in this order."""
    text = _number().sub("0", text.lower())
    text = re.sub(r"\s+", " ", PUNCTUATION.sub(" ", text).strip())
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return text.strip()


def simplified_words(text: str) -> list[str]:
    """The words of the simplified text as spaCy's English rules split it. Raises InputError without the extra."""
    with _english().memory_zone():
        return _split(text)


def word_shingles(words: list[str], size: int) -> np.ndarray:
    """The shingles of `size` words as the first 8 bytes of their SHA-1: uint64, sorted, each once."""
    count = max(len(words) - size + 1, 0)
    runs = (" ".join(words[at : at + size]).encode() for at in range(count))
    heads = (hashlib.sha1(run, usedforsecurity=False).digest()[:8] for run in runs)
    return np.unique(np.fromiter((int.from_bytes(head, "little") for head in heads), np.uint64, count))


def simplified_shingles(texts: Iterable[str], size: int) -> Shingles:
    """The shingles of many texts; a text of fewer words than `size` has none. Raises InputError without the extra."""
    words, hashes = [], []
    with _english().memory_zone():  # spaCy forgets what it has seen when the zone ends
        for text in texts:
            found = _split(text)
            words.append(len(found))
            hashes.append(word_shingles(found, size))
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(each) for each in hashes], out=offsets[1:])
    return Shingles(offsets, np.concatenate([np.zeros(0, np.uint64), *hashes]), np.array(words, np.int64))


def minima(offsets: np.ndarray, hashes: np.ndarray, num: int, seed: int) -> np.ndarray:
    """MinHash signatures of shingles laid out as in `Shingles`: uint64[n, num], `EMPTY` for a text without any.

    The k-th value is the least (a·x + b) mod 2^61 - 1 over the shingles x, where a·x + b wraps at 2^64 as published; a
    and b are drawn from numpy's RandomState(seed), all of a before all of b.
    """
    random = np.random.RandomState(seed)
    a = random.randint(1, MERSENNE, dtype=np.uint64, size=num)
    b = random.randint(0, MERSENNE, dtype=np.uint64, size=num)
    return _minima(offsets, hashes, a, b)


def simplified_signature(texts: Iterable[str], num: int = 112, seed: int = 1, size: int = 5) -> np.ndarray:
    """Signatures of texts: uint64[n, num], `EMPTY` for a text too short for one shingle."""
    shingles = simplified_shingles(texts, size)
    return minima(shingles.offsets, shingles.hashes, num, seed)


@njit(nogil=True, cache=True)
def _minima(offsets, hashes, a, b):
    out = np.full((len(offsets) - 1, len(a)), EMPTY, np.uint64)
    for i in range(len(out)):
        for j in range(offsets[i], offsets[i + 1]):
            for k in range(len(a)):
                value = hashes[j] * a[k] + b[k]
                value = (value & MERSENNE) + (value >> np.uint64(61))  # modulo, but for one subtraction
                if value >= MERSENNE:
                    value -= MERSENNE
                out[i, k] = min(out[i, k], value)
    return out


def _split(text: str) -> list[str]:
    return [word for token in _english().tokenizer(simplify(text)) if (word := token.text.strip())]


def check_installed() -> None:
    """Raise InputError where a package of the extra is missing."""
    missing = [package for package in ("spacy", "regex") if find_spec(package) is None]
    if missing:
        needs = f'[dedupe] unit = "simplified" needs {" and ".join(missing)}'
        raise InputError(f"{needs}: pip install 'gristmill[fineweb]', or take another unit, such as \"words\"")


@cache
def _english() -> "Language":
    check_installed()
    import spacy

    return spacy.blank("en")


@cache
def _number() -> Any:  # a pattern of the package regex, which has no types
    check_installed()
    import regex

    return regex.compile(NUMBER)
