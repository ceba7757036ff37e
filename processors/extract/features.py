"""What is known of each block before any is judged: counts go in, a table of integers comes out.

Densities are in thousandths. A split of a tree asks only for the order of numbers, so counts stand as they are.
"""

import numpy as np
from numba import njit

from processors.extract.blocks import (
    BOLD_CHARS,
    CAPITALS,
    CHARS,
    COMMAS,
    DIGITS,
    FINAL,
    FIRST,
    INITIAL,
    LINK_CHARS,
    LINKS,
    MARKS,
    ODD,
    OWNER,
    SCORE_COUNT,
    SCORE_LOW,
    SCORE_SUM,
    SENTENCES,
    TOPIC,
    WORDS,
)  # fmt: skip
from processors.extract.survey import count_copies, count_peers, find_best, is_prose, permille, shares, sums_before
from processors.extract.tags import INDEX, TAGS, mask

OWN = (
    "chars", "words", "link_density", "links", "bold", "marks", "commas", "digits", "capitals", "ending", "initial",
    "word_mean", "word_low", "word_sum", "odd", "sentences", "group", "depth", "unused", "in_article", "in_main",
    "in_aside", "in_nav", "in_header", "in_footer", "in_form", "in_table", "in_li", "in_quote", "in_figure",
    "in_caption", "in_button", "in_details", "in_section", "hidden", "in_link", "own_low", "own_high", "chain_low",
    "chain_high",
)  # fmt: skip
PLACE = (
    "parent_low", "parent_high", "grand_low", "grand_high", "peers", "parent_peers", "grand_peers", "index",
    "share_before", "share_after", "blocks_after", "chars_before", "from_h1", "has_h1", "since_prose", "until_prose",
    "prose_before", "prose_after",
)  # fmt: skip
BEST = ("best_inside", "best_levels", "best_share", "best_side", "best_density", "article_share", "main_share")
PAGE = (
    "page_chars", "page_density", "page_blocks", "page_prose", "page_articles", "page_paragraphs", "page_listed",
    "page_tabled",
)  # fmt: skip
MORE = (
    "same_before", "same_after", "in_comment", "in_caption_name", "in_related", "prose_outside_comments", "copies",
    "copies_before",
)  # fmt: skip
STEPS = np.array([-3, -2, -1, 1, 2, 3])
NEAR = tuple(f"near{step}_{name}" for step in STEPS for name in ("chars", "density", "group", "words"))
LEVELS = 4
_LEVEL = ("chars", "density", "prose", "share", "low", "high", "blocks", "levels", "before", "group")
LADDER = tuple(f"up{level}_{name}" for level in range(LEVELS) for name in _LEVEL)
WIDTHS = np.array([3, 8])
WINDOWS = tuple(f"window{width}_{name}" for width in WIDTHS for name in ("chars", "density", "prose"))
PARTS = (OWN, PLACE, BEST, PAGE, MORE, NEAR, LADDER, WINDOWS)
NAMES = sum(PARTS, ())
_AT_OWN, _AT_PLACE, _AT_BEST, _AT_PAGE, _AT_MORE, _AT_NEAR, _AT_LADDER, _AT_WINDOWS, _NUM = np.cumsum(
    [0, *map(len, PARTS)]
)

HEADINGS = mask("h1 h2 h3 h4 h5 h6")
GROUP = np.zeros(len(TAGS), np.int32)  # of tags, from menus to text, so that a split makes sense
_ORDER = (
    "button select option", "nav", "aside", "footer", "form fieldset legend", "header", "address", "td th caption tr",
    "dt", "dd", "ul ol menu li", "div center section", "span", "article main body", "figcaption figure", "h6", "h5",
    "h4", "h3", "h2", "h1", "blockquote", "p", "pre listing xmp",
)  # fmt: skip
for _place, _names in enumerate(_ORDER, 1):
    GROUP[[INDEX[_name] for _name in _names.split()]] = _place
_H1, _P, _ARTICLE, _MAIN = (INDEX[name] for name in ("h1", "p", "article", "main"))
_FLAG_BITS = np.array([*range(3, 18), 2, 0])  # article … section, hidden, link; see blocks.mark_nodes
_STOPS, _CLOSERS = np.frombuffer(b".!?", np.uint8), np.frombuffer(b"\"')\xe2\xe3\xef", np.uint8)
_NONE = -1  # where there is no such neighbour or ancestor


@njit(nogil=True, cache=True)
def describe(tag, parent, end, depth, marks, signs, counts):
    """int32[blocks, len(NAMES)]: what is known of each block."""
    out = np.zeros((len(counts), _NUM), np.int32)
    before = sums_before(len(tag), counts)
    best = find_best(tag, parent, end, marks, counts, before)
    peers, copies = count_peers(parent, tag, signs), count_copies(counts)
    h1, page = _page(tag, end, marks, counts, before)
    outside = permille(shares(marks, counts)[2], before[-1, 2])
    for b in range(len(counts)):
        row, owner = counts[b], counts[b, OWNER]
        o = out[b]
        _own(row, marks[owner], tag[owner], depth[owner], o[_AT_OWN:])
        _place_of(b, row, parent, marks, peers, before, h1, o[_AT_PLACE:])
        _best(owner, best, row[FIRST], tag, parent, end, before, o[_AT_BEST:])
        o[_AT_PAGE:_AT_MORE] = page
        more = o[_AT_MORE:]
        more[0] = b > 0 and tag[counts[b - 1, OWNER]] == tag[owner]
        more[1] = b + 1 < len(counts) and tag[counts[b + 1, OWNER]] == tag[owner]
        for k in range(3):
            more[2 + k] = (marks[owner, 4] >> (TOPIC + k)) & 1
        more[5], more[6], more[7] = outside, copies[b, 0], copies[b, 1]
        _near(counts, tag, b, o[_AT_NEAR:])
        _ladder(row, tag, parent, end, marks, before, o[_AT_LADDER:])
        _windows(counts, b, o[_AT_WINDOWS:])
    _prose_distances(counts, out)
    return out


@njit(nogil=True, cache=True)
def _page(tag, end, marks, counts, before):
    """How many blocks stand before the first h1 with content (-1: none), and the numbers of PAGE."""
    h1, articles, paragraphs = -1, 0, 0
    for i in range(len(tag)):
        if tag[i] == _H1 and h1 < 0 and end[i] > i + 1:
            h1 = before[i, 3]
        articles += tag[i] == _ARTICLE
        paragraphs += tag[i] == _P
    total, linked, prose, num = before[-1, 0], before[-1, 1], before[-1, 2], len(counts)
    listed, tabled, _ = shares(marks, counts)
    numbers = (
        total, permille(linked, total), num, permille(prose, total), articles, paragraphs, permille(listed, total),
        permille(tabled, total),
    )  # fmt: skip
    return h1, np.array(numbers, np.int32)


@njit(nogil=True, cache=True)
def _own(row, mark, tag, depth, out):
    chars, scored = row[CHARS], row[SCORE_COUNT]
    out[0], out[1], out[2], out[3] = chars, row[WORDS], permille(row[LINK_CHARS], chars), row[LINKS]
    out[4], out[5], out[6] = permille(row[BOLD_CHARS], chars), row[MARKS], row[COMMAS]
    out[7], out[8] = permille(row[DIGITS], chars), permille(row[CAPITALS], chars)
    out[9], out[10] = _ending(row[FINAL]), row[INITIAL]
    out[11] = row[SCORE_SUM] // scored if scored else 0
    out[12], out[13], out[14], out[15] = row[SCORE_LOW], row[SCORE_SUM], row[ODD], row[SENTENCES]
    out[16], out[17] = GROUP[tag], depth
    for k in range(len(_FLAG_BITS)):
        out[19 + k] = (mark[4] >> _FLAG_BITS[k]) & 1
    out[36:40] = mark[:4]


@njit(nogil=True, cache=True)
def _ending(byte):
    """How a block ends, from a bare sign to a full stop, by the first byte of its last character."""
    if byte in _STOPS:
        return 5
    if byte in _CLOSERS:
        return 4
    if byte == 0x3A:  # ":"
        return 3
    if byte == 0x2C or byte == 0x3B:  # ",", ";"
        return 2
    return 1 if byte >= 128 or 97 <= byte | 0x20 <= 122 else 0


@njit(nogil=True, cache=True)
def _place_of(b, row, parent, marks, peers, before, h1, out):
    owner, at, total, num = row[OWNER], row[FIRST], before[-1, 0], before[-1, 3]
    up = parent[owner] if parent[owner] >= 0 else owner
    grand = parent[up] if parent[up] >= 0 else up
    out[0], out[1], out[2], out[3] = marks[up, 0], marks[up, 1], marks[grand, 0], marks[grand, 1]
    out[4], out[5], out[6] = peers[owner], peers[up], peers[grand]
    out[7], out[8] = b, permille(before[at, 0], total)
    out[9] = permille(total - before[at, 0] - row[CHARS], total)
    out[10], out[11] = num - 1 - b, before[at, 0]
    out[12], out[13] = b - h1 if h1 >= 0 else -999, h1 >= 0
    out[16], out[17] = before[at, 2], before[-1, 2] - before[at + 1, 2]


@njit(nogil=True, cache=True)
def _best(owner, best, at, tag, parent, end, before, out):
    total = before[-1, 0]
    if best >= 0:
        node, levels = owner, 0
        while node >= 0 and not node <= best < end[node] and not best <= node < end[best]:
            node = parent[node]
            levels += 1
        held = before[end[best], 0] - before[best, 0]
        out[0], out[1], out[2] = best <= owner < end[best], levels, permille(held, total)
        out[3] = -1 if at < best else np.int32(at >= end[best])
        out[4] = permille(before[end[best], 1] - before[best, 1], held)
    node = owner
    while node >= 0:
        share = permille(before[end[node], 0] - before[node, 0], total)
        if tag[node] == _ARTICLE and out[5] == 0:
            out[5] = share
        if tag[node] == _MAIN:
            out[6] = share
        node = parent[node]


@njit(nogil=True, cache=True)
def _near(counts, tag, b, out):
    for k in range(len(STEPS)):
        c, o = b + STEPS[k], out[4 * k :]
        if 0 <= c < len(counts):
            row = counts[c]
            o[0], o[1], o[2] = row[CHARS], permille(row[LINK_CHARS], row[CHARS]), GROUP[tag[row[OWNER]]]
            o[3] = row[SCORE_SUM] // row[SCORE_COUNT] if row[SCORE_COUNT] else 0
        else:
            o[:4] = _NONE


@njit(nogil=True, cache=True)
def _ladder(row, tag, parent, end, marks, before, out):
    """The first LEVELS elements above that hold more than what is below: how much they hold, how they are called."""
    node, last, at, total = row[OWNER], row[CHARS], row[FIRST], before[-1, 0]
    level, steps, low, high = 0, 0, 0, -32768
    while node >= 0 and level < LEVELS:
        chars = before[end[node], 0] - before[node, 0]
        low, high = min(low, marks[node, 0]), max(high, marks[node, 1])
        if chars > last:
            o = out[10 * level :]
            o[0], o[1] = chars, permille(before[end[node], 1] - before[node, 1], chars)
            o[2], o[3] = permille(before[end[node], 2] - before[node, 2], chars), permille(chars, total)
            o[4], o[5], o[6], o[7] = low, high, before[end[node], 3] - before[node, 3], steps
            o[8], o[9] = permille(before[at, 0] - before[node, 0], chars), GROUP[tag[node]]
            level += 1
            last, low, high = chars, 0, -32768
        node = parent[node]
        steps += 1
    out[10 * level : 10 * LEVELS] = _NONE


@njit(nogil=True, cache=True)
def _windows(counts, b, out):
    for k in range(len(WIDTHS)):
        chars, linked, prose = 0, 0, 0
        for c in range(max(0, b - WIDTHS[k]), min(len(counts), b + WIDTHS[k] + 1)):
            chars += counts[c, CHARS]
            linked += counts[c, LINK_CHARS]
            prose += counts[c, CHARS] * is_prose(counts[c])
        out[3 * k], out[3 * k + 1], out[3 * k + 2] = chars, permille(linked, chars), permille(prose, chars)


@njit(nogil=True, cache=True)
def _prose_distances(counts, out):
    """How many blocks ago the last prose was, and how many on the next comes; 99 for far or none."""
    since, until = 99, 99
    for b in range(len(counts)):
        out[b, _AT_PLACE + 14] = since
        since = 0 if is_prose(counts[b]) else min(since + 1, 99)
    for b in range(len(counts) - 1, -1, -1):
        out[b, _AT_PLACE + 15] = until
        until = 0 if is_prose(counts[b]) else min(until + 1, 99)
