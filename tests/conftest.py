"""A small world that every test can build on: a recipe with web, books, code and rows, made anew from a seed."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings

from corpus.files import File, write_arrow, write_bytes, write_parquet
from corpus.schema import SELECTION, tokens_schema
from corpus.shard import Rows, Shard, Tokenizer, write_shard
from corpus.stage import Part
from corpus.store import Store
from corpus.version import path_of, point, sealed
from mixtures.pieces import PieceSettings, added_up, cut_pieces

# The first call of a compiled kernel takes seconds; runs are the same each time, so a failure is never a surprise.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

WORDS = """
the mill grinds grain into flour and water turns the great wheel while a miller listens to every stone that moves
below the wooden floor because old gears have to be watched with care when rivers rise in spring and farmers bring
barley oats rye wheat in heavy sacks from fields beyond the hill where larks sing over green roads to town
""".split()  # noqa: SIM905 - reads better than seventy quotes

RECIPE = """
name = "small"
seed = 7

[[source]]
name = "web"
kind = "web"
root = "raw/web"
files = ["*.warc.gz"]
chain = "mild"

[[source]]
name = "books"
kind = "books"
root = "raw/books"
files = ["*.txt"]
chain = "mild"

[[source]]
name = "code"
kind = "code"
root = "raw/code"
files = ["*.tar.gz"]
chain = "code"

[[source]]
name = "rows"
kind = "tabular"
root = "raw/rows"
files = ["*.jsonl"]
chain = "mild"
domain = "general"

[[chain.mild]]
name = "gopher_quality"
min_words = 20

[heldout]
share = 0.1

[mixture]
budget = 30000

[[mixture.domain]]
name = "web"
weight = 50
max_epochs = 4

[[mixture.domain]]
name = "books"
weight = 20
max_epochs = 4

[[mixture.domain]]
name = "code"
weight = 10
max_epochs = 9

[[mixture.domain]]
name = "general"
weight = "rest"
max_epochs = 4

[tokenizer]
vocab_size = 420
sample_bytes = 60000

[shards]
tokens = 8000
piece_tokens = 64
"""


def sentences(random_: random.Random, count: int) -> str:
    """Paragraphs of made-up sentences."""
    lines = []
    for n in range(count):
        words = random_.choices(WORDS, k=random_.randint(6, 14))
        lines.append(" ".join(words).capitalize() + "." + ("\n\n" if n % 5 == 4 else ""))
    return " ".join(lines).strip()


def warc_record(kind: str, url: str, body: bytes, number: int) -> bytes:
    """One gzip member with one WARC record."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number:032d}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", compresslevel=0, mtime=0)


def page(text: str) -> bytes:
    """An HTTP response with a small HTML page."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))
    head = "<!doctype html><html lang=en><head><title>Mill</title></head>"
    html = f"{head}<body><main><h1>Mill</h1>{body}</main></body></html>"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()


def _web(folder: Path, random_: random.Random) -> None:
    texts = [sentences(random_, 12) for _ in range(36)]
    texts[7] = texts[3]  # the same page twice
    texts[9] = texts[4] + " And one more line."  # nearly the same
    for number in range(3):
        chunk = texts[number * 12 : number * 12 + 12]
        records = [
            warc_record("response", f"https://mill.example/{number}/{n}", page(t), n) for n, t in enumerate(chunk)
        ]
        records.insert(1, warc_record("request", "https://mill.example/", b"GET / HTTP/1.1\r\n\r\n", 99))
        if number == 1:
            records[4] = records[4][:40] + bytes(20) + records[4][60:]  # a damaged member
        (folder / f"{number}.warc.gz").write_bytes(b"".join(records))


def _code(folder: Path, random_: random.Random) -> None:
    for number in range(2):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for n in range(8):
                lines = [
                    f"def {random_.choice(WORDS)}_{n}(x):\n    return x + {random_.randint(0, 999)}\n" for _ in range(9)
                ]
                content = "\n\n".join(lines).encode()
                info = tarfile.TarInfo(f"mill-{number}/src/{n}.py")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        (folder / f"mill-{number}.tar.gz").write_bytes(gzip.compress(data.getvalue(), compresslevel=0, mtime=0))


def make_world(folder: Path, seed: int = 1) -> Path:
    """Write raw files and a recipe; return the recipe's path."""
    random_ = random.Random(seed)
    for name in ("web", "books", "code", "rows"):
        (folder / "raw" / name).mkdir(parents=True)
    _web(folder / "raw/web", random_)
    for number in range(6):
        (folder / f"raw/books/{number}.txt").write_text(sentences(random_, 40) + "\n")
    _code(folder / "raw/code", random_)
    rows = [json.dumps({"text": sentences(random_, 10), "id": f"row-{n}"}) for n in range(20)]
    rows[5] = '{"text": broken'
    (folder / "raw/rows/rows.jsonl").write_text("\n".join(rows) + "\n")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.replace('name = "small"', 'name = "small"\nroot = "out"', 1))
    return recipe


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The path of a recipe whose corpus goes to ``out`` beside it."""
    return make_world(tmp_path)


@pytest.fixture(scope="session")
def world_at() -> Callable[..., Path]:
    """`make_world`, for tests that need several."""
    return make_world


Pieces = Sequence[tuple[int, int, str, Sequence[int]]]  # number of the document, of the piece, domain, ids


def some_pieces(seed: int, documents: int, vocab_size: int, eos_id: int) -> Iterator[tuple[int, int, str, list[int]]]:
    """Documents of 1 to 90 random ids and an end mark, in pieces of at most 40; of the domains web, code and books."""
    random_ = random.Random(seed)
    for document in range(documents):
        ids = [random_.randrange(4, vocab_size) for _ in range(random_.randint(1, 90))] + [eos_id]
        domain = random_.choice(("web", "web", "code", "books"))
        for piece, at in enumerate(range(0, len(ids), 40)):
            yield document, piece, domain, ids[at : at + 40]


def make_corpus(
    root: Path | str,
    pieces: Pieces | None = None,
    *,
    heldout: dict[str, Pieces] | None = None,
    shard_tokens: int = 1_000,
    vocab_size: int = 64,
    tokenizer_name: str = "t",
    order_name: str = "o",
) -> str:
    """Publish a corpus made of pieces in stream order, without running the path; its root.

    A shard ends with the piece that fills it to `shard_tokens`. Documents get the id md5(number), pieces the source
    of their domain's name; every id but the four first stands for two bytes. End mark 1, padding 2.
    """
    store = Store(root)
    if pieces is None:
        pieces = list(some_pieces(0, 200, vocab_size, 1))
    if heldout is None:
        heldout = {"web": [p for p in some_pieces(1, 20, vocab_size, 1) if p[2] == "web"]}
    sizes = io.BytesIO()
    np.save(sizes, np.array([0] * 4 + [2] * (vocab_size - 4), np.int32))
    table = write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue())
    name, order = (hashlib.sha256(text.encode()).hexdigest() for text in (tokenizer_name, order_name))
    tokenizer = Tokenizer("tokenizer/t.model", name, vocab_size, 1, 2, table.path)

    def write(folder: str, prefix: str, pieces: Pieces) -> Iterator[Shard]:
        ends = np.cumsum([len(ids) for *_, ids in pieces]) if pieces else np.zeros(0, np.int64)
        numbers = (ends - [len(ids) for *_, ids in pieces]) // shard_tokens
        for number in sorted(set(numbers.tolist())):
            mine = [pieces[k] for k in np.flatnonzero(numbers == number).tolist()]
            yield write_shard(store, folder, f"{prefix}{number:05d}", rows_of(mine, vocab_size), tokenizer, order)

    what = {
        "corpus": "made",
        "version": 1,
        "tokenizer": asdict(tokenizer),
        "order": {"path": "order/train", "sha256": order},
        "shards": [asdict(shard) for shard in write("shards", "", pieces)],
        "heldout": {d: [asdict(s) for s in write("shards/heldout", f"{d}-", p)] for d, p in heldout.items()},
        "mixture": [],
        "files": [table.plain()],
        "inputs": [],
        "ledger": [],
    }
    publish_version(store, what)
    return store.url


def publish_version(store: Store, what: dict[str, Any]) -> None:
    """Write a version and make it the current one, without checking what it says."""
    store.put(path_of(what["version"]), sealed(what))
    point(store, what["version"])


def rows_of(pieces: Pieces, vocab_size: int) -> Rows:
    """Pieces as the columns of one shard."""
    dtype = np.uint16 if vocab_size <= 1 << 16 else np.uint32
    ids = b"".join(hashlib.md5(str(document).encode()).digest() for document, *_ in pieces)
    domains = pa.array([domain for _, _, domain, _ in pieces], pa.string())
    return Rows(
        tokens=np.concatenate([np.asarray(ids, dtype) for *_, ids in pieces]),
        lengths=np.array([len(ids) for *_, ids in pieces], np.int64),
        doc_id=np.frombuffer(ids, np.uint8).reshape(-1, 16),
        piece=np.array([piece for _, piece, _, _ in pieces], np.int32),
        source=domains,
        domain=domains,
        lang=pa.array(["en"] * len(pieces), pa.string()),
        utf8_bytes=np.array([2 * sum(token > 3 for token in ids) for *_, ids in pieces], np.int64),
    )


@pytest.fixture(scope="session")
def made_corpus() -> Callable[..., str]:
    """`make_corpus`: `made_corpus(folder, pieces, heldout={...}, shard_tokens=...)` gives the root of a corpus."""
    return make_corpus


@pytest.fixture(scope="session")
def made_rows() -> Callable[..., Rows]:
    """`rows_of`: the columns of one shard from pieces."""
    return rows_of


def make_encoded(root: Path | str, documents: dict[str, int], *, piece_tokens: int = 40) -> dict[str, Any]:
    """Publish what a search reads: tokens and pieces of random documents, `documents[source]` of each in two parts.

    A source's domain has its name; one document in ten is held out. End mark 1, padding 2; 64 ids of two bytes each.
    """
    store, random_ = Store(root), random.Random(3)
    files: list[File] = []
    stocks = []
    for source, count in documents.items():
        for number in range(2):
            ids = [hashlib.md5(f"{source}/{number}/{n}".encode()).digest() for n in range(count // 2)]
            tokens = [[random_.randrange(4, 64) for _ in range(random_.randint(1, 90))] for _ in ids]
            encoded = pa.table(
                [ids, tokens, ["en"] * len(ids), [2 * len(each) for each in tokens]], schema=tokens_schema(64)
            )  # fmt: skip
            split = ["heldout" if n % 10 == 9 else "train" for n in range(len(ids))]
            columns = {"id": ids, "kept": [True] * len(ids), "split": split}
            chosen = pa.table([pa.array(columns.get(f.name, [None] * len(ids)), f.type) for f in SELECTION], SELECTION)
            part = f"{source}/{number}"
            given = (write_arrow(store, "tokens", part, encoded), write_parquet(store, "selection", part, chosen))
            out = cut_pieces(store, Part(part, given, PieceSettings(piece_tokens, (0, 0)), source))
            files += [*given, *out.files]
            stocks.append(out.info["stock"])
    sizes = io.BytesIO()
    np.save(sizes, np.array([0] * 4 + [2] * 60, np.int32))
    table = write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue())
    what = {
        "corpus": "made",
        "version": 1,
        "tokenizer": asdict(Tokenizer("tokenizer/t.model", "0" * 64, 64, 1, 2, table.path)),
        "domains": {source: source for source in documents},
        "stock": added_up(stocks),
        "files": [file.plain() for file in files],
        "mixture": [],
        "stages": [],
    }
    publish_version(store, what)
    return what


@pytest.fixture(scope="session")
def made_encoded() -> Callable[..., dict[str, Any]]:
    """`make_encoded`: `made_encoded(folder, {"web": 100})` gives the version."""
    return make_encoded


@cache
def small_tokenizer() -> bytes:
    """A SentencePiece model of 400 ids with bytes and the marks of fill-in-the-middle."""
    from corpus.recipe import TokenizerSettings
    from tokenizer.train import train_model

    text = sentences(random.Random(5), 200)
    return train_model([text, "def mill(x):\n    return x + 1\n"], TokenizerSettings(vocab_size=400))


def make_run(out: Path, *, objective: str = "next", sequence_length: int = 32, **model: Any) -> Path:
    """A training run's folder with a checkpoint of step 7 and a tokenizer in both its forms; `out`.

    `model` changes settings of a model with two layers of width 32. Every weight is drawn at random: what starts at
    zero would hide what it does.
    """
    import torch

    from pretrain.checkpoint import FOLDER, Meta, Saver
    from pretrain.config import ModelConfig, ObjectiveConfig, OptimConfig, TrainConfig
    from pretrain.model import build_model
    from pretrain.parallel import Ranks
    from tokenizer.huggingface import write_huggingface
    from tokenizer.model import read_model

    shape: dict[str, Any] = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "hidden": 48}
    settings = TrainConfig(
        model=ModelConfig(**shape | model), optim=OptimConfig(lr=0.1, embedding_lr=0.1, head_lr=0.1),
        objective=ObjectiveConfig(name=objective), steps=7, sequence_length=sequence_length, batch_windows=1,
    )  # fmt: skip
    torch.manual_seed(0)
    built = build_model(settings.model, 400, sequence_length)
    with torch.no_grad():
        for name, tensor in built.state_dict().items():
            tensor.normal_(std=0.05 if name.endswith("feed.bias") else 0.3)
            if tensor.dim() == 1 and not name.endswith("feed.bias"):
                tensor.add_(1)
    out.mkdir(parents=True)
    (out / "tokenizer.model").write_bytes(small_tokenizer())
    store = Store(str(out / "published"))
    for file in write_huggingface(store, read_model(small_tokenizer()))[0]:
        (out / Path(file.path).name).write_bytes(store.get(file.path))
    digest = hashlib.sha256(small_tokenizer()).hexdigest()
    saver = Saver(out / FOLDER, Ranks(torch.device("cpu")), keep=1)
    saver.save(Meta(7, 7, "", 1, digest, "o", 400, asdict(settings)), {"model": built.state_dict()})
    saver.wait()
    return out


@pytest.fixture(scope="session")
def made_run() -> Callable[..., Path]:
    """`make_run`: `made_run(folder, tied=True, objective="fim")` gives a run's folder."""
    return make_run


@pytest.fixture
def long_training(tmp_path: Path) -> Path:
    """Settings of a training that somebody has to stop: a narrow model, 100,000 steps, a report at each."""
    path = tmp_path / "run.toml"
    path.write_text(
        "steps = 100_000\nsequence_length = 32\nbatch_windows = 4\nlog_every = 1\nheldout_tokens = 512\n"
        'device = "cpu"\nthreads = 1\n'
        "[model]\nlayers = 1\nwidth = 16\nheads = 1\nkv_heads = 1\nhidden = 32\n"
        "[optim]\nlr = 0.01\nembedding_lr = 0.01\nhead_lr = 0.01\n",
        encoding="utf-8",
    )
    return path
