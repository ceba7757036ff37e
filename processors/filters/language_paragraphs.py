"""The language of a page of several: each paragraph is labelled, and most bytes name the page.

A paragraph stands between blank lines. One of fewer than 30 characters, or of which the model is less than half sure,
has no say: headings, code and addresses look like any language. Where no paragraph has a say the whole text is asked.
A paragraph is surely in another language from 0.9 on: of 56 from 0.8 on that were read, 11 were code, names or in the
page's own language, of the 35 among them from 0.9 on one.
"""

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.text import SPANS
from processors.filters.fasttext_model import Model, predict, slices

SHORT = 30  # characters
UNSURE = 0.5
OTHER = 0.9
_GAP = "\n\n"


@dataclass(frozen=True)
class Found:
    """What is told of the texts: string[n] and float64[n], null where a text is null or nothing can be said.

    Attributes:
        label: the language of most bytes.
        score: how sure the model is of it, the mean of its paragraphs by their bytes, to four decimals.
        share: its share of the bytes that have a say, likewise; 1 where the whole text was asked.
        others: which bytes are surely paragraphs of other languages, as spans; null where there are none.
    """

    label: pa.Array
    score: pa.Array
    share: pa.Array
    others: pa.Array


def by_paragraph(model: Model, texts: pa.Array, window: int, rule: str) -> Found:
    """The languages of texts (large_string). `rule` is the name that spans are given."""
    parts = [_found(model, part, window, rule) for part in slices(texts)] or [_found(model, texts, window, rule)]
    return Found(*(pa.concat_arrays([getattr(part, each.name) for part in parts]) for each in fields(Found)))


def _found(model: Model, texts: pa.Array, window: int, rule: str) -> Found:
    pieces = pc.split_pattern(pc.fill_null(texts, ""), _GAP)
    flat = pieces.flatten()
    rows = np.repeat(np.arange(len(texts)), pc.list_value_length(pieces).to_numpy(zero_copy_only=False))
    sizes = pc.binary_length(flat).to_numpy(zero_copy_only=False).astype(np.int64)
    long = pc.greater_equal(pc.utf8_length(pc.utf8_trim_whitespace(flat)), SHORT).to_numpy(zero_copy_only=False)
    labels, chances = predict(model, flat.filter(pa.array(long)), window)
    names = pa.array(sorted(pc.unique(labels.drop_null()).to_pylist()), pa.string())
    chance, number = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
    chance[long] = pc.fill_null(chances, 0.0).to_numpy(zero_copy_only=False)
    number[long] = pc.fill_null(pc.index_in(labels, names), 0).to_numpy(zero_copy_only=False)
    say = chance >= UNSURE
    best, weight = _most(rows[say], number[say], sizes[say], len(texts))
    mine = say & (number == best[rows])
    sure = np.bincount(rows[mine], chance[mine] * sizes[mine], len(texts)) / np.maximum(weight, 1)
    share = weight / np.maximum(np.bincount(rows[say], sizes[say], len(texts)), 1)
    silent = best < 0
    label, score = predict(model, pc.if_else(pa.array(silent), texts, None), window)
    return Found(
        pc.coalesce(names.take(pa.array(best, mask=silent)), label),
        pc.coalesce(pa.array(np.round(sure, 4), mask=silent), score),
        pc.coalesce(pa.array(np.round(share, 4), mask=silent), pc.if_else(label.is_valid(), 1.0, None)),
        _spans(rows, sizes, (chance >= OTHER) & ~mine, len(texts), rule),
    )


def _most(rows: np.ndarray, numbers: np.ndarray, sizes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The number with most bytes in each row, of two the lower, and those bytes; -1 and 0 where a row has none."""
    best, weight = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    order = np.lexsort((numbers, rows))
    rows, numbers, sizes = rows[order], numbers[order], sizes[order]
    starts = np.flatnonzero(np.append(True, (np.diff(rows) != 0) | (np.diff(numbers) != 0))) if len(rows) else order
    sums = np.add.reduceat(sizes, starts) if len(rows) else sizes
    ranked = np.lexsort((numbers[starts], -sums, rows[starts]))[::-1]  # the last to be written is the first in rank
    best[rows[starts][ranked]] = numbers[starts][ranked]
    weight[rows[starts][ranked]] = sums[ranked]
    return best, weight


def _spans(rows: np.ndarray, sizes: np.ndarray, cut: np.ndarray, count: int, rule: str) -> pa.Array:
    """The paragraphs `cut`, each with the blank line after it, as one list a row; null where a row has none."""
    ends = np.cumsum(sizes + len(_GAP))  # with the blank line, which the last paragraph of a text has not
    begins = (ends - sizes - len(_GAP))[np.searchsorted(rows, np.arange(count))] if count else ends
    last = np.append(rows[1:] != rows[:-1], True)[: len(rows)]
    starts = (ends - sizes - len(_GAP) - begins[rows])[cut]
    stops = (ends - last * len(_GAP) - begins[rows])[cut]
    names = [pa.array([what]).take(pa.array(np.zeros(len(starts), np.int64))) for what in (rule, "")]
    flat = pa.StructArray.from_arrays([pa.array(starts), pa.array(stops), *names], fields=list(SPANS.value_type))
    counts = np.bincount(rows[cut], minlength=count)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS, mask=pa.array(counts == 0))
