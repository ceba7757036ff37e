"""Encode one table, for those who want only that."""

from pathlib import Path

import pyarrow as pa

from corpus.errors import DataError, InputError
from corpus.tables import check_place, read_id_text, write_table
from tokenizer.encode import Encoder


def tokenize_file(table: Path, model: Path, out: Path) -> str:
    """Write `id` and `tokens` (bare ids of `sp.encode`); returns a line that sums up."""
    try:
        encoder = Encoder(model.read_bytes())
    except OSError as error:
        raise InputError(f"{model}: cannot be read: {error.strerror}") from error
    except DataError as error:
        raise InputError(f"{model}: not a SentencePiece model; give the .model file that training wrote") from error
    check_place(out)
    given = read_id_text(table)
    tokens = encoder.encode(given["text"])
    write_table(pa.table({"id": given["id"], "tokens": tokens}), out)
    how = "" if encoder.is_fast else f" (by {encoder.how})"
    return f"{len(tokens.values):,} tokens of {given.num_rows:,} documents{how} → {out}"
