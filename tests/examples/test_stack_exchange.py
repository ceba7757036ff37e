"""The reader of one's own that docs/new_source.md shows, through a recipe beside it and the stage that uses it."""

import bz2
import shutil
from html import escape
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.errors import InputError, RecipeError
from corpus.own import code_of
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from flows import path as flow
from sources.ingest import tiled
from sources.read import ReadSettings, read

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "stack_exchange.py"
RECIPE = """\
name = "own"
[[source]]
name = "cooking"
kind = "stack_exchange.py:read_posts"
root = "dump"
files = ["*.xml*"]
[mixture]
[[mixture.domain]]
name = "cooking"
weight = 1
"""
HTML = "<p>Boil it in <em>salted</em> water.</p><pre><code>for egg in eggs:\n    boil(egg)</code></pre>"


def lines_in(value: str) -> str:
    return escape(value).replace("\n", "&#xA;")


def row(number: int, **attributes: str) -> str:
    wanted = {"Id": str(number), "PostTypeId": "1", "Score": "3", "Body": HTML} | attributes
    return (
        "  <row "
        + " ".join(f'{name}="{escape(value)}"' for name, value in wanted.items()).replace("\n", "&#xA;")
        + " />"
    )


POSTS = [
    ('<?xml version="1.0" encoding="utf-8"?>', "frame"),
    ("<posts>", "frame"),
    (row(1, Title="How long?", Tags="<eggs><time>", ContentLicense="CC BY-SA 4.0"), ""),
    (row(2, PostTypeId="2", ParentId="1"), ""),
    (row(3, PostTypeId="5"), "other_post"),
    (row(4, Score="-2"), "low_score"),
    (row(5).replace("/>", ">"), "bad_xml"),
    (row(6, Score="many"), "reader_fault"),
    ("rubbish", "not_a_row"),
    (row(7, Body=""), "empty_text"),
    ("", "frame"),
    ("</posts>", "frame"),
]
DATA = "\r\n".join(line for line, _ in POSTS).encode("utf-8-sig")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    shutil.copy(EXAMPLE, tmp_path)
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "Posts.xml").write_bytes(DATA)
    (tmp_path / "dump" / "Posts.xml.bz2").write_bytes(bz2.compress(DATA))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "recipe.toml"


def test_every_line_is_an_item_and_the_file_is_tiled(recipe: Path) -> None:
    kind = "stack_exchange.py:read_posts"
    settings = ReadSettings(kind, reader=code_of(kind, recipe.parent), max_record_bytes=1000)
    path = recipe.parent / "dump" / "Posts.xml"
    path.write_bytes(DATA + b"\n" + b"x" * 2000)
    items = list(tiled(read(path, settings), path.name, path.stat().st_size, path))
    assert [i.reason for i in items] == [*[reason for _, reason in POSTS], "too_large"]
    question, answer = (i.document for i in items if i.document)
    assert question.text.startswith("How long?\n\nBoil it in salted water.")
    assert "\n    boil(egg)" in question.text
    assert (question.licence, question.meta["tags"], answer.meta["parent"]) == ("CC BY-SA 4.0", ["eggs", "time"], "1")


def test_a_recipe_uses_it_and_a_changed_reader_reads_anew(recipe: Path) -> None:
    store = Store(recipe.parent / "out")
    pool = Pool(1, store)

    def fingerprints() -> list[str]:
        return [entry.fingerprint for entry in flow.ingest(flow.check(load_recipe(recipe)), PoolRun(store, pool))]

    before = fingerprints()
    (name,) = store.list("documents")
    documents = pq.read_table(recipe.parent / "out" / name)
    assert documents.num_rows == 4
    assert set(documents["file"].to_pylist()) == {"Posts.xml", "Posts.xml.bz2"}
    assert fingerprints() == before
    reader = recipe.parent / "stack_exchange.py"
    reader.write_text(reader.read_text().replace("LEAST_SCORE = 0", "LEAST_SCORE = -5"))
    assert fingerprints() != before
    assert sum(pq.read_metadata(recipe.parent / "out" / name).num_rows for name in store.list("documents")) == 4 + 6


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("read_posts(path", "read_all(path"), "defines no function"),
        (("import xml", "import no_such_xml"), "cannot be run"),
        (("KINDS = {", "KINDS = ("), "SyntaxError"),
    ],
)  # fmt: skip
def test_a_reader_that_cannot_be_had_is_told_before_any_work(recipe: Path, change: tuple[str, str], word: str) -> None:
    reader = recipe.parent / "stack_exchange.py"
    reader.write_text(reader.read_text().replace(*change))
    with pytest.raises(InputError, match=word):
        flow.check(load_recipe(recipe))
    reader.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        flow.check(load_recipe(recipe))


def test_a_kind_that_names_nothing_is_unknown(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("stack_exchange.py:read_posts", "stack_exchange"))
    with pytest.raises(RecipeError, match="kind of source"):
        flow.check(load_recipe(recipe))
