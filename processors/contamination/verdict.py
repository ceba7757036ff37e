"""Hits to verdicts: which items a document holds, to what share, and what is cut of it.

In: hits in some texts, the grams that are phrases, the index. Out: numbers for each text, spans, and a row for each
item that a text holds. A phrase counts nowhere: neither as found nor among what could be found.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from corpus.contamination import Contamination
from corpus.text import SPANS
from processors.contamination.find import Hits
from processors.contamination.index import Index, column
from processors.contamination.letters import fold_table
from processors.contamination.pieces import LINE, PARAGRAPH, stretches, windows
from processors.filters.measure import buffers

MOST_ITEMS = 100  # told of one text, those with the highest share; all are counted
RULE = "contamination.overlap"
_AT_ONCE = 1 << 22  # places in items of the n-grams that texts hold
FOUND = pa.schema(  # one row = one item in one text
    [
        ("row", pa.int64()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("share", pa.float64()),  # of the item's n-grams (or words, as the preset measures), phrases left out
        ("grams", pa.int64()),  # different ones found
        ("stretches", pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))),  # bytes of the text
    ]
)


@dataclass(frozen=True)
class Verdicts:
    """What is known of n texts."""

    share: np.ndarray  # float64[n]: the greatest share, by the preset's measure; 0 where nothing is found
    items: np.ndarray  # int64[n]: items that reach the preset's least share
    pieces: np.ndarray  # int64[n]: that windows cut the text into; 1 where there is none
    spans: pa.Array  # SPANS: what falls of a text, null where nothing does
    found: pa.Table  # FOUND, by row, then by falling share


def judge_hits(
    texts: pa.Array | None, size: int, hits: Hits, phrases: np.ndarray, index: Index, c: Contamination
) -> Verdicts:
    """The verdicts on `size` texts; their hits are sorted by row, as `find` gives them.

    `phrases`: grams, sorted; `texts` may be None where `needs_text` says so. Some texts at a time are judged, so that
    an n-gram of thousands of items in thousands of texts costs time, not memory.
    """
    which, item, _ = index.postings(phrases)
    dull = np.unique(np.stack([item, phrases[which]]), axis=1)
    left = column(index.items, "grams") - np.bincount(dull[0], minlength=index.items.num_rows)
    pieces = np.cumsum(index.num_places(hits.gram)) // _AT_ONCE
    cuts = np.unique(hits.row[1:][np.diff(pieces) > 0])
    parts = []
    for first, last in pairwise([0, *cuts[cuts > 0].tolist(), size]):
        start, stop = np.searchsorted(hits.row, [first, last])
        own = hits.only(slice(start, stop))
        some = None if texts is None else texts[first:last]
        part = _judged(some, last - first, replace(own, row=own.row - first), phrases, left, index, c)
        rows = pa.array(column(part.found, "row") + first)
        parts.append(replace(part, found=part.found.set_column(0, "row", rows)))
    share, items, pieces = (np.concatenate([getattr(p, name) for p in parts]) for name in ("share", "items", "pieces"))
    spans = pa.concat_arrays([part.spans for part in parts])
    return Verdicts(share, items, pieces, spans, pa.concat_tables([part.found for part in parts]))


def _judged(
    texts: pa.Array | None,
    size: int,
    hits: Hits,
    phrases: np.ndarray,
    left: np.ndarray,
    index: Index,
    c: Contamination,
) -> Verdicts:
    common = np.isin(hits.gram, phrases)
    kept = hits.only(~common)
    share = np.zeros(size)
    if c.measure == "paragraph":
        assert texts is not None
        share, reaching = _by_paragraph(texts, hits, common, size, index, c)
        kept = kept.only(reaching)
    held = _held(kept, left, index, c.measure == "words")
    if c.measure != "paragraph":
        np.maximum.at(share, held.row, held.share)
        held = held.only(held.share >= (0.0 if c.measure == "any" else c.least))
        kept = kept.only(_of_items(kept, held))
    items = np.bincount(held.row, minlength=size).astype(np.int64)
    pieces, spans = np.ones(size, np.int64), pa.nulls(size, SPANS)
    if c.falls != "document" and len(kept.row):
        assert texts is not None
        pieces, spans = _cut(texts, kept, size, c, fold_table(c.fold))
    return Verdicts(share, items, pieces, spans, _told(kept, held, index))


def needs_text(c: Contamination) -> bool:
    """Whether verdicts open the texts that hold something."""
    return c.falls != "document" or c.measure == "paragraph"


@dataclass(frozen=True)
class _Held:
    """Items in texts: a row for each pair, by row, then item."""

    row: np.ndarray  # int64[m]
    item: np.ndarray  # int64[m]
    share: np.ndarray  # float64[m]
    grams: np.ndarray  # int64[m]: different ones found
    starts: np.ndarray  # int64[m]: where the pair's grams begin in `gram`,
    ends: np.ndarray  # int64[m]
    gram: np.ndarray  # int64: different ones of each pair

    def only(self, which: np.ndarray) -> "_Held":
        row, item, share = self.row[which], self.item[which], self.share[which]
        return _Held(row, item, share, self.grams[which], self.starts[which], self.ends[which], self.gram)


def _held(hits: Hits, left: np.ndarray, index: Index, words: bool) -> _Held:
    """Which items the texts hold something of, and how much: of `left` n-grams of each item, or of its words."""
    pairs = np.unique(np.stack([hits.row, hits.gram]), axis=1)
    which, item, place = index.postings(pairs[1])
    row, gram = pairs[0][which], pairs[1][which]
    order = np.lexsort((gram, place, item, row))
    row, item, place, gram = row[order], item[order], place[order], gram[order]
    triples = np.unique(np.stack([row, item, gram]), axis=1)
    new = np.any(np.diff(triples[:2], axis=1, prepend=-1) != 0, axis=0)
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], triples.shape[1])[: len(starts)]
    rows, items = triples[0][starts], triples[1][starts]
    grams = ends - starts
    if words:
        pair = np.cumsum(np.any(np.diff(np.stack([row, item]), axis=1, prepend=-1) != 0, axis=0)) - 1
        covered = _covered(pair, place, column(index.grams, "words")[gram], len(starts))
        of = column(index.items, "words")[items]
        return _Held(rows, items, covered / of, grams, starts, ends, triples[2])
    return _Held(rows, items, grams / left[items], grams, starts, ends, triples[2])


def _covered(pair: np.ndarray, place: np.ndarray, words: np.ndarray, size: int) -> np.ndarray:
    """How many words of each pair's item lie in found n-grams; `place` rises within a pair."""
    far = int(place.max(initial=0) + words.max(initial=0)) + 1
    start = pair * far + place
    end = start + words
    before = np.concatenate([[0], np.maximum.accumulate(end)[:-1]])[: len(end)]
    new = np.maximum(end - np.maximum(start, before), 0)
    return np.bincount(pair, new, size).astype(np.int64)


def _of_items(hits: Hits, held: _Held) -> np.ndarray:
    """Whether a hit's gram is one of an item that its text is said to hold."""
    counts = held.ends - held.starts
    at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(held.starts, counts)
    grams = int(hits.gram.max(initial=0)) + 1
    wanted = np.repeat(held.row, counts) * grams + held.gram[at]
    return np.isin(hits.row * grams + hits.gram, wanted)


def _by_paragraph(
    texts: pa.Array, hits: Hits, common: np.ndarray, size: int, index: Index, c: Contamination
) -> tuple[np.ndarray, np.ndarray]:
    """Of each text the greatest share of a paragraph's n-grams, and of each hit that counts whether its one reaches."""
    data, offsets = buffers(texts)
    share, reaching = np.zeros(size), np.zeros(len(hits.row), np.bool_)
    reach, table = index.settings.reach, fold_table(c.fold)
    within = reach.within or PARAGRAPH
    for row in np.unique(hits.row[~common]).tolist():
        found = stretches(data, offsets[row], offsets[row + 1], within, table)
        words = found[:, 2]
        own = np.flatnonzero(hits.row == row)
        where = np.searchsorted(found[:, 0], hits.start[own], side="right") - 1
        grams = np.where(words >= c.n, words - c.n + 1, (words >= max(c.short, 1)).astype(np.int64))
        dull = np.bincount(where[common[own]], minlength=len(found))
        counted = np.bincount(where[~common[own]], minlength=len(found))
        of = counted / np.maximum(grams - dull, 1)
        share[row] = of.max(initial=0)
        reaching[own] = (of >= max(c.least, np.finfo(float).tiny))[where]
    return share, reaching[~common]


def _cut(texts: pa.Array, hits: Hits, size: int, c: Contamination, table: np.ndarray) -> tuple[np.ndarray, pa.Array]:
    """What falls of each text, as spans, and how many pieces windows leave of it."""
    data, offsets = buffers(texts)
    pieces, spans = np.ones(size, np.int64), list[list[dict[str, object]] | None]([None] * size)
    order = np.lexsort((hits.end, hits.start, hits.row))
    rows, firsts = np.unique(hits.row[order], return_index=True)
    for row, own in zip(rows.tolist(), np.split(order, firsts[1:]), strict=True):
        begin, end = offsets[row], offsets[row + 1]
        if c.falls == "window":
            cut, pieces[row] = windows(data[begin:end], hits.start[own], hits.end[own], c.window, c.piece)
        else:
            found = stretches(data, begin, end, LINE if c.within == "line" else PARAGRAPH, table)
            where = np.unique(np.searchsorted(found[:, 0], hits.start[own], side="right") - 1)
            after = np.append(found[1:, 0], found[-1, 1])  # the blank lines behind it fall as well
            cut = np.stack([found[where, 0], after[where]], axis=1)
        spans[row] = [{"start": a, "end": b, "rule": RULE, "replacement": ""} for a, b in cut.tolist()]
    return pieces, pa.array(spans, SPANS)


def _told(hits: Hits, held: _Held, index: Index) -> pa.Table:
    """A row for each item in each text."""
    order = np.lexsort((held.item, -held.share, held.row))
    firsts = np.searchsorted(held.row[order], held.row[order])
    ranks = np.arange(len(order)) - firsts
    pick = order[ranks < MOST_ITEMS]
    by_row = np.argsort(hits.row, kind="stable")
    bounds = np.searchsorted(hits.row[by_row], np.stack([held.row[pick], held.row[pick] + 1]))
    where = []
    for pair, first, last in zip(pick.tolist(), *bounds.tolist(), strict=True):
        own = by_row[first:last]
        mine = own[np.isin(hits.gram[own], held.gram[held.starts[pair] : held.ends[pair]])]
        where.append(_merged(hits.start[mine], hits.end[mine]))
    names = index.items.take(pa.array(held.item[pick]))
    columns = [held.row[pick], names["benchmark"], names["item"], held.share[pick], held.grams[pick]]
    return pa.table([*columns, pa.array(where, FOUND.field("stretches").type)], schema=FOUND)


def _merged(starts: np.ndarray, ends: np.ndarray) -> list[dict[str, int]]:
    out: list[dict[str, int]] = []
    for start, end in sorted(zip(starts.tolist(), ends.tolist(), strict=True)):
        if out and start <= out[-1]["end"]:
            out[-1]["end"] = max(out[-1]["end"], end)
        else:
            out.append({"start": start, "end": end})
    return out
