import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from sources.item import Item

World = Callable[..., list[Item]]
LINES = [
    (b'{"text": "one", "id": 7, "url": "https://a.test/1"}', ""),
    (b'\xef\xbb\xbf{"text": "behind a mark"}', ""),
    (b"{broken", "bad_json"),
    (b'{"text": NaN}', "bad_json"),
    (b'{"text": "\xff"}', "bad_utf8"),
    (b'{"text": "\\ud800"}', "lone_surrogate"),
    (b"[1, 2]", "not_an_object"),
    (b'{"content": "x"}', "no_text_column"),
    (b'{"text": null}', "null_text"),
    (b'{"text": 5}', "text_is_not_text"),
    (b'{"text": "  "}', "empty_text"),
    (b"", "empty_line"),
    (b"[" * 100_000, "json_too_deep"),
    (b'{"text": "' + b"x" * 300_000 + b'"}', "too_large"),
    (b'{"text": "last"}', ""),
]


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda b: zstandard.compress(b[:300]) + zstandard.compress(b[300:])]
)
def test_each_line_is_an_item(world: World, pack: Callable[[bytes], bytes]) -> None:
    data = b"\n".join(line for line, _ in LINES)
    items = world("a.jsonl", pack(data), "tabular", max_record_bytes=200_000, id_column="id", url_column="url")
    assert [i.reason for i in items] == [reason for _, reason in LINES]
    assert items[-1].end == len(data)
    assert data[items[3].start : items[3].end].rstrip() == LINES[3][0]
    first = items[0].document
    assert first is not None
    assert (first.text, first.user_id, first.url) == ("one", "7", "https://a.test/1")


def test_a_cut_stream_gives_its_whole_lines(world: World) -> None:
    data = b"".join(json.dumps({"text": f"line {n} {n**9}"}).encode() + b"\n" for n in range(400))
    for packed in (gzip.compress(data), zstandard.compress(data)):
        items = world("a.jsonl", packed[: len(packed) * 2 // 3], "tabular")
        reasons = [i.reason for i in items]
        assert reasons[-1] == "truncated"
        assert set(reasons[:-1]) <= {""}


def test_trailing_garbage_costs_nothing_good(world: World) -> None:
    items = world("a.jsonl", gzip.compress(b'{"text": "one"}\n') + b"garbage here", "tabular")
    assert [i.reason for i in items] == ["", "trailing_garbage"]


def parquet(path: Path, table: pa.Table, **options: object) -> bytes:
    pq.write_table(table, path, **options)
    return path.read_bytes()


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_each_row_is_an_item(world: World, tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"body": pa.array(["one", None, "", "four"]).cast(kind), "n": [1, 2, 3, 4], "more": [[1]] * 4})
    data = parquet(tmp_path / "x", table, row_group_size=3)
    items = world("a.parquet", data, "tabular", text_column="body", id_column="n", url_column="none")
    assert [i.reason for i in items] == ["", "null_text", "empty_text", ""]
    assert [(i.start, i.end, i.unit) for i in items][3] == (3, 4, "row")
    assert items[3].document.user_id == "4"  # type: ignore[union-attr]


def test_bad_utf8_costs_its_row(world: World, tmp_path: Path) -> None:
    bad = pa.array([b"good", b"\xff", b"fine"])
    for column in (bad, pa.Array.from_buffers(pa.string(), 3, bad.buffers())):
        items = world("a.parquet", parquet(tmp_path / "x", pa.table({"text": column})), "tabular")
        assert [i.reason for i in items] == ["", "bad_utf8", ""]


def test_a_bad_page_costs_its_row_group(world: World, tmp_path: Path) -> None:
    table = pa.table({"text": [f"text number {n} {n**7}" for n in range(300)]})
    data = bytearray(parquet(tmp_path / "x", table, row_group_size=100, compression="zstd"))
    column = pq.ParquetFile(tmp_path / "x").metadata.row_group(1).column(0)
    at = (column.dictionary_page_offset or column.data_page_offset) + 40
    data[at : at + 60] = b"\xff" * 60
    items = world("a.parquet", bytes(data), "tabular")
    assert len([i for i in items if i.document]) == 200
    assert [(i.start, i.end) for i in items if i.reason == "bad_page"] == [(100, 200)]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"text": [1]}), "text_is_not_text"), (pa.table({"text": [["a"]]}), "text_is_not_text"),
        (pa.table({"content": ["a"]}), "no_text_column"), (pa.table({"text": pa.array([], pa.string())}), "no_rows"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_says_why(world: World, tmp_path: Path, table: pa.Table, reason: str) -> None:
    (item,) = world("a.parquet", parquet(tmp_path / "x", table), "tabular")
    assert (item.reason, item.end) == (reason, table.num_rows)
    (broken,) = world("a.parquet", b"PAR1 and no more", "tabular")
    assert broken.reason == "bad_parquet"
