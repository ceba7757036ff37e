"""What is truly alike among texts, in plain Python, without a hash: `dedupe.py` holds every result against it."""

import csv
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq


@dataclass(frozen=True)
class Truth:
    """The texts, and all pairs of them whose Jaccard is at least 0.5."""

    texts: dict[str, str]
    pairs: dict[frozenset[str], Fraction]

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """From texts.parquet and duplicates.tsv beside it."""
        table = pq.read_table(path, columns=["id", "text"])
        with path.with_name("duplicates.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        pairs = {}
        for row in rows:
            both, left, right = (int(row[name]) for name in ("intersection", "shingles_a", "shingles_b"))
            pairs[frozenset((row["id_a"], row["id_b"]))] = Fraction(both, left + right - both)
        return cls(dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)), pairs)

    def both_kept(self, kept: set[str], threshold: Fraction) -> tuple[int, int]:
        """Of the pairs at or above the threshold, those of which both are kept; and all."""
        alike = [pair for pair, jaccard in self.pairs.items() if jaccard >= threshold]
        return sum(pair <= kept for pair in alike), len(alike)

    def alone(self, kept: set[str], threshold: Fraction) -> int:
        """Dropped documents that no kept one is like."""
        near = {name for pair, jaccard in self.pairs.items() if jaccard >= threshold and pair & kept for name in pair}
        short = {folded(self.texts[name]) for name in kept}
        return sum(
            name not in near and folded(text) not in short for name, text in self.texts.items() if name not in kept
        )

    def counts(self, one: str, other: str) -> tuple[int, int]:
        """Shingles that both texts have, and that either has; equal texts too short for any count as 1 of 1."""
        sets = [shingles(self.texts[name]) for name in (one, other)]
        if not sets[0] or not sets[1]:
            return (1, 1) if folded(self.texts[one]) == folded(self.texts[other]) else (0, 1)
        return len(sets[0] & sets[1]), len(sets[0] | sets[1])


def shingles(text: str) -> set[tuple[str, ...]]:
    """Sets as the truth has them."""
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], words[3:], words[4:], strict=False))


def folded(text: str) -> str:
    """A text with case and blanks folded."""
    return " ".join(text.lower().split())


def name_of(id_: bytes) -> str:
    """The truth's own name of a document."""
    return id_.rstrip(b"\0").decode()
