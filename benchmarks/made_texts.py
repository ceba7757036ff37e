"""Parts of text as select leaves them, and a model: what encode is given.

Texts are those of the corpus beside the project where there is one, else made-up sentences, again and again.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.files import File, write_bytes, write_parquet
from corpus.recipe import TokenizerSettings
from corpus.schema import ID
from corpus.store import Store
from corpus.text import SPANS

TEXTS = Path(__file__).parents[2] / "shared/corpus/truth/texts.parquet"
VOCAB = 8_000


def texts() -> Iterator[str]:
    """Documents without end."""
    column = pq.read_table(TEXTS, columns=["text"])["text"].to_pylist() if TEXTS.exists() else []
    found = [text for text in column if text]
    number = 0
    while True:
        yield from found or [f"The mill grinds {number + n} sacks of grain.\n" * 100 for n in range(1_000)]
        number += 1_000


def make_part(store: Store, source: str, number: int, size: int) -> tuple[File, File, File]:
    """Documents, scores and selection of a part of `size` bytes of text, all of it kept and trained on."""
    taken, left = [], size
    for text in texts():
        if left <= 0:
            break
        taken.append(text)
        left -= len(text.encode())
    ids = pa.array([(number << 64 | n).to_bytes(16, "little") for n in range(len(taken))]).cast(ID)
    table = pa.table({"id": ids, "text": pa.array(taken, pa.large_string())})
    scores = pa.table({"id": ids, "lang": pa.array(["en"] * len(taken)), "spans": pa.nulls(len(taken), SPANS)})
    chosen = pa.table({"id": ids, "kept": pa.array([True] * len(taken)), "split": pa.array(["train"] * len(taken))})
    name = f"{source}/0-{number:05d}"
    return (
        write_parquet(store, "documents", name, table),
        write_parquet(store, "scores", name, scores),
        write_parquet(store, "selection", name, chosen),
    )


def make_model(store: Store, model_type: str = "bpe") -> File:
    """A model trained on the first few of them."""
    from tokenizer.train import train_model

    some = [text for text, _ in zip(texts(), range(300), strict=False)]
    model = train_model(some, TokenizerSettings(vocab_size=VOCAB, model_type=model_type))
    return write_bytes(store, "tokenizer", model_type, "model", model)
