"""The front of the readers: a file and its source's settings go in, items that tile the file come out.

What a file is, its source's kind and its own first bytes and name say.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from corpus.own import defined
from sources.books.read import read_books
from sources.code.read import read_code
from sources.item import Item
from sources.settings import ReadSettings
from sources.tables.read import read_tabular
from sources.web.read import read_web

__all__ = ["READERS", "ReadSettings", "read"]

Reader = Callable[[Path, ReadSettings], Iterator[Item]]

# A new kind of source is one file and one line here; a reader of the user's own needs no line (docs/new_source.md).
READERS: dict[str, Reader] = {
    "web": read_web,
    "books": read_books,
    "code": read_code,
    "tabular": read_tabular,
}


def read(path: Path, settings: ReadSettings) -> Iterator[Item]:
    """The items of one input file, in order. Raises OSError where the file itself cannot be opened."""
    size = path.stat().st_size if path.is_file() else None
    if size == 0:
        return iter([Item(0, 0, "quarantined", "empty_file", "the file holds no bytes")])
    if settings.reader:
        file, _, function = settings.kind.rpartition(":")
        items = defined(settings.reader, file, function)(path, settings)
    else:
        items = READERS[settings.kind](path, settings)
    first = next(items, None)
    if first is None and size:
        first = Item(0, size, "quarantined", "empty_file", "the file expands to nothing")
    return chain(iter([first]), items) if first else items  # the list itself would be held to the end
