"""A step's documents and a document's steps, on a corpus made of pieces and on one that was built."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from corpus.errors import InputError, RecipeError
from corpus.files import write_parquet
from corpus.loader import Loader
from corpus.schema import DOCUMENTS
from corpus.shard import Corpus, open_corpus
from corpus.store import Store
from corpus.version import path_of, point, read_version, sealed
from pretrain.config import load_config
from report.steps import documents_of, places_of, read_by
from report.where import where

MadeCorpus = Callable[..., str]
SETTINGS = [{}, {"shuffle_block": 16, "seed": 3}, {"pack_block": 8}, {"pack_block": 8, "shuffle_block": 4}]


def identity(document: int) -> str:
    return hashlib.md5(str(document).encode()).hexdigest()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, made_corpus: MadeCorpus) -> Corpus:
    return open_corpus(made_corpus(tmp_path_factory.mktemp("where") / "c"))


@pytest.mark.parametrize("chosen", SETTINGS)
def test_what_a_step_reads_is_found_again_from_its_documents(corpus: Corpus, chosen: dict[str, int]) -> None:
    loader, batch = Loader(corpus, 32, **chosen), 4
    for step in (1, 3, loader.num_windows // batch + 2):  # the last one in the second epoch
        found = documents_of(loader, step, batch)
        tokens = loader.tokens((step - 1) * batch, batch)
        assert {each.window for each in found} == set(range(batch))
        for each in found:
            ids = corpus.train.tokens(each.position, each.position + each.last - each.first)
            row = tokens[each.window].tolist()
            assert any(row[k : k + len(ids)] == ids.tolist() for k in range(len(row)))
            whole, places = places_of(corpus, each.id[:12])
            assert whole == each.id
            epoch = ((step - 1) * batch + each.window) // loader.num_windows
            (lies,) = [read_by(loader, p, batch, epoch) for p in places if (p.shard, p.row) == (each.shard, each.row)]
            assert (step - 1) * batch + each.window in lies.windows and step in lies.steps
            assert lies.start + each.first == each.position and lies.piece == each.piece


def test_places_are_all_of_a_documents_pieces(corpus: Corpus) -> None:
    whole, places = places_of(corpus, identity(7))
    assert whole == identity(7)
    rows = [row for row in corpus.train.rows(0, corpus.train.num_tokens).to_pylist() if row["doc_id"].hex() == whole]
    assert [(p.piece, p.start, p.tokens) for p in places if not p.heldout] == [
        (row["piece"], row["start"], row["stop"] - row["start"]) for row in rows
    ]


def test_a_held_out_document_is_read_by_no_step(tmp_path: Path, made_corpus: MadeCorpus) -> None:
    root = made_corpus(tmp_path / "c", [(0, 0, "web", [5] * 99 + [1])], heldout={"web": [(9, 0, "web", [5, 6, 1])]})
    opened = open_corpus(root)
    (lies,) = places_of(opened, identity(9))[1]
    assert lies.heldout and read_by(Loader(opened, 8), lies, 4) == lies


def test_origins_are_told_where_the_corpus_has_its_documents(tmp_path: Path, made_corpus: MadeCorpus) -> None:
    root = made_corpus(tmp_path / "c", [(0, 0, "web", [5] * 30 + [1]), (1, 0, "books", [6] * 30 + [1])])
    store, what = Store(root), read_version(Store(root))
    row = dict.fromkeys(DOCUMENTS.names) | {"id": bytes.fromhex(identity(0)), "source": "web", "start": 0, "ordinal": 0}
    table = pa.Table.from_pylist([row | {"url": "https://mill.example/1", "text": "x"}], schema=DOCUMENTS)
    file = write_parquet(store, "documents", "web/0-00000", table)
    store.put(path_of(2), sealed({**what, "version": 2, "files": [*what["files"], file.plain()]}))
    point(store, 2)
    found = documents_of(Loader(open_corpus(root), 60), 1, 1)
    assert [(each.source, each.origin) for each in found] == [("web", "https://mill.example/1"), ("books", "")]


def test_mistakes_are_told(corpus: Corpus) -> None:
    with pytest.raises(InputError, match="documents have an id that begins with"):
        places_of(corpus, "a")
    with pytest.raises(InputError, match="no document in the shards"):
        places_of(corpus, identity(10_000))
    with pytest.raises(InputError, match="is not an id"):
        places_of(corpus, "xyz")
    with pytest.raises(RecipeError, match="both count from 1"):
        documents_of(Loader(corpus, 8), 0, 4)
    with pytest.raises(RecipeError, match="no run gets that far"):
        documents_of(Loader(corpus, 8), 10**20, 4)


def run(*arguments: str) -> list[dict[str, object]]:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(where)
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_without_lengths_the_steps_are_those_of_train(corpus: Corpus) -> None:
    config, root = load_config("tiny"), corpus.store.url
    lengths = ["--batch-size", str(config.batch_windows), "--sequence-length", str(config.sequence_length)]
    assert run(root, "--step", "1") == run(root, "--step", "1", *lengths) != []
    assert run(root, "--step", "1", "--batch-size", "2") != run(root, "--step", "1")


def test_the_command_answers_both_ways(corpus: Corpus) -> None:
    root = corpus.store.url
    settings = ["--batch-size", "4", "--sequence-length", "32"]
    found = run(root, "--step", "2", *settings)
    assert {each["window"] for each in found} == {0, 1, 2, 3}
    (place, *_) = run(root, "--document", str(found[0]["id"]), *settings)
    assert 2 in place["steps"]
    for wrong in ([], ["--step", "2", "--document", "ab"]):
        with pytest.raises(RecipeError):
            run(root, *wrong)


def test_a_run_is_meant_by_its_folder(corpus: Corpus, tmp_path: Path) -> None:
    """Settings and version come from run.json; what is given beside it goes before."""
    settings = asdict(load_config("tiny")) | {"batch_windows": 2, "sequence_length": 16, "shuffle_block": 8, "seed": 5}
    said = {"settings": settings, "version": 1, "order_sha256": corpus.order_sha256}
    (tmp_path / "run.json").write_text(json.dumps(said), encoding="utf-8")
    app = typer.Typer()
    app.command()(where)
    asked = [corpus.store.url, "--step", "4", "--json", "--run", str(tmp_path)]
    for more, shuffled in ([], 8), (["--shuffle-block", "1"], 1):
        shown = CliRunner().invoke(app, [*asked, *more])
        assert shown.exit_code == 0
        lines = [json.loads(line) for line in shown.stdout.splitlines()]
        loader = Loader(corpus, 16, shuffle_block=shuffled, seed=5)
        assert [line["id"] for line in lines] == [read.id for read in documents_of(loader, 4, 2)]
    refused = CliRunner().invoke(app, [*asked[:-1], str(tmp_path / "none")])
    assert isinstance(refused.exception, InputError)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/run.json").write_text(json.dumps(said | {"order_sha256": "0"}), encoding="utf-8")
    for wrong, why in (
        ([*asked[:-1], str(tmp_path / "other")], "trained on another corpus"),
        ([*asked, "--step", "171"], "has 170 steps"),
        ([*asked, "--config", "tiny"], "leave --config out"),
        ([*asked, "--epoch", "1"], "--epoch 1 is for --document"),
    ):
        assert why in str(CliRunner().invoke(app, wrong).exception)
