"""Hugging Face's library, given our ``tokenizer.json``, gives the ids that SentencePiece gives."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.recipe import TokenizerSettings
from corpus.store import Store
from tokenizer.huggingface import tokenizer_json, why_not, write_huggingface
from tokenizer.model import load_model, read_model
from tokenizer.train import train_model

tokenizers = pytest.importorskip("tokenizers")

TEXTS = [
    "the mill grinds grain\n    def mill(x):\n\t\treturn x + 12 ------ ======\n\n" * 6,
    "die Mühle mahlt das Korn, das Wasser treibt das Rad — и мельница мелет зерно\n" * 6,
    "水車が粉をひく。风车磨面粉。 방앗간이 곡식을 빻는다 ครกบดข้าว aaaa aaaaa abababab ababa\n\n\n" * 6,
]
SYMBOLS = ("<think>", "</think>", "::", ":::")
REAL = Path(__file__).parents[2] / "../shared/corpus/truth/texts.parquet"
LETTERS = "<>/_0123456789ABCDEFxunkspad"
BPE = train_model(TEXTS, TokenizerSettings(vocab_size=480, symbols=SYMBOLS))
UNIGRAM = train_model(TEXTS, TokenizerSettings(vocab_size=385, symbols=SYMBOLS, model_type="unigram"))


def other(**options: Any) -> bytes:
    import sentencepiece

    out = io.BytesIO()
    own = {
        "model_type": "bpe", "vocab_size": 440, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1,
        "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "byte_fallback": True,
    }  # fmt: skip
    lines = [line for text in TEXTS for line in text.split("\n") if line]
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, **own | options)
    return out.getvalue()


MODELS = {
    "ours": BPE,
    "llama": other(),
    "gemma": other(add_dummy_prefix=False, user_defined_symbols=["\n", "▁▁", "▁▁▁", "  ", "▁▁mill", "<b>"]),
    "across blanks": other(add_dummy_prefix=False, split_by_whitespace=False),
    "no bytes": other(add_dummy_prefix=False, byte_fallback=False, vocab_size=200, character_coverage=0.98),
}
LETTER = TokenizerSettings(vocab_size=375, symbols=("a", "x", "_", "grai", "ret"), model_type="unigram")
UNIGRAMS = {
    "unigram": UNIGRAM, "letters as symbols": train_model(TEXTS, LETTER),
    "llama unigram": other(model_type="unigram", vocab_size=390, required_chars=LETTERS),
}  # fmt: skip
PAIRS = {
    name: (load_model(data), tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(read_model(data)))))
    for name, data in (MODELS | UNIGRAMS).items()
}

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from([
            " ", "  ", "\u2581", "\0", "\t", "\n", "\n\n\n\n", "a", "ab", "aaa", "--", "------", "==", "mill", " the",
            "<s>", "</s>", "<unk>", "<pad>", "<fim_prefix>", "<0x41>", "<0xE2>", *SYMBOLS, "<thin", "k>", ":",
            "👩‍👩‍👧", "水車", "粉", "мель", "ครก", "방앗", "é", "e\u0301", "\u200d", "\U0010ffff", "\ufeff", "\u00a0",
        ]),
        st.text(max_size=6),
        st.characters(min_codepoint=0x80, exclude_categories=["Cs"]),
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@given(text=HOSTILE)
@example(text="")
@example(text=" ")
@example(text="aaaaaaaaaaa ababababab")
@example(text="    <fim_prefix></s> :::::: <think>")
def test_the_ids_are_those_of_sentencepiece(name: str, text: str) -> None:
    ours, theirs = PAIRS[name]
    assert why_not(read_model(MODELS[name])) == ""
    assert theirs.encode(text).ids == ours.encode(text)


@pytest.mark.skipif(not REAL.exists(), reason="../shared/corpus is not beside the checkout")
def test_the_ids_of_real_documents_are_those_of_sentencepiece() -> None:
    texts = pq.read_table(REAL, columns=["text"])["text"].to_pylist()[::13]
    model = train_model(texts[::2], TokenizerSettings(vocab_size=4_000))
    theirs = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(read_model(model))))
    assert [each.ids for each in theirs.encode_batch(texts)] == load_model(model).encode(texts)


@pytest.mark.parametrize("name", UNIGRAMS)
@given(text=HOSTILE)
@example(text="::::  \n\n\n<think></s><unk><fim_prefix>")
def test_unigram_ids_are_the_same_or_weigh_the_same(name: str, text: str) -> None:
    model = read_model(UNIGRAMS[name])
    ours, theirs = PAIRS[name]
    assert why_not(model) == ""
    a, b = ours.encode(text), theirs.encode(text).ids
    if a != b:
        scores = {i: s for i, (_, s) in enumerate(tokenizer_json(model)["model"]["vocab"])}
        assert ours.decode(b) == text.replace("\u2581", " ")
        assert sum(scores[i] for i in a) == pytest.approx(sum(scores[i] for i in b), rel=1e-5)


def test_a_symbol_is_found_however_well_its_letters_weigh() -> None:
    model = read_model(UNIGRAM)
    level = replace(model, scores=np.full(len(model.pieces), -3, np.float32))
    theirs = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(level)))
    assert theirs.encode("a<think>:::").tokens == ["a", "<think>", ":::"]


@given(text=HOSTILE)
def test_decoding_gives_the_text_back(text: str) -> None:
    for name in ("ours", "llama", "unigram"):
        _, theirs = PAIRS[name]
        kept = text.replace("\u2581", " ")
        assert theirs.decode(theirs.encode(text).ids, skip_special_tokens=False) == kept


def test_models_that_would_get_other_ids_get_no_file_and_a_reason() -> None:
    store = Store("memory://huggingface-none")
    for options, why in (
        ({"normalization_rule_name": "nmt_nfkc"}, "rewrites text"),
        ({"remove_extra_whitespaces": True}, "rewrites text"),
        ({"user_defined_symbols": ["\n"]}, "finds symbols in it"),
        ({"treat_whitespace_as_suffix": True}, "marks blanks"),
        ({"model_type": "unigram", "vocab_size": 380}, "letters of its marks"),
        ({"control_symbols": ["§"]}, "spelt as one character"),
        ({"user_defined_symbols": ["x" * 65], "add_dummy_prefix": False}, "more than 64 bytes"),
        ({"model_type": "char"}, "its type is char"),
    ):
        files, notes = write_huggingface(store, read_model(other(**options)))
        assert not files
        assert "no tokenizer.json is written" in notes[0]
        assert why in notes[0]
    assert store.list("tokenizer") == {}


def test_the_folder_says_the_marks_by_name_and_that_text_never_becomes_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    files, notes = write_huggingface(store, read_model(BPE))
    assert notes == ()
    folder = (tmp_path / files[0].path).parent
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert theirs.token_to_id("</s>") == 2
    assert 2 not in theirs.encode("</s>").ids
    config = json.loads((folder / "tokenizer_config.json").read_text())
    assert (config["bos_token"], config["eos_token"], config["pad_token"]) == ("<s>", "</s>", "<pad>")
    assert config["extra_special_tokens"] == ["<fim_prefix>", "<fim_middle>", "<fim_suffix>"]
    assert config["split_special_tokens"] is True
    assert write_huggingface(store, read_model(BPE))[0] == files
