"""Score and judge as stages over parts.

Score reads text and writes numbers (``scores/``: id, text_bytes, lang, a column for each score, spans); judge reads
numbers and writes which rules fired (``verdicts/``), so that a new threshold opens no text.
"""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.files import File, read_table, write_parquet
from corpus.ledger import PASSED, Count
from corpus.schema import VERDICTS
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.text import rendered_bytes
from processors.filters import chain as chains

UNKNOWN_LANGUAGE = "und"  # ISO 639-2's code for undetermined
NOTHING_LEFT = "spans.nothing_left"


def score(store: Store, part: Part) -> Output:
    """One documents part in, one aligned scores part out. `part.aside` holds the chain, thresholds and all."""
    (file,) = part.inputs
    assert isinstance(file, File)
    names = ["id", "text", *sorted({"language", *chains.columns_of(part.aside)})]
    documents = read_table(store, file, ["text_bytes", *names])
    batches = chains.batches_of(documents.select(names))
    table = pa.Table.from_batches([chains.score(batch, part.aside) for batch in batches])
    detected = "language.lang" in table.column_names
    lang = pc.fill_null(table["language.lang"] if detected else documents["language"], UNKNOWN_LANGUAGE)
    table = table.add_column(1, "text_bytes", documents["text_bytes"]).add_column(2, "lang", lang).combine_chunks()
    return Output((write_parquet(store, "scores", file.part, table),))


SCORE = Stage("score", score, version=2)


def judge(store: Store, part: Part) -> Output:
    """One scores part in, one aligned verdicts part out, with the first fired rule as each document's reason."""
    (file,) = part.inputs
    assert isinstance(file, File)
    scores = read_table(store, file)
    rules = _and_empty(chains.judge(scores, part.aside), scores)
    table = pa.table([scores["id"].combine_chunks(), rules], schema=VERDICTS)
    counts = _counts(file.part, rules, scores["text_bytes"].to_numpy())
    return Output((write_parquet(store, "verdicts", file.part, table),), tuple(counts))


JUDGE = Stage("judge", judge, version=1)


def _and_empty(rules: pa.Array, scores: pa.Table) -> pa.Array:
    """The rules, and one more for documents of which the filters' cuts leave nothing."""
    left = rendered_bytes(scores["text_bytes"].to_numpy(), scores["spans"].combine_chunks())
    if (left > 0).all():
        return rules
    fired = [names + [NOTHING_LEFT] * (n <= 0) for names, n in zip(rules.to_pylist(), left.tolist(), strict=True)]
    return pa.array(fired, rules.type)


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
