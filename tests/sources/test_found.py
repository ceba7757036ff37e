"""Faults that a reader once had, each kept out by the file that showed it."""

import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from processors.charset import decode
from processors.extract import extract_page
from sources.item import Item

World = Callable[..., list[Item]]


def texts(items: list[Item]) -> list[str]:
    return [item.document.text for item in items if item.document]


def test_a_meta_tag_with_two_names_costs_nothing() -> None:
    head = '<meta name="pubdate" property="article:published_time" content="2020-01-01">'
    head += "<meta name=x property=author content=A>"
    page = extract_page(f"<html><head>{head}</head><body><p>The mill grinds.</p></body></html>")
    assert (page.date, page.author) == ("2020-01-01", "A")


def test_a_damaged_lzma_member_costs_itself(world: World) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("one.txt", "The mill grinds. " * 90)
        file.writestr("two.txt", "The wheel turns. " * 90)
    raw = bytearray(data.getvalue())
    raw[70] ^= 0xFF
    items = world("books.zip", bytes(raw), "books")
    assert [item.outcome for item in items if item.name] == ["quarantined", "document"]


def test_a_date_that_is_none_costs_the_date(world: World) -> None:
    for dates in (pa.array([1, 10**8], pa.date32()), pa.array([1, 2], pa.timestamp("us", tz="Mars/Base"))):
        data = io.BytesIO()
        pq.write_table(pa.table({"text": ["The mill.", "The wheel."], "when": dates}), data)
        assert texts(world("rows.parquet", data.getvalue(), "tabular", date_column="when")) == [
            "The mill.",
            "The wheel.",
        ]


def test_numbers_in_other_columns_are_read_as_written(world: World) -> None:
    data = io.BytesIO()
    pq.write_table(pa.table({"text": ["The mill."], "n": [7]}), data)
    (item,) = world("rows.parquet", data.getvalue(), "tabular", id_column="n")
    assert item.document and item.document.user_id == "7"


def test_seven_bit_japanese_is_decoded() -> None:
    raw = "日本語の水車".encode("iso-2022-jp")
    assert decode(raw, "iso-2022-jp")[0] == decode(raw)[0] == "日本語の水車"
    assert decode(b"plain \x1b[1m terminal codes")[0] == "plain \x1b[1m terminal codes"


@pytest.mark.parametrize("padding", [0, 4, 65_533, 65_536])
def test_padding_between_streams_is_no_end(world: World, padding: int) -> None:
    for name, pack in (("b.txt.xz", lzma.compress), ("b.txt.gz", gzip.compress)):
        data = pack(b"The mill grinds.\n\n") + bytes(padding) + pack(b"The wheel turns.")
        assert texts(world(name, data, "books")) == ["The mill grinds.\n\nThe wheel turns."]


def test_two_gutenberg_books_in_one_file_are_both_kept(world: World) -> None:
    mark = "*** {1} OF THE PROJECT GUTENBERG EBOOK {0} ***\n\n"
    one = mark.replace("{1}", "START") + "Body of {0}.\n\n" + mark.replace("{1}", "END")
    (text,) = texts(world("two.txt", (one.format("ONE") + one.format("TWO")).encode(), "books"))
    assert "Body of ONE." in text and "Body of TWO." in text
    (text,) = texts(world("one.txt", one.format("ONE").replace("\n\n", "\n").encode(), "books"))
    assert text.strip() == "Body of ONE."


def test_a_parquet_footer_that_contradicts_itself_costs_the_file(world: World) -> None:
    data = io.BytesIO()
    pq.write_table(pa.table({"text": [f"The mill {n}." for n in range(40)]}), data, row_group_size=8)
    good = data.getvalue()
    for at in range(len(good) - 400, len(good) - 8):
        world("rows.parquet", good[:at] + bytes([good[at] ^ 0x08]) + good[at + 1 :], "tabular")
