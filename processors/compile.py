"""Compile the kernels ahead of their first use: ``python -m processors.compile`` after an installation.

Numba compiles a kernel at its first call and keeps the machine code beside the source (or in the user's cache, where
the source cannot be written to). This calls each of them once, through the doors that stages use.
"""

import numpy as np
import pyarrow as pa

from corpus.recipe import Dedupe
from processors.dedupe.pairs import find_pairs
from processors.dedupe.select import Population, choose
from processors.dedupe.sign import id_of_row, sign_settings, sign_table
from processors.filters.chain import CHAINS, named_chain, score_table

TEXTS = ["The mill grinds what the farmers bring to it, and the wheel turns with the water.\n\nSo it does."] * 2


def main() -> None:
    """Score and dedupe two short texts with every bundled chain."""
    table = pa.table({"id": id_of_row(np.arange(2)), "text": pa.array(TEXTS, pa.large_string())})
    for chain in CHAINS:
        score_table(table, named_chain(chain))
    dedupe = Dedupe()
    signed = sign_table(table, sign_settings(dedupe))
    pairs = find_pairs([signed], lambda _, rows: [TEXTS[row] for row in rows], dedupe)
    choose(Population.of(signed, np.ones(2, bool)), pairs, 0.0, 0)


if __name__ == "__main__":
    main()
