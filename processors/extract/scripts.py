"""Formulas and small print: superscripts, subscripts and TeX, wherever a page keeps it."""

import numpy as np

from processors.extract.looks import has_word
from processors.extract.scan import find_attribute
from processors.extract.tags import INDEX, TEXT, leaf
from processors.extract.writer import AT, BARS, END, HARD, OWED, PARAGRAPH, START, STOP, TAG, flush, owe, put, text

NOTE, EXPONENT, INDEX_SIGN = 91, 94, 95  # "[", "^", "_"


@leaf
def script_sign(html, node, i):
    """How the <sup> or <sub> i is written: NOTE for a linked number, a sign for a formula's, 0 for as it stands."""
    size, digits, letters, signs, last, linked = 0, 0, 0, 0, 0, False
    for j in range(i + 1, node[i, END]):
        linked |= node[j, TAG] == _A
        if node[j, TAG] != TEXT:
            continue
        for k in range(node[j, START], node[j, STOP]):
            byte = html[k]
            if byte > 32:
                size, last = size + 1, byte
                digits += 48 <= byte <= 57
                letters += 97 <= byte <= 122 or 65 <= byte <= 90
                signs += byte == 45 or byte == 43 or byte == 0xE2 or byte == 0x88 or byte == 0x92  # U+2212 too
        if size > 8:
            return 0
    if linked:
        return NOTE if node[i, TAG] == _SUP and digits == size > 0 else 0
    if node[i, TAG] == _SUB:
        return INDEX_SIGN if letters == size == 1 else 0
    if digits and digits + signs == size:
        return EXPONENT
    return EXPONENT if letters == size == 1 and last not in _ORDINALS else 0


@leaf
def attached(s, out):
    """Whether nothing is owed and the last character is a letter, a digit, a closing bracket or beyond ASCII."""
    if s[AT] == 0 or s[OWED] or s[HARD] or s[BARS]:
        return False
    byte = out[s[AT] - 1]
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 41 or byte == 93 or byte >= 128


@leaf
def write_note(s, out, html, node, i):
    """Write a linked number in brackets."""
    flush(s, out)
    put(s, out, 91)
    for j in range(i + 1, node[i, END]):
        if node[j, TAG] == TEXT:
            text(s, out, html, node[j, START], node[j, STOP], False)
    s[OWED] = 0
    put(s, out, 93)


@leaf
def formula(html, node, i):
    """Where the TeX of the <math> element i stands; 0, 0 where it has none."""
    first, last = find_attribute(html, node[i, START], node[i, STOP], _ALTTEXT)
    if last > first:
        return first, last
    for j in range(i + 1, node[i, END]):
        if node[j, TAG] == _ANNOTATION and j + 1 < node[j, END] and node[j + 1, TAG] == TEXT:
            first, last = find_attribute(html, node[j, START], node[j, STOP], _ENCODING)
            if has_word(html, first, last, _X_TEX):
                return node[j + 1, START], node[j + 1, STOP]
    return 0, 0


@leaf
def is_display(html, start, stop):
    """Whether a <math> element with these attributes stands on its own line."""
    first, last = find_attribute(html, start, stop, _DISPLAY)
    return last > first and html[first] == 98  # display="block"


@leaf
def write_tex(s, out, html, start, stop, raw, display):
    """Write a formula between dollars, unless it brings its own."""
    while start < stop and (html[start] == 32 or 9 <= html[start] <= 13):
        start += 1
    if start >= stop:
        return
    bare = html[start] != 36 and not (html[start] == 92 and start + 1 < stop and html[start + 1] in (40, 91))
    if display:
        owe(s, PARAGRAPH)
    flush(s, out)
    for _ in range((1 + display) * bare):
        put(s, out, 36)
    text(s, out, html, start, stop, raw)
    s[OWED] = 0
    for _ in range((1 + display) * bare):
        put(s, out, 36)
    if display:
        owe(s, PARAGRAPH)


_A, _SUP, _SUB, _ANNOTATION = (INDEX[name] for name in ("a", "sup", "sub", "annotation"))
_ALTTEXT, _ENCODING, _X_TEX, _DISPLAY = (
    np.frombuffer(word, np.uint8) for word in (b"alttext", b"encoding", b"x-tex", b"display")
)
_ORDINALS = (97, 101, 111)  # a, e, o: "1e", "2o"
