"""Encode: rendered documents to token ids, aligned with their parts.

In: a part's documents, scores (spans, language) and selection, its cuts where repeats are cut, and the locked model.
Out: ``tokens/`` with the bare ids of `SentencePieceProcessor.encode` for every document that is kept and of which
something is left, null for the others.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError
from corpus.files import File, read_aligned, write_arrow
from corpus.ledger import PASSED, Count
from corpus.schema import token_type, tokens_schema
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.text import render_column
from tokenizer.train import load_model


def encode_texts(processor: Any, texts: list[str], vocab_size: int) -> pa.Array:
    """The ids of each text as large_list<uint16|uint32>. Raises DataError for an id outside the vocabulary."""
    ids = processor.encode(texts, out_type="numpy", num_threads=1) if texts else []
    values = np.concatenate([np.zeros(0, np.int32), *ids])
    if len(values) and int(values.max()) >= vocab_size:
        raise DataError(f"the tokenizer gave id {values.max()}, its vocabulary has {vocab_size} ids; train it anew")
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in ids], dtype=np.int64)])
    dtype = token_type(vocab_size)
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), pa.array(values.astype(dtype.to_pandas_dtype())), pa.large_list(dtype)
    )


def encode(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's documents, scores, selection and perhaps cuts, and the tokenizer model."""
    *inputs, model = [file for file in part.inputs if isinstance(file, File)]
    of = {file.folder: file for file in inputs}
    documents = of["documents"]
    vocab_size: int = part.settings["vocab_size"]
    processor = load_model(store.get(model.path))
    spans = (of["cuts"], ["spans", "left"]) if "cuts" in of else (of["scores"], ["spans"])
    table = read_aligned(
        store, (documents, ["id", "text"]), (of["scores"], ["lang"]), (of["selection"], ["kept"]), spans
    )
    kept = np.flatnonzero(table["left" if "cuts" in of else "kept"].to_numpy())
    taken = table.take(pa.array(kept))
    texts = render_column(taken["text"].combine_chunks(), taken["spans"].combine_chunks())
    ids = encode_texts(processor, texts.to_pylist(), vocab_size)
    sizes = pc.binary_length(texts).cast(pa.int64())
    place = np.full(table.num_rows, -1)
    place[kept] = np.arange(len(kept))
    back = pa.array(place, mask=place < 0)
    columns = [table["id"].combine_chunks(), ids.take(back), table["lang"].combine_chunks(), sizes.take(back)]
    out = write_arrow(store, "tokens", documents.part, pa.table(columns, schema=tokens_schema(vocab_size)))
    count = Count(
        "encode", part.source, documents.part, PASSED, documents=len(kept),
        bytes=int(pc.sum(pc.binary_length(taken["text"])).as_py() or 0), tokens=len(ids.values),
    )  # fmt: skip
    return Output((out,), (count,))


ENCODE = Stage("encode", encode, version=1, libraries=("sentencepiece",))
