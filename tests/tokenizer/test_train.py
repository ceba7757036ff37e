"""The tokenizer gives text back, knows how many bytes an id stands for, and stays locked."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DataError, RecipeError
from corpus.files import File
from corpus.recipe import TokenizerSettings
from corpus.shard import Tokenizer
from corpus.stage import plain
from corpus.store import Store
from processors.normalize import normalize
from tokenizer.encode import encode_texts
from tokenizer.train import EOS, PAD, Locked, bytes_per_id, load_model, read_lock, train_model, write_lock

SETTINGS = TokenizerSettings(vocab_size=380, sample_bytes=10_000)
TEXTS = [
    "the mill grinds grain\n    def mill(x):\n        return x + 12\n" * 3,
    "die Mühle mahlt das Korn, das Wasser treibt das Rad\n" * 4,
]
MODEL = train_model(TEXTS, SETTINGS)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_decoding_gives_the_text_back_and_bytes_add_up(texts: list[str]) -> None:
    processor = load_model(MODEL)
    sizes = bytes_per_id(processor)
    for text in map(normalize, texts):
        ids = processor.encode(text)
        assert processor.decode(ids) == text
        assert sum(sizes[i] for i in ids) == len(text.encode())


@given(st.lists(st.text(max_size=40), max_size=5))
def test_columns_hold_the_ids_of_the_processor_itself(texts: list[str]) -> None:
    processor = load_model(MODEL)
    texts = [normalize(text) for text in texts]
    column = encode_texts(processor, texts, processor.get_piece_size())
    assert column.to_pylist() == [processor.encode(text) for text in texts]
    assert str(column.type.value_type) == "uint16"


def test_an_id_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(DataError, match="vocabulary has 10"):
        encode_texts(load_model(MODEL), ["the mill"], 10)


def test_training_gives_the_same_model_and_marks_at_their_places() -> None:
    assert train_model(TEXTS, SETTINGS) == MODEL
    processor = load_model(MODEL)
    assert (processor.eos_id(), processor.pad_id()) == (EOS, PAD)
    assert bytes_per_id(processor)[[EOS, PAD]].tolist() == [0, 0]
    assert processor.encode("a\nb", out_type=str).count("\n") == 1


def test_a_sample_too_small_is_explained() -> None:
    with pytest.raises(RecipeError, match=r"no model of 9000 pieces .* lower \[tokenizer\] vocab_size"):
        train_model(["short"], TokenizerSettings(vocab_size=9_000))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(DataError, match="not a SentencePiece model"):
        load_model(b"nothing of the kind")


def test_the_lock_holds_until_the_recipe_says_retrain(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert read_lock(store, SETTINGS) is None
    what = Tokenizer("tokenizer/t.model", "0" * 64, 380, EOS, PAD, "tokenizer/b.npy")
    found = Locked(what, (File("tokenizer/t.model", "0" * 64, 1, 0),), (132, 196), plain(SETTINGS))
    store.put("tokenizer/t.model", b"1")
    write_lock(store, found)
    assert read_lock(store, SETTINGS) == found
    assert read_lock(store, TokenizerSettings(**{**asdict(SETTINGS), "retrain": True})) is None
    with pytest.raises(RecipeError, match=r"locked with vocab_size = 380, the recipe says 999.*retrain = true"):
        read_lock(store, TokenizerSettings(vocab_size=999, sample_bytes=10_000))
    store.delete("tokenizer/t.model")
    with pytest.raises(DataError, match="is gone or cut; restore it"):
        read_lock(store, SETTINGS)


def test_token_bytes_of_a_cut_document_add_up() -> None:
    processor = load_model(MODEL)
    ids = processor.encode(TEXTS[1])
    assert processor.decode(ids[:7]) + processor.decode(ids[7:]) == TEXTS[1]
    assert np.sum(bytes_per_id(processor)[ids]) == len(TEXTS[1].encode())
