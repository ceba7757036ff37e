"""CSV and TSV files: a record is a row, line breaks inside quotes counted; offsets are bytes of the (expanded) file.

The standard library parses, strictly; this module feeds it lines and knows how many bytes it took. A record that cannot
be parsed costs its first line, from the next one on reading begins anew: a quote that nothing closes costs one line,
not the file.
"""

import csv
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from sources.containers.compression import unit_of
from sources.item import Document, Item
from sources.outcome import UnreadError, attempt, skip
from sources.settings import ReadSettings
from sources.tables.lines import Stretch, stretches
from sources.tables.rows import document, missing, named

_BOM = b"\xef\xbb\xbf"
_A_BYTE, _A_LINE = 4, 160  # memory that a byte takes in the parser, and a line that is held until its record is read


def read_csv(path: Path, settings: ReadSettings, delimiter: str) -> Iterator[Item]:
    """The items of a CSV file whose first record names the columns, unless `csv_columns` does.

    An empty cell is no value. Columns that the settings name must be there, else the whole file is quarantined.
    """
    records, unit = _Records(path, settings, delimiter), unit_of(path)
    columns = list(settings.csv_columns)
    try:
        while not columns and (cells := records.next()) is not None:  # empty lines may come first
            columns = [name.strip() for name in cells]
        problem = _problem(columns, settings)
    except UnreadError as unread:
        problem = unread.reason, f"the header: {unread.detail}"
    if problem:
        yield Item(0, records.end(), "quarantined", *problem, unit=unit)
        return
    if records.position:
        yield Item(0, records.position, "skipped", "header", "the names of the columns", unit=unit)
    first = start = records.position
    while True:
        cells = []
        bad = None
        try:
            cells = records.next()
        except UnreadError as unread:
            bad = unread
        if cells is None:
            break
        yield attempt(partial(_record, cells, bad, columns, settings), settings, start, records.position, unit, None)
        start = records.position
    if start == first:
        yield Item(start, start, "quarantined", "no_rows", "the table has no rows", unit=unit)


def _problem(columns: list[str], settings: ReadSettings) -> tuple[str, str] | None:
    for column, setting in named(settings).items():
        if columns.count(column) != 1:
            return missing(column, setting, columns)
    return None


def _record(cells: list[str], error: UnreadError | None, columns: list[str], settings: ReadSettings) -> Document:
    if error:
        raise error
    if not cells:
        raise skip("empty_line")
    if len(cells) != len(columns):
        raise UnreadError("wrong_cell_count", f"{len(cells)} cells, the table has {len(columns)} columns")
    row: dict[str, Any] = dict(zip(columns, cells, strict=True))
    text = row[settings.text_column]
    row = {column: row[column] or None for column in named(settings)}
    return document({**row, settings.text_column: text}, settings)


class _Records:
    """Records one after another, and the offset of the next one. Iterating gives the parser its lines."""

    def __init__(self, path: Path, settings: ReadSettings, delimiter: str) -> None:
        self._lines, self._limit = stretches(path, settings), settings.max_record_bytes
        quote = settings.csv_quote
        csv.field_size_limit(2**31 - 1)  # a record is limited as a whole
        self._reader = csv.reader(
            self, delimiter=delimiter, quotechar=quote or None, strict=True,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )  # fmt: skip
        self._again: deque[Stretch] = deque()  # lines that go through the parser a second time
        self._taken: list[Stretch] = []  # lines of the record at hand
        self._size = 0  # what they and their cells take
        self._bad: UnicodeDecodeError | None = None
        self.position = 0

    def next(self) -> list[str] | None:
        """The cells of the next record, None at the end. Raises UnreadError for a line that holds none."""
        self._taken, self._size, self._bad = [], 0, None
        try:
            cells = next(self._reader, None)
        except csv.Error as error:
            lines = len(self._taken)
            self._begin_anew()
            raise UnreadError("bad_csv", f"{error}, in line {lines} of the record"[:300]) from error
        except UnreadError:
            self._begin_anew()
            raise
        if self._bad:
            raise UnreadError("bad_utf8", f"{self._bad}"[:300]) from self._bad
        return cells

    def end(self) -> int:
        """The offset of the end of the file; what is left of it is passed over."""
        left = chain(self._again, self._lines)
        return self.position + sum(size for size, _, _ in left)

    def _begin_anew(self) -> None:
        """Pass over the first line of the record at hand only."""
        self._again.extendleft(reversed(self._taken[1:]))
        self.position -= sum(size for size, _, _ in self._taken[1:])

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        taken = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(taken)
        size, line, problem = taken
        self._size += _A_BYTE * size + _A_LINE
        self.position += size
        if problem:
            raise problem
        if self._size > self._limit:
            detail = f"a record that takes more than {self._limit} bytes to parse (max_record_bytes), four a character"
            raise UnreadError("too_large", detail)
        if self.position == size:  # the file's first line
            line = line.removeprefix(_BOM)
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            self._bad = error
            return line.decode("utf-8", "replace")
