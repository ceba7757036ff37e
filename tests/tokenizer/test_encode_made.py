"""Ids of models that no training gives: any pieces, any scores, so that merges go every way that is possible."""

import random
import struct
from typing import Any

import pyarrow as pa
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenizer.encode import FAST, Encoder
from tokenizer.model import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER

LETTERS = "ab▁-é的𒀀\n"
PIECES = st.lists(st.text(LETTERS, min_size=1, max_size=6), max_size=60, unique=True)
TEXTS = st.lists(st.text(LETTERS + " zß", max_size=60) | st.text(max_size=5), max_size=5)


def _field(number: int, value: bytes | int | float) -> bytes:
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + _varint(value >> 7)


def made_model(pieces: list[tuple[str, float, int]], model_type: int = 2) -> bytes:
    """A BPE (2) or unigram (1) model with byte fallback that normalises nothing: marks, bytes, and these pieces."""
    marks = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    rows = [*marks, *((f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)), *pieces]
    data = b"".join(
        _field(1, _field(1, piece.encode()) + _field(2, score) + _field(3, kind)) for piece, score, kind in rows
    )
    return (
        data
        + _field(2, _field(3, model_type) + _field(35, 1))
        + _field(3, _field(3, 0) + _field(4, 0) + _field(1, b"identity"))
    )


def ids_of(model: bytes, texts: list[str]) -> tuple[Any, Any, str]:
    encoder = Encoder(model, short=64, long=64)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return encoder.encode(pa.array(texts)).to_pylist(), [processor.encode(text) for text in texts], encoder.how


@settings(max_examples=400, deadline=None)
@given(pieces=PIECES, user=PIECES, texts=TEXTS, rng=st.randoms(use_true_random=False))
def test_any_pieces_in_any_order(pieces: list[str], user: list[str], texts: list[str], rng: Any) -> None:
    scores = rng.sample(range(-2_000, 2_000), len(pieces))
    symbols = [piece for piece in user[: len(user) // 8] if piece not in pieces]
    rows = [(piece, score / 8, NORMAL) for piece, score in zip(pieces, scores, strict=True)]
    found, expected, how = ids_of(made_model([*rows, *((symbol, 0.0, USER) for symbol in symbols)]), texts)
    assert found == expected
    assert how == FAST


@settings(max_examples=100, deadline=None)
@given(pieces=PIECES, texts=TEXTS, rng=st.randoms(use_true_random=False))
def test_every_letter_a_piece_and_all_that_can_be_made_of_them(pieces: list[str], texts: list[str], rng: Any) -> None:
    grown = list(LETTERS[:7])
    for _ in range(120):
        grown.append(rng.choice(grown[-20:] + grown) + rng.choice(grown))
    grown = list(dict.fromkeys(piece for piece in grown if len(piece) < 30))
    rows = [(piece, -float(at), NORMAL) for at, piece in enumerate(grown)]
    found, expected, how = ids_of(made_model(rows), [*texts, "".join(rng.choice(grown) for _ in range(200))])
    assert found == expected
    assert how == FAST


@settings(max_examples=300, deadline=None)
@given(pieces=PIECES.filter(bool), user=PIECES, texts=TEXTS, seed=st.integers(0, 10**6))
def test_any_pieces_and_any_scores_of_a_unigram_model(
    pieces: list[str], user: list[str], texts: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    few = [
        -rng.random() * 200 for _ in range(8)
    ]  # many paths weigh the same but for rounding, sums grow beyond 100,000
    rows = [(piece, rng.choice(few), UNUSED if rng.random() < 0.1 else NORMAL) for piece in pieces]
    rows += [(piece, 0.0, USER) for piece in user[: len(user) // 8] if piece not in pieces]
    long = "".join(rng.choices([*pieces, "z", " "], k=3_000))
    found, expected, how = ids_of(made_model(rows, 1), [*texts, long])
    assert found == expected
    assert how == FAST


@pytest.mark.parametrize("kind", [UNUSED, CONTROL, USER, NORMAL])
def test_blanks_have_room_whatever_stands_for_one(kind: int) -> None:
    """A blank that is no piece of text becomes three bytes."""
    found, expected, how = ids_of(made_model([("a", -1.0, NORMAL), ("▁", -2.0, kind)], 1), [" " * 9, "a  a"])
    assert found == expected
    assert how == FAST


def test_sums_of_a_long_unigram_path_are_rounded_as_the_library_rounds_them() -> None:
    rows = [("-" * size, -3.3 * size, NORMAL) for size in range(1, 9)]  # every path weighs the same but for rounding
    texts = ["-" * 80_000, "-" * 50 + "z" * 9_000 + "-" * 5_000]
    found, expected, how = ids_of(made_model(rows, 1), texts)
    assert found == expected
    assert how == FAST


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("ab", -1.0, NORMAL), ("ba", -1.0, NORMAL)], "equal"),
        ([("ab", float("nan"), NORMAL)], "equal"),
        ([("ab", -1.0, NORMAL), ("abab", -2.0, UNUSED)], "unused"),
        ([("a", -1.0, NORMAL), ("b", -2.0, CONTROL)], "spelt as one character"),
    ],
)
def test_what_the_compiled_way_does_not_hold_for_goes_the_other(rows: list[tuple[str, float, int]], why: str) -> None:
    found, expected, how = ids_of(made_model(rows), ["", "a", "abab", "aabbaba", "z"])
    assert found == expected
    assert why in how


def test_a_large_vocabulary_has_wide_ids() -> None:
    rows = [(chr(0x4E00 + at // 20_000) + chr(0x3400 + at % 20_000), -float(at), NORMAL) for at in range(70_000)]
    found, expected, how = ids_of(made_model(rows), ["".join(piece for piece, _, _ in rows[-100:]) * 2, "丁㐀 a"])
    assert found == expected
    assert max(found[0]) > 65_535
    assert how == FAST
