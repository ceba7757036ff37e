import bz2
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpus.errors import InputError
from corpus.files import File
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.text import render_column
from corpus.version import read_version
from flows import path
from processors.classifier.examples import read_examples

LINES = b'{"text": "one"}\n{"text": "two"}\n'


def read(wanted: str | Path, column: str = "text") -> tuple[list[str], dict[str, int]]:
    unread: Counter[str] = Counter()
    found = [text for batch in read_examples(str(wanted), column, unread) for text in batch.to_pylist()]
    return found, {Path(name).name: count for name, count in unread.items() if count}


@pytest.mark.parametrize(
    ("name", "packed"),
    [("a.jsonl", LINES), ("a.jsonl.gz", gzip.compress(LINES, mtime=0)), ("a.ndjson.bz2", bz2.compress(LINES)),
     ("a.jsonl.zst", zstandard.compress(LINES))],
)  # fmt: skip
def test_json_lines_plain_and_packed(tmp_path: Path, name: str, packed: bytes) -> None:
    (tmp_path / name).write_bytes(packed)
    assert read(tmp_path / "a*") == (["one", "two"], {})


def test_parquet_text_and_the_order_of_names(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["x", None, "y"]}), tmp_path / "b.parquet")
    (tmp_path / "a.txt").write_text("whole\nfile")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.jsonl").write_text('{"content": "z"}\n')
    assert read(f"{tmp_path}/**/*", "content")[0] == ["whole\nfile", "x", "y", "z"]


def test_a_bad_line_costs_that_line_and_is_counted(tmp_path: Path) -> None:
    bad = ["{", '{"text": 3}', '{"other": "x"}', '{"text": "\\ud800"}', "[]", "[" * 100_000, ""]
    (tmp_path / "a.jsonl").write_bytes(LINES + "\n".join(bad).encode() + b'\n{"text": "\xff"}\n' + LINES)
    assert read(tmp_path / "a.jsonl") == (["one", "two"] * 2, {"a.jsonl": 7})


def test_more_than_a_batch(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": str(n)}) + "\n" for n in range(2500)))
    assert read(tmp_path / "a.jsonl")[0] == [str(n) for n in range(2500)]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    for name, content, said in [
        ("a.jsonl", b"{}\n", "no line is a JSON object with text in `text`"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"no parquet", "no Parquet file"),
        ("a.bin", b"x", "neither Parquet"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)
    pq.write_table(pa.table({"other": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no column `text`; it has other"):
        read(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no built corpus"):
        read(f"{tmp_path}/corpus:web")


@pytest.fixture
def corpus(world_at: Callable[..., Path], tmp_path: Path) -> str:
    """A built small corpus, of which a filter drops about half."""
    recipe = world_at(tmp_path / "world")
    recipe.write_text(recipe.read_text().replace("min_words = 20", "min_words = 95"))
    store = Store(tmp_path / "store")
    with Pool(1, store) as pool:
        path.build(load_recipe(recipe), store, PoolRun(store, pool))
    return str(tmp_path / "store")


def test_documents_of_a_corpus_that_are_kept_or_that_a_rule_dropped(corpus: str) -> None:
    kept = [text for text, split, _ in documents(corpus, "") if split == "train"]
    assert read(corpus)[0] == kept and kept
    rows = [text for text, split, _ in documents(corpus, "rows") if split == "train"]
    assert read(f"{corpus}:rows")[0] == rows and 0 < len(rows) < len(kept)
    fired = {rule for _, _, rules in documents(corpus, "") for rule in rules}
    assert fired
    for rule in sorted(fired):
        dropped = [text for text, _, rules in documents(corpus, "") if rule in rules]
        assert read(f"{corpus}::{rule}")[0] == dropped
        assert set(dropped) <= set(read(f"{corpus}::{rule.split('.')[0]}")[0])
    with pytest.raises(InputError, match="no source `wb` is in it; there are: books, code, rows, web"):
        read(f"{corpus}:wb")


def documents(corpus: str, source: str) -> list[tuple[str, str | None, list[str]]]:
    """Text, split and rules of every document, without the stages' own readers."""
    store = Store(corpus)
    files = [File(**file) for file in read_version(store)["files"]]
    found = []
    for part in (file.part for file in files if file.folder == "documents"):
        if source not in ("", part.split("/")[0]):
            continue
        wanted = ("documents", "scores", "verdicts", "selection")
        of = {
            each.folder: pq.read_table(store.map(each.path))
            for each in files
            if each.part == part and each.folder in wanted
        }
        spans = of["scores"]["spans"].combine_chunks()
        texts = render_column(of["documents"]["text"].combine_chunks(), spans).to_pylist()
        columns = texts, of["selection"]["split"].to_pylist(), of["verdicts"]["rules"].to_pylist()
        found += list(zip(*columns, strict=True))
    return found
