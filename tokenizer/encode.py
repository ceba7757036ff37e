"""Encode: rendered documents to token ids, aligned with their parts.

In: a part's documents, scores (spans, language) and selection, its cuts where repeats are cut, and the locked model.
Out: ``tokens/`` with the bare ids of `SentencePieceProcessor.encode` for every document that is kept and of which
something is left, null for the others.

Compiled code over Arrow's own bytes gives the same ids (`tokenizer.units` for BPE, `tokenizer.viterbi` for unigram);
models for which it would not (`tokenizer.tables.obstacle`) are left to SentencePiece itself.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError
from corpus.files import File, read_aligned, read_slices, write_arrow
from corpus.ledger import PASSED, Count
from corpus.schema import token_type, tokens_schema
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from corpus.text import render_column
from tokenizer.model import BLANK, Model, load_model, read_model

FAST = "compiled, the ids of SentencePiece"
SLICE = 256  # documents that are in hand at a time
_SHORT_ENTRIES, _LONG_ENTRIES = 1 << 20, 1 << 17  # 32 MiB and 16 MiB of units that are remembered


class Encoder:
    """Ids of texts, those of `SentencePieceProcessor.encode`, and what it remembers from column to column.

    Raises DataError where the bytes are not a model. `how` says which way it takes; `vocab_size` is the model's.
    """

    def __init__(self, model: bytes | memoryview, short: int = _SHORT_ENTRIES, long: int = _LONG_ENTRIES) -> None:
        from tokenizer.tables import obstacle  # half a second to import

        self._processor = load_model(model)
        self.vocab_size: int = self._processor.get_piece_size()
        self._dtype = token_type(self.vocab_size)
        self.dtype = np.dtype(self._dtype.to_pandas_dtype())
        read = read_model(model)
        why = obstacle(read)
        if not why:
            self._prefix = read.add_dummy_prefix
            self._most = 1 if BLANK in read.ordinary else 3  # ids for a byte: a blank that no text becomes has three
            self._fill = _unigram(read) if read.model_type == "unigram" else _bpe(read, self._dtype, short, long)
            self._lock = Lock()  # what is remembered is written without Python's
            trial = pa.array([_trial(read)], pa.large_string())
            if not np.array_equal(self._compiled(trial)[0], self._itself(trial)[0]):
                why = "this version of it gives other ids than the one that was compiled"
        self.how = f"SentencePiece itself, because {why}" if why else FAST
        self.is_fast = not why

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> pa.LargeListArray:
        """The ids of each text as large_list<uint16|uint32>, null for null."""
        if isinstance(texts, pa.ChunkedArray):
            chunks = [self.encode(chunk) for chunk in texts.chunks] or [self.encode(pa.array([], texts.type))]
            return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
        values, ends = self._compiled(texts.cast(pa.large_string())) if self.is_fast else self._itself(texts)
        mask = pc.is_null(texts) if texts.null_count else None
        return pa.LargeListArray.from_arrays(
            pa.array(ends, pa.int64()), pa.array(values), pa.large_list(self._dtype), mask=mask
        )

    def _compiled(self, texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        from tokenizer.bpe import marks

        nothing, blank = pa.scalar("", pa.large_string()), pa.scalar(" ", pa.large_string())
        if texts.null_count:
            texts = pc.fill_null(texts, nothing)
        if self._prefix:
            texts = pc.if_else(pc.equal(texts, nothing), nothing, pc.binary_join_element_wise(nothing, texts, blank))
        data, offsets = _bytes(texts)
        if marks(data, offsets[0], offsets[-1]):  # the same to SentencePiece
            data, offsets = _bytes(pc.replace_substring(texts, BLANK, " "))
        ends = np.zeros(len(texts) + 1, np.int64)
        most = int(offsets[-1] - offsets[0]) * self._most  # what is not written to takes no memory
        out = np.empty(most, self.dtype)
        with self._lock:
            self._fill(data, offsets, out, ends)
        return out[: ends[-1]], ends

    def _itself(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        # one after another: SentencePiece takes thirty times a text's memory
        found = (self._processor.encode(text.as_py() or "", out_type="numpy") for text in texts)
        ids = [np.zeros(0, self.dtype), *(each.astype(self.dtype) for each in found)]
        return np.concatenate(ids), np.cumsum([len(each) for each in ids], dtype=np.int64)


def _trial(model: Model) -> str:
    """Some 10,000 characters of a model's own pieces, in an order that never changes."""
    pieces = [piece for piece in model.ordinary if len(piece) < 100]
    step = max(1, len(pieces) // 1_000)
    return "".join(pieces[::step] + pieces[::-step] + ["-" * 99, "\U0001f600\0\ufffd"]).replace(BLANK, " ")


def _bytes(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes, and where each text begins in them."""
    _, places, buffer = texts.buffers()
    offsets = np.frombuffer(places or bytes(8), np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(buffer or b"", np.uint8), offsets


def _bpe(model: Model, dtype: pa.DataType, short: int, long: int) -> Callable[..., None]:
    from tokenizer.tables import tables_of
    from tokenizer.units import LONG_WORDS, SHORT_WORDS, Cache, encode_rows

    tables = tables_of(model)
    rows = np.zeros((short, SHORT_WORDS), np.uint64), np.zeros((long, LONG_WORDS), np.uint64)
    cache = Cache(rows[0], rows[0].view(dtype.to_pandas_dtype()), rows[1], rows[1].view(dtype.to_pandas_dtype()))
    return lambda data, offsets, out, ends: encode_rows(data, offsets, tables, cache, out, ends)


def _unigram(model: Model) -> Callable[..., None]:
    from tokenizer.tables import trie_of
    from tokenizer.viterbi import encode_best

    trie = trie_of(model)
    return lambda data, offsets, out, ends: encode_best(data, offsets, trie, out, ends)


@lru_cache(maxsize=1)
def encoder_of(model: bytes) -> Encoder:
    """The encoder of a model, kept in this process with what it remembers."""
    return Encoder(model)


def encode(store: Store, part: Part) -> Output:
    """The stage's work: inputs are a part's documents, scores, selection and perhaps cuts, and the tokenizer model."""
    *inputs, model = [file for file in part.inputs if isinstance(file, File)]
    of = {file.folder: file for file in inputs}
    documents = of["documents"]
    vocab_size: int = part.settings["vocab_size"]
    encoder = encoder_of(bytes(store.get(model.path)))
    if encoder.vocab_size != vocab_size:
        raise DataError(
            f"the tokenizer has {encoder.vocab_size} ids, its vocabulary was locked with {vocab_size}; train it anew"
        )
    spans = (of["cuts"], ["spans", "left"]) if "cuts" in of else (of["scores"], ["spans"])
    table = read_aligned(store, (documents, ["id"]), (of["scores"], ["lang"]), (of["selection"], ["kept"]), spans)
    kept = table["left" if "cuts" in of else "kept"].to_numpy()
    column, sizes, read = _encoded(encoder, read_slices(store, documents, "text", SLICE), table["spans"], kept)
    columns = [table["id"].combine_chunks(), column, table["lang"].combine_chunks(), sizes]
    out = write_arrow(store, "tokens", documents.part, pa.table(columns, schema=tokens_schema(vocab_size)))
    count = Count(
        "encode", part.source, documents.part, PASSED, documents=int(kept.sum()), bytes=read, tokens=len(column.values)
    )  # fmt: skip
    return Output((out,), (count,), {} if encoder.is_fast else {"how": encoder.how})


def _encoded(
    encoder: Encoder, texts: Iterable[pa.Array], spans: pa.ChunkedArray, kept: np.ndarray
) -> tuple[pa.LargeListArray, pa.Array, int]:
    """Ids and rendered bytes of the kept rows, null for the others, and the bytes of their stored text."""
    lengths, sizes = np.zeros(len(kept), np.int64), np.zeros(len(kept), np.int64)
    values, read, at = [np.zeros(0, encoder.dtype)], 0, 0
    for column in texts:
        rows = np.flatnonzero(kept[at : at + len(column)])
        taken = column.take(pa.array(rows))
        rendered = render_column(taken, spans.slice(at, len(column)).take(pa.array(rows)).combine_chunks())
        ids = encoder.encode(rendered)
        lengths[at + rows], sizes[at + rows] = np.diff(ids.offsets.to_numpy()), pc.binary_length(rendered).to_numpy()
        values.append(ids.values.to_numpy().copy())  # without the room that its bytes could have needed
        read += int(pc.sum(pc.binary_length(taken)).as_py() or 0)
        at += len(column)
    ends, mask = pa.array(np.concatenate([[0], np.cumsum(lengths)])), pa.array(~kept)
    column = pa.LargeListArray.from_arrays(ends, pa.array(np.concatenate(values)), mask=mask)
    return column, pa.array(sizes, mask=~kept), read


ENCODE = Stage("encode", encode, version=1, libraries=("sentencepiece",))
