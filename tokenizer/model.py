"""A SentencePiece model as data: its pieces, and the options that decide what its tokens keep of a text.

In: the bytes of a ``.model`` file. Out: a `Model`. The library does not tell a model's options, so they are read from
the file itself, a protocol buffer (sentencepiece_model.proto, google/sentencepiece, Apache-2.0): a message is a run of
fields, each with a number, a wire type and a value.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from corpus.errors import DataError

BLANK = "\u2581"  # stands for a blank inside pieces
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)  # kinds of piece, as the format numbers them
_NOT_A_MODEL = "the tokenizer is not a SentencePiece model; restore the file or set retrain = true"


@dataclass(frozen=True)
class Model:
    """A model's pieces by id, its marks (-1: none), and its options.

    `scores` are float32 as the library has them, `kinds` one of NORMAL … BYTE.
    """

    pieces: tuple[str, ...]
    scores: np.ndarray
    kinds: np.ndarray
    model_type: str  # bpe | unigram | word | char
    unk_id: int
    bos_id: int
    eos_id: int
    pad_id: int
    byte_fallback: bool
    blanks_behind: bool  # a blank belongs to the word before it
    normalizer: str  # a name, "identity" where none is applied
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    escape_whitespaces: bool
    denormalizes: bool

    @cached_property
    def cut_before_blanks(self) -> bool:
        """Whether no piece goes on behind a run of blanks that does not begin it, so a text may be cut before runs."""
        return not any(BLANK in piece.lstrip(BLANK) for piece in self.ordinary)

    @cached_property
    def ordinary(self) -> tuple[str, ...]:
        """The pieces that stand for text as they are written: all but marks and bytes."""
        return tuple(p for p, kind in zip(self.pieces, self.kinds.tolist(), strict=True) if kind in (NORMAL, USER))

    def of_kind(self, kind: int) -> dict[str, int]:
        """Pieces of one kind and their ids, in the order of ids."""
        return {self.pieces[i]: i for i in np.flatnonzero(self.kinds == kind).tolist()}

    @cached_property
    def continuation(self) -> tuple[int, int]:
        """[from, to) of the ids of the bytes 0x80 to 0xBF, which go on with a character; (0, 0) without byte pieces.

        Raises DataError where they do not lie side by side.
        """
        ids = self.of_kind(BYTE)
        if not ids:
            return 0, 0
        places = [ids.get(f"<0x{byte:02X}>", -1) for byte in range(0x80, 0xC0)]
        if places != list(range(places[0], places[0] + 64)):
            raise DataError("the model's byte pieces do not lie in order; give a model that SentencePiece trained")
        return places[0], places[0] + 64


def read_model(data: bytes | memoryview) -> Model:
    """What a ``.model`` file says. Raises DataError where it is none."""
    try:
        return _model(bytes(data))
    except (IndexError, ValueError, KeyError, struct.error) as error:
        raise DataError(_NOT_A_MODEL) from error


def _model(data: bytes) -> Model:
    pieces, scores, kinds = [], [], []
    parts: dict[int, dict[int, Any]] = {2: {}, 3: {}, 5: {}}  # trainer, normaliser, denormaliser
    for number, value in _fields(data):
        if number == 1:
            piece = dict(_fields(value))
            pieces.append(piece[1].decode())
            scores.append(struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0)
            kinds.append(piece.get(3, NORMAL))
        elif number in parts:
            parts[number] |= dict(_fields(value))
    trainer, normalizer, denormalizer = parts.values()
    if not pieces or UNKNOWN not in kinds:
        raise ValueError("no pieces")
    charsmap = len(normalizer.get(2, b""))
    name = normalizer.get(1, b"").decode()
    marks = {key: i for i, key in enumerate(pieces) if kinds[i] == CONTROL}
    named = ((46, b"<s>"), (47, b"</s>"), (48, b"<pad>"))
    bos, eos, pad = (marks.get(trainer.get(number, default).decode(), -1) for number, default in named)
    return Model(
        tuple(pieces), np.array(scores, np.float32), np.array(kinds, np.int8),
        {1: "unigram", 2: "bpe", 3: "word", 4: "char"}[trainer.get(3, 1)],
        kinds.index(UNKNOWN), bos, eos, pad,
        bool(trainer.get(35, 0)), bool(trainer.get(24, 0)), (name or "unnamed") if charsmap else "identity",
        bool(normalizer.get(3, 1)), bool(normalizer.get(4, 1)), bool(normalizer.get(5, 1)),
        bool(denormalizer.get(2, b"")),
    )  # fmt: skip


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
        if at + size > len(data):
            raise ValueError("cut short")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def load_model(model: bytes | memoryview) -> Any:
    """A `SentencePieceProcessor`. Raises DataError where the bytes are not a model."""
    import sentencepiece

    try:
        if not len(model):  # which the library takes for a model of no pieces
            raise RuntimeError("no bytes")
        return sentencepiece.SentencePieceProcessor(model_proto=bytes(model))
    except RuntimeError as error:
        raise DataError(_NOT_A_MODEL) from error


def symbol_score(symbol: str) -> float:
    """What a user-defined symbol weighs in unigram: more than any way to say it in pieces (unigram_model.cc, 0.2.3)."""
    return 0.1 * (len(symbol.encode()) - 1)


def bytes_per_id(model: Model) -> np.ndarray:
    """int32[vocab]: how many UTF-8 bytes of text an id stands for; 0 for marks."""
    sizes = np.zeros(len(model.pieces), np.int32)
    for i, (piece, kind) in enumerate(zip(model.pieces, model.kinds.tolist(), strict=True)):
        if kind == BYTE:
            sizes[i] = 1
        elif kind not in (CONTROL, UNKNOWN):
            sizes[i] = len(piece.replace(BLANK, " ").encode())
    return sizes
