"""How large the pages of a Parquet column are, read from their headers before any page is expanded.

A page of a few kilobytes can state gigabytes. No single value is larger than the largest page of its column, the
dictionary's counted, so this size also bounds what a batch of so many rows can take. The headers are Thrift structs
in the compact protocol (parquet-format, `PageHeader`); of each only the two sizes are kept.
"""

from typing import Any, BinaryIO

_HEADER = 2**16  # bytes looked at for one header; statistics in it may hold values of some size


class PageHeaderError(ValueError):
    """The bytes where a page header should be are none."""


def largest_page(file: BinaryIO, chunk: Any) -> int:
    """Expanded bytes of the largest page of a column chunk (`pyarrow.parquet.ColumnChunkMetaData`).

    Looks no further than the first header that is none: there the chunk cannot be read on either.
    """
    at = chunk.data_page_offset
    if chunk.dictionary_page_offset is not None and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end, largest = at + chunk.total_compressed_size, 0
    while at < end:
        file.seek(at)
        try:
            expanded, stored, header = _page_header(file.read(min(_HEADER, end - at)))
        except PageHeaderError:
            break
        largest = max(largest, expanded)
        at += header + stored
    return largest


def _page_header(data: bytes) -> tuple[int, int, int]:
    """Expanded size, stored size and the header's own length."""
    compact = _Compact(data)
    try:
        sizes = compact.struct()
    except IndexError as error:
        raise PageHeaderError(f"a page header of more than {len(data)} bytes") from error
    expanded, stored = sizes.get(2, -1), sizes.get(3, -1)
    if expanded < 0 or stored < 0:
        raise PageHeaderError("a page header without sizes")
    return expanded, stored, compact.at


class _Compact:
    """As much of Thrift's compact protocol as passes over any struct and keeps the integers of the outermost."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int = 0) -> dict[int, int]:
        integers: dict[int, int] = {}
        number = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            number = number + step if step else _zigzag(self._varint())
            value = self._value(kind, depth)
            if value is not None:
                integers[number] = value
        return integers

    def _value(self, kind: int, depth: int) -> int | None:
        if depth > 8:
            raise PageHeaderError("values within values")
        if kind in (4, 5, 6):
            return _zigzag(self._varint())
        if kind in (1, 2):  # a boolean lies in its field's head
            return None
        if kind == 3:
            self._pass(1)
        elif kind == 7:
            self._pass(8)
        elif kind == 8:
            self._pass(self._varint())
        elif kind in (9, 10):
            self._list(depth)
        elif kind == 12:
            self.struct(depth + 1)
        else:
            raise PageHeaderError(f"a field of kind {kind}")
        return None

    def _list(self, depth: int) -> None:
        head = self._byte()
        size = self._varint() if head >> 4 == 15 else head >> 4
        if size > len(self.data):
            raise PageHeaderError(f"a list of {size} items")
        for _ in range(size):
            if head & 15 in (1, 2):
                self._pass(1)
            else:
                self._value(head & 15, depth + 1)

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _pass(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise IndexError

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise PageHeaderError("an integer of more than 64 bits")
        return value | byte << shift


def _zigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)
