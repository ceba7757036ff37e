"""Signatures as datatrove writes them to disk with FineWeb's setting: run by datatrove's own Python.

    python benchmarks/sides/datatrove_signatures.py FILE.json

FILE holds a list of {"text"}; each gets "words", as datatrove splits them, and "signature": the 112 values of its 14
buckets in order as hexadecimal little-endian uint64, null where datatrove writes none. So are remade the golden
signatures that tests/processors/dedupe/test_simplified.py compares ours with.
"""

import json
import struct
import sys
import tempfile
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import simplify_text

# as in datatrove's examples/fineweb.py
CONFIG = MinhashConfig(
    hash_config=HashConfig(hash_fc="sha1", precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5
)
RECORD = struct.Struct("<8QI")  # the values of a bucket, the document's number


def main() -> None:
    """Sign the file's texts and write what was found back into it."""
    path = Path(sys.argv[1])
    rows = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder, CONFIG)
        step.run(iter([Document(text=row["text"], id=str(n)) for n, row in enumerate(rows)]))
        found: dict[int, list[bytes]] = {}
        for file in sorted(Path(folder).glob("bucket_*/00000.minhash.sig")):
            for record in RECORD.iter_unpack(file.read_bytes()):
                found.setdefault(record[-1], []).append(struct.pack("<8Q", *record[:-1]))
    for n, row in enumerate(rows):
        row["words"] = step.word_tokenizer.word_tokenize(simplify_text(row["text"]))
        row["signature"] = b"".join(found[n]).hex() if n in found else None
    path.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")
    print(f'RESULT {{"texts": {len(rows)}}}')


if __name__ == "__main__":
    main()
