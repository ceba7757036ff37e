"""Compile the kernels ahead of their first use: ``python -m processors.compile`` after an installation.

Numba compiles a kernel at its first call and keeps the machine code beside the source (or in the user's cache, where
the source cannot be written to). This calls each of them once, through the doors that stages use, and throws away
what was compiled from older sources (`corpus` says where it lies).
"""

import contextlib
import shutil

from corpus import KERNELS

_WARM = KERNELS / "readers"
TEXTS = ["The mill grinds what the farmers bring to it, and the wheel turns with the water.\n\nSo it does."] * 2
PAGE = (
    """<title>t</title><a rel=license href=/l>l</a><ul><li>item<sup>2</sup></ul><table><tr><td>a<td>b</table><pre>
code</pre><math alttext="x"></math><ol><li value=3>c</ol><img class=tex alt=x><q>d</q>"""
    + "<p>text<b>bold</b>" * 2000
)
BOOK = "The mill grinds what the farmers bring to it, and the wheel of the gre-\nat mill turns with the water.\n" * 9


def main() -> None:
    """Compile every kernel that is not compiled yet, and throw away what older sources gave."""
    for old in KERNELS.parent.glob("kernels-*"):
        if old != KERNELS:
            shutil.rmtree(old, ignore_errors=True)
    warm_readers()
    warm_batches()


def warm_readers() -> None:
    """What reading calls: extract a page by both ways, unwrap a book."""
    from processors.extract import extract_page
    from processors.prose import unwrap

    for extractor in ("main", "whole"):
        extract_page(PAGE, extractor=extractor)
    unwrap(BOOK)
    with contextlib.suppress(OSError):  # where nothing can be kept, nothing is noted
        _WARM.touch()


def warm_batches() -> None:
    """What later stages call: score two short texts with every bundled chain, dedupe them."""
    import numpy as np
    import pyarrow as pa

    from corpus.recipe import Dedupe
    from processors.dedupe.pairs import find_pairs
    from processors.dedupe.select import Population, choose
    from processors.dedupe.sign import id_of_row, sign_settings, sign_table
    from processors.filters.chain import CHAINS, named_chain, score_table

    table = pa.table({"id": id_of_row(np.arange(2)), "text": pa.array(TEXTS, pa.large_string())})
    for chain in CHAINS:
        score_table(table, named_chain(chain))
    dedupe = Dedupe()
    signed = sign_table(table, sign_settings(dedupe))
    pairs = find_pairs([signed], lambda _, rows: [TEXTS[row] for row in rows], dedupe)
    choose(Population.of(signed, np.ones(2, bool)), pairs, 0.0, 0)


if __name__ == "__main__":
    main()
