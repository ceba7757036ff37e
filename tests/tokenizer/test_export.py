"""Exports: every format holds the stream, appears whole or not at all, and says what it leaves out."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from typer.testing import CliRunner

from corpus.errors import DataError, InputError, RecipeError, StoreError
from corpus.shard import Corpus, open_corpus
from corpus.store import Store
from corpus.version import path_of, point, read_version, sealed
from tokenizer.export.export import FORMATS, export
from tokenizer.export.settings import Settings
from tokenizer.export.stream import streams

Made = Callable[..., str]
VOCABULARIES = (64, 65_520, 70_000)  # uint16 everywhere; beyond Megatron's uint16; uint32


@pytest.fixture(scope="module", params=VOCABULARIES)
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, made_corpus: Made) -> Corpus:
    """Several shards, documents in one to three pieces, held-out documents of one domain."""
    return open_corpus(made_corpus(tmp_path_factory.mktemp("corpus") / "c", vocab_size=request.param))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, made_corpus: Made) -> Corpus:
    return open_corpus(made_corpus(tmp_path_factory.mktemp("small") / "c"))


def ids(corpus: Corpus, name: str) -> np.ndarray:
    stream = corpus.train if name == "train" else corpus.heldout[name.removeprefix("heldout-")]
    return stream.tokens(0, stream.num_tokens)


def digest(tokens: np.ndarray) -> str:
    return xxhash.xxh3_128_hexdigest(tokens.astype("<u4").tobytes())


def read(to: str, folder: Path, settings: Settings) -> tuple[np.ndarray, list[int]]:
    chunks = list(FORMATS[to].read(folder, settings))
    return np.concatenate([c.tokens for c in chunks]), [n for c in chunks for n in c.lengths.tolist()]


@pytest.mark.parametrize("file_tokens", [0, 333])
@pytest.mark.parametrize("to", FORMATS)
def test_an_export_holds_the_streams_token_for_token(corpus: Corpus, tmp_path: Path, to: str, file_tokens: int) -> None:
    length = 7 if to == "litdata" else 0
    out = tmp_path / "out"
    done = export(corpus.store, to, str(out), split="all", sequence_length=length, file_tokens=file_tokens)
    assert [one.name for one in done] == ["train", "heldout-web"]
    settings = Settings(corpus.tokenizer.vocab_size, "", length, file_tokens)
    said = json.loads((out / "gristmill.json").read_text())
    for one, told, stream in zip(done, said["streams"], _streams(corpus), strict=True):
        tokens, lengths = read(to, out / one.name, settings)
        rows = [int(n) for chunk in stream.chunks() for n in chunk.lengths]
        assert np.array_equal(tokens, ids(corpus, one.name))
        assert len(rows) == one.rows >= 10
        assert lengths == rows if to != "litdata" else set(np.cumsum(lengths)) >= set(np.cumsum(rows))
        assert told["xxh3_128"] == digest(tokens)
        assert (told["tokens"], told["left_out"]) == (len(tokens), 0)
    assert (said["order_sha256"], said["tokenizer_sha256"]) == (corpus.order_sha256, corpus.tokenizer_sha256)
    assert (out / "tokenizer/token_bytes.npy").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def _streams(corpus: Corpus) -> list[Any]:
    return streams(corpus.store, read_version(corpus.store), "all")


@pytest.mark.parametrize("to", FORMATS)
def test_the_same_corpus_gives_the_same_bytes(small: Corpus, tmp_path: Path, to: str) -> None:
    for name in ("a", "b"):
        export(small.store, to, str(tmp_path / name), sequence_length=16)
    files = [p.relative_to(tmp_path / "a") for p in sorted((tmp_path / "a").rglob("*")) if p.is_file()]
    assert len(files) >= 4
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_megatron_to_the_byte(small: Corpus, tmp_path: Path) -> None:
    (done,) = export(small.store, "megatron", str(tmp_path / "out"))
    index = (tmp_path / "out/train/tokens.idx").read_bytes()
    assert index[:18] == b"MMIDIDX\0\0" + (1).to_bytes(8, "little") + b"\x08"
    assert len(index) == 42 + 20 * done.rows
    assert (tmp_path / "out/train/tokens.bin").stat().st_size == 2 * done.tokens


@pytest.mark.parametrize(("vocab", "dtype"), [(65_499, "uint16"), (65_500, "int32"), (65_536, "int32")])
def test_megatron_takes_uint16_only_below_its_own_limit(
    tmp_path: Path, made_corpus: Made, vocab: int, dtype: str
) -> None:
    (done,) = export(Store(made_corpus(tmp_path / "c", vocab_size=vocab)), "megatron", str(tmp_path / "out"))
    assert done.dtype == dtype


def test_olmo_names_every_row(small: Corpus, tmp_path: Path) -> None:
    export(small.store, "olmo", str(tmp_path / "out"), file_tokens=500)
    (stream, _) = _streams(small)
    wanted = [doc.hex() for chunk in stream.chunks() for doc in chunk.batch.column("doc_id").to_pylist()]
    lines = [
        line.replace('"', "").split(",")
        for path in sorted((tmp_path / "out/train").glob("*.csv.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
    ]
    assert [line[2] for line in lines] == wanted
    places = [(chunk.path, row) for chunk in stream.chunks() for row in range(len(chunk.lengths))]
    assert [(line[3], int(line[4])) for line in lines] == places


def test_mds_samples_of_one_length_say_what_is_left_out(small: Corpus, tmp_path: Path) -> None:
    (done,) = export(small.store, "mds", str(tmp_path / "out"), sequence_length=100, file_tokens=1_050)
    stream = ids(small, "train")
    assert done.left_out == len(stream) % 100 > 0
    assert f"last {done.left_out} tokens are in none" in done.notes[0]
    tokens, lengths = read("mds", tmp_path / "out/train", Settings(64, "", 100))
    assert np.array_equal(tokens, stream[: -done.left_out])
    assert set(lengths) == {100}
    assert done.xxh3_128 == digest(tokens)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_mds_rows_whose_length_takes_one_two_or_four_bytes(tmp_path: Path, made_corpus: Made, width: int) -> None:
    count = {1: 255, 2: 256, 4: 65_536}[width]
    pieces = [(0, 0, "web", [5] * count), (1, 0, "web", [6, 1])]
    root = made_corpus(tmp_path / "c", pieces, heldout={}, shard_tokens=1 << 20)
    export(Store(root), "mds", str(tmp_path / "out"))
    assert read("mds", tmp_path / "out/train", Settings(64, ""))[1] == [count, 2]


def test_a_stream_shorter_than_a_sequence_is_told_not_written(small: Corpus, tmp_path: Path) -> None:
    done = export(small.store, "mds", str(tmp_path / "out"), split="all", sequence_length=2_000)
    assert [(one.name, one.files > 0) for one in done] == [("train", True), ("heldout-web", False)]
    assert not (tmp_path / "out/heldout-web").exists()
    with pytest.raises(RecipeError, match=r"no stream fills a sequence of 1,000,000 tokens, the longest has "):
        export(small.store, "mds", str(tmp_path / "none"), split="all", sequence_length=1_000_000)
    assert not (tmp_path / "none").exists()


def test_a_split_without_a_stream_is_refused(tmp_path: Path, made_corpus: Made) -> None:
    store = open_corpus(made_corpus(tmp_path / "c", heldout={})).store
    with pytest.raises(InputError, match="version 1 has no stream of split 'heldout'"):
        export(store, "megatron", str(tmp_path / "out"), split="heldout")


@pytest.mark.parametrize("to", ["mds", "litdata"])
def test_a_sequence_beyond_the_offsets_of_a_format_is_refused(small: Corpus, tmp_path: Path, to: str) -> None:
    with pytest.raises(RecipeError, match="more than its 32-bit offsets reach"):
        export(small.store, to, str(tmp_path / "out"), sequence_length=1 << 31)


def test_litdata_chunks_are_multiples_of_the_block(small: Corpus, tmp_path: Path) -> None:
    (done,) = export(small.store, "litdata", str(tmp_path / "out"), sequence_length=33, file_tokens=1_000)
    chunks = json.loads((tmp_path / "out/train/index.json").read_text())["chunks"]
    assert {chunk["dim"] for chunk in chunks[:-1]} == {990}
    assert f"the last {done.tokens % 33} of the stream fill none" in done.notes[0]
    with pytest.raises(RecipeError, match="--sequence-length 2049"):
        export(small.store, "litdata", str(tmp_path / "other"))


@pytest.mark.parametrize(("to", "more"), [("nanoset", 1), ("olmo", 0)])
def test_what_a_reader_passes_over_at_file_ends_is_counted(small: Corpus, tmp_path: Path, to: str, more: int) -> None:
    (done,) = export(small.store, to, str(tmp_path / "out"), sequence_length=50)
    (stream, _) = _streams(small)
    lost = sum(len(chunk.tokens) % (50 + more) for chunk in stream.chunks())
    assert f"passes over {lost:,} tokens" in done.notes[0]


def test_every_column_reaches_hugging_face(small: Corpus, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    export(small.store, "hf", str(tmp_path / "out"), split="all", file_tokens=700)
    loaded = datasets.load_from_disk(str(tmp_path / "out"))
    files = sorted(str(path) for path in (tmp_path / "out/train").glob("*.arrow"))
    again = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    stream, held = _streams(small)
    batches = [chunk.batch for chunk in stream.chunks()]
    wanted = {name: [v for b in batches for v in b.column(name).to_pylist()] for name in batches[0].schema.names}
    assert loaded["train"].to_dict() == again.to_dict() == wanted
    assert loaded["train"].features == again.features
    assert loaded["heldout-web"]["piece"][:] == [v for c in held.chunks() for v in c.batch.column("piece").to_pylist()]


@pytest.mark.parametrize("to", FORMATS)
def test_a_byte_that_changed_on_its_way_is_found(
    small: Corpus, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = FORMATS[to]

    def write(folder: Path, chunks: Any, settings: Settings) -> Any:
        written = how.write(folder, chunks, settings)
        largest = max(folder.iterdir(), key=lambda path: (path.suffix != ".idx", path.stat().st_size))
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.write_bytes(data)
        return written

    monkeypatch.setitem(FORMATS, to, how._replace(write=write))
    with pytest.raises(DataError):
        export(small.store, to, str(tmp_path / "out"), sequence_length=16)
    assert not list(tmp_path.iterdir())


def test_nothing_is_seen_of_an_export_that_fails(tmp_path: Path, made_corpus: Made) -> None:
    root = made_corpus(tmp_path / "c")
    last = sorted((tmp_path / "c/shards").glob("*.arrow"))[-1]
    last.unlink()
    (tmp_path / "to/out.part").mkdir(parents=True)  # of an export that was killed
    with pytest.raises(DataError, match=last.name):
        export(Store(root), "megatron", str(tmp_path / "to/out"))
    assert not list((tmp_path / "to").iterdir())


def test_a_place_that_is_taken_is_left_alone(small: Corpus, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious").write_text("mine")
    with pytest.raises(InputError, match="something lies there"):
        export(small.store, "hf", str(tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/precious").read_text() == "mine"


def test_the_tokenizer_lies_beside_under_plain_names(tmp_path: Path, made_corpus: Made) -> None:
    store = Store(made_corpus(tmp_path / "c"))
    what = read_version(store)
    names = {
        "tokenizer/tokenizer.0123456789ab.model": "tokenizer.model",
        "tokenizer/huggingface.0123456789ab/tokenizer.json": "tokenizer.json",
        "tokenizer/huggingface.0123456789ab/tokenizer_config.json": "tokenizer_config.json",
    }
    for path, name in names.items():
        store.put(path, name.encode())
        what["files"].append({"path": path})
    store.put(path_of(2), sealed(what | {"version": 2}))
    point(store, 2)
    export(store, "megatron", str(tmp_path / "out"))
    there = {path.name: path.read_bytes() for path in (tmp_path / "out/tokenizer").iterdir()}
    assert set(there) == {*names.values(), "token_bytes.npy"}
    assert all(there[name] == name.encode() for name in names.values())


def test_a_file_in_the_way_is_said_before_anything_is_written(small: Corpus, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="something lies there"):
        export(small.store, "hf", str(tmp_path / "out"))
    (tmp_path / "empty").mkdir()
    export(small.store, "hf", str(tmp_path / "empty"))
    assert (tmp_path / "empty/train/state.json").exists()


def test_a_disk_that_cannot_be_written_is_said(small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(folder: Path, chunks: Any, settings: Settings) -> Any:
        raise OSError(28, "No space left on device")

    for to, out in (("olmo", str(tmp_path / "out")), ("mds", "memory://full/there")):
        monkeypatch.setitem(FORMATS, to, FORMATS[to]._replace(write=write))
        with pytest.raises(StoreError, match="No space left on device"):
            export(small.store, to, out)
    assert not list(tmp_path.iterdir())


def test_what_is_no_format_is_said(small: Corpus, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="megatron, mds, litdata, nanoset, olmo, hf"):
        export(small.store, "tfrecord", str(tmp_path / "out"))


def test_an_object_store_gets_the_same_files(small: Corpus, tmp_path: Path) -> None:
    export(small.store, "olmo", str(tmp_path / "out"), split="all")
    export(small.store, "olmo", "memory://exported/there", split="all")
    there = Store("memory://exported/there")
    files = {p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert set(there.list("")) == set(files)
    for name, path in files.items():
        assert bytes(there.get(name)) == path.read_bytes()
    with pytest.raises(InputError):
        export(small.store, "olmo", "memory://exported/there")


def test_the_command_says_what_it_wrote(small: Corpus, tmp_path: Path) -> None:
    import typer

    from report.export import export as command

    app = typer.Typer()
    app.command()(command)
    place = tmp_path / "out"
    options = ["--to", "nanoset", "--out", str(place), "--split", "all", "--sequence-length", "50"]
    done = CliRunner().invoke(app, [small.store.url, *options])
    assert done.exit_code == 0, done.output
    said = json.loads((place / "gristmill.json").read_text())
    for stream in said["streams"]:
        assert f"{stream['name']}: {stream['tokens']:,} tokens" in done.output
        assert stream["xxh3_128"] in done.output
