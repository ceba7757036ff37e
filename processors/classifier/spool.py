"""Examples on disk between the reading and the training: texts come in as they are read, go out in drawn order."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa

T = TypeVar("T")
_ROWS = 1000


class Place(NamedTuple):
    """Where an example stands in the order, and whether it is held out."""

    drawn: int
    heldout: bool


@dataclass(frozen=True)
class _Row:
    place: Place
    label: str
    start: int
    end: int


class Spool:
    """A file of texts, each on one line: newlines become blanks, as the filter reads them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[_Row] = []

    def add(self, label: str, texts: Iterator[tuple[int, str]], wanted: dict[int, Place]) -> None:
        """Take those texts whose hash is wanted, the first of each."""
        left = dict(wanted)
        with self._path.open("ab") as file:
            for each, text in texts:
                if place := left.pop(each, None):
                    start = file.tell()
                    file.write(text.replace("\n", " ").encode())
                    self._rows.append(_Row(place, label, start, file.tell()))

    def count(self, heldout: bool) -> int:
        """How many are held out, or are not."""
        return sum(row.place.heldout == heldout for row in self._rows)

    def labelled(self, heldout: bool) -> Iterator[tuple[str, bytes]]:
        """Label and text, in drawn order."""
        with self._path.open("rb") as file:
            for row in sorted(self._rows, key=lambda row: (row.place.drawn, row.label)):
                if row.place.heldout == heldout:
                    file.seek(row.start)
                    yield row.label, file.read(row.end - row.start)

    def texts(self, label: str, heldout: bool) -> Iterator[pa.Array]:
        """The texts of one label in batches."""
        mine = (text.decode() for named, text in self.labelled(heldout) if named == label)
        for batch in batched(mine, _ROWS):
            yield pa.array(batch, pa.large_string())


def batched(items: Iterator[T], count: int) -> Iterator[list[T]]:
    """The items in lists of `count`, the last one shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == count:
            yield batch
            batch = []
    if batch:
        yield batch
