"""From judgements to kept nodes: what the forests cannot promise is settled by rules.

    judgements ──the page's bar──> kept ──less comments──> ──with whole tables, lists, listings and headings──> kept

Some text is always kept. A page whose content is judged with certainty (an article) is cut at a higher bar than one
that is not (a list of products). Readers' comments go where there is something they comment on. What is mostly content
is not left with holes: a table is kept whole, a list too, and a heading goes with what it heads. A manual (it has
listings or defines terms) loses only what is surely no content of the element that holds it.
"""

import numpy as np
from numba import njit

from processors.extract.blocks import CHARS, FIRST, LINK_CHARS, OWNER, PRE, flag
from processors.extract.features import HEADINGS
from processors.extract.tags import TEXT, mask

# Chosen on pages that the forests had not seen (benchmarks/grow_main.py); in thousandths of a judgement.
BAR, LOW_BAR, LOW_FILL, DOUBT = 700, 500, 300, 150
SURE, LIKELY = 850, 400
LEAST_CHARS = 80  # of kept text; less, and the bar is lowered
_MENU = flag("nav") | flag("footer") | flag("aside")
_COMMENT = flag("comment")
_WHOLE = mask("table ul ol dl")
_TABLE = mask("table")
_TERMS = mask("dt dd")
_PART = mask("#text thead tbody tfoot tr")


@njit(nogil=True, cache=True)
def settle(tag, end, marks, counts, judged):
    """bool[blocks]: which blocks are kept. `judged` is in thousandths."""
    kept = _above_bar(marks, counts, judged)
    manual = _is_manual(tag, counts, judged)
    _drop_comments(marks, counts, judged, manual, kept)
    before = _sums(len(tag), counts, kept)
    core = _core(tag, end, before)
    for i in range(core, end[core]):
        if _WHOLE[tag[i]] and 2 * (before[end[i], 1] - before[i, 1]) >= before[end[i], 0] - before[i, 0] > 0:
            bar = 0 if _TABLE[tag[i]] else DOUBT
            for b in range(before[i, 2], before[end[i], 2]):
                kept[b] |= judged[b] >= bar
    _fill(tag, end, counts, judged, manual, core, kept)
    _drop_comments(marks, counts, judged, manual, kept)  # that the filling brought back
    return kept


@njit(nogil=True, cache=True)
def _fill(tag, end, counts, judged, manual, core, kept):
    """Closes the holes in the element that holds the content: of a manual, of an unsure page, of headed sections."""
    bar = DOUBT if manual else 1000 if _is_sure(counts, judged) else LOW_FILL
    following = False
    for b in range(len(counts) - 1, -1, -1):
        owner = counts[b, OWNER]
        inside = core <= owner < end[core]
        kept[b] |= inside and judged[b] >= bar
        if HEADINGS[tag[owner]]:
            kept[b] |= following and judged[b] >= (DOUBT if inside else LOW_FILL)
        else:
            following = kept[b]


@njit(nogil=True, cache=True)
def _is_manual(tag, counts, judged):
    """Whether listings, or four terms and definitions, stand in what may be content."""
    terms = 0
    for b in range(len(counts)):
        kind = tag[counts[b, OWNER]]
        if judged[b] >= DOUBT and PRE[kind]:
            return True
        terms += judged[b] >= DOUBT and _TERMS[kind]
    return terms >= 4


@njit(nogil=True, cache=True)
def _above_bar(marks, counts, judged):
    """What is judged well enough; the bar is lowered until some text is kept."""
    kept = np.zeros(len(counts), np.bool_)
    total = counts[:, CHARS].sum()
    for bar in (BAR if _is_sure(counts, judged) else LOW_BAR, LOW_BAR // 2, DOUBT):
        chars = 0
        for b in range(len(counts)):
            kept[b] = judged[b] >= bar
            chars += counts[b, CHARS] * kept[b]
        if chars >= min(LEAST_CHARS, total):
            return kept
    chars = 0
    for b in range(len(counts)):
        kept[b] = marks[counts[b, OWNER], 4] & _MENU == 0 and 2 * counts[b, LINK_CHARS] < counts[b, CHARS]
        chars += counts[b, CHARS] * kept[b]
    if chars == 0:
        kept[:] = True
    return kept


@njit(nogil=True, cache=True)
def _is_sure(counts, judged):
    """Whether at least three fifths of what is likely content is certain to be."""
    sure, likely = 0, 0
    for b in range(len(counts)):
        sure += counts[b, CHARS] * (judged[b] >= SURE)
        likely += counts[b, CHARS] * (judged[b] >= LIKELY)
    return 5 * sure >= 3 * likely


@njit(nogil=True, cache=True)
def _drop_comments(marks, counts, judged, manual, kept):
    """Keeps comments only where they are nearly all there is to keep, or where a manual speaks of comments."""
    inside, outside = 0, 0
    for b in range(len(counts)):
        if kept[b] and marks[counts[b, OWNER], 4] & _COMMENT:
            inside += counts[b, CHARS]
        elif kept[b]:
            outside += counts[b, CHARS]
    if inside and outside >= 200 and 5 * outside >= inside:
        for b in range(len(counts)):
            kept[b] &= marks[counts[b, OWNER], 4] & _COMMENT == 0 or (manual and judged[b] >= LOW_BAR)


@njit(nogil=True, cache=True)
def _sums(size, counts, kept):
    """int64[size + 1, 3]: characters, kept characters and blocks that begin before each node."""
    out = np.zeros((size + 1, 3), np.int64)
    for b in range(len(counts)):
        at = counts[b, FIRST] + 1
        out[at, 0] += counts[b, CHARS]
        out[at, 1] += counts[b, CHARS] * kept[b]
        out[at, 2] += 1
    for i in range(1, size + 1):
        for k in range(3):
            out[i, k] += out[i - 1, k]
    return out


@njit(nogil=True, cache=True)
def _core(tag, end, before):
    """The lowest element, no part of a table, that holds nearly all of the kept text."""
    core, i = 0, 0
    while i < len(end):
        if 100 * (before[end[i], 1] - before[i, 1]) >= 99 * before[-1, 1]:
            core = core if _PART[tag[i]] else i
            i += 1
        else:
            i = end[i]
    return core


@njit(nogil=True, cache=True)
def keep_nodes(tag, marks, of, counts, kept):
    """bool[n]: the texts of kept blocks; of the elements those in a kept block or between two (formulas, pictures)."""
    out = np.zeros(len(tag), np.bool_)
    owners = np.zeros(len(tag), np.bool_)
    for b in range(len(counts)):
        owners[counts[b, OWNER]] |= kept[b]
    between = False
    for i in range(len(tag)):
        if of[i] >= 0:
            b = of[i]
            between = kept[b] and b + 1 < len(counts) and kept[b + 1]
            out[i] = kept[b]
        elif tag[i] != TEXT:
            out[i] = between or owners[marks[i, 5]]
    return out
