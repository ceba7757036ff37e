import gzip
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from sources.item import Item
from sources.read import ReadSettings, read

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
    items = world("a.parquet", data, "tabular", text_column="body", id_column="n")
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


def test_values_of_any_kind_are_taken_as_they_are_written(world: World) -> None:
    row = {
        "text": "x", "n": 12345678901234567890, "lic": ["MIT", "ISC"], "who": ["a", "b"], "yes": True,
        "in": {"side": {"url": "u"}}, "a.b": 1, "none": None, "odd": {"k": [1.5, None]},
    }  # fmt: skip
    items = world(
        "a.jsonl", json.dumps(row).encode(), "tabular", id_column="n", licence_column="lic", author_column="who",
        title_column="yes", url_column="in.side.url", language_column="odd", meta_columns=("a.b", "odd", "none", "lic"),
    )  # fmt: skip
    found = items[0].document
    assert found is not None
    assert (found.user_id, found.licence, found.author) == ("12345678901234567890", "MIT AND ISC", "a, b")
    assert (found.title, found.url, found.language) == ("true", "u", '{"k": [1.5, null]}')
    assert found.meta == {"a.b": 1, "odd": {"k": [1.5, None]}, "lic": ["MIT", "ISC"]}


def test_a_key_that_no_line_has_is_told_once(world: World) -> None:
    lines = b'{"text": "one"}\n{"text": "two", "url": null}\n'
    items = world("a.jsonl", lines, "tabular", id_column="idd", url_column="url")
    assert [i.reason for i in items] == ["", "", "no_such_column"]
    assert "`idd` (id_column)" in items[-1].detail
    (item,) = world("a.jsonl", b'{"content": "x", "id": 1}', "tabular")
    assert "`content`, `id`" in item.detail


def test_a_value_that_is_too_large_costs_its_row(world: World) -> None:
    lines = [{"text": "x", "url": "u" * 200}, {"text": "x", "meta": [0] * 200}, {"text": "x"}]
    items = world(
        "a.jsonl", b"\n".join(json.dumps(line).encode() for line in lines), "tabular", url_column="url",
        meta_columns=("meta",), max_value_bytes=100,
    )  # fmt: skip
    assert [i.reason for i in items] == ["value_too_large", "value_too_large", ""]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@bounds(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, st.booleans(), st.integers(0, 60), st.sampled_from([b"", b"\\", b'"', b",", b"]", b"0", b"\xff", b"\t"]))
def test_a_line_is_good_where_the_standard_library_says_so(
    world: World, value: object, escaped: bool, at: int, change: bytes
) -> None:
    line = json.dumps({"more": value, "text": "x"}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    line = line[:at] + change + line[at:] if change else line
    try:
        text = json.loads(line.decode(), parse_constant=lambda name: 1 / 0).get("text")
        good = isinstance(text, str) and "x" in text
    except (ValueError, ArithmeticError):
        good = False
    (item, *_) = world("a.jsonl", line, "tabular")
    assert (item.document is not None) == good


NESTED = """
import resource, sys
from pathlib import Path
from sources.read import ReadSettings, read
items = list(read(Path(sys.argv[1]), ReadSettings("tabular", meta_columns=("more",))))
assert [i.reason for i in items] == ["value_too_large", "", ""], items
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


def test_a_line_of_a_million_lists_takes_no_more_than_its_bytes(tmp_path: Path) -> None:
    nested = b"[" + b"[]," * (2**24 // 3) + b"[]]"
    lines = [b'{"more": ' + nested + b', "text": "x"}', b'{"other": ' + nested + b', "text": "x"}', b'{"text": "y"}']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    (tmp_path / "b.jsonl").write_bytes(lines[-1])
    command = [sys.executable, "-c", NESTED, str(tmp_path / "a.jsonl")]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300


def test_a_text_that_is_too_large_is_refused_before_it_is_unescaped(world: World) -> None:
    def peak(text: str) -> int:
        tracemalloc.start()
        items = world("a.jsonl", b'{"text": "%s"}' % text.encode(), "tabular", max_document_bytes=2**16)
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [i.reason for i in items] == ["too_large"]
        return taken

    assert peak("word " * 2**19 + "🙂") < peak("word " * 2**19) + 2**20  # with four bytes for each, 10 MB more


def test_a_value_nested_deeper_than_python_goes_says_so(world: World) -> None:
    line = b'{"text": "a", "m": %s}' % (b"[" * 500 + b"]" * 500)
    items = world("a.jsonl", line + b'\n{"text": "b", "m": [[1]]}\n', "tabular", meta_columns=("m",))
    assert [i.reason for i in items] == ["json_too_deep", ""]


def test_a_column_that_leads_through_structs(world: World, tmp_path: Path) -> None:
    table = pa.table({"meta": [{"body": {"text": "one"}, "url": "u"}, None, {"body": None, "url": "v"}]})
    data = parquet(tmp_path / "x", table)
    items = world("a.parquet", data, "tabular", text_column="meta.body.text", url_column="meta.url")
    assert [i.reason for i in items] == ["", "null_text", "null_text"]
    assert items[0].document.url == "u"  # type: ignore[union-attr]
    (item,) = world("a.parquet", data, "tabular", text_column="meta.body.text", id_column="meta.id")
    assert (item.reason, item.end) == ("no_such_column", 3)
    assert "`meta.id` (id_column); there are `meta.body`, `meta.url`" in item.detail


def test_a_dictionary_that_stands_for_gigabytes_is_read_a_row_at_a_time(world: World, tmp_path: Path) -> None:
    table = pa.table({"text": pa.array(["x" * 5_000_000] * 40 + ["y"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "x", dictionary_pagesize_limit=2**26, compression="zstd")
    limit = pa.total_allocated_bytes() + 100_000_000
    path = tmp_path / "a.parquet"
    path.write_bytes((tmp_path / "x").read_bytes())
    del table
    rows = 0
    for item in read(path, ReadSettings("tabular", max_document_bytes=1000)):
        rows += item.end - item.start
        assert pa.total_allocated_bytes() < limit
    assert rows == 41


def test_a_format_is_told_by_bytes_then_setting_then_name(world: World, tmp_path: Path) -> None:
    data = parquet(tmp_path / "x", pa.table({"text": ["one"]}))
    assert world("a.csv", data, "tabular")[0].document
    (packed,) = world("a.parquet.gz", gzip.compress(data), "tabular")
    assert packed.reason == "packed_table"
    assert world("a.csv", b'{"text": "one"}', "tabular", table_format="jsonl")[0].document
