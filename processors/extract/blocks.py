"""A page's texts as blocks: `Nodes` go in; out comes which block each text belongs to, and counts of each block.

A block is the text of one block-level element between two block-level boundaries (or two `<br>`), a `<pre>` as a whole.
Texts that are never shown (scripts, styles, menus of forms) belong to none. Every number is an integer.
"""

import numpy as np
from numba import njit

from processors.extract.tags import INDEX, TAGS, TEXT, mask
from processors.extract.vocabulary import ABSENT, COMMENT, PRIME, WORD, begin, find, mix, read_attributes

COLUMNS = (
    "first", "last", "owner", "chars", "words", "link_chars", "links", "bold_chars", "marks", "commas", "digits",
    "capitals", "final", "initial", "score_sum", "score_count", "score_low", "odd", "sentences", "sign",
)  # fmt: skip
(
    FIRST, LAST, OWNER, CHARS, WORDS, LINK_CHARS, LINKS, BOLD_CHARS, MARKS, COMMAS, DIGITS,
    CAPITALS, FINAL, INITIAL, SCORE_SUM, SCORE_COUNT, SCORE_LOW, ODD, SENTENCES, SIGN,
) = range(len(COLUMNS))  # fmt: skip
SCORED_WORDS = 48  # of a block are looked up; longer texts show by their length what they are

BLOCK = mask(
    "html body article section nav aside header footer main address search hgroup h1 h2 h3 h4 h5 h6 p div center "
    "blockquote figure figcaption details summary dialog fieldset legend form hr pre listing xmp plaintext marquee ul "
    "ol menu dir li dl dt dd table caption thead tbody tfoot tr td th button optgroup option select noframes"
)
SKIP = mask(
    "head title meta link base style script noscript template svg select textarea datalist iframe noembed noframes "
    "audio video canvas object applet input progress meter img rp frameset"
)
BOLD = mask("b strong")
PRE = mask("pre listing xmp plaintext")
WIDE = mask("html body main article")  # a topic of theirs is the page's: "comments-open"
_A, _BR = INDEX["a"], INDEX["br"]

# What a node can stand in, each a bit; the bits from TOPIC on are vocabulary.py's topics.
_FLAGS = (
    "link", "bold", "hidden", "article", "main", "aside", "nav", "header", "footer", "form", "table", "li",
    "blockquote", "figure", "figcaption", "button", "details", "section",
)  # fmt: skip
TOPIC = len(_FLAGS)
LINK, BOLD_TEXT, HIDDEN = 1, 2, 4


def flag(name: str) -> int:
    """The bit that stands for being in an element of this name, in a hidden one, or among readers' `comment`s."""
    return COMMENT << TOPIC if name == "comment" else 1 << _FLAGS.index(name)


_FLAG_OF = np.zeros(len(TAGS), np.int32)
for _name in _FLAGS[3:]:
    _FLAG_OF[INDEX[_name]] = flag(_name)


@njit(nogil=True, cache=True)
def mark_nodes(html, tag, parent, start, stop, keys, values):
    """What each element's names say and what surrounds each node.

    Returns int32[n, 6]: the worst and best score of its own names, those of its chain from the root, flags (of itself
    and all ancestors), its nearest block-level ancestor or itself; and uint64[n], a hash of tag and class.
    """
    out = np.zeros((len(tag), 6), np.int32)
    signs = np.zeros(len(tag), np.uint64)
    for i in range(len(tag)):
        above, kind = parent[i], tag[i]
        if above >= 0:
            out[i, 2], out[i, 3], out[i, 4], out[i, 5] = out[above, 2], out[above, 3], out[above, 4], out[above, 5]
        if kind == TEXT:
            continue
        flags = _FLAG_OF[kind] | LINK * (kind == _A) | BOLD_TEXT * BOLD[kind]
        if stop[i] > start[i]:
            low, high, sign, hidden, topics = read_attributes(html, start[i], stop[i], keys, values)
            out[i, 0], out[i, 1] = low, high
            signs[i] = sign
            out[i, 2], out[i, 3] = min(out[i, 2], low), max(out[i, 3], high)
            if hidden:
                flags |= HIDDEN
            if topics and not WIDE[kind]:
                flags |= topics << TOPIC
        signs[i] = mix(signs[i], kind)
        out[i, 4] |= flags
        if BLOCK[kind]:
            out[i, 5] = i
    return out, signs


@njit(nogil=True, cache=True)
def find_blocks(html, tag, end, start, stop, marks):
    """Which block each node's text belongs to (int32[n], -1: none) and int32[blocks, 3]: first, last text and owner."""
    of = np.full(len(tag), -1, np.int32)
    rows = np.empty((len(tag), 3), np.int32)
    count, broken, breaks, whole, pre, i = 0, True, 0, 0, 0, 0
    while i < len(tag):
        kind = tag[i]
        if SKIP[kind]:
            i = end[i]
            continue
        if kind != TEXT:
            if i >= whole:
                if PRE[kind]:
                    whole, pre = end[i], i
                broken |= BLOCK[kind]
                if kind == _BR:
                    breaks += 1
        elif not _blank(html, start[i], stop[i]):
            owner = pre if i < whole else marks[i, 5]
            if broken or breaks > 1 or owner != rows[count - 1, 2]:
                rows[count, 0], rows[count, 2] = i, owner
                count += 1
            rows[count - 1, 1] = i
            of[i] = count - 1
            broken, breaks = False, 0
        elif not broken and count:
            of[i] = count - 1
        i += 1
    return of, rows[:count]


@njit(nogil=True, cache=True)
def _blank(html, start, stop):
    i = start
    while i < stop:
        if html[i] <= 32:
            i += 1
        elif html[i] == 38 and i + 5 < stop and html[i + 1] == 110 and html[i + 2] == 98:  # &nbsp;
            i += 6
        elif html[i] == 0xC2 and i + 1 < stop and html[i + 1] == 0xA0:
            i += 2
        else:
            return False
    return True


@njit(nogil=True, cache=True)
def count_texts(html, tag, start, stop, marks, of, rows, keys, values):
    """The counts of each block, int32[blocks, len(COLUMNS)]."""
    out = np.zeros((len(rows), len(COLUMNS)), np.int32)
    out[:, :3] = rows
    block, pair = -1, np.uint64(0)
    for i in range(len(tag)):
        if of[i] < 0 or tag[i] != TEXT:
            continue
        row = out[of[i]]
        if of[i] != block:
            block, pair = of[i], np.uint64(0)
        before = row[CHARS]
        pair = _count(html, start[i], stop[i], row, pair, keys, values)
        flags = marks[i, 4]
        if flags & LINK:
            row[LINK_CHARS] += row[CHARS] - before
            row[LINKS] += 1
        if flags & BOLD_TEXT:
            row[BOLD_CHARS] += row[CHARS] - before
    return out


@njit(nogil=True, cache=True)
def _count(html, start, stop, row, pair, keys, values):
    """Counts html[start:stop] into a block's row; `pair` is the hash of the word before."""
    value, length, i, number = begin(WORD), 0, start, False
    while i <= stop:
        byte = html[i] if i < stop else 32
        if byte == 38 and i + 5 < stop and html[i + 1] == 110:  # &nbsp;
            byte = 32
            i += 5
        lower = byte | 0x20 if 65 <= byte <= 90 else byte
        digit = 48 <= byte <= 57
        if 97 <= lower <= 122 or byte >= 128 or digit:
            if length == 0 and row[WORDS] == 0:
                row[INITIAL] = 1 if digit else (2 if byte != lower else (3 if byte >= 128 else 4))
            if not digit or not number:
                value = mix(value, 35 if digit else lower)
            number = digit
            length += 1
            row[DIGITS] += digit
            row[CAPITALS] += byte != lower
        elif length:
            row[WORDS] += 1
            row[SIGN] = np.int32((np.uint64(row[SIGN]) * PRIME ^ value) & np.uint64(0x7FFFFFFF))
            if row[WORDS] <= SCORED_WORDS:
                for key in (value, pair_of(pair, value)):
                    entry = find(keys, values, key)
                    if entry != ABSENT:
                        score = entry >> 3
                        row[SCORE_SUM] += score
                        row[SCORE_COUNT] += 1
                        row[SCORE_LOW] = min(row[SCORE_LOW], score)
            pair = value
            value, length, number = begin(WORD), 0, False
        if byte > 32 and i < stop:
            if byte & 0xC0 != 0x80:
                row[CHARS] += 1
                row[FINAL] = byte
            elif row[FINAL] == 0xE3 and byte == 0x82 and html[i - 1] == 0x80:  # 。
                row[SENTENCES] += 1
            if byte == 46 or byte == 33 or byte == 63 or byte == 59 or byte == 58:
                row[MARKS] += 1
            elif byte == 44:
                row[COMMAS] += 1
            elif byte in (124, 169, 187, 47, 62, 183):
                row[ODD] += 1
        elif byte == 32 and row[FINAL] in (46, 33, 63):
            row[SENTENCES] += 1
        i += 1
    return pair


@njit(nogil=True, cache=True)
def pair_of(first, second):
    """The hash of two neighbouring words."""
    return mix(mix(first, 45), 45) ^ second
