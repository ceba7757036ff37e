"""Encode one table, for those who want only that."""

from pathlib import Path

import pyarrow as pa

from corpus.errors import DataError, InputError
from corpus.tables import check_place, read_id_text, write_table
from tokenizer.encode import encode_texts
from tokenizer.train import load_model


def tokenize_file(table: Path, model: Path, out: Path) -> str:
    """Write `id` and `tokens` (bare ids of `sp.encode`); returns a line that sums up."""
    try:
        processor = load_model(model.read_bytes())
    except OSError as error:
        raise InputError(f"{model}: cannot be read: {error.strerror}") from error
    except DataError as error:
        raise InputError(f"{model}: not a SentencePiece model; give the .model file that training wrote") from error
    check_place(out)
    vocab_size = processor.get_piece_size()
    given = read_id_text(table)
    tokens = encode_texts(processor, given["text"].to_pylist(), vocab_size)
    write_table(pa.table({"id": given["id"], "tokens": tokens}), out)
    return f"{len(tokens.values):,} tokens of {given.num_rows:,} documents → {out}"
