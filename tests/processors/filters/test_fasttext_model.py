"""What fastText says comes through: the same labels and chances as its own call, nulls and newlines told apart."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus.errors import InputError
from processors.filters import fasttext_model
from processors.filters.fasttext_model import chance_of, load_model, predict
from processors.filters.language import model_file

TEXTS = [
    "The quick brown fox jumps over the lazy dog.\nAnd it was good.",
    "Der schnelle braune Fuchs springt über den faulen Hund.\r\n\n",
    "敏捷的棕色狐狸跳过了懒狗。",
    "12345 ... !!!",
    "a\tb\vc\fd\0e",
    "x",
]


@pytest.fixture
def model() -> Any:
    return load_model(model_file())


@pytest.fixture(scope="module")
def ham(tmp_path_factory: Any) -> Any:
    import fasttext_new

    folder = tmp_path_factory.mktemp("model")
    lines = ["__label__ham good honest words here", "__label__spam buy cheap pills now"] * 20
    (folder / "train.txt").write_text("\n".join(lines))
    fasttext_new.train_supervised(str(folder / "train.txt"), epoch=20, lr=1.0, thread=1, dim=8).save_model(
        str(folder / "m.bin")
    )
    return load_model(folder / "m.bin")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_labels_and_chances_are_fasttexts_own(model: Any, kind: pa.DataType) -> None:
    labels, chances = predict(model, pa.array(TEXTS, kind))
    for text, label, chance in zip(TEXTS, labels.to_pylist(), chances.to_pylist(), strict=True):
        ((name,), (value,)) = model.predict(text.replace("\n", " "))
        assert (f"__label__{label}", chance) == (name, min(round(float(value), 4), 1.0))


def test_nulls_empty_and_unknown_texts(model: Any, ham: Any) -> None:
    labels, chances = predict(model, pa.array([None, "Ja, das ist gut so.", None], pa.large_string()))
    assert labels.to_pylist() == [None, "de", None]
    assert chances.is_null().to_pylist() == [True, False, True]
    none = pa.array([], pa.large_string())
    assert [len(each) for each in predict(model, none)] == [0, 0]
    assert len(chance_of(ham, none, "spam")) == 0
    labels, chances = predict(model, pa.array(["", " ", "\n"], pa.large_string()))
    assert labels.null_count == chances.null_count


def test_slices_are_read_in_their_place(model: Any) -> None:
    texts = pa.array([*TEXTS, None], pa.large_string())
    assert predict(model, texts.slice(2, 5))[0].equals(predict(model, texts)[0].slice(2, 5))


def test_window_is_counted_in_characters(model: Any) -> None:
    texts = pa.array(
        ["Это русский текст. " * 3 + "This is English now, and it goes on and on. " * 20], pa.large_string()
    )
    assert predict(model, texts)[0].to_pylist() == ["en"]
    assert predict(model, texts, window=50)[0].to_pylist() == ["ru"]
    cut = pa.array([texts[0].as_py()[:50]], pa.large_string())
    assert predict(model, texts, window=50)[1].equals(predict(model, cut)[1])


def test_many_calls_say_the_same(model: Any, monkeypatch: Any) -> None:
    texts = pa.array([*TEXTS, None, ""] * 3, pa.large_string())
    once = predict(model, texts)
    monkeypatch.setattr(fasttext_model, "_BATCH_BYTES", 20)
    again = predict(model, texts)
    assert once[0].equals(again[0])
    assert once[1].equals(again[1])


def test_chance_of_one_label(ham: Any) -> None:
    texts = pa.array(["buy pills", None, "honest words"], pa.large_string())
    spam, good = chance_of(ham, texts, "spam").to_pylist(), chance_of(ham, texts, "__label__ham").to_pylist()
    assert spam[0] > 0.9 > good[0]
    assert spam[1] is None
    assert spam[2] < 0.1 < good[2]
    assert spam[0] + good[0] == pytest.approx(1, abs=2e-4)
    assert chance_of(ham, texts, "spam").type == pa.float64()
    with pytest.raises(InputError, match="no label 'eggs'; it has 2: ham, spam"):
        chance_of(ham, texts, "eggs")


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"nothing")
    for name in ("m.bin", "missing.bin"):
        with pytest.raises(InputError, match=rf"{name}: no fastText model"):
            load_model(tmp_path / name)


def test_long_line(model: Any) -> None:
    texts = pa.array(["Das ist ein langer deutscher Satz ohne Ende. " * 50_000, "x" * 3_000_000], pa.large_string())
    labels, _ = predict(model, texts)
    assert labels[0].as_py() == "de"
