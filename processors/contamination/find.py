"""Find a benchmark's n-grams in texts.

In: a large_string column, an index. Out: a row for each place where a text holds a gram of the index.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from processors.contamination.index import Index, fixed
from processors.contamination.letters import fold_table
from processors.contamination.scan import END, ROW, START, VALUE, scan
from processors.filters.measure import buffers


@dataclass(frozen=True)
class Hits:
    """Where grams stand, by row of the column, then by their last word."""

    row: np.ndarray  # int64[n]
    start: np.ndarray  # int64[n]: bytes of the text
    end: np.ndarray  # int64[n]
    gram: np.ndarray  # int64[n]

    def only(self, which: np.ndarray | slice) -> "Hits":
        """Some of them: by a mask, places, or a stretch of them."""
        return Hits(self.row[which], self.start[which], self.end[which], self.gram[which])


def find(texts: pa.Array, index: Index) -> Hits:
    """The hits in a large_string column; a null text has none."""
    data, offsets = (fixed(array) for array in buffers(texts))
    none = fixed(np.zeros(0, np.int64))
    if not len(index.lookup.keys):
        return Hits(none, none, none, none)
    settings = index.settings
    found = scan(data, offsets, fold_table(settings.fold), settings.reach, index.lengths, none, index.lookup)
    return Hits(*(np.ascontiguousarray(found[:, at]) for at in (ROW, START, END, VALUE)))
