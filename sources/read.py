"""The front of the readers: a file and its source's settings go in, items that tile the file come out.

What a file is, its source's kind and its own first bytes and name say.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from sources.archives import read_code
from sources.books import read_books
from sources.item import Item
from sources.settings import ReadSettings
from sources.tabular import read_tabular
from sources.web import read_web

__all__ = ["READERS", "ReadSettings", "read"]

# A new kind of source is one file and one line here.
READERS: dict[str, Callable[[Path, ReadSettings], Iterator[Item]]] = {
    "web": read_web,
    "books": read_books,
    "code": read_code,
    "tabular": read_tabular,
}


def read(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of one input file, in order. Raises OSError where the file itself cannot be opened."""
    if path.stat().st_size == 0:
        return iter([Item(0, 0, "quarantined", "empty_file", "the file holds no bytes")])
    return READERS[settings.kind](path, settings)
