"""Encoding beside SentencePiece, kitoken and Hugging Face's tokenizers: `python benchmarks/tokens.py encode`.

Texts are those of ../shared/corpus: pages in scripts with blanks, code, and Chinese and Japanese pages. A BPE model of
32,000 pieces and a unigram one of 8,000 are trained on a part of them. Each side runs in a process of its own, single
thread. Cold: the two halves one after the other, nothing known before; warm: all texts again. Every text's ids are
compared. SentencePiece gives arrays, the cheapest that it can.
"""

import json
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from peers import Row, needed, print_head, print_rows, run

from corpus.recipe import TokenizerSettings
from tokenizer.huggingface import tokenizer_json
from tokenizer.model import read_model
from tokenizer.train import train_model

CORPUS = Path(__file__).parents[2] / "shared/corpus"
MOST = {"spaced": 16_000_000, "code": 16_000_000, "zh+ja": 4_000_000}  # characters of a kind
PEERS = ("sentencepiece", "kitoken", "tokenizers")
BARS = {  # at least so many times a peer's rate, with a warm cache
    "spaced": {"sentencepiece": 4.5, "kitoken": 1.3, "tokenizers": 5.0},
    "code": {"sentencepiece": 4.5, "kitoken": 1.3, "tokenizers": 5.0},
    "zh+ja": {"sentencepiece": 1.5},
}
MOST_MEGABYTES = 600


def main(corpus: Path = CORPUS) -> None:
    """Print the table."""
    texts = {kind: list(_first(each, MOST[kind])) for kind, each in _texts(needed(corpus)).items()}
    print_head()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        for kind, each in texts.items():
            (folder / f"{kind}.json").write_text(json.dumps(each))
        every = [text for each in texts.values() for text in each]
        for model_type, pieces, part in (("bpe", 32_000, every[::2]), ("unigram", 8_000, every[::10])):
            model = train_model(part, TokenizerSettings(vocab_size=pieces, model_type=model_type))
            (folder / model_type).write_bytes(model)
            (folder / f"{model_type}.json").write_text(json.dumps(tokenizer_json(read_model(model))))
            print_rows(_compared(folder, model_type, texts))
            print_rows(_memory(folder / model_type, model_type))


def _compared(folder: Path, model_type: str, texts: dict[str, list[str]]) -> Iterator[Row]:
    peers = PEERS if model_type == "bpe" else PEERS[:1]
    models = {who: f"{model_type}.json" if who == "tokenizers" else model_type for who in ("gristmill", *peers)}
    found = {
        who: run("gristmill" if who == "sentencepiece" else who, "encode_texts", who, folder / model, folder, *texts)
        for who, model in models.items()
    }
    for kind, each in texts.items():
        size = sum(len(text.encode()) for text in each) / 1e6
        first, second, warm = found["gristmill"][kind]["seconds"]
        sums = found["gristmill"][kind]["sums"]
        differ = sum(a != b for a, b in zip(sums, found["sentencepiece"][kind]["sums"], strict=True))
        told = f"{size / warm:.1f} MB/s warm, {size / (first + second):.1f} cold"
        yield Row(f"{model_type}, {kind}: {len(each)} texts, {size:.1f} MB", told, "", "", None)
        yield Row("… ids as SentencePiece's", f"{differ} texts differ", "", "0", differ == 0)
        for who in peers:
            seconds = found[who][kind]["seconds"][2]
            others = sum(a != b for a, b in zip(sums, found[who][kind]["sums"], strict=True))
            bar = BARS[kind].get(who) if model_type == "bpe" else 1.0
            yield Row(
                f"… beside {who}",
                f"{seconds / warm:.1f} × warm, {sum(found[who][kind]['seconds'][:2]) / (first + second):.1f} × cold",
                f"{size / seconds:.1f} MB/s" + (f", {others} texts differ" if who != "sentencepiece" else ""),
                f"≥ {bar} × warm" if bar else "", seconds / warm >= bar if bar else None,
            )  # fmt: skip


def _memory(model: Path, model_type: str) -> Iterator[Row]:
    for what in ("text", "dashes"):
        peak = run("gristmill", "encode_memory", model, what)["peak_bytes"] / 1e6
        yield Row(
            f"{model_type}, memory with one text of 20 MiB: {what}", f"{peak:.0f} MB", "", f"≤ {MOST_MEGABYTES} MB",
            peak <= MOST_MEGABYTES,
        )  # fmt: skip


def _first(texts: Iterator[str], most: int) -> Iterator[str]:
    for text in texts:
        if most <= 0:
            return
        yield text
        most -= len(text)


def _texts(corpus: Path) -> dict[str, Iterator[str]]:
    """The corpus' texts by kind."""
    if not corpus.is_dir():
        sys.exit(f"{corpus} is not there; put the corpus of real documents beside the checkout")
    rows = pq.read_table(corpus / "truth/texts.parquet", columns=["lang", "text"]).to_pylist()
    apart: dict[bool, list[str]] = {True: [], False: []}
    for row in rows:
        apart[row["lang"][:2] in ("zh", "ja")].append(row["text"])
    return {"spaced": iter(apart[False][::2]), "code": _code(corpus / "code"), "zh+ja": iter(apart[True])}


def _code(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                members = [archive.read(name) for name in archive.namelist()]
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                members = [_read(archive, member) for member in archive if member.isfile()]
        else:
            continue
        for data in members[::2]:
            text = data.decode(errors="replace")
            if text and "\ufffd" not in text and "\0" not in text:
                yield text


def _read(archive: Any, member: Any) -> bytes:
    data: bytes = archive.extractfile(member).read()
    return data
