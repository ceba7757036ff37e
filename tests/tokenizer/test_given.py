"""Models trained elsewhere: what is taken as it is, what is said of it, what is refused."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus.errors import DataError, RecipeError
from corpus.files import File, write_parquet
from corpus.recipe import TokenizerSettings
from corpus.stage import Entry
from corpus.store import Store
from tokenizer.given import batches
from tokenizer.lock import Locked, locked
from tokenizer.model import bytes_per_id, load_model, read_model
from tokenizer.train import TRAIN, train_part

TEXTS = ["the mill grinds grain\n    def mill(x):\n        return x + 12\n" * 3, "die Mühle ﬁnde ich schön\n" * 4]
LLAMA = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "byte_fallback": True}


def model(**options: Any) -> bytes:
    import sentencepiece

    out = io.BytesIO()
    given = {"model_type": "bpe", "vocab_size": 330, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1}
    lines = [line for text in TEXTS for line in text.split("\n") if line]
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, **given | options)
    return out.getvalue()


def sampled(store: Store) -> tuple[File]:
    ids = pa.array([b"%016d" % n for n in range(len(TEXTS))], pa.binary(16))
    return (write_parquet(store, "sample", "all", pa.table({"id": ids, "text": TEXTS})),)


def take(folder: Path, data: bytes, lossy: bool = False) -> Locked:
    (folder / "my.model").write_bytes(data)
    store = Store(folder / "corpus")
    part = train_part(TokenizerSettings(model="my.model", lossy=lossy), folder, sampled(store))
    output = TRAIN.work(store, part)
    assert bytes(store.get(output.files[0].path)) == data
    return locked(Entry("tokenizer", "all", "", "", {}, output.files, output.counts, output.info))


def test_a_model_that_keeps_everything_is_taken(tmp_path: Path) -> None:
    found = take(tmp_path, model(**LLAMA, add_dummy_prefix=False, pad_id=3, control_symbols=["<call>"]))
    assert (found.bos_id, found.tokenizer.eos_id, found.tokenizer.pad_id) == (1, 2, 3)
    assert found.control == {"<call>": 4}
    assert len(found.notes) == 1
    assert found.notes[0].startswith("the tokenizer is my.model, ")


def test_a_llama_like_model_is_taken_and_its_ways_are_said(tmp_path: Path) -> None:
    found = take(tmp_path, model(**LLAMA, add_dummy_prefix=True))
    assert found.tokenizer.pad_id == 0  # <unk>
    assert found.notes[1:] == (
        "it has no padding mark: <unk> (id 0) serves as one",
        "it puts a blank before each document, which decoding takes away again",
    )


def test_marks_by_other_names_are_found(tmp_path: Path) -> None:
    names = {"eos_piece": "<|end|>", "pad_piece": "<|pad|>", "bos_id": -1, "eos_id": 1, "pad_id": 2}
    found = take(tmp_path, model(**LLAMA, **names))
    assert (found.bos_id, found.tokenizer.eos_id, found.tokenizer.pad_id) == (None, 1, 2)


def test_a_model_that_loses_text_is_refused_unless_that_is_accepted(tmp_path: Path) -> None:
    lossy = model(normalization_rule_name="nmt_nfkc")
    with pytest.raises(RecipeError, match=r"2 of 2 sampled documents do not come back.*nmt_nfkc.*lossy = true"):
        take(tmp_path, lossy)
    found = take(tmp_path, lossy, lossy=True)
    assert "accepted with lossy = true: 2 of 2 sampled documents do not come back" in found.notes[1]
    assert "runs of blanks become one" in found.notes[1]
    assert found.continuation == (0, 0)
    assert any(note.startswith("no tokenizer.json is written") for note in found.notes)


def test_options_that_cost_this_sample_nothing_are_said(tmp_path: Path) -> None:
    everything = {**LLAMA, "byte_fallback": False, "character_coverage": 1.0, "user_defined_symbols": ["\n"]}
    found = take(tmp_path, model(**everything))
    assert found.notes[1] == "its tokens do not keep everything: characters outside the vocabulary become <unk>"


def test_a_model_without_an_end_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no end-of-document mark"):
        take(tmp_path, model(**LLAMA, eos_id=-1))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    for data in (b"nothing of the kind", b"", model(**LLAMA)[:5_000]):
        with pytest.raises(RecipeError, match="not a SentencePiece model"):
            take(tmp_path, data)
    with pytest.raises(DataError, match="not a SentencePiece model"):
        load_model(b"nothing of the kind")


def test_a_model_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.model").write_bytes(model(**LLAMA))
    store = Store(tmp_path / "corpus")
    part = train_part(TokenizerSettings(model="my.model"), tmp_path, sampled(store))
    (tmp_path / "my.model").write_bytes(model(**LLAMA, vocab_size=320))
    with pytest.raises(DataError, match="changed while"):
        TRAIN.work(store, part)


UNIGRAM = {"model_type": "unigram", "vocab_size": 60}


@pytest.mark.parametrize("options", [{}, LLAMA, {**LLAMA, "add_dummy_prefix": False}, UNIGRAM])
def test_a_file_is_read_as_the_library_reads_it(options: dict[str, Any]) -> None:
    data = model(**options)
    processor, found = load_model(data), read_model(data)
    ids = range(processor.get_piece_size())
    assert list(found.pieces) == [processor.id_to_piece(i) for i in ids]
    assert found.scores.tolist() == [processor.get_score(i) for i in ids]
    assert [kind == 6 for kind in found.kinds] == [processor.is_byte(i) for i in ids]
    marks = (processor.unk_id(), processor.bos_id(), processor.eos_id(), processor.pad_id())
    assert (found.unk_id, found.bos_id, found.eos_id, found.pad_id) == marks
    assert found.model_type == options.get("model_type", "bpe")
    assert found.add_dummy_prefix is options.get("add_dummy_prefix", True)
    assert len(bytes_per_id(found)) == len(ids)


def test_texts_go_through_a_million_characters_at_a_time() -> None:
    texts = ["a" * 400_000] * 5 + ["", "b" * 3_000_000, "", "c"]
    found = list(batches(iter(texts)))
    assert [text for batch in found for text in batch] == texts
    assert [sum(map(len, batch)) for batch in found] == [800_000, 800_000, 400_000, 3_000_000, 1]
