"""The compiled walks over serialised HTML: its nodes, and the attributes of an element."""

import numpy as np
from numba import njit

from processors.extract.tags import INDEX, RAW, TEXT, VOID, find_tag, leaf, name_hash


@leaf
def _name_end(html, i):
    """One past a tag name that begins at i."""
    while i < len(html) and html[i] != _GT and html[i] != _SPACE and html[i] != _SLASH:
        i += 1
    return i


@leaf
def _closes(html, i, start, stop):
    """Whether an end tag of the name html[start:stop] begins at i."""
    size = stop - start
    if i + 2 + size >= len(html) or html[i] != _LT or html[i + 1] != _SLASH:
        return False
    for k in range(size):
        if html[i + 2 + k] != html[start + k]:
            return False
    return html[i + 2 + size] == _GT


@leaf
def _like(html, i, word):
    """Whether html[i:] begins with `word` (lower case), in either case."""
    if i + len(word) > len(html):
        return False
    for k in range(len(word)):
        byte = html[i + k]
        if byte != word[k] and not (65 <= byte <= 90 and byte + 32 == word[k]):
            return False
    return True


@leaf
def _raw_end(html, i, start, stop, tag):
    """Where the content of a raw element ends, the name of which is html[start:stop]."""
    if tag == _PLAINTEXT:  # nothing ends it: its own end tag is the last
        for at in range(len(html) - 1, i - 1, -1):
            if _closes(html, at, start, stop):
                return at
        return len(html)
    escaped = 0  # of a script: 1 within "<!--", 2 within a "<script" in there (HTML Standard, "script data escaped")
    while i < len(html):
        if tag == _SCRIPT:
            if html[i] == _DASH and escaped and _like(html, i, _COMMENT_END):
                escaped = 0
            elif html[i] == _LT:
                if escaped == 0 and _like(html, i, _COMMENT):
                    escaped = 1
                    i += 2  # "<!-->" ends at once
                elif escaped == 1 and _like(html, i, _OPEN_SCRIPT) and _is_name_end(html, i + 7):
                    escaped = 2
                elif escaped == 2 and _like(html, i, _CLOSE_SCRIPT) and _is_name_end(html, i + 8):
                    escaped = 1
                    i += 1
        if html[i] == _LT and escaped < 2 and _closes(html, i, start, stop):
            return i
        i += 1
    return len(html)


@leaf
def _is_name_end(html, i):
    return i < len(html) and (html[i] == _GT or html[i] == _SLASH or html[i] in (9, 10, 12, 13, 32))


@leaf
def _past_mark(html, i):
    """One past the comment, doctype or processing instruction that begins at i."""
    comment = _like(html, i, _COMMENT)
    i += 4 if comment else 2
    while i < len(html):
        if html[i] == _GT and (not comment or (html[i - 1] == _DASH and html[i - 2] == _DASH)):
            return i + 1
        i += 1
    return i


@njit(nogil=True, cache=True)
def scan_nodes(html, num_open, max_depth, names, flags):
    """The arrays of `Nodes`, longer than needed, and before them their number, -1 for a page that is too deep."""
    room = 2 * num_open + 2  # after each "<" comes at most one element and one text
    tag, depth = np.empty(room, np.int16), np.empty(room, np.int16)
    parent, end = np.empty(room, np.int32), np.empty(room, np.int32)
    start, stop = np.empty(room, np.int32), np.empty(room, np.int32)
    stack, hashes = np.empty(max_depth + 1, np.int32), np.empty(max_depth + 1, np.uint64)
    level, count, i, size = 0, 0, 0, len(html)
    while i < size:
        text = i
        while i < size and html[i] != _LT:
            i += 1
        if i > text:
            tag[count], parent[count], depth[count] = TEXT, stack[level - 1] if level else -1, level
            start[count], stop[count], end[count] = text, i, count + 1
            count += 1
        if i + 1 >= size:
            break
        if html[i + 1] == _BANG or html[i + 1] == _QUESTION:
            i = _past_mark(html, i)
            continue
        closing = html[i + 1] == _SLASH
        name = i + 1 + closing
        name_stop = _name_end(html, name)
        value = name_hash(html, name, name_stop)
        i = name_stop
        while i < size and html[i] != _GT:
            i += 1
        if closing:
            match = level - 1
            while match >= 0 and hashes[match] != value:
                match -= 1
            if match >= 0:
                for k in range(match, level):
                    end[stack[k]] = count
                level = match
            i += 1
            continue
        kind = find_tag(names, value)
        tag[count], parent[count], depth[count] = kind, stack[level - 1] if level else -1, level
        start[count], stop[count], end[count] = name_stop, i, count + 1
        count += 1
        i += 1
        if flags[kind] & VOID:
            continue
        if level >= max_depth:
            return -1, tag, parent, end, depth, start, stop
        stack[level], hashes[level] = count - 1, value
        level += 1
        if flags[kind] & RAW:
            text = i
            i = _raw_end(html, i, name, name_stop, kind)
            if i > text:
                tag[count], parent[count], depth[count] = TEXT, count - 1, level
                start[count], stop[count], end[count] = text, i, count + 1
                count += 1
    for k in range(level):
        end[stack[k]] = count
    return count, tag, parent, end, depth, start, stop


@leaf
def find_attribute(html, start, stop, name):
    """Where the value of attribute `name` begins and ends among the attributes html[start:stop]; -1, -1 if none."""
    i = start
    while i < stop:
        while i < stop and html[i] == _SPACE:
            i += 1
        first = i
        while i < stop and not (html[i] == _EQUALS and i > first):
            i += 1
        after = i + 2  # past ="
        i = after
        while i < stop and html[i] != _QUOTE:
            i += 1
        if after <= stop and after - 2 - first == len(name):
            same = True
            for k in range(len(name)):
                same &= html[first + k] == name[k]
            if same:
                return after, i
        i += 1
    return -1, -1


@njit(nogil=True, cache=True)
def find_attributes(html, tag, start, stop, names, offsets):
    """`find_attribute` of every element for each of the names, which lie one after another in `names`."""
    found = np.full((len(offsets) - 1, len(tag), 2), -1, np.int32)
    for i in range(len(tag)):
        if tag[i] != TEXT and stop[i] > start[i]:
            for k in range(len(offsets) - 1):
                name = names[offsets[k] : offsets[k + 1]]
                found[k, i, 0], found[k, i, 1] = find_attribute(html, start[i], stop[i], name)
    return found


_LT, _GT, _SLASH, _BANG, _QUESTION, _DASH, _SPACE, _QUOTE, _EQUALS = b'<>/!?- "='
_SCRIPT, _PLAINTEXT = INDEX["script"], INDEX["plaintext"]
_COMMENT, _COMMENT_END, _OPEN_SCRIPT, _CLOSE_SCRIPT = (
    np.frombuffer(word, np.uint8) for word in (b"<!--", b"-->", b"<script", b"</script")
)
