"""The front of the readers: a file and its source's settings go in, items that tile the file come out.

What a file is, its source's kind and its own first bytes and name say. To add a kind: one file with a reader, one line
in `read`.
"""

from collections.abc import Iterator
from pathlib import Path

from sources.archives import read_code
from sources.books import read_books
from sources.item import Item
from sources.settings import ReadSettings
from sources.tabular import read_tabular
from sources.web import read_web

__all__ = ["ReadSettings", "read"]


def read(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of one input file, in order. Raises OSError where the file itself cannot be opened."""
    readers = {"web": read_web, "books": read_books, "code": read_code, "tabular": read_tabular}
    if path.stat().st_size == 0:
        return iter([Item(0, 0, "quarantined", "empty_file", "the file holds no bytes")])
    return readers[settings.kind](path, settings)
