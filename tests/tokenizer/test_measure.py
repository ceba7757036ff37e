"""The report's numbers: of held-out documents as they are encoded, by domain and language."""

import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from corpus.errors import InputError
from corpus.files import File, write_arrow, write_bytes, write_parquet
from corpus.recipe import TokenizerSettings
from corpus.schema import SPANS
from corpus.store import Store
from corpus.version import path_of, point, sealed
from report import tokenizer as report
from tokenizer.measure import NOWHERE, heldout, measure
from tokenizer.model import load_model
from tokenizer.train import train_model

TEXT = "the mill grinds grain\n    def mill(x):\n        return x + 12\n" * 3
MODEL = train_model([TEXT], TokenizerSettings(vocab_size=340))
DOCUMENTS = {  # source → text, language, language of code, split
    "web": [("the mill", "en", "", "heldout"), ("grinds 水", "ja", "", "heldout"), ("never", "en", "", "train")],
    "code": [("secret = 1\nx = 12", "en", "Python", "heldout"), ("mill", "en", "Python", "")],
}
CUT = {"start": 0, "end": 11, "rule": "privacy", "replacement": ""}  # of the code


def ids_of(source: str) -> list[bytes]:
    return [f"{source:_<14}{n:02}".encode() for n in range(len(DOCUMENTS[source]))]


def words(texts: pa.Array, languages: pa.Array) -> np.ndarray:
    assert len(languages) == len(texts)
    return np.array([len(re.findall(r"\w+|[^\w\s]+", text)) for text in texts.to_pylist()])


def plain(file: File) -> dict[str, Any]:
    return {name: getattr(file, name) for name in File.__dataclass_fields__}


@pytest.fixture
def corpus(tmp_path: Path) -> Store:
    store = Store(tmp_path / "corpus")
    files = []
    for source, rows in DOCUMENTS.items():
        ids = pa.array(ids_of(source), pa.binary(16))
        texts, languages, code, splits = (list(column) for column in zip(*rows, strict=True))
        spans = pa.array([[CUT] if text.startswith("secret") else None for text in texts], SPANS)
        written = {
            "text": pa.array(texts, pa.large_string()),
            "code_language": pa.array([name or None for name in code], pa.string()),
        }
        tables = {
            "documents": pa.table({"id": ids, **written}),
            "scores": pa.table({"id": ids, "lang": languages, "spans": spans}),
            "selection": pa.table({"id": ids, "split": [split or None for split in splits]}),
        }  # fmt: skip
        files += [write_parquet(store, folder, f"{source}/0", table) for folder, table in tables.items()]
    held = {
        domain: [plain(write_arrow(store, "shards/heldout", domain, pa.table({"doc_id": ids_of(source)[:count]})))]
        for domain, source, count in (("prose", "web", 1), ("programs", "code", 1))
    }
    model = write_bytes(store, "tokenizer", "tokenizer", "model", MODEL)
    what = {"tokenizer": {"path": model.path}, "heldout": held, "files": [plain(file) for file in files]}
    store.create(path_of(1), sealed(what))
    point(store, 1)
    return store


def test_only_held_out_documents_are_read_as_they_are_encoded(corpus: Store) -> None:
    found = {}
    for some in heldout(corpus):
        places = zip(some.domains, some.languages.to_pylist(), strict=True)
        found |= dict(zip(some.texts.to_pylist(), places, strict=True))
    assert found == {"the mill": ("prose", "en"), "grinds 水": (NOWHERE, "ja"), "x = 12": ("programs", "Python")}


def test_numbers_are_those_of_the_processor(corpus: Store) -> None:
    (found,) = measure(corpus, {"ours": MODEL}, words)
    processor = load_model(MODEL)
    by = {(line.domain, line.language): line for line in found.lines}
    for key, text, count in (
        (("prose", "en"), "the mill", 2),
        ((NOWHERE, "ja"), "grinds 水", 2),
        (("programs", "Python"), "x = 12", 3),
    ):
        ids = processor.encode(text)
        line = by[key]
        assert (line.documents, line.bytes, line.words, line.tokens) == (1, len(text.encode()), count, len(ids))
        assert line.bytes_per_token == len(text.encode()) / len(ids)
        assert line.tokens_per_word == len(ids) / count
        assert (line.unknown, line.byte_tokens) == (0, sum(map(processor.is_byte, ids)))
    assert found.total().tokens == sum(line.tokens for line in found.lines) == found.used.sum()
    assert found.changed == 0
    given = {i for text in ("the mill", "grinds 水", "x = 12") for i in processor.encode(text)}
    texts = [i for i in range(340) if not (processor.is_byte(i) or processor.is_control(i) or processor.is_unknown(i))]
    assert found.never == len([i for i in texts if i not in given])
    assert found.longest(1)[0][0] == max(
        (found.model.pieces[i].replace("▁", " ") for i in texts if i in given), key=len
    )


def test_what_a_lossy_model_loses_is_counted_and_the_first_is_named(corpus: Store) -> None:
    ours, lossy = measure(corpus, {"ours": MODEL, "lossy": lossy_model()}, words)
    assert (ours.changed, lossy.changed) == (0, 2)  # of 水 and =
    assert lossy.first.startswith(ids_of("code")[0].hex() + ": ")
    assert next(line for line in lossy.lines if line.language == "ja").unknown == 1
    assert lossy.total().bytes == ours.total().bytes


def lossy_model() -> bytes:
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.split("\n")), model_writer=out, vocab_size=60, model_type="bpe", minloglevel=2,
        hard_vocab_limit=False,
    )  # fmt: skip
    return out.getvalue()


def test_a_corpus_without_held_out_documents_is_refused(corpus: Store) -> None:
    store = Store("memory://measure-none")
    store.create(path_of(1), sealed({"tokenizer": {}, "heldout": {}, "files": []}))
    point(store, 1)
    with pytest.raises(InputError, match=r"no document is held out; set \[heldout\] share"):
        measure(store, {"ours": MODEL}, words)


def test_the_report_says_it_and_compares(corpus: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_words", words)
    other = tmp_path / "other.model"
    other.write_bytes(lossy_model())
    found = report.measured(corpus.url, other)
    out = io.StringIO()
    report.show(Console(file=out, width=200), found)
    said = out.getvalue()
    assert "All 3 documents come back from their tokens as they were." in said
    assert "2 of 3 documents do not come back; the first is " + ids_of("code")[0].hex() in said
    header, rows = report.comparison(found)
    assert header == ("domain", "language", "this corpus", "other.model", "tokens")
    share = found[1].total().tokens / found[0].total().tokens - 1
    assert rows[-1][-1] == f"{share:+.1%}"


def test_a_narrow_terminal_costs_no_digit(
    corpus: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "_words", words)
    monkeypatch.setenv("COLUMNS", "60")
    report.tokenizer(corpus.url)
    said = capsys.readouterr().out
    header, rows = report.rows(report.measured(corpus.url)[0])
    assert all(cell in said for row in [header, *rows] for cell in row)


def test_where_there_are_no_words_none_are_divided_by(corpus: Store) -> None:
    (found,) = measure(corpus, {"ours": MODEL}, lambda texts, languages: np.zeros(len(texts), np.int64))
    header, rows = report.rows(found)
    assert {row[header.index("tokens/word")] for row in rows} == {""}


def test_texts_are_measured_however_many_go_at_once(corpus: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = measure(corpus, {"ours": MODEL}, words)
    monkeypatch.setattr("tokenizer.given._BATCH", 1)
    (again,) = measure(corpus, {"ours": MODEL}, words)
    assert again.lines == found.lines


def test_a_picture_needs_a_known_ending_a_place_and_its_packages(
    corpus: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"a picture ends in \.svg, \.png, \.html"):
        report.measured(corpus.url, out=tmp_path / "picture.gif")
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(InputError, match=r"pictures need .*pip install -e '\.\[report\]'"):
        report.measured(corpus.url, out=tmp_path / "picture.svg")


@pytest.mark.parametrize(("name", "head"), [("p.svg", b"<svg"), ("p.png", b"\x89PNG"), ("p.html", b"<!DOCTYPE html>")])
def test_a_picture_is_drawn(
    corpus: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: bytes
) -> None:
    for package in ("altair", "vl_convert"):
        pytest.importorskip(package)
    monkeypatch.setattr(report, "_words", words)
    report.measured(corpus.url, out=tmp_path / name)
    data = (tmp_path / name).read_bytes()
    assert data.lstrip().startswith(head)
    if name != "p.png":
        assert b"programs" in data
        assert not re.search(rb'src="http', data)


def test_what_is_no_model_is_refused(corpus: Store, tmp_path: Path) -> None:
    (tmp_path / "no.model").write_bytes(b"no")
    with pytest.raises(InputError, match=r"no\.model: not a SentencePiece model"):
        report.measured(corpus.url, tmp_path / "no.model")
    with pytest.raises(InputError, match="cannot be read"):
        report.measured(corpus.url, tmp_path / "gone.model")
