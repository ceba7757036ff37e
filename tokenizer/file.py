"""Encode one table, for those who want only that."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from corpus.errors import DataError, InputError
from corpus.tables import check_place, slices_of, write_tables
from tokenizer.encode import SLICE, Encoder


def tokenize_file(table: Path, model: Path, out: Path) -> str:
    """Write `id` and `tokens` (bare ids of `sp.encode`); returns a line that sums up."""
    try:
        encoder = Encoder(model.read_bytes())
    except OSError as error:
        raise InputError(f"{model}: cannot be read: {error.strerror}") from error
    except DataError as error:
        raise InputError(f"{model}: not a SentencePiece model; give the .model file that training wrote") from error
    check_place(out)
    counted = 0

    def encoded() -> Iterator[pa.Table]:
        nonlocal counted
        for given in slices_of(table, SLICE):
            tokens = encoder.encode(given["text"])
            counted += int(tokens.offsets[-1].as_py() - tokens.offsets[0].as_py())
            yield pa.table({"id": given["id"], "tokens": tokens})

    rows = write_tables(encoded(), out)
    how = "" if encoder.is_fast else f" (by {encoder.how})"
    return f"{counted:,} tokens of {rows:,} documents{how} → {out}"
