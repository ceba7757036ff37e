import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import InputError, RecipeError
from processors.charset import decode
from processors.extract import HtmlLimits, PageError, extract_page, html_to_text, parse_content_type

PARAGRAPHS = "".join(f"<p>The wheel of the mill turns for the {n}th time today, slowly.</p>" for n in range(9))
PAGE = f"""<html lang="de"><head><title>Die  Mühle</title><link rel="canonical" href="https://a.test/c">
<meta name="author" content="A. Müller"><meta property="article:published_time" content="2024-05-01"></head>
<body><nav class="navbar"><ul><li><a href="/">Home</a></li><li><a href="/x">Other</a></li></ul></nav>
<main><h1>The mill</h1>{PARAGRAPHS}<ul><li>grist</li></ul><pre>if x:
    y = 1</pre></main></body></html>"""


def test_main_leaves_navigation_out_and_keeps_structure() -> None:
    text = html_to_text(PAGE)
    assert "Other" not in text
    assert "if x:\n    y = 1" in text
    whole = html_to_text(PAGE, extractor="whole")
    assert "Other" in whole
    assert "- grist" in whole


def test_what_a_page_declares() -> None:
    page = extract_page(PAGE.encode())
    assert (page.title, page.language, page.canonical) == ("Die Mühle", "de", "https://a.test/c")
    assert (page.author, page.date, page.charset) == ("A. Müller", "2024-05-01", "utf-8")


RUSSIAN = "Мельница стоит у реки, и колесо её медленно вертится весь день. " * 20


@pytest.mark.parametrize(
    ("html", "content_type"),
    [
        (f"<p>{RUSSIAN}".encode("windows-1251"), "text/html; charset=windows-1251"),
        (f'<meta charset="windows-1251"><p>{RUSSIAN}'.encode("windows-1251"), None),
        (f"<p>{RUSSIAN}".encode("windows-1251"), "text/html; charset=utf-8"),
        (f"<p>{RUSSIAN}".encode("koi8-r"), None),
        (f"<p>{RUSSIAN}".encode(), "text/html; charset=iso-8859-1"),
        (f"<p>{RUSSIAN}".encode("utf-16"), "text/html; charset=utf-8"),
        (f"<p>{RUSSIAN}".encode(), "text/html; charset=x-klingon"),
        (f"<html><head><title>Mill of the river</title></head>{' ' * 900}{RUSSIAN}".encode("utf-16-le"), None),
    ],
)
def test_charset_in_order_of_trust(html: bytes, content_type: str | None) -> None:
    assert html_to_text(html, content_type=content_type, extractor="whole") == RUSSIAN.strip()


def test_a_broken_byte_is_marked_and_not_dropped() -> None:
    text, charset = decode(RUSSIAN.encode() + b"\xff!")
    assert (text, charset) == (RUSSIAN + "\ufffd!", "utf-8")


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>" * 100_000, "html_too_deep"),
        ("<div></x>" * 90_000, "html_too_deep"),
        ("<table><tr><td></p>" * 9_000, "html_too_deep"),
        ("<b>" * 90_000, "html_too_deep"),
        ("<br>" * 300_000, "html_too_many_tags"),
        ("x" * 20_000_000, "html_too_large"),
        ("<p>" + "".join(f"<font size={n}>" for n in range(400)) + "</p><p>x</p>" * 4_000, "html_too_deep"),
        ("<i>" * 60_000 + "</b>" * 60_000, "html_too_deep"),
        ("<p " + " ".join(f"a{n}" for n in range(60_000)) + ">", "html_too_many_attributes"),
    ],
)
def test_what_would_hold_a_worker_is_refused(html: str, reason: str) -> None:
    with pytest.raises(PageError) as refused:
        html_to_text(html)
    assert refused.value.reason == reason


def test_flat_pages_of_many_tags_are_read() -> None:
    assert html_to_text("<p>a line<br>" * 20_000, extractor="whole").count("a line") == 20_000
    assert extract_page("<p>x", limits=HtmlLimits(max_bytes=4)).text == "x"


def test_an_unknown_extractor_is_named() -> None:
    with pytest.raises(RecipeError, match="magic"):
        html_to_text("<p>x", extractor="magic")


def test_content_types_are_parsed() -> None:
    assert parse_content_type('Text/HTML; a=b; charset="UTF-8"') == ("text/html", "UTF-8")
    assert parse_content_type(None) == ("", None)
    assert parse_content_type("text/html, text/html; charset=utf-8") == ("text/html", "utf-8")


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([None, "text/html; charset=shift_jis", "text/html; charset=utf-7"]))
def test_no_bytes_break_the_extractor(html: bytes, content_type: str | None) -> None:
    html_to_text(b"<p>" + html, content_type=content_type).encode()


@pytest.mark.parametrize("extractor", ["main", "whole"])
def test_no_text_breaks_the_extractor(extractor: str) -> None:
    for html in ("", "<", "</", "<!", "<!--", "<a", "<a b", '<a b="', "&", "&#0;\x00\ud800", "<svg><style><b></svg>x"):
        html_to_text(html, extractor=extractor).encode()


def test_text_records_only() -> None:
    with pytest.raises(PageError) as refused:
        html_to_text("<p>x", extractor="none")
    assert refused.value.reason == "not_text"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.extract.page.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install trafilatura"):
        html_to_text("<p>x", extractor="trafilatura")


def test_an_xhtml_page_may_close_any_element_at_once() -> None:
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><p>text</p></body></html>'
    assert html_to_text(page, content_type="application/xhtml+xml", extractor="whole") == "text"


def test_an_xhtml_page_may_hold_sections_of_plain_text() -> None:
    page = "<html><body><p>if <![CDATA[a < b && c/>d]]> then</p><p>x <![CDATA[y</p></body></html>"
    text = html_to_text(page, content_type="application/xhtml+xml", extractor="whole")
    assert text.startswith("if a < b && c/>d then\n\nx")
