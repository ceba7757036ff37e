"""Boosted trees over integers: a block's numbers go in, the judgement in thousandths comes out.

The trees are flat arrays of integers, so that a sum is the same on every machine. main.json holds them and the known
words; it was grown by benchmarks/grow_main.py, which tells from what.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numba import njit

from processors.extract.vocabulary import table

UNIT = 1000  # of a leaf's value: thousandths of a logit
_LIMIT = 7000  # beyond it the judgement is 1 or 999 thousandths
_LEAF = 1 << 30
JUDGEMENT = np.array([round(1000 / (1 + math.exp(-i / UNIT))) for i in range(-_LIMIT, _LIMIT + 1)], np.int32)


@njit(nogil=True, cache=True)
def judge(rows, starts, feature, threshold, left, right, judgement):
    """int32[blocks], thousandths.

    Args:
        rows: int32[blocks, features].
        starts: int32[trees], the root of each tree among the splits.
        feature, threshold: of each split; a block goes left where its number is at most the threshold.
        left, right: the next split, or for a leaf its value - 2**30.
        judgement: `JUDGEMENT`.
    """
    total = np.zeros(len(rows), np.int64)
    for tree in range(len(starts)):  # a tree fits the nearest cache, all of them do not
        for b in range(len(rows)):
            row, at = rows[b], starts[tree]
            while at >= 0:
                at = left[at] if row[feature[at]] <= threshold[at] else right[at]
            total[b] += at + _LEAF
    out, limit = np.empty(len(rows), np.int32), len(judgement) // 2
    for b in range(len(rows)):
        out[b] = judgement[min(max(total[b], -limit), limit) + limit]
    return out


@dataclass(frozen=True, slots=True)
class Model:
    """Words with their scores as `vocabulary.find` takes them, and two forests as `judge` takes them."""

    words: tuple[np.ndarray, np.ndarray]
    first: tuple[np.ndarray, ...]
    second: tuple[np.ndarray, ...]


@cache
def load_model() -> Model:
    """The model beside this file, read once a process."""
    raw = json.loads(Path(__file__).with_name("main.json").read_text())
    return Model(table(raw["words"]), _forest(raw["first"]), _forest(raw["second"]))


def _forest(raw: dict[str, list[int]]) -> tuple[np.ndarray, ...]:
    names = ("starts", "feature", "threshold", "left", "right")
    return *(np.array(raw[name], np.int32) for name in names), JUDGEMENT
