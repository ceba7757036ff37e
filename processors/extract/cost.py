"""What a page would cost its parser, estimated before: three things grow faster than a page does.

An end tag is looked for among all open elements; an attribute is compared with all before it; and formatting elements
left open (`<font>`, `<b>`) are opened anew in every block that follows, with their attributes (HTML Standard,
"reconstruct the active formatting elements"), so that 60 kB can become 60 MB.
"""

import numpy as np
from numba import njit

from processors.extract.limits import PageError
from processors.extract.tags import INDEX, OTHER, TAGS, VOID, find_tag, flags, leaf, mask, name_hash, table

_STEPS = 10**9  # about a second each, measured with Lexbor
_PAIRS = 5 * 10**8
_COPIED = 32 * 2**20  # bytes
_FORMATS = 512  # open formatting elements that differ
_ELEMENT = 64  # bytes that a copied element counts besides its attributes
_CHEAP_TAGS, _CHEAP_BYTES, _CHEAP = 2000, 128 * 2**10, 64 * 2**20


def refuse_costly(data: bytes, num_tags: int) -> None:
    """Raises PageError for a page that a parser would need many times its size or several seconds for."""
    if num_tags <= _CHEAP_TAGS and len(data) <= _CHEAP_BYTES and num_tags * len(data) <= _CHEAP:
        return
    steps, pairs, copied = _cost(np.frombuffer(data, np.uint8), _NAMES, _FLAGS)
    if pairs > _PAIRS:
        raise PageError("html_too_many_attributes", "an element has so many attributes that the page is not read")
    if steps > _STEPS or copied > _COPIED:
        what = f"{copied} bytes of elements left open" if copied > _COPIED else f"{steps} steps for closing elements"
        raise PageError("html_too_deep", f"the page would need {what}; such a page is not read")


@leaf
def _lower_hash(html, start, stop, buffer):
    size = min(stop - start, len(buffer))
    for k in range(size):
        byte = html[start + k]
        buffer[k] = byte + 32 if 65 <= byte <= 90 else byte
    return name_hash(buffer, 0, size)


@leaf
def _tag_end(html, i):
    """One past the ">" of a tag whose name ends at i, and how many attributes it has."""
    count, size = 0, len(html)
    while i < size and html[i] != 62:
        byte = html[i]
        if byte <= 32 or byte == 47:
            i += 1
            continue
        count += 1
        i += 1
        while i < size and html[i] > 32 and html[i] != 61 and html[i] != 62 and html[i] != 47:
            i += 1
        at = i
        while at < size and html[at] <= 32:
            at += 1
        if at >= size or html[at] != 61:
            continue
        i = at + 1
        while i < size and html[i] <= 32:
            i += 1
        if i < size and (html[i] == 34 or html[i] == 39):
            quote = html[i]
            i += 1
            while i < size and html[i] != quote:
                i += 1
            i += 1
        else:
            while i < size and html[i] > 32 and html[i] != 62:
                i += 1
    return i + 1, count


@leaf
def _raw_end(html, i, start, stop):
    """Where the end tag of the raw element html[start:stop] begins; its end if there is none."""
    size = stop - start
    while i + size + 1 < len(html):
        if html[i] == 60 and html[i + 1] == 47:
            same = True
            for k in range(size):
                same &= (html[i + 2 + k] | 32) == (html[start + k] | 32)
            if same:
                return i
        i += 1
    return len(html)


@leaf
def _mark_end(html, i):
    if i + 3 < len(html) and html[i + 1] == 33 and html[i + 2] == 45 and html[i + 3] == 45:
        i += 4
        while i < len(html) and not (html[i] == 62 and html[i - 1] == 45 and html[i - 2] == 45):
            i += 1
        return i + 1
    while i < len(html) and html[i] != 62:
        i += 1
    return i + 1


@leaf
def _reopened(formats, num, kind, value, weight):
    """`formats` (kind, hash, bytes of each open formatting element) with one more, at most three alike."""
    alike, first = 0, -1
    for k in range(num):
        same = formats[k, 0] == kind and (formats[k, 1] == value or kind in (_A, _NOBR))
        first = k if same and first < 0 else first
        alike += same
    if alike >= (1 if kind in (_A, _NOBR) else 3):
        num = _closed(formats, num, first)
    formats[num, 0], formats[num, 1], formats[num, 2] = kind, value, weight
    return num + 1


@leaf
def _closed(formats, num, at):
    for k in range(at, num - 1):
        for column in range(3):
            formats[k, column] = formats[k + 1, column]
    return num - 1


@njit(nogil=True, cache=True)
def _cost(html, names, flags):
    unclosed, formats, buffer = np.zeros(1024, np.int64), np.zeros((_FORMATS + 1, 3), np.int64), np.zeros(64, np.uint8)
    steps, pairs, copied, weight, num, depth, implied = 0, 0, 0, 0, 0, 0, 0
    i = 0
    while i + 1 < len(html) and num < _FORMATS:
        if html[i] != 60:
            i += 1
            continue
        closing = html[i + 1] == 47
        start = i + 1 + closing
        if html[i + 1] == 33 or html[i + 1] == 63:
            i = _mark_end(html, i)
            continue
        if start >= len(html) or not 97 <= (html[start] | 32) <= 122:
            i += 1
            continue
        stop = start
        while stop < len(html) and html[stop] > 32 and html[stop] != 62 and html[stop] != 47:
            stop += 1
        value = _lower_hash(html, start, stop, buffer)
        kind = find_tag(names, value)
        place = kind if kind != OTHER else 512 + np.int64(value >> np.uint64(55))
        i, count = _tag_end(html, stop)
        pairs += count * count
        flag = flags[kind]
        if closing:
            steps += depth + min(implied, 12 * (1 + depth))
            if unclosed[place]:
                unclosed[place] -= 1
                implied -= (flag & _IMPLIED) != 0
                depth -= (flag & _IMPLIED) == 0
        elif not flag & VOID:
            unclosed[place] += 1
            implied += (flag & _IMPLIED) != 0
            depth += (flag & _IMPLIED) == 0
        if not flag & _FORMAT:
            copied += weight
        elif closing:
            for k in range(num - 1, -1, -1):
                if formats[k, 0] == kind:
                    num = _closed(formats, num, k)
                    break
        else:
            attributes = np.int64(name_hash(html, stop, min(i, len(html))))
            num = _reopened(formats, num, kind, attributes, _ELEMENT + i - stop)
        if flag & _FORMAT:
            weight = 0
            for k in range(num):
                weight += formats[k, 2]
        if flag & _RAWS and not closing:
            i = _raw_end(html, i, start, stop)
            unclosed[place] -= 1
            depth -= 1
    if num >= _FORMATS:
        copied = _COPIED + 1
    return steps, pairs, copied


_IMPLIED, _FORMAT, _RAWS = 16, 32, 64
_NAMES = table({name: index for name, index in INDEX.items() if index > OTHER})
_FLAGS = flags()
for _flag, _tags in {
    _IMPLIED: "p li dt dd tr td th thead tbody tfoot option optgroup rb rp rt rtc colgroup caption",
    _FORMAT: "a b big code em font i nobr s small strike strong tt u",
    _RAWS: "iframe noembed noframes plaintext script style xmp title textarea",
}.items():
    _FLAGS |= mask(_tags).astype(np.uint8) * np.uint8(_flag)
_A, _NOBR = INDEX["a"], INDEX["nobr"]
assert len(TAGS) < 512
