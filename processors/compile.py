"""What calls each of this room's kernels once, through the doors that stages use, so that it is compiled and kept.

`flows.compile` calls all of it; the process that reads archives calls `warm_readers` for itself.
"""

import contextlib
import hashlib
from pathlib import Path

from corpus import KERNELS

TEXTS = ["The mill grinds what the farmers bring to it, and the wheel turns with the water.\n\nSo it does."] * 2
PAGE = (
    """<title>t</title><a rel=license href=/l>l</a><ul><li>item<sup>2</sup></ul><table><tr><td>a<td>b</table><pre>
code</pre><math alttext="x"></math><ol><li value=3>c</ol><img class=tex alt=x><q>d</q>"""
    + "<p>text<b>bold</b>" * 2000
)
BOOK = "The mill grinds what the farmers bring to it, and the wheel of the gre-\nat mill turns with the water.\n" * 9

BY_NAME = ("refinedweb_lines", "boilerplate", "floods", "stuffing", "machine_lists", "book_text")  # in no bundled chain


def warm_readers() -> None:
    """What reading calls: extract a page by both ways, unwrap a book."""
    from processors.extract import extract_page
    from processors.prose import unwrap

    for extractor in ("main", "whole"):
        extract_page(PAGE, extractor=extractor)
    unwrap(BOOK)
    with contextlib.suppress(OSError):  # where nothing can be kept, nothing is noted
        _mark().touch()


def are_readers_warm() -> bool:
    """Whether all that `warm_readers` calls has been compiled for this processor: then loading it takes no second."""
    return _mark().exists()


def _mark() -> Path:
    from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

    processor = f"{get_host_cpu_name()} {get_host_cpu_features().flatten()}"  # Numba compiles for this one
    return KERNELS / f"readers-{hashlib.sha256(processor.encode()).hexdigest()[:16]}"


def warm_filters() -> None:
    """Score two short texts with every filter."""
    import numpy as np
    import pyarrow as pa

    from processors.filters.chain import score_table
    from processors.filters.load import CHAINS, load_chain, named_chain

    table = pa.table({"id": np.arange(2), "text": pa.array(TEXTS, pa.large_string())})
    for chain in (*map(named_chain, CHAINS), load_chain([{"name": name} for name in BY_NAME])):
        score_table(table, chain)


def warm_dedupe() -> None:
    """Dedupe few texts and many, cut repeats."""
    import pyarrow as pa

    from corpus.dedupe import UNITS, Dedupe
    from processors.dedupe.components import SMALL
    from processors.dedupe.cut import cut_texts
    from processors.dedupe.table import select_rows

    many = [f"{' '.join(TEXTS)} {number} is the number of this text" for number in range(SMALL + 2)]
    for unit in UNITS[:3]:
        select_rows(pa.chunked_array([pa.array([*TEXTS, "short", *many], pa.large_string())]), Dedupe(unit=unit))
    cut_texts(pa.array([text * 3 for text in TEXTS], pa.large_string()), Dedupe(repeats="c4"))


def warm_word_list() -> None:
    """Count a phrase; no bundled chain does."""
    import numpy as np
    import pyarrow as pa

    from processors.filters.word_list import counted

    counted(pa.array(TEXTS, pa.large_string()), np.arange(2), ("the mill",), free=False)


def warm_contamination() -> None:
    """Look for a text in itself, by windows and by paragraphs."""
    import numpy as np
    import pyarrow as pa

    from corpus.contamination import PRESETS, Contamination
    from processors.contamination.benchmarks import Item
    from processors.contamination.find import find
    from processors.contamination.index import GramSettings, build_index
    from processors.contamination.verdict import judge_hits

    texts = pa.array(TEXTS, pa.large_string())
    for preset in ("gpt-3", "marin"):
        settings = Contamination(preset=preset, **PRESETS[preset])
        index = build_index([Item("warm", "1", TEXTS[0], ())], GramSettings.of(settings))
        judge_hits(texts, len(texts), find(texts, index), np.zeros(0, np.int64), index, settings)
