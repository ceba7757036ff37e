"""Compile the kernels ahead of their first use: ``python -m flows.compile`` after an installation.

Numba compiles a kernel at its first call and keeps the machine code beside the source (or in the user's cache, where
the source cannot be written to). This calls each of them once, through the doors that stages use, and throws away
what was compiled from older sources (`corpus` says where it lies).
"""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from corpus import KERNELS
from processors.compile import (
    TEXTS,
    warm_contamination,
    warm_dedupe,
    warm_filters,
    warm_readers,
    warm_word_list,
)


def main() -> None:
    """Compile every kernel that is not compiled yet, and throw away what older sources gave."""
    for old in KERNELS.parent.glob("kernels-*"):
        if old != KERNELS:
            shutil.rmtree(old, ignore_errors=True)
    tasks = (warm_filters, warm_readers, warm_dedupe, warm_contamination, warm_tokens, warm_word_list)  # longest first
    with ProcessPoolExecutor(min(len(tasks), os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def warm_tokens() -> None:
    """Encode two texts by models of both kinds, merge two domains, gather a shard, pack rows."""
    import numpy as np
    import pyarrow as pa

    from corpus.packing import pack
    from corpus.recipe import TokenizerSettings
    from mixtures.merge import merge
    from tokenizer.encode import Encoder
    from tokenizer.gather import copy_pieces, copy_rows, count_bytes
    from tokenizer.train import train_model

    texts = pa.array(TEXTS, pa.large_string())
    for kind in ("bpe", "unigram"):
        model = train_model(TEXTS * 9, TokenizerSettings(vocab_size=320, model_type=kind))
        values = Encoder(model).encode(texts).values.to_numpy()
    one = np.ones(1, np.int32)
    merge([one, one], [0.5, 0.5])
    first, out = np.zeros(1, np.int64), np.zeros(4, values.dtype)
    copy_pieces(values, first, one, np.ones(1, bool), first, 2, out)
    copy_rows(values, one, one, first, out)
    count_bytes(out, one, np.ones(1 << 16, np.int32), first)
    pack(np.array([0, 3]), 5, 4)


if __name__ == "__main__":
    main()
