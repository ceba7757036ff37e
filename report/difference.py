"""Where two alike texts differ: the passages that only one of them has, beside each other where one replaces the other.

In: two texts. Out: `Difference`. A word is common where it stands in `RUN` words that the other text also has in that
order, anywhere: what was only moved is no difference, as it is none to Jaccard. Texts with the same words are compared
again with case and punctuation. Everything is linear in the texts, and of long ones no more than `WINDOW` is looked at.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from corpus.seeds import mix

RUN = 3  # words
WINDOW = 4 << 20  # characters of each text, from a little before they first differ
_LEAD = 1_000  # that little
_CLOSE = 6  # passages with fewer common words between them are shown as one
_CONTEXT = 8  # words before and after
_EAST = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # written without blanks: each character a word
_WORDS = re.compile(rf"[{_EAST}]|[^\W{_EAST}]+")
_MARKS = re.compile(rf"[{_EAST}]|[^\W{_EAST}]+|[^\w\s]")


@dataclass(frozen=True)
class Passage:
    """`left` stands in the one where `right` stands in the other, between `before` and `after`; one may be empty."""

    word: int  # its place, in words from the start of what was compared
    before: str
    left: str
    right: str
    after: str


@dataclass(frozen=True)
class Difference:
    """What two texts do not have in common. `how` says in what they differ: words, marks, blanks or nothing."""

    how: str
    left: int  # words (where `how` is marks: words and marks) that only the left text has
    right: int
    count: int  # passages
    passages: tuple[Passage, ...]  # the largest of them, in the order of the text
    start: int = 0  # characters at the start, common to both, that were not looked at
    cut: bool = False  # whether there was more than a window


def differing(left: str, right: str, most: int = 5) -> Difference:
    """The difference of two texts with its `most` largest passages."""
    long = max(len(left), len(right)) > WINDOW
    start = max(0, _common_start(left, right) - _LEAD) if long else 0
    cut = max(len(left), len(right)) - start > WINDOW
    left, right = left[start : start + WINDOW], right[start : start + WINDOW]
    for how, pattern in (("words", _WORDS), ("marks", _MARKS)):
        a, b = _Words.of(left, pattern), _Words.of(right, pattern)
        found = _passages(a, b, fold=how == "words")
        if cut:  # a window's end is no difference
            found = [pair for pair in found if pair[1] < len(a.starts) and pair[3] < len(b.starts)]
        if found:
            largest = sorted(found, key=lambda pair: (-_size(pair), pair))[:most]
            shown = tuple(_shown(a, b, pair) for pair in sorted(largest))
            own, others = (sum(pair[k + 1] - pair[k] for pair in found) for k in (0, 2))
            return Difference(how, own, others, len(found), shown, start, cut)
    return Difference("nothing" if left == right else "blanks", 0, 0, 0, (), start, cut)


def _common_start(left: str, right: str) -> int:
    """How many characters two texts both begin with."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True)
class _Words:
    """A text's words by their places in it."""

    text: str
    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, text: str, pattern: re.Pattern[str]) -> "_Words":
        spans = [match.span() for match in pattern.finditer(text)]
        return cls(text, [start for start, _ in spans], [end for _, end in spans])

    def between(self, first: int, last: int) -> str:
        """The text of words [first, last), blanks folded."""
        first, last = max(first, 0), min(last, len(self.starts))
        return " ".join(self.text[self.starts[first] : self.ends[last - 1]].split()) if first < last else ""


Pair = tuple[int, int, int, int]  # words [0, 1) of the left text stand where [2, 3) of the right one stand


def _passages(left: _Words, right: _Words, fold: bool) -> list[Pair]:
    numbers: dict[str, int] = defaultdict(lambda: len(numbers))
    sides = []
    for words in (left, right):
        text = words.text
        names = (text[start:end] for start, end in zip(words.starts, words.ends, strict=True))
        ids = [numbers[name.lower() if fold else name] for name in names]
        sides.append(np.array(ids, np.uint64))
    run = min(RUN, *(len(side) for side in sides))
    if not run:
        return [(0, len(sides[0]), 0, len(sides[1]))] if len(sides[0]) + len(sides[1]) else []
    a, b = (_runs(side, run) for side in sides)
    return _paired(a, _strange(a, b, run), b, _strange(b, a, run), run)


def _runs(words: np.ndarray, run: int) -> np.ndarray:
    """A number for every `run` consecutive words."""
    value = np.zeros(len(words) - run + 1, np.uint64)
    for k in range(run):
        value = mix(value + words[k : k + len(value)])
    return value


def _strange(own: np.ndarray, other: np.ndarray, run: int) -> list[tuple[int, int]]:
    """The stretches of words that stand in no run which the other text has as well."""
    there = np.isin(own, other)
    common = np.zeros(len(own) + run - 1, bool)
    for k in range(run):
        common[k : k + len(own)] |= there
    edges = np.flatnonzero(np.diff(np.concatenate([[1], common.view(np.int8), [1]])))
    stretches: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if stretches and start - stretches[-1][1] < _CLOSE:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches


def _paired(
    a: np.ndarray, left: list[tuple[int, int]], b: np.ndarray, right: list[tuple[int, int]], run: int
) -> list[Pair]:
    """Put stretches beside each other that begin at the same place of both texts, or end there."""
    starts = {start: n for n, (start, _) in enumerate(right)}
    ends = {end: n for n, (_, end) in enumerate(right)}
    free = set(range(len(right)))
    pairs: list[Pair] = []
    for (start, end), (place, after) in zip(left, _Places.of(a, b).around(left, run), strict=True):
        match = next((n for n in (starts.get(place), ends.get(after)) if n in free), None)
        if match is None:
            pairs.append((start, end, place, place))
        else:
            free.remove(match)
            pairs.append((start, end, *right[match]))
    alone = [right[n] for n in sorted(free)]
    places = _Places.of(b, a).around(alone, run)
    pairs += [(place, place, start, end) for (start, end), (place, _) in zip(alone, places, strict=True)]
    return sorted(pairs)


@dataclass(frozen=True)
class _Places:
    """Where runs of one text stand in another that has them too, perhaps several times."""

    own: np.ndarray
    other: np.ndarray
    order: np.ndarray  # of `other`, by value
    known: tuple[np.ndarray, np.ndarray]  # places in both texts of the runs that each has once

    @classmethod
    def of(cls, own: np.ndarray, other: np.ndarray) -> "_Places":
        once = []
        for runs in (own, other):
            values, first, count = np.unique(runs, return_index=True, return_counts=True)
            once.append((values[count == 1], first[count == 1]))
        _, left, right = np.intersect1d(once[0][0], once[1][0], assume_unique=True, return_indices=True)
        places, others = once[0][1][left], once[1][1][right]
        order = np.argsort(places)
        return cls(own, other, np.argsort(other, kind="stable"), (places[order], others[order]))

    def around(self, stretches: list[tuple[int, int]], run: int) -> list[tuple[int, int]]:
        """For stretches of words: where in the other text what stands before them ends, and what follows begins."""
        befores = self.find([start - run for start, _ in stretches if start >= run])
        afters = self.find([end for _, end in stretches if end < len(self.own)])
        return [
            (next(befores) + run if start >= run else 0, next(afters) if end < len(self.own) else -1)
            for start, end in stretches
        ]

    def find(self, places: list[int]) -> Iterator[int]:
        """Where common runs stand in the other text: there where the nearest run before that both have once tells."""
        values, sorted_ = self.own[places], self.other[self.order]
        known = np.searchsorted(self.known[0], places, "right") - 1
        low, high = np.searchsorted(sorted_, values, "left"), np.searchsorted(sorted_, values, "right")
        for n, place in enumerate(places):
            shift = self.known[1][known[n]] - self.known[0][known[n]] if known[n] >= 0 else 0
            found = self.order[low[n] : high[n]]
            yield int(found[np.argmin(np.abs(found - (place + shift)))])


def _size(pair: Pair) -> int:
    return pair[1] - pair[0] + pair[3] - pair[2]


def _shown(left: _Words, right: _Words, pair: Pair) -> Passage:
    start, end, other_start, other_end = pair
    words, first, last = (left, start, end) if end > start else (right, other_start, other_end)
    return Passage(
        start, words.between(first - _CONTEXT, first), left.between(start, end),
        right.between(other_start, other_end), words.between(last, last + _CONTEXT),
    )  # fmt: skip
