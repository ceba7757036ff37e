from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from sources.item import Item
from sources.tables.read import rows_stated

World = Callable[..., list[Item]]
TABLE = pa.table(
    {
        "text": [f"text number {n}" if n % 7 else None for n in range(300)],
        "meta": [{"url": f"https://a.test/{n}", "size": n} for n in range(300)],
        "tags": pa.array(["a", "b"] * 150).dictionary_encode(),
    }
)


def packed(table: pa.Table, kind: str, codec: str | None = None, rows: int = 100) -> bytes:
    sink = pa.BufferOutputStream()
    make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table, rows)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_each_row_is_an_item(world: World, kind: str, codec: str | None) -> None:
    items = world(
        "rows", packed(TABLE, kind, codec), "tabular", url_column="meta.url", meta_columns=("tags", "meta.size")
    )
    assert [(i.start, i.end) for i in items] == [(n, n + 1) for n in range(300)]
    assert [n for n, i in enumerate(items) if i.reason == "null_text"] == list(range(0, 300, 7))
    found = items[201].document
    assert found is not None
    assert (found.text, found.url) == ("text number 201", "https://a.test/201")
    assert found.meta == {"tags": "b", "meta.size": 201}


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_a_broken_stream_gives_what_came_before(world: World, kind: str) -> None:
    data = packed(TABLE, kind)
    items = world("rows.arrow", data[: len(data) // 2], "tabular")
    assert len(items) in (101, 201)
    assert items[-1].reason == "corrupt"
    if kind == "file":
        assert world("rows.arrow", data[:-3], "tabular")[-1].reason == "truncated"


def test_bad_utf8_costs_its_row_and_bad_offsets_their_batch(world: World) -> None:
    bad = pa.array([b"good", b"\xff", b"fine"])
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 3, bad.buffers())})
    assert [i.reason for i in world("a.arrow", packed(table, "file"), "tabular")] == ["", "bad_utf8", ""]
    offsets = pa.array([0, 2**20, 5], pa.int32()).buffers()[1]
    wild = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"hello")])
    good = pa.array(["one", "two"])
    table = pa.Table.from_batches([pa.record_batch({"text": column}) for column in (good, wild, good)])
    items = world("a.arrow", packed(table, "stream"), "tabular")
    assert [(i.start, i.end, i.reason) for i in items] == [
        (0, 1, ""), (1, 2, ""), (2, 4, "bad_batch"), (4, 5, ""), (5, 6, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"text": [1]}), "text_is_not_text"), (pa.table({"content": ["a"]}), "no_text_column"),
        (pa.table({"text": pa.array([], pa.string())}), "no_rows"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_says_why(world: World, table: pa.Table, reason: str) -> None:
    (item,) = world("a.arrow", packed(table, "file"), "tabular")
    assert (item.reason, item.end) == (reason, table.num_rows)
    (broken,) = world("a.arrow", b"ARROW1\0\0 and no more", "tabular")
    assert broken.reason == "bad_arrow"


def test_a_column_whose_name_is_no_text_costs_the_file(world: World) -> None:
    data = packed(pa.table({"text": ["a"], "spam": ["b"]}), "stream").replace(b"spam", b"sp\xffm")
    assert [i.reason for i in world("a.arrow", data, "tabular")] == ["bad_arrow"]


def test_a_format_that_does_not_say_its_rows_is_not_held_to_them(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(packed(TABLE, "stream"))
    assert rows_stated(path) is None
