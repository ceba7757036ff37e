r"""MinHash with a library and shingles made in Python: `signatures_python.py SIDE FOLDER PATTERN`.

SIDE: datasketch-sha1 (its default), datasketch-xxh32 (a faster hash), rensa. All take
shingles of five words `\w+` of the lower-cased text and 112 permutations, read texts from Parquet, and store signatures
as Parquet beside the documents' ids, a batch of 1,000 at a time. CPU-seconds after the imports.
"""

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from process import peak_bytes, seconds

NUM = 112
WORD = re.compile(r"\w+")


def shingles(text: str) -> list[str]:
    """Five words one after another, from every word on; a minimum cares for no repeats, and a list is quicker made."""
    words = WORD.findall(text.lower())
    return list(map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)))


def with_datasketch(hashed: str) -> Callable[[list[str]], list[bytes]]:
    """MinHash.generator over batches."""
    from datasketch import MinHash

    given = {}
    if hashed == "xxh32":
        import xxhash

        given = {"hashfunc": xxhash.xxh32_intdigest}

    def sign(texts: list[str]) -> list[bytes]:
        sets = ([shingle.encode() for shingle in shingles(text)] for text in texts)
        return [made.hashvalues.tobytes() for made in MinHash.generator(sets, num_perm=NUM, **given)]

    return sign


def with_rensa() -> Callable[[list[str]], list[bytes]]:
    """RMinHash.digest_matrix_from_token_sets over batches."""
    import numpy as np
    from rensa import RMinHash

    def sign(texts: list[str]) -> list[bytes]:
        matrix = RMinHash.digest_matrix_from_token_sets([shingles(text) for text in texts], NUM, 1)
        return [row.tobytes() for row in np.array(matrix.to_rows(), np.uint32)]

    return sign


def main(side: str, folder: str, pattern: str) -> None:
    """Sign everything."""
    name, _, hashed = side.partition("-")
    sign = with_rensa() if name == "rensa" else with_datasketch(hashed)
    sign(["one two three four five six"])
    start, documents = seconds(), 0
    with tempfile.TemporaryDirectory() as out:
        schema = pa.schema([("id", pa.binary()), ("signature", pa.binary())])
        with pq.ParquetWriter(f"{out}/signatures.parquet", schema, compression="zstd") as writer:
            for path in sorted(Path(folder).glob(pattern)):
                for batch in pq.ParquetFile(path).iter_batches(1_000, columns=["id", "text"]):
                    signed = [batch["id"].cast(pa.binary()), pa.array(sign(batch["text"].to_pylist()), pa.binary())]
                    writer.write_batch(pa.record_batch(signed, schema=schema))
                    documents += len(batch)
        used = seconds() - start
    result = {"cpu_seconds": used, "start_seconds": start, "documents": documents, "peak_bytes": peak_bytes()}
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
