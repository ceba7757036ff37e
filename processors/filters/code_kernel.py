"""What the rules for source code count, compiled: letters, comments, and a page's visible text."""

import numpy as np
from numba import njit

from processors.filters.characters import ALPHA
from processors.filters.code_tables import ONE_LINE, RAW
from processors.filters.encoded_kernel import LONGEST, RUNS, encoded, is_alnum
from processors.filters.hashing import decode
from processors.filters.kernel import flags_of

COLUMNS = ("letters", "comment", "visible", "encoded", "longest_encoded", "generated")
LETTERS, COMMENT, VISIBLE, ENCODED, LONGEST_ENCODED, GENERATED = range(6)

_NEWLINE, _BACKSLASH, _QUOTE, _DOUBLE, _COLON = 0x0A, 0x5C, 0x27, 0x22, 0x3A
_LESS, _MORE, _AND, _SEMICOLON, _SLASH, _BANG, _DASH, _ASK = 0x3C, 0x3E, 0x26, 0x3B, 0x2F, 0x21, 0x2D, 0x3F
_HEAD_LINES, _LONGEST_ENTITY = 5, 32


@njit(nogil=True, cache=True)
def _letters(data, table):
    count, i = 0, 0
    while i < data.size:
        point, width = decode(data, i, data.size)
        count += flags_of(table, point) & ALPHA != 0
        i += width
    return count


@njit(nogil=True, cache=True)
def _characters(data, start, end):
    count = 0
    for i in range(start, min(end, data.size)):
        count += data[i] & 0xC0 != 0x80
    return count


@njit(nogil=True, cache=True)
def _is(data, at, token):
    """Whether a token, ended by 0, stands at `at`; how many bytes it has, 0 where not."""
    n = 0
    while n < token.size and token[n]:
        if at + n >= data.size or data[at + n] != token[n]:
            return 0
        n += 1
    return n


@njit(nogil=True, cache=True)
def _after(data, at, token):
    """Where the next `token` ends, from `at` on; the end of the text where there is none."""
    while at < data.size:
        if data[at] == token[0]:
            width = _is(data, at, token)
            if width:
                return at + width
        at += 1
    return data.size


@njit(nogil=True, cache=True)
def _string_end(data, at, quote, kind):
    """Where the string literal ends whose quotation mark stands at `at`."""
    i = at + 1
    while i < data.size:
        if data[i] == quote:
            return i + 1
        if data[i] == _NEWLINE and kind == ONE_LINE:
            return i
        i += 2 if data[i] == _BACKSLASH and kind != RAW else 1
    return data.size


@njit(nogil=True, cache=True)
def _triple_end(data, at, quote):
    i = at + 3
    while i + 2 < data.size:
        if data[i] == quote and data[i + 1] == quote and data[i + 2] == quote:
            return i + 3
        i += 2 if data[i] == _BACKSLASH else 1
    return data.size


@njit(nogil=True, cache=True)
def _line_comment(data, at, lines, follows_blank):
    """Bytes of the mark that begins a comment at `at`, 0 where none does."""
    if follows_blank and at > 0 and data[at - 1] > 0x20:
        return 0
    for n in range(lines.shape[0]):
        if lines[n, 0]:
            width = _is(data, at, lines[n])
            if width:
                return width
    return 0


@njit(nogil=True, cache=True)
def _quoted(data, at, quotes, triple, before):
    """Where the string literal that begins at `at` ends, and whether it is a docstring; `at` where none begins."""
    byte = data[at]
    for n in range(quotes.shape[0]):
        if quotes[n, 0] == byte:
            if triple and at + 2 < data.size and data[at + 1] == byte and data[at + 2] == byte:
                return _triple_end(data, at, byte), before == 0 or before == _COLON
            return _string_end(data, at, byte, ONE_LINE if triple else quotes[n, 1]), False
    if byte == _QUOTE and at + 2 < data.size and data[at + 1] == _DOUBLE and data[at + 2] == _QUOTE:
        return at + 3, False  # the character '"' of a language whose ' opens no string
    return at, False


@njit(nogil=True, cache=True)
def _is_prefix(byte):
    """The r, b, u and f before Python's literals."""
    return byte | 32 == 0x72 or byte | 32 == 0x62 or byte | 32 == 0x75 or byte | 32 == 0x66


@njit(nogil=True, cache=True)
def _comments(data, lines, opens, closes, quotes, flags, firsts):
    """Characters in comments, their marks included, and in docstrings: triple quotes at the start or after a colon."""
    count, i, before = 0, 0, 0  # before: the last byte of code that is no blank
    while i < data.size:
        byte = data[i]
        if not firsts[byte]:
            prefix = flags[0] and _is_prefix(byte) and i + 1 < data.size and firsts[data[i + 1]]
            before = int(byte) if byte > 0x20 and not prefix else before
            i += 1
            continue
        end, text = i, False
        for n in range(opens.shape[0]):
            width = _is(data, i, opens[n]) if opens[n, 0] else 0
            if width and end == i:
                end, text = _after(data, i + width, closes[n]), True
        if end == i and _line_comment(data, i, lines, flags[1]):
            while end < data.size and data[end] != _NEWLINE:
                end += 1
            text = True
        if end == i:
            end, text = _quoted(data, i, quotes, flags[0], before)
        if end == i and byte == _BACKSLASH:
            end = i + 2
        if text:
            count += _characters(data, i, end)
        else:
            before = int(byte)
        i = max(end, i + 1)
    return count


@njit(nogil=True, cache=True)
def _named(data, at, name):
    """Whether an element's name stands at `at`, in either case of its letters."""
    n = 0
    while n < name.size and at + n < data.size and data[at + n] | 32 == name[n]:
        n += 1
    return n == name.size


@njit(nogil=True, cache=True)
def _tag_end(data, at):
    """Where the tag ends that "<" opens at `at`: after the next ">" outside of quotation marks."""
    i, quote = at + 1, 0
    while i < data.size:
        byte = np.int64(data[i])
        if quote:
            quote = 0 if byte == quote else quote
        elif byte == _MORE:
            return i + 1
        elif byte in (_QUOTE, _DOUBLE) and data[i - 1] == 0x3D:
            quote = int(byte)
        i += 1
    return data.size


@njit(nogil=True, cache=True)
def _raw_end(data, at, name):
    """Where the element's closing tag begins."""
    while at + 1 < data.size:
        if data[at] == _LESS and data[at + 1] == _SLASH and _named(data, at + 2, name):
            return at
        at += 1
    return data.size


@njit(nogil=True, cache=True)
def _visible(data, script, style, comment_end):
    """Characters outside of tags, comments, scripts and styles; a character reference counts as one."""
    count, i = 0, 0
    while i < data.size:
        byte = data[i]
        following = np.int64(data[i + 1]) if i + 1 < data.size else 0
        letter = 97 <= following | 32 <= 122
        if byte == _LESS and (letter or following in (_SLASH, _BANG, _ASK)):
            if following == _BANG and i + 3 < data.size and data[i + 2] == _DASH and data[i + 3] == _DASH:
                i = _after(data, i + 2, comment_end)
                continue
            end = _tag_end(data, i)
            if _named(data, i + 1, script):
                end = _raw_end(data, end, script)
            elif _named(data, i + 1, style):
                end = _raw_end(data, end, style)
            i = end
            continue
        count += byte & 0xC0 != 0x80
        if byte == _AND:
            end = i + 1
            while end < min(data.size, i + _LONGEST_ENTITY) and (data[end] == 0x23 or is_alnum(data[end])):
                end += 1
            if end > i + 1 and end < data.size and data[end] == _SEMICOLON:
                i = end
        i += 1
    return count


@njit(nogil=True, cache=True)
def _says(data, phrases, bounds, most):
    """Whether one of the phrases stands in the first `most` lines; ASCII letters match in either case."""
    lines = 0
    for i in range(data.size):
        lines += data[i] == _NEWLINE
        if lines == most:
            return False
        for n in range(bounds.size - 1):
            if data[i] | 32 == phrases[bounds[n]]:
                k = bounds[n]
                while k < bounds[n + 1] and i + k - bounds[n] < data.size:
                    byte = data[i + k - bounds[n]]
                    if (byte | 32 if 65 <= byte <= 90 else byte) != phrases[k]:
                        break
                    k += 1
                if k == bounds[n + 1]:
                    return True
    return False


@njit(nogil=True, cache=True)
def scan_code(data, offsets, table, which, pages, lines, opens, closes, quotes, flags, firsts, phrases, bounds):
    """All counts of a batch.

    Args:
        data, offsets: the texts, see `measure.buffers`.
        table: `character_table()`.
        which: int64[n], the number of each text's syntax, -1 where none is known.
        pages: bool[n], which texts are HTML.
        lines, opens, closes, quotes, flags, firsts: `code_tables.Syntaxes`.
        phrases, bounds: what generated files say, lower case, one after another, and where each begins.

    Returns:
        int64[len(COLUMNS), n]; comments and visible text are 0 where not asked for.
    """
    counts = np.zeros((offsets.size - 1, len(COLUMNS)), np.int64)
    script = np.array([0x73, 0x63, 0x72, 0x69, 0x70, 0x74], np.uint8)
    style = np.array([0x73, 0x74, 0x79, 0x6C, 0x65], np.uint8)
    comment_end = np.array([_DASH, _DASH, _MORE], np.uint8)
    for d in range(offsets.size - 1):
        text, row = data[offsets[d] : offsets[d + 1]], counts[d]
        row[LETTERS] = _letters(text, table)
        s = which[d]
        if s >= 0:
            row[COMMENT] = _comments(text, lines[s], opens[s], closes[s], quotes[s], flags[s], firsts[s])
        if pages[d]:
            row[VISIBLE] = _visible(text, script, style, comment_end)
        found = encoded(text, table)
        row[ENCODED], row[LONGEST_ENCODED] = found[RUNS], found[LONGEST]
        row[GENERATED] = _says(text, phrases, bounds, _HEAD_LINES)
    return counts.T.copy()
