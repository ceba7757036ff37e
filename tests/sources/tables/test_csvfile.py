import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from sources.item import Item
from sources.read import ReadSettings

World = Callable[..., list[Item]]
TABLE = b'\xef\xbb\xbfid,text,url\r\n1,"one\nand, ""two""",https://a.test/1\r\n\r\n2,three,\r\n3,x\r\n4,,u\r\n'


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_each_record_is_an_item(world: World, pack: Callable[[bytes], bytes]) -> None:
    items = world("a.csv", pack(TABLE), "tabular", id_column="id", url_column="url")
    assert [i.reason for i in items] == ["header", "", "empty_line", "", "wrong_cell_count", "empty_text"]
    assert TABLE[items[1].start : items[1].end].startswith(b'1,"one\nand')
    first, second = (i.document for i in items if i.document)
    assert (first.text, first.user_id, first.url) == ('one\nand, "two"', "1", "https://a.test/1")
    assert (second.text, second.url) == ("three", None)


def test_a_quote_that_nothing_closes_costs_one_line(world: World) -> None:
    rows = [b"id,text", b'1,"open', b"2,two", b"3,three"]
    items = world("a.csv", b"\n".join(rows), "tabular")
    assert [i.reason for i in items] == ["header", "bad_csv", "", ""]
    items = world("a.csv", b"\n".join([*rows, b'4,"four" x', b"5,five"]), "tabular")
    assert [i.reason for i in items] == ["header", "bad_csv", "", "", "bad_csv", ""]


def test_empty_lines_may_come_before_the_header(world: World) -> None:
    items = world("a.csv", b"\n\r\nid,text\n1,one\n", "tabular", id_column="id")
    assert [(i.start, i.end, i.reason) for i in items] == [(0, 11, "header"), (11, 17, "")]


def test_bad_utf8_costs_its_record(world: World) -> None:
    items = world("a.csv", b'text,n\n"a\n\xff\nb",1\ngood,2\n', "tabular")
    assert [i.reason for i in items] == ["header", "bad_utf8", ""]


def test_a_gigantic_record_costs_itself(world: World) -> None:
    data = b"text\n" + b"x" * 9000 + b"\n" + b'"' + b"y\n" * 900 + b"\nlast\n"
    items = world("a.csv", data, "tabular", max_record_bytes=1000)
    assert [i.reason for i in items][:3] == ["header", "too_large", "too_large"]
    assert items[-1].document is not None


def test_the_dialect_is_by_name_and_by_setting(world: World) -> None:
    assert [i.reason for i in world("a.tsv", b'text\tn\n"a"\t1\n', "tabular")] == ["header", ""]
    items = world("a.tab.gz", gzip.compress(b'say "a\t1\n'), "tabular", csv_quote="", csv_columns=("text", "n"))
    assert [i.document.text for i in items if i.document] == ['say "a']
    items = world("table", b"text;n\na;1\n", "tabular", csv_delimiter=";", table_format="csv")
    assert [i.document.text for i in items if i.document] == ["a"]
    with pytest.raises(ValueError, match="csv_delimiter"):
        ReadSettings("tabular", csv_delimiter=";;")
    with pytest.raises(ValueError, match="must differ"):
        ReadSettings("tabular", csv_delimiter='"')


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"id,body\n1,x\n", ["no_text_column"]), (b"text,text\n1,x\n", ["no_text_column"]),
        (b'"open\n1,x\n', ["bad_csv"]), (b"text\n", ["header", "no_rows"]), (b"\n", ["no_text_column"]),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_says_why(world: World, data: bytes, reasons: list[str]) -> None:
    assert [i.reason for i in world("a.csv", data, "tabular")] == reasons


def test_a_column_that_is_not_there_is_told_with_those_that_are(world: World) -> None:
    (item,) = world("a.csv", b"text,id\nx,1\n", "tabular", id_column="idd")
    assert item.reason == "no_such_column"
    assert "`idd` (id_column)" in item.detail
    assert "`text`, `id`" in item.detail


def test_a_cut_stream_gives_its_whole_records(world: World) -> None:
    data = gzip.compress(b"text\n" + b"".join(b"record %d %d\n" % (n, n**9) for n in range(4000)))
    items = world("a.csv", data[: len(data) * 2 // 3], "tabular")
    assert items[-1].reason == "truncated"
    assert {i.reason for i in items[1:-1]} == {""}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@bounds(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, st.text("ab ,\"'\n\r;é", min_size=1, max_size=9)), min_size=1, max_size=8))
def test_what_was_written_is_read(world: World, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *rows])
    items = world("a.csv", out.getvalue().encode(), "tabular", id_column="id")
    assert len(items) == len(rows) + 1
    assert not {i.reason for i in items[1:]} - {"", "empty_text"}


@bounds(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b'"', b",", b"\n", b"\r\n", b"a", b"\xff", b"text", b"\0"]), max_size=40))
def test_any_bytes_tile(world: World, pieces: list[bytes]) -> None:
    world("a.csv", b"text,n\n" + b"".join(pieces), "tabular", max_record_bytes=1500)
