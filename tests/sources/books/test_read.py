import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pytest
import zstandard

from sources.item import Item

World = Callable[..., list[Item]]
GUTENBERG = """The Project Gutenberg eBook of The Mill

Title: The Mill
Author: A. Miller
Language: English

*** START OF THE PROJECT GUTENBERG EBOOK THE MILL ***

The wheel turns.

*** END OF THE PROJECT GUTENBERG EBOOK THE MILL ***

Full licence text.
"""


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_text_loses_its_gutenberg_frame(world: World, pack: Callable[[bytes], bytes]) -> None:
    (item,) = world("b.txt", pack(GUTENBERG.encode()), "books", licence="public-domain")
    d = item.document
    assert d is not None
    assert (d.text, d.title, d.author, d.language) == ("The wheel turns.", "The Mill", "A. Miller", "en")
    assert d.licence == "public-domain"


def test_a_text_that_only_speaks_of_gutenberg_is_kept(world: World) -> None:
    text = "Project Gutenberg is a library.\n\nMuch more is to be said of it."
    assert world("b.txt", text.encode(), "books")[0].document.text == text  # type: ignore[union-attr]


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "utf-16", "gb18030"])
def test_charsets_are_detected(world: World, charset: str) -> None:
    russian = "Мельница стоит у реки, и колесо её медленно вертится весь день. " * 30
    chinese = "磨坊在河边，轮子整天慢慢地转动。村里的人都把麦子送到这里来磨。" * 30
    text = chinese if charset == "gb18030" else russian
    (item,) = world("b.txt", text.encode(charset), "books")
    assert item.document is not None
    assert item.document.text == text.strip()


def test_a_zip_of_texts_has_a_document_for_each(world: World) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in {
            "b/1.txt": "One.",
            "b/2.txt": "Two.",
            "b/cover.jpg": "x",
            "../3.txt": "x",
            "c.zip": "x",
        }.items():
            archive.writestr(name, text)
    items = world("b.zip", out.getvalue(), "books")
    assert [i.reason or i.document.text for i in items] == [
        "One.",
        "Two.",
        "not_text",
        "path_escape",
        "nested_archive",
        "zip_directory",
    ]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"), (b"  \n\t\n", "empty_text"), ("\u200b\u00ad\ufffd\n".encode(), "empty_text"),
        (b"\x00\x01\x02\xff" * 99, "binary"), (gzip.compress(b"text", mtime=0)[:-9], "truncated"),
        (b"x" * 2000, "too_large"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_says_why(world: World, data: bytes, reason: str) -> None:
    (item,) = world("b.txt", data, "books", max_document_bytes=1000)
    assert item.reason == reason


WRAPPED = "\n\n".join(
    ["The wheel turns and the water falls, and there is nobody\nwho could stop it before the evening."] * 9
)


def test_wrapped_lines_are_joined_where_the_recipe_says_so(world: World) -> None:
    joined, kept = (world("b.txt", WRAPPED.encode(), "books", unwrap=unwrap)[0].document for unwrap in (True, False))
    assert joined is not None
    assert kept is not None
    assert joined.text == WRAPPED.replace("nobody\nwho", "nobody who")
    assert kept.text == WRAPPED


def test_a_text_without_lines_is_read(world: World) -> None:
    text = "corn " * 200_000
    assert world("b.txt", text.encode(), "books")[0].document.text == text.strip()  # type: ignore[union-attr]
    assert world("b.txt", b"x" * 10**6, "books")[0].document.text == "x" * 10**6  # type: ignore[union-attr]
