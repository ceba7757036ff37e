"""A trained tokenizer gives text back, knows how many bytes an id stands for, and keeps its marks out of text."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RecipeError
from corpus.files import write_parquet
from corpus.recipe import TokenizerSettings
from corpus.stage import Entry, Output
from corpus.store import Store
from processors.normalize import normalize
from tokenizer.model import bytes_per_id, load_model, read_model
from tokenizer.train import BOS, EOS, PAD, TRAIN, locked, train_model, train_part

SETTINGS = TokenizerSettings(vocab_size=380, sample_bytes=10_000)
TEXTS = [
    "the mill grinds grain\n    def mill(x):\n        return x + 12\n" * 3,
    "die Mühle mahlt das Korn, das Wasser treibt das Rad\n" * 4,
]
MODEL = train_model(TEXTS, SETTINGS)
SIZES = bytes_per_id(read_model(MODEL))


@given(st.lists(st.text(max_size=40), max_size=5))
def test_decoding_gives_the_text_back_and_bytes_add_up(texts: list[str]) -> None:
    processor = load_model(MODEL)
    for text in map(normalize, texts):
        ids = processor.encode(text)
        assert processor.decode(ids) == text
        assert sum(SIZES[i] for i in ids) == len(text.encode())


def test_training_gives_the_same_model_and_marks_at_their_places() -> None:
    assert train_model(TEXTS, SETTINGS) == MODEL
    processor = load_model(MODEL)
    assert (processor.eos_id(), processor.pad_id()) == (EOS, PAD)
    assert SIZES[[EOS, PAD]].tolist() == [0, 0]


def test_a_sample_too_small_is_explained() -> None:
    with pytest.raises(RecipeError, match=r"no model of 9000 pieces .* lower \[tokenizer\] vocab_size"):
        train_model(["short"], TokenizerSettings(vocab_size=9_000))


def test_token_bytes_of_a_cut_document_add_up() -> None:
    processor = load_model(MODEL)
    ids = processor.encode(TEXTS[1])
    assert processor.decode(ids[:7]) + processor.decode(ids[7:]) == TEXTS[1]
    assert np.sum(SIZES[ids]) == len(TEXTS[1].encode())


def pieces(text: str, model: bytes = MODEL) -> list[str]:
    return load_model(model).encode(text, out_type=str)  # type: ignore[no-any-return]


def test_line_ends_and_runs_of_blanks_and_tabs_are_pieces() -> None:
    assert [pieces("a" + "\n" * n + "b")[1] for n in (1, 2, 3)] == ["\n", "\n\n", "\n\n\n"]
    assert pieces("\n    def")[:2] == ["\n", "▁▁▁▁"]
    tabbed = train_model(["if x:\n\t\ty = 1\n\t\tz = 2\n" * 50], TokenizerSettings(vocab_size=280))
    assert "\t\t" in pieces("\n\t\tz", tabbed)


def test_text_never_becomes_a_control_mark_but_symbols_are_found_in_it() -> None:
    settings = TokenizerSettings(vocab_size=384, symbols=("<think>", "</think>"))
    model = train_model(TEXTS, settings)
    processor = load_model(model)
    text = "<fim_prefix>the mill<fim_suffix></s><pad><unk><s><0x41><think>12"
    ids = processor.encode(text)
    assert processor.decode(ids) == text
    found = {processor.id_to_piece(i) for i in ids if not processor.is_byte(i)}
    assert "<think>" in found
    assert not found & {*settings.control, "</s>", "<pad>", "<unk>", "<s>"}
    assert [processor.piece_to_id(mark) for mark in settings.control] == [4, 5, 6]


@pytest.mark.parametrize("split", [True, False])
def test_digits_are_parted_as_the_setting_says(split: bool) -> None:
    model = train_model(["the year 1984 and 1984 again\n" * 40], TokenizerSettings(vocab_size=306, split_digits=split))
    assert ("1984" in "".join(piece for piece in pieces("1984", model) if len(piece) > 1)) is not split


def test_no_piece_crosses_scripts_unless_the_setting_says_so() -> None:
    text = ["call(self.mill)\n" * 60]
    split = train_model(text, TokenizerSettings(vocab_size=292))
    free = train_model(text, TokenizerSettings(vocab_size=292, split_scripts=False))
    assert not any("(" in piece and len(piece) > 1 for piece in pieces("call(self.mill)", split))
    assert any("(" in piece and len(piece) > 1 for piece in pieces("call(self.mill)", free))


def test_a_character_that_the_trainer_reserves_costs_no_line() -> None:
    bar = train_model(["millstone ▅▅▅ millstone\n" * 40], TokenizerSettings(vocab_size=290))
    assert pieces("millstone", bar) == ["millstone"]
    assert load_model(bar).decode(load_model(bar).encode("a ▅ b")) == "a ▅ b"


def sampled(store: Store, texts: list[str]) -> tuple:
    columns = {"id": pa.array([bytes([n] * 16) for n in range(len(texts))], pa.binary(16)), "text": texts}
    return (write_parquet(store, "sample", "all", pa.table(columns)),)


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_the_stage_writes_the_model_its_byte_counts_and_says_its_marks(model_type: str) -> None:
    store = Store(f"memory://train-{model_type}")
    settings = TokenizerSettings(vocab_size=330, model_type=model_type)
    part = train_part(settings, Path(), sampled(store, TEXTS))
    output = TRAIN.work(store, part)
    found = locked(entry(output))
    assert bytes(store.get(found.model.path)) == train_model(TEXTS, settings)
    assert (found.bos_id, found.tokenizer.eos_id, found.tokenizer.pad_id) == (BOS, EOS, PAD)
    assert found.control == {"<fim_prefix>": 4, "<fim_middle>": 5, "<fim_suffix>": 6}
    sizes = np.load(pa.BufferReader(store.get(found.tokenizer.token_bytes_path)))
    assert np.array_equal(sizes, bytes_per_id(read_model(store.get(found.model.path))))
    assert {file.path.split("/")[-1] for file in found.files[2:]} == {"tokenizer.json", "tokenizer_config.json"}
    assert TRAIN.work(store, part) == output
    first = load_model(store.get(found.model.path)).piece_to_id("<0x80>")
    assert found.continuation == (first, first + 64)


def entry(output: Output) -> Entry:
    return Entry("tokenizer", "all", "", "", {}, output.files, output.counts, output.info)


def test_an_empty_sample_is_refused() -> None:
    store = Store("memory://train-empty")
    with pytest.raises(RecipeError, match="no document is left to train on"):
        TRAIN.work(store, train_part(SETTINGS, Path(), sampled(store, [])))
