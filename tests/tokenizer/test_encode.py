"""Ids are those of SentencePiece itself: for models of many kinds, on hostile strings, however texts are batched."""

import io
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import DataError
from tokenizer.encode import FAST, Encoder, encoder_of

CORPUS = Path(__file__).parents[3] / "shared/corpus"
SENTENCES = [
    "the mill grinds the grain of the miller's daughter, and the wheel turns with the water of the river",
    "    def mill(grain: int) -> list[str]:  # grinds\n        return [f'{grain:>8}'] * 12_345 if not grain else []",
    "die Mühle mahlt das Korn, das Wasser treibt das Rad; größere Räder drehen sich langsamer als kleine",
    "мельница мелет зерно, вода вращает колесо, а мельник спит до обеда и ничего не слышит",
    "水車が粉を挽く。川の水は車輪を回し、粉屋は昼まで眠っている。水車小屋の水車",
    "磨坊磨谷物，水推动轮子，磨坊主睡到中午，什么也听不见。水磨坊的水磨",
    "โรงสีบดเมล็ดข้าว น้ำหมุนล้อ คนสีข้าวนอนหลับ   ", "पनचक्की अनाज पीसती है और पानी पहिया घुमाता है",
    "المطحنة تطحن الحبوب والماء يدير العجلة", "방앗간은 곡식을 빻고 물은 바퀴를 돌린다",
    "---- ==== //// ........ !!!! 1 12 2024 99,999.00",
]  # fmt: skip
HOSTILE = [
    "▁", "▁▁", " ▁ ", "\0", "\ufffd", "\u0301", "e\u0301", "👩‍👩‍👧", "🇩🇪", "\U0001f600", "\ue000", "\U0010ffff", "ᚠᚢᚦ",
    "𒀀𒁀", "\ufeff",
    "\r\n", "\n", "\n\n", "\t", "\u00a0", "\u3000", "\u200d", "\u2028", "<s>", "</s>", "<unk>", "<0x41>", "<0x0A>",
    "<|fim|>", "<|fim|", "<|",
    "▂", "ﷺ", "ß", "ẞ", "K", "İ", "-" * 9, "-" * 70, " " * 20, "ab" * 40, "的" * 30, "x", "<mask>", "<mask>>",
    "aaa", "aa", "a",
]  # fmt: skip
WORDS = sorted({word for line in SENTENCES for word in line.split(" ")})
TEXT = st.lists(
    st.sampled_from(HOSTILE) | st.sampled_from(WORDS).map(lambda word: " " + word) | st.sampled_from(SENTENCES)
    | st.text(st.sampled_from(sorted(set("".join(SENTENCES)))), max_size=12) | st.text(max_size=8),
    max_size=12,
).map("".join)  # fmt: skip
PLAIN: dict[str, Any] = {
    "model_type": "bpe", "vocab_size": 900, "byte_fallback": True, "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False, "add_dummy_prefix": False,
}  # fmt: skip
OURS: dict[str, Any] = {**PLAIN, "allow_whitespace_only_pieces": True, "split_digits": True,
                        "user_defined_symbols": ["\n"]}  # fmt: skip
SYMBOLS = ["\n", "\n\n", "<|fim|>", "<|", "▁▁▁▁", "▁the", "aa", "的", "x", "👩", "<mask>", "é"]
FAST_OPTIONS: dict[str, dict[str, Any]] = {
    "ours": OURS,
    "small": {**OURS, "vocab_size": 500, "character_coverage": 0.98},
    "large": {**OURS, "vocab_size": 2_000},
    "numbers": {**PLAIN, "split_by_number": False, "split_by_unicode_script": False},
    "no words": {**PLAIN, "split_by_whitespace": False, "split_by_unicode_script": False,
                 "max_sentencepiece_length": 40},
    "prefix": {**OURS, "add_dummy_prefix": True},
    "symbols": {**OURS, "user_defined_symbols": SYMBOLS},
    "unigram": {**OURS, "model_type": "unigram", "vocab_size": 600},
    "unigram, prefix": {**PLAIN, "model_type": "unigram", "vocab_size": 700, "add_dummy_prefix": True},
    "unigram, symbols": {**OURS, "model_type": "unigram", "vocab_size": 600, "user_defined_symbols": SYMBOLS},
    "controls": {**OURS, "control_symbols": ["<|fim|>", "<mask>"]},
}  # fmt: skip
SLOW_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "char": ("neither BPE nor unigram", {**OURS, "model_type": "char", "vocab_size": 600}),
    "no bytes": ("no byte fallback", {**OURS, "byte_fallback": False}),
    "nfkc": ("normalises", {**OURS, "normalization_rule_name": "nmt_nfkc"}),
    "blanks": ("removes blanks", {**OURS, "remove_extra_whitespaces": True}),
    "suffix": ("behind words", {**OURS, "treat_whitespace_as_suffix": True}),
    "long": ("symbol is too long", {**OURS, "user_defined_symbols": ["x" * 65]}),
    "letter": ("spelt as one character", {**OURS, "control_symbols": ["q"]}),
}  # fmt: skip


@cache
def model_of(name: str) -> bytes:
    options = FAST_OPTIONS[name] if name in FAST_OPTIONS else SLOW_OPTIONS[name][1]
    rng, model = random.Random(1), io.BytesIO()
    lines = [" ".join(rng.sample(line.split(" "), line.count(" ") + 1)) for line in SENTENCES * 30]
    lines += [line.replace(" ", "  ") for line in SENTENCES]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        num_threads=1,
        minloglevel=2,
        hard_vocab_limit=False,
        **options,
    )
    return model.getvalue()


@cache
def both(name: str) -> tuple[Encoder, Any]:
    return Encoder(model_of(name)), sentencepiece.SentencePieceProcessor(model_proto=model_of(name))


@pytest.mark.parametrize("name", [*FAST_OPTIONS, *SLOW_OPTIONS])
@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXT, max_size=4))
def test_ids_are_those_of_sentencepiece(name: str, texts: list[str]) -> None:
    encoder, processor = both(name)
    assert encoder.encode(pa.array(texts, pa.large_string())).to_pylist() == [processor.encode(text) for text in texts]


@pytest.mark.parametrize("name", FAST_OPTIONS)
def test_models_of_this_kind_go_the_fast_way(name: str) -> None:
    assert both(name)[0].how == FAST


@pytest.mark.parametrize("name", SLOW_OPTIONS)
def test_other_models_are_left_to_sentencepiece_and_it_is_said_why(name: str) -> None:
    assert "SentencePiece itself, because" in (how := both(name)[0].how)
    assert SLOW_OPTIONS[name][0] in how


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(TEXT | st.none(), max_size=8),
    cut=st.integers(0, 8),
    kind=st.sampled_from([pa.string(), pa.large_string()]),
)
def test_batches_nulls_slices_and_a_full_cache_move_nothing(
    texts: list[str | None], cut: int, kind: pa.DataType
) -> None:
    encoder, processor = both("symbols")
    tiny = Encoder(model_of("symbols"), short=2, long=2)
    expected = [None if text is None else processor.encode(text) for text in texts]
    column = pa.array(texts, kind)
    for each in (encoder, tiny):
        assert each.encode(column).to_pylist() == expected
        assert each.encode(column.slice(cut)).to_pylist() == expected[cut:]
        assert each.encode(pa.chunked_array([column.slice(0, cut), column.slice(cut)], kind)).to_pylist() == expected
    assert encoder.encode(pa.chunked_array([], kind)).to_pylist() == []


@pytest.mark.parametrize("text", ["-" * 30_000, "ab" * 9_000, "的" * 5_000, " " * 7_000, "xyzzy▁" * 3_000, "é" * 4_097])
@pytest.mark.parametrize("name", ["ours", "no words", "unigram"])
def test_a_stretch_without_a_cut_takes_no_quadratic_time(name: str, text: str) -> None:
    encoder, processor = both(name)
    assert encoder.encode(pa.array([text, text[1:]])).to_pylist() == [
        processor.encode(text),
        processor.encode(text[1:]),
    ]


def test_another_sentencepiece_than_the_one_that_was_compiled_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("ours")
    monkeypatch.setattr("tokenizer.encode.Encoder._itself", lambda *_: (np.zeros(3), np.zeros(2)))
    assert "this version of it gives other ids" in Encoder(model).how


def test_the_type_of_ids_follows_the_vocabulary() -> None:
    assert str(both("ours")[0].encode(pa.array(["the mill"])).type) == "large_list<item: uint16>"
    assert both("ours")[0].vocab_size == both("ours")[1].get_piece_size()


def test_an_encoder_is_kept() -> None:
    assert encoder_of(model_of("ours")) is encoder_of(bytes(bytearray(model_of("ours"))))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(DataError, match="not a SentencePiece model"):
        Encoder(b"nothing of the kind")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real documents does not lie beside the checkout")
@pytest.mark.parametrize("name", ["ours", "large", "prefix", "unigram"])
def test_real_documents_in_many_languages(name: str) -> None:
    encoder, processor = both(name)
    texts = pq.read_table(CORPUS / "truth/texts.parquet")["text"].combine_chunks()[::10]
    assert encoder.encode(texts).to_pylist() == processor.encode(texts.to_pylist())
