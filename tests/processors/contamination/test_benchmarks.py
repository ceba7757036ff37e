"""Benchmark files of every kind, and what is wrong with them."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.errors import InputError
from processors.contamination.benchmarks import Item, benchmark_files, read_benchmark

ROWS = [
    {"id": "a-1", "question": "Who mills?", "choices": {"text": ["the miller", "the smith"], "label": [0, 1]}},
    {"id": 7, "question": "Why?", "answers": ["so"], "context": "a long passage that is left out"},
    {"question": "No id", "answer": 3},
]
ITEMS = [
    ("a-1", "Who mills?", ("the miller", "the smith")),
    ("7", "Why?", ("so",)),
    ("b:3", "No id", ()),
]


def read(path: Path, name: str = "b", **columns: object) -> list[tuple[str, str, tuple[str, ...]]]:
    items = list(read_benchmark(path, name, **columns))  # type: ignore[arg-type]
    assert all(isinstance(item, Item) and item.benchmark == name for item in items)
    return [(item.id, item.question, item.answers) for item in items]


def lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_json_lines_packed_and_not(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(lines(ROWS)))
    with pa.output_stream(str(tmp_path / "x.jsonl.zst"), compression="zstd") as out:
        out.write(lines(ROWS))
    for name in ("x.jsonl", "x.jsonl.gz", "x.jsonl.zst"):
        assert read(tmp_path / name) == ITEMS


def test_json_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(ROWS))
    assert read(tmp_path / "x.json") == ITEMS
    table = {"id": ["q", None], "question": ["One?", "Two?"], "choices": [["a", "b"], []]}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet") == [("q", "One?", ("a", "b")), ("b:2", "Two?", ())]


def test_tables_of_text(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text('id\tquestion\tanswer\n1\tIs it?\tyes\n\tQuote ""?\tno\n')
    assert read(tmp_path / "x.tsv") == [("1", "Is it?", ("yes",)), ("b:3", 'Quote ""?', ("no",))]
    (tmp_path / "x.csv").write_text('id,question\n1,"Is it,\nor not?"\n')
    assert read(tmp_path / "x.csv") == [("1", "Is it,\nor not?", ())]


def test_plain_text_is_paragraphs_by_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("one\ntwo\n\n\nthree\n")
    assert read(tmp_path / "x.txt") == [("b:1", "one\ntwo\n", ()), ("b:5", "three\n", ())]


def test_columns_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(lines([{"nr": 5, "context": "a passage", "question": "Q?", "label": "L"}]))
    found = read(tmp_path / "x.jsonl", id_column="nr", questions=["context"], answers=["question", "label"])
    assert found == [("5", "a passage", ("Q?", "L"))]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.jsonl", b'{"question": "a"}\n{"question"\n', r"x\.jsonl:2: not JSON"),
        ("x.jsonl", b"[1]\n", r"x\.jsonl:1: not an object"),
        ("x.jsonl", b'{"foo": "a"}\n', "no column that asks or answers; there are: foo"),
        ("x.docx", b"PK", r"\.docx is no kind of benchmark"),
        ("x.jsonl.gz", b"no gzip", "cannot be read"),
        ("x.parquet", b"no parquet", "cannot be read"),
        ("x.jsonl", b'{"question": "\xff"}\n', "cannot be read"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name)


def test_files_are_called_by_what_the_glob_leaves_open(tmp_path: Path) -> None:
    for name in ("bench/mmlu/test.jsonl", "bench/arc/test.jsonl", "other/test.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(benchmark_files(["bench/*/*.jsonl"], tmp_path)) == ["arc/test.jsonl", "mmlu/test.jsonl"]
    assert list(benchmark_files(["bench/**/*.jsonl"], tmp_path)) == ["arc/test.jsonl", "mmlu/test.jsonl"]
    assert list(benchmark_files([str(tmp_path / "other/test.jsonl")], Path("/"))) == ["test.jsonl"]
    with pytest.raises(InputError, match="no benchmark file there"):
        benchmark_files(["bench/*.jsonl"], tmp_path)
    with pytest.raises(InputError, match=r"two benchmarks are called test\.jsonl"):
        benchmark_files(["bench/arc/*.jsonl", "other/*.jsonl"], tmp_path)
