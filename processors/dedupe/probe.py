"""The probe: planted duplicates of known Jaccard, to measure what dedupe finds with a recipe's settings.

In: the settings. Out: no file, but what was measured, in the stage's entry; so it runs once for the same settings.
The texts are made up from a fixed seed rather than taken from the corpus: what is proposed depends on similarity alone,
so any text will do, and the same settings give the same numbers everywhere. Copies are edited to similarities spread
over `BELOW` under the threshold to 1, in one place or in several; chains are planted too, in which each is a copy of
the one before. Real Jaccards are counted here, not asked of the code under test. Then real dedupe runs on all of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from corpus.dedupe import Dedupe
from corpus.errors import DataError
from corpus.seeds import mix
from corpus.stage import Output, Part, Stage
from corpus.store import Store

BELOW = 0.2  # how far under the threshold pairs are planted
_PAIRS, _CHAINS, _LINKS = 2_000, 50, 4  # isolated pairs; chains and texts in one
_WORDS = 900_000  # in all texts, at most (with long shingles: fewer pairs)
_MINIMA = 3_000_000_000  # words times permutations, at most
_SLOW_WORDS = 40_000  # where words are split by a slow library
_PLACES = 8  # a copy is edited in at most so many
_UNLIKELY = 1e-6  # chance of so many misses from which on the installation is called broken
_SEED = 0x9A7F
_CONSONANTS, _VOWELS = np.frombuffer(b"bcdfghjklmnpqrstvwxz", np.uint8), np.frombuffer(b"aeiou", np.uint8)
_WIDTH = 7  # letters of a word, and a blank


@dataclass(frozen=True)
class ProbeSettings:
    """What decides what the probe finds: the recipe's numbers, and the versions of the stages under test."""

    dedupe: Dedupe
    versions: dict[str, int]


def probe_part(dedupe: Dedupe, stages: Sequence[Stage]) -> Part:
    """The one part of the probe. What says only which documents are compared, or what is done after, is left out."""
    bands, rows = dedupe.banding
    numbers = Dedupe(
        threshold=dedupe.threshold, unit=dedupe.unit, shingle=dedupe.shingle, bands=bands, rows=rows, seed=dedupe.seed
    )
    return Part("all", (), ProbeSettings(numbers, {stage.name: stage.version for stage in stages}))


@dataclass(frozen=True)
class Planted:
    """Made-up texts as numbers of words, uint32[texts, words]; `pairs` int64[p, 2] are the isolated pairs' rows."""

    words: np.ndarray
    pairs: np.ndarray

    @property
    def letters(self) -> np.ndarray:
        """The texts as ASCII: uint8[texts, bytes], every word of three syllables and a blank."""
        out = np.full((*self.words.shape, _WIDTH), ord(" "), np.uint8)
        rest = self.words.copy()
        for k in range(0, _WIDTH - 1, 2):
            rest, syllable = np.divmod(rest, 100)
            out[..., k], out[..., k + 1] = _CONSONANTS[syllable // 5], _VOWELS[syllable % 5]
        return out.reshape(len(out), -1)[:, :-1]


def plant(dedupe: Dedupe) -> Planted:
    """Texts with copies: `_PAIRS` pairs, then chains."""
    characters = dedupe.unit == "characters"
    length = max(200, 40 * dedupe.shingle // (_WIDTH if characters else 1))
    most = _SLOW_WORDS if dedupe.unit == "simplified" else min(_WORDS, _MINIMA // math.prod(dedupe.banding))
    texts = most // length
    chains = max(2, min(_CHAINS, texts // (10 * _LINKS)))
    pairs = max(20, min(_PAIRS, (texts - chains * _LINKS) // 2))
    words = np.empty((2 * pairs + chains * _LINKS, length), np.uint32)
    random = np.random.RandomState(_SEED)  # whose stream is frozen
    low = max(dedupe.threshold - BELOW, 0.05)
    for n, wanted in enumerate(np.linspace(low, 1.0, pairs).tolist()):
        words[2 * n] = random.randint(0, 10**6, length)
        words[2 * n + 1] = _edited(words[2 * n], wanted, dedupe, random)
    for at in range(2 * pairs, len(words)):
        first = (at - 2 * pairs) % _LINKS == 0
        near = (1 + dedupe.threshold) / 2
        words[at] = random.randint(0, 10**6, length) if first else _edited(words[at - 1], near, dedupe, random)
    return Planted(words, np.arange(2 * pairs).reshape(-1, 2))


def _edited(words: np.ndarray, wanted: float, dedupe: Dedupe, random: np.random.RandomState) -> np.ndarray:
    """A copy with new words in a few places, so many that its Jaccard comes near the one wanted."""
    width = _WIDTH if dedupe.unit == "characters" else 1
    shingles = len(words) * width - dedupe.shingle + 1
    lost = shingles * (1 - wanted) / (1 + wanted)  # of each side: Jaccard = (n - lost) / (n + lost)
    least = width + dedupe.shingle - 1  # that one new word costs
    places = min(int(random.randint(1, _PLACES + 1)), round(lost / least))
    copy = words.copy()
    for part in np.array_split(np.arange(len(words)), places) if places else ():
        count = min(max(1, round((lost / places - dedupe.shingle + 1) / width)), len(part))
        start = part[0] + random.randint(0, len(part) - count + 1)
        copy[start : start + count] = random.randint(0, 10**6, count)
    return copy


def counted(planted: Planted, dedupe: Dedupe, left: int, right: int) -> tuple[int, int]:
    """`both` and `either` of two texts: how many shingles they share, and have together."""
    a, b = (_shingles(planted, dedupe, row) for row in (left, right))
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both, len(a) + len(b) - both


def _shingles(planted: Planted, dedupe: Dedupe, row: int) -> np.ndarray:
    """The distinct shingles of a text, as numbers."""
    one = replace(planted, words=planted.words[row : row + 1])
    items = (one.letters if dedupe.unit == "characters" else one.words)[0].astype(np.uint64)
    value = np.zeros(len(items) - dedupe.shingle + 1, np.uint64)
    for k in range(dedupe.shingle):
        value = value * np.uint64(0x9E3779B97F4A7C15) + items[k : k + len(value)] + np.uint64(1)
    return np.unique(mix(value))


def measure(dedupe: Dedupe) -> dict[str, object]:
    """Dedupe planted duplicates: what was found, by similarity, beside what the bands promise.

    Raises DataError where a document fell without a kept twin that is alike, or where more pairs were missed than
    chance explains.
    """
    from processors.files import dedupe_table

    planted = plant(dedupe)
    texts = pa.array([row.tobytes().decode() for row in planted.letters], pa.large_string())
    rows = dedupe_table(pa.table({"id": np.arange(len(texts)), "text": texts}), dedupe)
    kept = rows["kept"].to_numpy()
    limit = Fraction(str(dedupe.threshold))
    named = zip(*(rows[name].to_pylist() for name in ("id", "twin", "similarity")), strict=True)
    wrong = sum(
        twin is None or not (kept[twin] and _alike(planted, dedupe, row, twin, limit, similarity))
        for row, twin, similarity in named
        if not kept[row]
    )
    bands = _bands(planted, dedupe, kept, limit)
    missed = sum(int(band["pairs"] - band["found"]) for band in bands if band["alike"])
    expected = sum(band["pairs"] - band["expected"] for band in bands if band["alike"])
    fell = int(np.count_nonzero(~kept))
    if wrong or (missed > expected and _chance(missed, expected) < _UNLIKELY):
        raise DataError(
            f"dedupe does not keep its word here: of {fell:,} planted duplicates that fell {wrong:,} have no kept twin "
            f"alike at {dedupe.threshold}, and {missed:,} pairs were missed where {expected:.1f} are to be expected; "
            f"install the locked requirements anew, and run the tests in tests/processors/dedupe"
        )
    return {"fell": fell, "wrong": wrong, "bands": bands}


def _alike(planted: Planted, dedupe: Dedupe, row: int, twin: int, limit: Fraction, similarity: float) -> bool:
    both, either = counted(planted, dedupe, row, twin)
    return both * limit.denominator >= limit.numerator * either and math.isclose(similarity, both / either)


def _bands(planted: Planted, dedupe: Dedupe, kept: np.ndarray, limit: Fraction) -> list[dict[str, float]]:
    """A row for each stretch of similarity: isolated pairs in it, of how many one fell, and of how many one should."""
    bands, rows = dedupe.banding
    counts = np.array([counted(planted, dedupe, left, right) for left, right in planted.pairs.tolist()])
    real = counts[:, 0] / counts[:, 1]
    alike = np.array([both * limit.denominator >= limit.numerator * either for both, either in counts.tolist()])
    found = ~kept[planted.pairs].all(axis=1)
    expected = np.where(alike, 1 - (1 - real**rows) ** bands, 0.0)
    above = 1 - dedupe.threshold
    edges = [dedupe.threshold - BELOW, dedupe.threshold - BELOW / 2, dedupe.threshold]
    edges += [dedupe.threshold + above / 4, dedupe.threshold + above / 2] if above > 0.02 else []
    out = []
    for n, low in enumerate(edges):
        high = edges[n + 1] if n + 1 < len(edges) else 1.0
        inside = (real >= low if n else real >= 0) & ((real < high) | (n + 1 == len(edges)))
        inside &= alike == (n >= 2)
        out.append(
            {
                "from": round(low, 4), "to": round(high, 4), "alike": n >= 2, "pairs": int(inside.sum()),
                "found": int(found[inside].sum()), "expected": round(float(expected[inside].sum()), 4),
            }
        )  # fmt: skip
    return out


def _chance(count: int, expected: float) -> float:
    """At most the probability of `count` misses or more where `expected` are (Chernoff's bound on independent ones)."""
    if expected <= 0:
        return 0.0
    return math.exp(count - expected - count * math.log(count / expected))


def probe(store: Store, part: Part) -> Output:
    """The stage's work: settings in, facts out."""
    settings: ProbeSettings = part.settings
    return Output(info=measure(settings.dedupe))


PROBE = Stage("probe", probe, version=1, libraries=("numpy", "numba", "xxhash"))
