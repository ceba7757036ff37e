import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.item import Document, Item

World = Callable[..., list[Item]]
CONTAINER = '<container><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>'
METADATA = """<dc:title>The Mill</dc:title><dc:creator>A. Miller</dc:creator><dc:creator>B. Stone</dc:creator>
<dc:language>en</dc:language><dc:date>1899</dc:date><dc:identifier>urn:mill</dc:identifier>
<dc:rights>CC0-1.0</dc:rights>"""
OPF = """<package xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<metadata>{metadata}</metadata><manifest>{items}</manifest><spine>{refs}</spine>{guide}</package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol>{links}</ol></nav></body></html>"""


def chapter(words: str, body: str = "<body>") -> str:
    return f'<?xml version="1.0"?><html><head><title/></head>{body}<a id="x"/><p>{words}</p></body></html>'


def epub(
    chapters: dict[str, str],
    spine: list[str] | None = None,
    more: dict[str, str] | None = None,
    metadata: str = METADATA,
    guide: str = "",
    items: str = "",
    refs: str | None = None,
) -> bytes:
    items += "".join(f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in chapters)
    if refs is None:
        refs = "".join(f'<itemref idref="{n}"/>' for n in spine or chapters)
    opf = OPF.format(items=items, refs=refs, metadata=metadata, guide=guide)
    files = {"META-INF/container.xml": CONTAINER, "OPS/b.opf": opf}
    files |= {f"OPS/{n}": text for n, text in chapters.items() if text} | (more or {})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            if text:
                archive.writestr(name, text)
    return out.getvalue()


def book(items: list[Item]) -> Document:
    assert items[0].document is not None, items[0]
    return items[0].document


def asides(items: list[Item]) -> list[tuple[str, str, str | None]]:
    assert [item.ordinal for item in items] == list(range(len(items)))
    return [(item.outcome, item.reason, item.name) for item in items[1:]]


def test_an_epub_is_one_document_in_spine_order(world: World) -> None:
    words = {"a.xhtml": "Über the first.", "b.xhtml": "The second.", "c.xhtml": "The third."}
    chapters = {name: chapter(text) for name, text in words.items()}
    items = world("b.epub", epub(chapters, ["b.xhtml", "a.xhtml", "c.xhtml"]), "books")
    d = book(items)
    assert d.text == "The second.\n\nÜber the first.\n\nThe third."
    assert (d.title, d.author, d.language, d.date) == ("The Mill", "A. Miller; B. Stone", "en", "1899")
    assert (d.licence, d.user_id) == ("CC0-1.0", "urn:mill")
    starts = [c["start"] for c in d.meta["chapters"]]
    assert [d.text.encode()[s : s + 6].decode() for s in starts] == ["The se", "Über ", "The th"]
    assert len(items) == 1


LETTERS = st.sampled_from(
    [*"aé\u0301ü界😀 \n\t\xad\u200b\ufeff", "\n\n\n\n", "&amp;", "<br/>", "<pre> x\n  y</pre>", "<p>"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(LETTERS, max_size=20).map("".join), min_size=1, max_size=6))
def test_chapters_begin_where_it_is_said(world: World, texts: list[str]) -> None:
    chapters = {f"{n}.xhtml": chapter(f"{text}CHAPTER {n} {text}") for n, text in enumerate(texts)}
    d = book(world("b.epub", epub(chapters), "books"))
    starts = [c["start"] for c in d.meta["chapters"]]
    data = d.text.encode()
    assert starts[0] == 0
    assert len(starts) == len(texts)
    for n, (start, end) in enumerate(zip(starts, [*starts[1:], len(data) + 2], strict=True)):
        stretch = data[start : end - 2].decode()
        assert f"CHAPTER {n}" in stretch
        assert stretch.rstrip() == stretch
        assert not stretch.startswith("\n")
        assert end > len(data) or data[end - 2 : end] == b"\n\n"


@pytest.mark.parametrize(
    ("chapters", "spine", "reason", "name"),
    [
        ({"a.xhtml": chapter("Here."), "b.xhtml": ""}, None, "missing", "OPS/b.xhtml"),
        ({"a.xhtml": chapter("Here.")}, ["a.xhtml", "zz"], "unknown_id", "zz"),
        ({"a.xhtml": chapter("Here."), "../../../b.xhtml": "x"}, None, "path_escape", "../../../b.xhtml"),
        ({"a.xhtml": chapter("Here."), "b.xhtml": "<div>" * 9000}, None, "html_too_deep", "OPS/b.xhtml"),
    ],
)
def test_a_bad_chapter_costs_itself(
    world: World, chapters: dict[str, str], spine: list[str] | None, reason: str, name: str
) -> None:
    items = world("b.epub", epub(chapters, spine), "books")
    assert book(items).text == "Here."
    assert asides(items) == [("quarantined", reason, name)]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"META-INF/container.xml": ""}, "no_container"),
        ({"META-INF/container.xml": CONTAINER.replace("b.opf", "no.opf")}, "no_opf"),
        ({"OPS/b.opf": OPF[:99]}, "bad_opf"),
        ({"OPS/b.opf": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>&x;</p>'}, "entity_declaration"),
        ({"META-INF/encryption.xml": '<e xmlns="e"><EncryptionMethod Algorithm="aes"/></e>'}, "drm"),
        ({"OPS/a.xhtml": chapter(" ")}, "no_chapters"),
    ],
)
def test_a_book_that_cannot_be_read_says_why(world: World, more: dict[str, str], reason: str) -> None:
    item = world("b.epub", epub({"a.xhtml": chapter("Here.")}, more=more), "books")[0]
    assert (item.outcome, item.reason) == ("quarantined", reason)


def test_entities_of_a_page_are_not_expanded(world: World) -> None:
    entities = '<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY l "lol">'
    page = f"<!DOCTYPE html [{entities}]><html><body><p>A &x; &l;</p></body></html>"
    assert book(world("b.epub", epub({"a.xhtml": page}), "books")).text == "A &x; &l;"


LINKS = "".join(f'<li><a href="c.xhtml#{n}">The chapter of the number {n}</a></li>' for n in range(9))


@pytest.mark.parametrize(
    ("name", "page", "guide", "reason"),
    [
        ("toc.xhtml", chapter(f"<h1>Contents of this book</h1><ul>{LINKS}</ul>"), "", "contents_page"),
        ("x.xhtml", chapter(f"<ul>{LINKS}</ul>"), "", "contents_page"),
        ("x.xhtml", chapter(f'<nav epub:type="toc">{LINKS}</nav>'), "", "contents_page"),
        ("x.xhtml", chapter('<img src="c.jpg" alt="Cover"/>'), "", "image_page"),
        ("x.xhtml", chapter("THE MILL"), '<guide><reference type="cover" href="x.xhtml"/></guide>', "cover"),
        ("x.xhtml", chapter("Copyright 1899 A. Miller", '<body epub:type="copyright-page">'), "", "licence_page"),
        ("x.xhtml", chapter("© A. M. All rights reserved. ISBN 3-00. Published by A. M."), "", "licence_page"),
        ("x.xhtml", chapter("THE FULL PROJECT GUTENBERG LICENSE PLEASE READ" + " terms" * 999), "", "licence_page"),
        ("x.xhtml", chapter('<div id="pg-header">The Project Gutenberg eBook</div>'), "", "licence_page"),
    ],
)
def test_what_is_no_text_of_the_book_is_passed_over(
    world: World, name: str, page: str, guide: str, reason: str
) -> None:
    items = world("b.epub", epub({name: page, "c.xhtml": chapter("Here.")}, guide=guide), "books")
    assert book(items).text == "Here."
    assert asides(items) == [("skipped", reason, f"OPS/{name}")]


@pytest.mark.parametrize(
    "words",
    [
        "Copyright is a right, and © is its sign. " + "He wrote of it at length. " * 120,
        "He had read the contents: " + LINKS + "and then the words began to flow. " * 30,
    ],
)
def test_what_only_looks_alike_stays(world: World, words: str) -> None:
    items = world("b.epub", epub({"toc.xhtml": chapter(words)}), "books")
    assert words.split(". ")[0][:20] in book(items).text


def test_contents_within_a_page_go(world: World) -> None:
    page = chapter(f'Before.</p><div class="toc"><div>{LINKS}</div></div><nav epub:type="toc">{LINKS}</nav><p>After.')
    assert book(world("b.epub", epub({"a.xhtml": page}), "books")).text == "Before.\n\nAfter."


def test_titles_come_from_the_navigation(world: World) -> None:
    links = '<li><a href="a.xhtml">The Wheel</a></li><li><a href="b.xhtml#two">The River</a></li>'
    chapters = {"a.xhtml": chapter("One."), "b.xhtml": chapter("Two."), "c.xhtml": chapter("</p><h2>Three</h2><p>.")}
    nav = '<item id="n" href="n.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    data = epub(chapters, ["n", *chapters], {"OPS/n.xhtml": NAV.format(links=links)}, items=nav)
    items = world("b.epub", data, "books")
    assert [c["title"] for c in book(items).meta["chapters"]] == ["The Wheel", "The River", "Three"]
    assert asides(items) == [("skipped", "contents_page", "OPS/n.xhtml")]


def test_titles_come_from_the_ncx(world: World) -> None:
    ncx = """<ncx><navMap><navPoint><navLabel><text>The  Wheel</text></navLabel><content src="a.xhtml"/>
    <navPoint><navLabel><text>Its hub</text></navLabel><content src="a.xhtml#hub"/></navPoint></navPoint>
    </navMap></ncx>"""
    item = '<item id="n" href="n.ncx" media-type="application/x-dtbncx+xml"/>'
    data = epub({"a.xhtml": chapter("One.")}, more={"OPS/n.ncx": ncx}, items=item)
    assert book(world("b.epub", data, "books")).meta["chapters"] == [{"start": 0, "title": "The Wheel"}]


def test_broken_navigation_is_told_and_costs_titles_only(world: World) -> None:
    item = '<item id="n" href="n.ncx" media-type="application/x-dtbncx+xml"/>'
    d = book(world("b.epub", epub({"a.xhtml": chapter("One.")}, more={"OPS/n.ncx": "<ncx>"}, items=item), "books"))
    assert d.meta["problems"] == ["bad_navigation: OPS/n.ncx"]


def test_pages_out_of_the_reading_order_come_last(world: World) -> None:
    chapters = {"n.xhtml": chapter("Notes."), "a.xhtml": chapter("One.")}
    data = epub(chapters, refs='<itemref idref="n.xhtml" linear="no"/><itemref idref="a.xhtml"/>')
    assert book(world("b.epub", data, "books")).text == "One.\n\nNotes."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('word<a epub:type="noteref" href="#n1">1</a>.', "word[1]."),
        ('word<sup><a href="n.xhtml#n1">12</a></sup>.', "word[12]."),
        ('word<a href="#n1"><sup>*</sup></a>.', "word[*]."),
        ('word<a class="fnanchor" href="#n1">[1]</a>.', "word[1]."),
        ('See <a href="c.xhtml#s2">2</a>.', "See 2."),
        ('1. A note.<a href="#r1" role="doc-backlink">↩</a>', "1. A note."),
        ('The wa<span epub:type="pagebreak" title="12">12</span>ter falls.', "The water falls."),
        ('The <span class="pagenum"><a id="p12">[Pg 12]</a></span>water.', "The water."),
        ("The wa\u00adter.", "The water."),
    ],
)
def test_marks_of_notes_and_pages(world: World, markup: str, text: str) -> None:
    assert book(world("b.epub", epub({"a.xhtml": chapter(markup)}), "books")).text == text


ROLE = '<meta refines="#i" property="role">ill</meta>'
MAIN = '<meta refines="#t" property="title-type">main</meta>'


@pytest.mark.parametrize(
    ("metadata", "field", "value"),
    [
        ('<dc:creator opf:role="ill">I</dc:creator><dc:creator opf:role="aut">A</dc:creator>', "author", "A"),
        (f'<dc:creator id="i">I</dc:creator>{ROLE}<dc:creator>A</dc:creator>', "author", "A"),
        ('<dc:date opf:event="modification">2010</dc:date>', "date", None),
        ('<dc:date opf:event="modification">2010</dc:date><dc:date>1 May 1899</dc:date>', "date", "1899-05-01"),
        ('<meta property="dcterms:modified">2012-01-18T12:47:00Z</meta>', "date", None),
        ("<dc:date>2012-01-18T12:47:00Z</dc:date>", "date", "2012-01-18"),
        (f'<dc:title id="s">Sub</dc:title><dc:title id="t">Main</dc:title>{MAIN}', "title", "Main"),
        ('<dc:rights>Free</dc:rights><link rel="cc:license" href="https://cc.x"/>', "licence", "https://cc.x"),
    ],
)
def test_metadata(world: World, metadata: str, field: str, value: str | None) -> None:
    d = book(world("b.epub", epub({"a.xhtml": chapter("One.")}, metadata=metadata), "books"))
    assert getattr(d, field) == value


def test_project_gutenbergs_frame_goes_and_tells(world: World) -> None:
    head = "The Project Gutenberg EBook of The Mill<br/>Title: The Mill<br/>Release Date: May 1, 1999 [EBook #77]<br/>"
    pages = {
        "a.xhtml": chapter(f"{head}*** START OF THE PROJECT GUTENBERG EBOOK THE MILL ***</p><p>The wheel."),
        "b.xhtml": chapter("It turns.</p><p>End of Project Gutenberg's The Mill, by A. Miller</p><p>*** END OF THE "
                           "PROJECT GUTENBERG EBOOK THE MILL ***</p><p>" + "Terms. " * 99),
    }  # fmt: skip
    d = book(world("b.epub", epub(pages, metadata=""), "books"))
    assert d.text == "The wheel.\n\nIt turns."
    assert (d.title, d.date, d.meta["gutenberg"]) == ("The Mill", "1999-05-01", "77")


def test_pages_that_expand_too_far_end_the_book(world: World) -> None:
    data = epub({f"{n}.xhtml": chapter("One." * 99) for n in range(9)})
    assert world("b.epub", data, "books", max_book_bytes=2_000)[0].reason == "book_too_large"
    assert world("b.epub", data, "books", max_document_bytes=900)[0].reason == "book_too_large"


@pytest.mark.parametrize("name", ["b.epub", "b.zip"])
def test_a_directory_that_is_too_large_is_not_loaded(world: World, name: str) -> None:
    data = epub({"a.xhtml": chapter("One.")})
    end = data.rindex(b"PK\5\6")
    told = data[: end + 8] + struct.pack("<HHI", 60_000, 60_000, 2**31) + data[end + 16 :]
    assert world(name, told, "books")[0].reason == "too_many_members"
    assert world(name, data, "books", max_members=2)[0].reason == "too_many_members"


def test_a_zip_says_by_its_first_member_that_it_is_an_epub(world: World) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        with zipfile.ZipFile(io.BytesIO(epub({"a.xhtml": chapter("One.")}))) as inner:
            for name in inner.namelist():
                archive.writestr(name, inner.read(name))
    assert book(world("b.zip", out.getvalue(), "books")).text == "One."


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_book_is_told(world: World, data: st.DataObject) -> None:
    good = bytearray(epub({"a.xhtml": chapter("One."), "b.xhtml": chapter("Two.")}))
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    world("b.epub", bytes(good), "books")


@pytest.mark.skipif(not (Path(__file__).parents[4] / "shared").is_dir(), reason="needs the corpus beside the checkout")
def test_a_real_book(tile: Callable[..., list[Item]]) -> None:
    items = tile(Path(__file__).parents[4] / "shared/corpus/books/moby-dick.epub", "books")
    d = book(items)
    chapters = {c["title"]: c["start"] for c in d.meta["chapters"]}
    assert d.text.encode()[chapters["Chapter 1. Loomings."] :].startswith(b"Chapter 1. Loomings.\n\nCall me Ishmael.")
    assert {reason for _, reason, _ in asides(items)} == {"contents_page", "cover", "image_page", "licence_page"}


def test_an_emoji_on_every_page_takes_little_memory(world: World) -> None:
    pages = {f"c{n}.xhtml": chapter(f"{n} 🙂" + " word" * 20_000) for n in range(30)}
    data = epub(pages)
    tracemalloc.start()
    text = book(world("b.epub", data, "books")).text
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert text.count("🙂") == 30
    assert peak < 15 * len(text.encode())
