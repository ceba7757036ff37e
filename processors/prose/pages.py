"""Page numbers and running heads out of a text's lines: rows go in, those that are text come out.

What stands between two pages is known by three signs together: the same letters come again and again (a head, "Page",
or none beside the number), at about regular distances or at form feeds, numbers going up; and sentences run on across
it. Headings of chapters share the first two at times, and never the third.
"""

import numpy as np

from processors.filters.hashing import SEED
from processors.prose.breaks import PARTED
from processors.prose.lines import (
    BEGIN,
    BREAK,
    COMMA,
    END,
    FEED,
    INDENT,
    KIND,
    LOWER,
    NUMBER,
    RIGHT,
    TERMINAL,
    TIGHT_START,
    flags,
    letters_of,
)  # fmt: skip

_LEAST, _MOST = 12, 130  # lines of a page
_REPEATS = 3  # how often a head or a number must come
_REGULAR = 5  # and one that no form feed or number stands beside
_BESIDE = 0.85  # of a head's places: beside form feeds or other furniture
_WIDE = 90  # columns of a line that can be a head
_BARE = 12  # and of a number with nothing but dashes and the like beside it
_REACH = 4  # lines around a page's end that may be heads
_RUNNING = 0.12  # of the ends of pages: sentences that run on


def without_furniture(data: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows that are text, in order; where a sentence runs on, the blank lines that stood around go as well."""
    shown = np.flatnonzero(rows[:, END] > rows[:, BEGIN])
    if len(shown) < 2 * _LEAST:
        return rows
    feeds = np.flatnonzero(rows[:, KIND] & FEED)
    groups = _groups(data, rows, shown, feeds)
    if not groups and not len(feeds):
        return rows
    text = rows[:, END] > rows[:, BEGIN]
    for group in groups:
        text[group] = False
    furniture = np.zeros(len(rows), bool)
    for group in groups:
        furniture[group] = _interrupts(rows, text, group)
    marks = np.union1d(np.flatnonzero(furniture), feeds)
    for group in groups if furniture.any() else []:
        furniture[group] |= _accompanies(rows, group, marks)
    return _taken_out(rows, furniture, feeds) if furniture.any() or len(feeds) else rows


def _groups(data: np.ndarray, rows: np.ndarray, shown: np.ndarray, feeds: np.ndarray) -> list[np.ndarray]:
    """Lines that may be furniture, those with the same letters together."""
    narrow = shown[_breadth(rows, shown) <= _WIDE]
    blank = rows[:, END] == rows[:, BEGIN]
    if not len(feeds):  # else a line's other places must be known, to tell a head from a paragraph's last words
        alone = (blank[np.maximum(narrow - 1, 0)] | (narrow == 0)) & blank[np.minimum(narrow + 1, len(rows) - 1)]
        numbers = (rows[narrow, NUMBER] >= 0) & (_breadth(rows, narrow) <= _BARE)
        narrow = narrow[alone | numbers]
    hashes = letters_of(data, rows, narrow, flags())
    numbers = (rows[narrow, NUMBER] >= 0) & (_breadth(rows, narrow) <= _BARE)
    narrow, hashes = narrow[(hashes != SEED) | numbers], hashes[(hashes != SEED) | numbers]
    order = np.argsort(hashes, kind="stable")
    edges = np.flatnonzero(np.diff(hashes[order])) + 1
    order = narrow[order]
    bounds = np.concatenate(([0], edges, [len(order)]))
    found: list[np.ndarray] = []
    for at in np.flatnonzero(np.diff(bounds) >= _REPEATS):
        group = order[bounds[at] : bounds[at + 1]]
        numbered = rows[group, NUMBER] >= 0
        if numbered.mean() > 0.5:
            found += _chains(group[numbered], rows[group[numbered], NUMBER])
        elif _near(group, feeds).mean() >= _BESIDE or _regular(group):
            found.append(group)
    return found


def _breadth(rows: np.ndarray, lines: np.ndarray) -> np.ndarray:
    return rows[lines, RIGHT] - rows[lines, INDENT]


def _near(lines: np.ndarray, feeds: np.ndarray) -> np.ndarray:
    """Whether a form feed stands within a few lines of each."""
    if not len(feeds):
        return np.zeros(len(lines), bool)
    after = feeds[np.minimum(np.searchsorted(feeds, lines), len(feeds) - 1)]
    before = feeds[np.maximum(np.searchsorted(feeds, lines, side="right") - 1, 0)]
    return (np.abs(after - lines) <= _REACH) | (np.abs(lines - before) <= _REACH)


def _regular(lines: np.ndarray) -> bool:
    gaps = np.diff(lines)
    middle = float(np.median(gaps))
    if len(lines) < _REGULAR or not _LEAST <= middle <= 2 * _MOST:  # left and right pages may differ
        return False
    return float(np.mean(np.abs(gaps - middle) <= 0.25 * middle)) >= 0.6


def _chains(lines: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """Stretches of `lines` whose numbers go up by one or two from page to page."""
    chains: list[list[int]] = []
    last = -1
    for line, number in zip(lines.tolist(), numbers.tolist(), strict=True):
        step = number - last
        gap = line - chains[-1][-1] if chains else 0
        least = _LEAST if chains and len(chains[-1]) < _REPEATS else 2  # the last page may be short
        if chains and 1 <= step <= 2 and least <= gap <= _MOST * step:
            chains[-1].append(line)
        elif chains and gap <= 2 * _MOST and len(chains[-1]) >= _REPEATS:
            continue  # a stray number
        else:
            chains.append([line])
        last = number
    return [np.array(chain) for chain in chains if len(chain) >= _REPEATS]


def _page_ends(text: np.ndarray, marks: np.ndarray) -> list[tuple[int, int]]:
    """For lines that stand between pages: the last line of `text` (a mask) before each and the first after it."""
    lines = np.flatnonzero(text)
    after = np.searchsorted(lines, marks)  # a feed may stand in the line that it opens
    places = np.unique(after[(after > 0) & (after < len(lines))])
    return [(int(lines[place - 1]), int(lines[place])) for place in places]


def _runs_on(rows: np.ndarray, before: int, after: int) -> bool:
    this, that = int(rows[before, KIND]), int(rows[after, KIND])
    return not this & TERMINAL and bool(that & LOWER or (that & TIGHT_START and not this & COMMA))


def _interrupts(rows: np.ndarray, text: np.ndarray, group: np.ndarray) -> bool:
    """Whether sentences run on across enough of the places where lines of `group` stand."""
    ends = _page_ends(text, group)
    running = sum(_runs_on(rows, before, after) for before, after in ends)
    return running >= 2 and running >= _RUNNING * len(ends)


def _accompanies(rows: np.ndarray, group: np.ndarray, marks: np.ndarray) -> bool:
    """Whether the lines of `group` stand beside what is known to part pages, and their numbers count those."""
    if len(group) <= _REPEATS or _near(group, marks).mean() < _BESIDE:
        return False
    numbers = rows[group, NUMBER]
    if (numbers < 0).any():
        return True
    passed = np.diff(
        np.cumsum(np.diff(marks, prepend=-_LEAST) > _REACH)[np.searchsorted(marks, group + _REACH, side="right") - 1]
    )
    return bool(np.mean(np.diff(numbers) == passed) >= 0.8)


def _taken_out(rows: np.ndarray, furniture: np.ndarray, feeds: np.ndarray) -> np.ndarray:
    keep = ~furniture
    text = (rows[:, END] > rows[:, BEGIN]) & keep
    usual = np.percentile(rows[text, RIGHT], 80) if text.any() else 0
    for before, after in _page_ends(text, np.union1d(np.flatnonzero(furniture), feeds)):
        full = rows[before, RIGHT] >= 0.85 * usual and not rows[before, KIND] & TERMINAL
        if not full and not rows[after, KIND] & LOWER:
            rows[before, BREAK] = PARTED
        keep[before + 1 : after] = False
    return rows[keep]
