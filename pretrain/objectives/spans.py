"""Span corruption: of each part of a document a source with holes, and a target that fills them.

    EOS a b c d e f g h  →  source: EOS a b <s0> e f <s1>     target: <s0> c d <s1> g h EOS     decoder: EOS <s0> c d …

T5's (Raffel et al. 2020, arXiv:1910.10683): `rate` of the ids in spans of `mean_span` on average, kept and masked spans
in turn, a kept one first, all ways to cut as likely. With `ul2` each part draws one of the seven denoisers of UL2 (Tay
et al. 2022, arXiv:2205.05131, table 1), each as likely; the paper's mode tokens are not written. The decoder starts
from an EOS, which opens documents here as everywhere (T5 starts from PAD).

Rows have fixed widths, so that shapes do not change from step to step. A source is never longer than what it was made
from, so it has the window's width. Targets have the width that one document as long as the window needs and a
thirty-second of the window more, for the marks of further documents; what begins too late for that is left out whole,
source and target, and counted, as are parts of a single id.
"""

import math

import numpy as np

from pretrain.config import ObjectiveConfig
from pretrain.objectives.parts import Parts, drawn, runs, split
from pretrain.objectives.rows import Rows, Special

RATE = 0.15
# (mean span, rate). One span of infinite mean is the end of the part: the prefix language model among the denoisers.
UL2 = ((3.0, 0.15), (8.0, 0.15), (3.0, 0.5), (8.0, 0.5), (64.0, 0.15), (64.0, 0.5), (math.inf, 0.25))


def denoisers(objective: ObjectiveConfig) -> tuple[np.ndarray, np.ndarray]:
    """Mean span and rate of the denoisers that parts draw from: float64 twice."""
    pairs = UL2 if objective.ul2 else ((objective.mean_span, objective.rate or RATE),)
    mean, rate = np.array(pairs).T
    return mean, rate


def masked(length: np.ndarray, mean: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many ids of parts of two or more are masked, and in how many spans: int64, at least 1 each."""
    ids = np.clip(np.rint(length * rate).astype(np.int64), 1, length - 1)
    return ids, np.clip(np.rint(ids / mean).astype(np.int64), 1, np.minimum(ids, length - ids))


def widths(objective: ObjectiveConfig, length: int) -> tuple[int, int]:
    """Widths of source and target rows made from windows of `length` inputs. Targets are at most one id wider."""
    ids, spans = masked(np.array(length), *denoisers(objective))
    needed = int((ids + spans).max()) + 1
    return length, min(-(-(needed + length // 32) // 8) * 8, length + 1)


def corrupt(objective: ObjectiveConfig, ids: np.ndarray, parts: Parts, special: Special) -> Rows:
    """Source and target rows of windows int32 [n, T + 1].

    No part has more spans than there are sentinels: those of long parts are longer.
    """
    count, (source_width, width) = len(ids), widths(objective, ids.shape[1] - 1)
    shown = np.bincount(parts.row, np.where(parts.empty, 0, parts.length), count).astype(np.int64)
    parts = parts.take((parts.length > 1) & ~parts.empty)
    mean, rate = denoisers(objective)
    which = drawn(parts.key, 1) % np.uint64(len(mean))
    holes, spans = masked(parts.length, mean[which], rate[which])
    spans = np.minimum(spans, len(special.sentinels))
    place = _within(parts.row, holes + spans + 1)
    fits = place + holes + spans < width
    parts, holes, spans, place = parts.take(fits), holes[fits], spans[fits], place[fits]
    kept = parts.length - holes
    source_size, size = kept + spans, holes + spans + 1
    source_at = parts.row * source_width + _within(parts.row, source_size)
    at = parts.row * width + place

    # Runs of ids: kept and masked in turn, and between them one sentinel each.
    kept_runs, hole_runs = split(kept, spans, drawn(parts.key, 2)), split(holes, spans, drawn(parts.key, 3))
    lengths = np.stack([kept_runs, hole_runs], axis=1).ravel()
    begins = np.repeat(parts.row * ids.shape[1] + parts.start, 2 * spans)
    begins += _within(np.repeat(np.arange(len(spans)), 2 * spans), lengths)
    sentinel = ids.size + runs(np.zeros_like(spans), spans)
    known, one = np.concatenate([ids.ravel(), special.sentinels]), np.ones_like(sentinel)

    source = np.full((count, source_width), special.pad, np.int32)
    source.reshape(-1)[runs(source_at, source_size)] = known[_turns(begins[::2], kept_runs, sentinel, one)]
    targets = np.full((count, width), special.pad, np.int32)
    targets.reshape(-1)[runs(at, size - 1)] = known[_turns(sentinel, one, begins[1::2], hole_runs)]
    tokens = np.full_like(targets, special.pad)
    tokens.reshape(-1)[runs(at + 1, size - 1)] = targets.reshape(-1)[runs(at, size - 1)]
    tokens.reshape(-1)[at] = targets.reshape(-1)[at + size - 1] = special.eos

    filled = np.bincount(parts.row, source_size, count).astype(np.int64)
    rows = np.arange(count)
    padding = (rows * source_width + filled)[filled < source_width]
    return Rows(
        tokens,
        targets,
        np.union1d(at, rows * width).astype(np.int32),
        source,
        np.union1d(np.union1d(source_at, rows * source_width), padding).astype(np.int32),
        shown - np.bincount(parts.row, parts.length, count).astype(np.int64),
    )


def _within(group: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """How much of its group lies before each of some sizes laid end to end; `group` is in order."""
    before = np.cumsum(sizes) - sizes
    return before - before[np.searchsorted(group, group)] if len(group) else before


def _turns(a: np.ndarray, a_lengths: np.ndarray, b: np.ndarray, b_lengths: np.ndarray) -> np.ndarray:
    """The numbers of runs of a and of b, in turn."""
    return runs(np.stack([a, b], axis=1).ravel(), np.stack([a_lengths, b_lengths], axis=1).ravel())
