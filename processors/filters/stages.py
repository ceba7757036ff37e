"""Score and judge as stages over parts.

Score reads text and writes numbers (``scores/``: id, text_bytes, a column for each score, spans); judge reads numbers
and writes which rules fired (``verdicts/``), so that a new threshold opens no text.
"""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.files import File, read_table, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import VERDICTS
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.filters import chain as chains


def score(store: Store, part: Part) -> Output:
    """One documents part in, one aligned scores part out. `part.aside` holds the chain, thresholds and all."""
    (file,) = part.inputs
    assert isinstance(file, File)
    documents = read_table(store, file, ["id", "text", "text_bytes"])
    batch = documents.select(["id", "text"]).combine_chunks().to_batches()[0]
    scored = chains.score(batch, part.aside)
    table = pa.Table.from_batches([scored]).add_column(1, "text_bytes", documents["text_bytes"].combine_chunks())
    return Output((write_parquet(store, "scores", file.part, table),))


SCORE = Stage("score", score, version=1)


def judge(store: Store, part: Part) -> Output:
    """One scores part in, one aligned verdicts part out, with the first fired rule as each document's reason."""
    (file,) = part.inputs
    assert isinstance(file, File)
    scores = read_table(store, file)
    rules = chains.judge(scores, part.aside)
    table = pa.table([scores["id"].combine_chunks(), rules], schema=VERDICTS)
    counts = _counts(file.part, rules, scores["text_bytes"].to_numpy())
    return Output((write_parquet(store, "verdicts", file.part, table),), tuple(counts))


JUDGE = Stage("judge", judge, version=1)


def _counts(part: str, rules: Any, sizes: np.ndarray) -> list[Count]:
    fired: list[list[str]] = rules.to_pylist()
    documents: Counter[str] = Counter()
    text: Counter[str] = Counter()
    also: Counter[str] = Counter()
    for names, size in zip(fired, sizes.tolist(), strict=True):
        first = names[0] if names else ""
        documents[first] += 1
        text[first] += size
        also.update(names[1:])
    source = part.split("/")[0]
    return [
        Count(
            "judge", source, part, "dropped" if name else PASSED, name,
            documents=documents[name], bytes=text[name], also=also[name] if name else None,
        )
        for name in sorted(documents.keys() | also.keys())
    ]  # fmt: skip
