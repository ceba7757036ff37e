"""Pairs: which sets of shingles are alike, by their real Jaccard.

In: the candidates of a stretch of small components. Out: ``pairs/``: of every component each with each, those pairs
whose Jaccard reaches the threshold, with their exact integer counts. A pair speaks of sets, so it holds for whichever
of their documents is later kept. Components of many sets wait for `decide`, which knows what to compare them with.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.files import File, write_parquet
from corpus.schema import PAIRS
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.candidates import read_candidates
from processors.dedupe.shingles import num_common, shingle_column


@dataclass(frozen=True)
class PairSettings:
    """What decides pairs, and which piece of the candidates is meant."""

    threshold: float
    unit: str
    shingle: int
    piece: int


def fraction(threshold: float) -> tuple[int, int]:
    """The threshold's decimal as a fraction, exact up to nine places: with more, products would not fit 64 bits."""
    limit = max(Fraction(str(threshold)).limit_denominator(10**9), Fraction(1, 10**9))
    return limit.numerator, limit.denominator


def alike(
    component: np.ndarray, offsets: np.ndarray, hashes: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs i < j within a component whose Jaccard reaches the threshold, and both, either: int64[m, 2] each.

    Set i is `hashes[offsets[i]:offsets[i + 1]]`, sorted; sets of a component lie together. Decided in integers.
    """
    found = _alike(component, offsets, hashes, *fraction(threshold))
    return found[:, :2], found[:, 2:]


@njit(nogil=True, cache=True)
def _alike(component, offsets, hashes, over, under):
    out = np.empty((64, 4), np.int64)
    count = 0
    for i in range(len(component)):
        left = hashes[offsets[i] : offsets[i + 1]]
        for j in range(i + 1, len(component)):
            if component[j] != component[i]:
                break
            few, many = len(left), offsets[j + 1] - offsets[j]
            few, many = min(few, many), max(few, many)
            if few * under < over * many:
                continue
            both = num_common(left, hashes[offsets[j] : offsets[j + 1]])
            either = few + many - both
            if both * under >= over * either:
                if count == len(out):
                    larger = np.empty((2 * count, 4), np.int64)
                    larger[:count] = out
                    out = larger
                out[count, 0], out[count, 1], out[count, 2], out[count, 3] = i, j, both, either
                count += 1
    return out[:count].copy()


def pairs(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all candidates files."""
    settings: PairSettings = part.settings
    files = [file for file in part.inputs if isinstance(file, File)]
    given = read_candidates(store, files, settings.piece)
    shingled = shingle_column(given.text, settings.unit, settings.shingle)
    ends, counts = alike(given.component, shingled.offsets, shingled.hashes, settings.threshold)
    columns = [
        pa.array(given.component[ends[:, 0]]),
        given.set.take(pa.array(ends[:, 0])),
        given.set.take(pa.array(ends[:, 1])),
        pa.array(counts[:, 0]),
        pa.array(counts[:, 1]),
    ]
    return Output((write_parquet(store, "pairs", part.name, pa.table(columns, schema=PAIRS)),))


PAIRS_STAGE = Stage("pairs", pairs, version=2, libraries=("xxhash",))
