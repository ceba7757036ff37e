import pytest

from sources.web.header import absolute, links, robots


@pytest.mark.parametrize(
    ("values", "page", "asked"),
    [
        ([], None, None),
        ([], "noai, noindex", "noai, noindex"),
        (["NoIndex", "nofollow , noindex"], None, "nofollow, noindex"),
        (["noarchive"], "noai", "noai, noarchive"),
        (["googlebot: noindex, nofollow", "noai"], None, "googlebot: nofollow, googlebot: noindex, noai"),
        (["max-snippet: 20, otherbot: none"], None, "max-snippet:20, otherbot: none"),
        ([" , ", ""], None, None),
    ],
)
def test_robots_of_header_and_page_are_merged(values: list[str], page: str | None, asked: str | None) -> None:
    assert robots(values, page) == asked


def test_links_are_found_by_relation() -> None:
    values = ['<a.css>; rel=preload; as="a,b", </own> ; title="x, <y>"; rel="canonical up"', "<z>; REL=License", "<n>"]
    assert links(values) == {"preload": "a.css", "canonical": "/own", "up": "/own", "license": "z"}
    assert links(["<" * 50_000, "<a>" + ";" * 50_000, '<a>;"' * 10_000]) == {}


def test_urls_are_made_absolute_where_that_can_be_done() -> None:
    assert absolute("/b", "https://a.test/x/y") == "https://a.test/b"
    assert absolute("https://b.test/", "https://a.test/") == "https://b.test/"
    assert absolute("b", None) == "b"
    assert absolute("//[b", "https://a.test/") is None
    assert absolute(None, "https://a.test/") is None
