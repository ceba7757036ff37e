"""Words that tell content from what surrounds it: class and id names of elements, words of short texts.

    attributes of an element ──tokens──> known names ──> low, high    the worst and the best of them
    text of a block ──words──> known words ──> sum, count, least

A name is split at everything that is no letter and before a capital (`entry-content`, `entryContent` -> entry, content,
entry-content); each word and each pair of neighbours is looked up by its FNV-1a hash in an open-addressed table. Scores
are hundredths of a logit: how much more often than other text, in labelled pages, text so called is content.
"""

import numpy as np
from numba import njit

SEED, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
NAME, ROLE, WORD = np.uint64(1), np.uint64(2), np.uint64(3)  # what a word is: mixed into its hash
_SHIFT = np.uint64(40)
ABSENT = -32768
COMMENT, CAPTION, RELATED = 1, 2, 4  # what a name may say besides: the lowest three bits of an entry
_TOPICS = {
    COMMENT: "comment comments commentlist comment-list commentary respond disqus replies discussion",
    CAPTION: "caption captions credit credits wp-caption photo-credit image-caption figcaption",
    RELATED: "related recommended recommendations recirc trending popular most-read more-stories read-more read-next",
}
_ALL = (1 << 64) - 1
_KINDS = {"name": NAME, "role": ROLE, "word": WORD}

_QUOTE, _EQUALS, _DASH = 0x22, 0x3D, 0x2D


@njit(nogil=True, cache=True)
def mix(value, byte):
    """One step of FNV-1a."""
    return (value ^ np.uint64(byte)) * PRIME


@njit(nogil=True, cache=True)
def begin(kind):
    """The hash of a word of a kind (NAME, ROLE, WORD) before its first byte."""
    return mix(SEED, kind)


@njit(nogil=True, cache=True)
def find(keys, values, value):
    """The entry of a hash, its score times 8 and its topics; `ABSENT` where it is not in the table."""
    at = np.int64(value >> _SHIFT) & (len(keys) - 1)
    while keys[at] != 0:
        if keys[at] == value:
            return np.int64(values[at])
        at = (at + 1) & (len(keys) - 1)
    return np.int64(ABSENT)


def hash_word(word: str) -> int:
    """The hash that kernels give to a known word, written `name:a`, `name:a-b`, `role:a`, `word:a` or `word:a--b`."""
    kind, _, text = word.partition(":")
    first, _, second = text.partition("--")
    value = _hash(_KINDS[kind], first)
    if not second:
        return value
    for _ in range(2):
        value = (value ^ _DASH) * int(PRIME) & _ALL
    return value ^ _hash(_KINDS[kind], second)


def _hash(kind: np.uint64, text: str) -> int:
    value = int(SEED)
    for byte in bytes([int(kind)]) + text.encode():
        value = (value ^ byte) * int(PRIME) & _ALL
    return value


def table(words: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """The open-addressed table of `find`: uint64 keys, int16 entries. Names that have a topic need no score."""
    topics = {f"name:{name}": topic for topic, names in _TOPICS.items() for name in names.split()}
    size = 1 << max(8, (2 * len(words) + 2 * len(topics)).bit_length() + 1)
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int16)
    for word in sorted({*words, *topics}):
        value = hash_word(word)
        at = (value >> int(_SHIFT)) % size
        while keys[at]:
            at = (at + 1) % size
        keys[at], values[at] = value, words.get(word, 0) * 8 + topics.get(word, 0)
    return keys, values


@njit(nogil=True, cache=True)
def _is(data, start, stop, name):
    if stop - start != len(name):
        return False
    same = True
    for i in range(len(name)):
        same &= data[start + i] == name[i]
    return same


_CLASS, _ID, _ROLE, _PROP = (np.frombuffer(x, np.uint8) for x in (b"class", b"id", b"role", b"itemprop"))
_STYLE, _HIDDEN, _ARIA = (np.frombuffer(x, np.uint8) for x in (b"style", b"hidden", b"aria-hidden"))
_LABEL, _TEST = (np.frombuffer(x, np.uint8) for x in (b"aria-label", b"data-testid"))
_NONE, _TRUE = np.frombuffer(b"display:none", np.uint8), np.frombuffer(b"true", np.uint8)


@njit(nogil=True, cache=True)
def _name_words(data, start, stop, kind, keys, values, low, high, topics):
    """Looks the words of an attribute up: the worst and best score so far, and their topics."""
    value, pair, length, last = begin(kind), np.uint64(0), 0, 0
    for i in range(start, stop + 1):
        byte = data[i] if i < stop else 32
        lower = byte | 0x20
        letter = 97 <= lower <= 122 and byte >= 65
        capital = letter and byte < 97 and 97 <= last <= 122
        if length and (not letter or capital):
            if length > 1:
                for key in (value, pair):
                    entry = find(keys, values, key) if key else ABSENT
                    if entry != ABSENT:
                        low, high = min(low, entry >> 3), max(high, entry >> 3)
                        topics |= entry & 7
                pair = mix(value, _DASH)
            else:
                pair = np.uint64(0)
            value, length = begin(kind), 0
        if byte == 32:
            pair = np.uint64(0)
        if letter:
            value = mix(value, lower)
            if pair:
                pair = mix(pair, lower)
            length += 1
        last = byte
    return low, high, topics


@njit(nogil=True, cache=True)
def _no_display(data, start, stop):
    at = 0
    for i in range(start, stop):
        if data[i] == 32:
            continue
        at = at + 1 if data[i] | 0x20 == _NONE[at] | 0x20 else (1 if data[i] | 0x20 == _NONE[0] else 0)
        if at == len(_NONE):
            return True
    return False


@njit(nogil=True, cache=True)
def read_attributes(data, start, stop, keys, values):
    """The worst and best score of an element's names (0, 0: none known), a hash of its class, hidden or not, topics."""
    low, high, sign, hidden, topics = 32767, ABSENT, SEED, False, 0
    i = start
    while i < stop:
        while i < stop and data[i] == 32:
            i += 1
        first = i
        while i < stop and not (data[i] == _EQUALS and i > first):
            i += 1
        last, begin = i, min(i + 2, stop)  # past ="
        i = begin
        while i < stop and data[i] != _QUOTE:
            i += 1
        finish = i
        i += 1
        if _is(data, first, last, _CLASS):
            for k in range(begin, finish):
                if not 48 <= data[k] <= 57:
                    sign = mix(sign, data[k])
            low, high, topics = _name_words(data, begin, finish, NAME, keys, values, low, high, topics)
        elif _is(data, first, last, _ID) or _is(data, first, last, _TEST):
            low, high, topics = _name_words(data, begin, finish, NAME, keys, values, low, high, topics)
        elif _is(data, first, last, _ROLE) or _is(data, first, last, _PROP) or _is(data, first, last, _LABEL):
            low, high, topics = _name_words(data, begin, finish, ROLE, keys, values, low, high, topics)
        elif _is(data, first, last, _HIDDEN):
            hidden = True
        elif _is(data, first, last, _ARIA):
            hidden |= _is(data, begin, finish, _TRUE)
        elif _is(data, first, last, _STYLE):
            hidden |= _no_display(data, begin, finish)
    if low == 32767:
        low, high = 0, 0
    return low, high, sign, hidden, topics
