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
CONTAINER = '<container><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>'
OPF = """<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The Mill</dc:title>
<dc:creator>A. Miller</dc:creator><dc:creator>B. Stone</dc:creator><dc:language>en</dc:language><dc:date>1899</dc:date>
<dc:identifier>urn:mill</dc:identifier><dc:rights>CC0-1.0</dc:rights></metadata><manifest>{items}</manifest>
<spine>{refs}</spine></package>"""
GUTENBERG = """The Project Gutenberg eBook of The Mill

Title: The Mill
Author: A. Miller
Language: English

*** START OF THE PROJECT GUTENBERG EBOOK THE MILL ***

The wheel turns.

*** END OF THE PROJECT GUTENBERG EBOOK THE MILL ***

Full licence text.
"""


def chapter(words: str) -> str:
    return f'<?xml version="1.0"?><html><head><title/></head><body><a id="x"/><p>{words}</p></body></html>'


def epub(chapters: dict[str, str], spine: list[str] | None = None, more: dict[str, str] | None = None) -> bytes:
    items = "".join(f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in chapters)
    refs = "".join(f'<itemref idref="{n}"/>' for n in spine or chapters)
    files = {"META-INF/container.xml": CONTAINER, "OPS/b.opf": OPF.format(items=items, refs=refs)}
    files |= {f"OPS/{n}": text for n, text in chapters.items() if text} | (more or {})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            if text:
                archive.writestr(name, text)
    return out.getvalue()


def test_an_epub_is_one_document_in_spine_order(world: World) -> None:
    chapters = {
        "a.xhtml": chapter("Über the first."),
        "b.xhtml": chapter("The second."),
        "c.xhtml": chapter("The third."),
    }
    (item,) = world("b.epub", epub(chapters, ["b.xhtml", "a.xhtml", "c.xhtml"]), "books")
    d = item.document
    assert d is not None
    assert d.text == "The second.\n\nÜber the first.\n\nThe third."
    assert (d.title, d.author, d.language, d.date) == ("The Mill", "A. Miller; B. Stone", "en", "1899")
    assert (d.licence, d.user_id) == ("CC0-1.0", "urn:mill")
    starts = [c["start"] for c in d.meta["chapters"]]
    assert [d.text.encode()[s : s + 6].decode() for s in starts] == ["The se", "Über ", "The th"]


@pytest.mark.parametrize(
    ("chapters", "spine", "problem"),
    [
        ({"a.xhtml": chapter("Here."), "b.xhtml": ""}, None, "missing: OPS/b.xhtml"),
        ({"a.xhtml": chapter("Here.")}, ["a.xhtml", "zz"], "unknown_id: zz"),
        ({"a.xhtml": chapter("Here."), "../../../b.xhtml": "x"}, None, "path_escape: ../../../b.xhtml"),
        ({"a.xhtml": chapter("Here."), "b.xhtml": "<div>" * 9000}, None, "html_too_deep: OPS/b.xhtml"),
    ],
)
def test_a_bad_chapter_costs_itself(
    world: World, chapters: dict[str, str], spine: list[str] | None, problem: str
) -> None:
    (item,) = world("b.epub", epub(chapters, spine), "books")
    assert item.document is not None
    assert item.document.text == "Here."
    assert item.document.meta["problems"] == [problem]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"META-INF/container.xml": ""}, "no_container"),
        ({"META-INF/container.xml": CONTAINER.replace("b.opf", "no.opf")}, "no_opf"),
        ({"OPS/b.opf": OPF[:200]}, "bad_opf"),
        ({"OPS/b.opf": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>&x;</p>'}, "entity_declaration"),
        ({"META-INF/encryption.xml": '<e xmlns="e"><EncryptionMethod Algorithm="aes"/></e>'}, "drm"),
        ({"OPS/a.xhtml": chapter(" ")}, "no_chapters"),
    ],
)
def test_a_book_that_cannot_be_read_says_why(world: World, more: dict[str, str], reason: str) -> None:
    (item,) = world("b.epub", epub({"a.xhtml": chapter("Here.")}, more=more), "books")
    assert (item.outcome, item.reason) == ("quarantined", reason)


def test_entities_of_a_page_are_not_expanded(world: World) -> None:
    entities = '<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY l "lol">'
    page = f"<!DOCTYPE html [{entities}]><html><body><p>A &x; &l;</p></body></html>"
    (item,) = world("b.epub", epub({"a.xhtml": page}), "books")
    assert item.document is not None
    assert "A &x; &l;" in item.document.text


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_text_loses_its_gutenberg_frame(world: World, pack: Callable[[bytes], bytes]) -> None:
    (item,) = world("b.txt", pack(GUTENBERG.encode()), "books", licence="public-domain")
    d = item.document
    assert d is not None
    assert (d.text, d.title, d.author, d.language) == ("The wheel turns.", "The Mill", "A. Miller", "English")
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
        for name, text in {"b/1.txt": "One.", "b/2.txt": "Two.", "b/cover.jpg": "x", "../3.txt": "x"}.items():
            archive.writestr(name, text)
    items = world("b.zip", out.getvalue(), "books")
    assert [i.reason or i.document.text for i in items] == ["One.", "Two.", "not_text", "path_escape", "zip_directory"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"), (b"  \n\t\n", "empty_text"), ("\u200b\u00ad\ufffd\n".encode(), "empty_text"),
        (b"\x00\x01\x02\xff" * 99, "binary"), (gzip.compress(b"text")[:-9], "truncated"), (b"x" * 2000, "too_large"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_says_why(world: World, data: bytes, reason: str) -> None:
    (item,) = world("b.txt", data, "books", max_document_bytes=1000)
    assert item.reason == reason
