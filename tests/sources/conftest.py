"""A small world for the readers: a file of given bytes, and the law that every reader must keep."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sources.item import Item
from sources.read import ReadSettings, read


def tiled(path: Path, kind: str = "web", **settings: object) -> list[Item]:
    """The items of a file, after the law is held: they begin at 0, follow each other and end at the file's end."""
    items = list(read(path, ReadSettings(kind, **settings)))  # type: ignore[arg-type]
    assert items, f"{path.name}: no items"
    start = end = 0
    for item in items:
        again = item.ordinal > 0 and (item.start, item.end) == (start, end)
        assert again or (item.start == end and item.end >= item.start), f"{path.name}: {item} after [{start}, {end})"
        start, end = item.start, item.end
        assert (item.document is not None) == (item.outcome == "document")
        assert item.outcome == "document" or item.reason
        assert item.reason != "reader_fault", item.detail
        f"{item}".encode()
    assert len({i.unit for i in items}) == 1
    if items[0].unit == "byte":
        assert end == path.stat().st_size
    return items


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., list[Item]]:
    """Writes bytes to a file of a name, reads it by a kind and gives the items, the law held."""

    def make(name: str, data: bytes, kind: str = "web", **settings: object) -> list[Item]:
        path = tmp_path / name
        path.write_bytes(data)
        return tiled(path, kind, **settings)

    return make


@pytest.fixture
def tile() -> Callable[..., list[Item]]:
    """The items of a file that is there already, the law held."""
    return tiled
