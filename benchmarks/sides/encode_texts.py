"""Ids and CPU-seconds of one encoder: `encode_texts.py WHO MODEL FOLDER KIND…`, single thread.

WHO is gristmill, sentencepiece, kitoken or tokenizers (whose MODEL is a tokenizer.json). FOLDER holds KIND.json, a list
of texts. For each kind: seconds of the first half, of the second with what the first left behind, and of all texts
again (gristmill's cache is warm by then), and a checksum of each text's ids. What a side reads (Python strings, an
Arrow column) and gives (lists, arrays) is its own best way.
"""

import json
import sys
import time
import zlib
from array import array
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any


def encoder(who: str, model: Path) -> tuple[Callable, Callable, Callable]:
    """What makes a side's input of a list of texts, what encodes it, and what gives the ids of each text."""
    if who == "gristmill":
        import pyarrow as pa

        from tokenizer.encode import Encoder

        ours = Encoder(model.read_bytes())
        ours.encode(pa.array(["the mill\n水車"] * 2))  # compiled from now on
        return lambda texts: pa.array(texts, pa.large_string()), ours.encode, _rows
    if who == "sentencepiece":
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_proto=model.read_bytes())
        return list, lambda texts: processor.encode(texts, out_type="numpy", num_threads=1), iter
    if who == "kitoken":
        from kitoken import Kitoken

        kitoken = Kitoken.from_sentencepiece_file(str(model))
        return list, lambda texts: [kitoken.encode(text) for text in texts], iter
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model))
    return list, lambda texts: [tokenizer.encode(text, add_special_tokens=False).ids for text in texts], iter


def _rows(column: Any) -> Iterable[Any]:
    values, offsets = column.values.to_numpy(), column.offsets.to_numpy()
    return (values[start:end] for start, end in pairwise(offsets.tolist()))


def main(who: str, model: Path, folder: Path, kinds: list[str]) -> None:
    """Encode each kind."""
    found = {}
    for kind in kinds:
        texts = json.loads((folder / f"{kind}.json").read_text())
        prepare, encode, rows = encoder(who, model)  # a new one: nothing is remembered of other kinds
        half = len(texts) // 2
        seconds = []
        for some in (texts[:half], texts[half:], texts):
            given = prepare(some)
            start = time.process_time()
            ids = encode(given)
            seconds.append(time.process_time() - start)
        found[kind] = {
            "seconds": seconds,
            "sums": [zlib.crc32(array("I", map(int, row)).tobytes()) for row in rows(ids)],
        }
    print("RESULT " + json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
