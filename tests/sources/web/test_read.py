import base64
import gzip
import hashlib
from collections.abc import Callable

import pytest

from sources.item import Document, Item

World = Callable[..., list[Item]]


def page(words: str = "A page about mills", title: str = "Mills") -> bytes:
    body = "".join(f"<p>{words}, sentence {n} of this paragraph, which says something.</p>" for n in range(8))
    return f"<html lang=en><head><title>{title}</title></head><body><main>{body}</main></body></html>".encode()


def record(
    kind: str, url: str, block: bytes, content_type: str = "application/http; msgtype=response", extra: str = ""
) -> bytes:
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Type: {content_type}\r\n{extra}"
    return head.encode() + f"Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def response(
    url: str,
    body: bytes,
    head: str = "Content-Type: text/html; charset=utf-8",
    status: str = "200 OK",
    extra: str = "",
) -> bytes:
    return record("response", url, f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body, extra=extra)


def only(items: list[Item]) -> Document:
    (item,) = items
    assert item.document is not None, item
    return item.document


def members(*records: bytes) -> bytes:
    return b"".join(gzip.compress(r, mtime=0) for r in records)


MIXED = [
    record("warcinfo", "", b"software: x\r\n", "application/warc-fields"),
    record("request", "https://a.test/", b"GET / HTTP/1.1\r\n\r\n"),
    response("https://a.test/1", page("First")),
    response("https://a.test/gone", page(), status="404 Not Found"),
    response("https://a.test/i.png", b"\x89PNG", "Content-Type: image/png"),
    response("https://a.test/2", page("Second")),
]


def outcomes(items: list[Item]) -> list[str]:
    return [i.reason or i.outcome for i in items]


@pytest.mark.parametrize(
    "data", [b"".join(MIXED), members(*MIXED), gzip.compress(b"".join(MIXED))], ids=["plain", "members", "stream"]
)
def test_pages_are_documents_and_the_rest_says_why(world: World, data: bytes) -> None:
    items = world("a.warc.gz", data)
    assert outcomes(items) == ["warcinfo_record", "request_record", "document", "http_status", "not_html", "document"]
    document = items[2].document
    assert document is not None
    assert document.text.startswith("First, sentence 0")
    assert (document.url, document.title, document.language) == ("https://a.test/1", "Mills", "en")


def test_wet_text_is_taken_as_it_is(world: World) -> None:
    (item,) = world("a.wet.gz", members(record("conversion", "https://a.test/", "Grüße\n".encode(), "text/plain")))
    assert item.document is not None
    assert item.document.text == "Grüße"


def test_an_html_file_is_one_document(world: World) -> None:
    for name, data in (("p.html", page()), ("p.htm.gz", gzip.compress(page()))):
        (item,) = world(name, data)
        assert item.document is not None
        assert item.document.title == "Mills"


def test_xhtml_with_self_closed_elements_is_not_swallowed(world: World) -> None:
    body = b"<html><head><title/><script src='x'/></head><body><p>All here and to be read.</p></body></html>"
    (item,) = world("a.warc", response("https://a.test/", body, "Content-Type: application/xhtml+xml"))
    assert item.document is not None
    assert item.document.text == "All here and to be read."


def test_a_page_is_told_from_a_warc_by_its_bytes_where_the_name_says_neither(world: World) -> None:
    assert only(world("index.php", page())).title == "Mills"
    assert only(world("archive", MIXED[2])).url == "https://a.test/1"
    assert outcomes(world("notes.bin", b"no page at all")) == ["not_warc"]
    assert outcomes(world("a.warc.gz", b"<html><p>not a WARC</html>")) == ["not_warc"]


def test_what_gives_no_document_by_its_nature_is_skipped(world: World) -> None:
    kinds = ["request", "revisit", "metadata", "continuation", "unheard-of"]
    items = world("a.warc.gz", members(*(record(kind, "https://a.test/", page(), "text/html") for kind in kinds)))
    assert [i.outcome for i in items] == ["skipped"] * 5
    assert outcomes(items)[3:] == ["continuation_record", "other_record"]


def test_a_resource_is_a_page(world: World) -> None:
    assert only(world("a.warc", record("resource", "file:///a", page(), "text/html"))).title == "Mills"
    assert outcomes(world("a.warc", record("resource", "file:///a", b"x", "text/css"))) == ["not_html"]
    assert only(world("a.warc", record("response", "ftp://a.test/", page(), "text/html"))).title == "Mills"
    assert outcomes(world("a.warc", record("response", "dns:a.test", b"192.0.2.1", "text/dns"))) == ["not_html"]
    assert outcomes(world("a.warc", record("response", "https://a.test/", page()))) == ["no_http_head"]


def test_the_extractor_none_takes_text_and_no_markup(world: World) -> None:
    plain = response("https://a.test/t", "Grüße\n".encode(), "Content-Type: text/plain")
    data = members(plain, MIXED[2], record("conversion", "https://a.test/", b"from a WET", "text/plain"))
    items = world("a.warc.gz", data, extractor="none")
    assert outcomes(items) == ["document", "not_text", "document"]
    assert items[0].document is not None
    assert items[0].document.text == "Grüße"
    assert outcomes(world("a.warc.gz", data)) == ["not_html", "document", "document"]


def test_an_interim_response_is_passed_over(world: World) -> None:
    block = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + page()
    assert only(world("a.warc", record("response", "https://a.test/", block))).title == "Mills"


def test_http_fields_speak_where_the_page_is_silent(world: World) -> None:
    head = (
        "Content-Type: text/html\r\nX-Robots-Tag: noindex, NoAI\r\nx-robots-tag: gptbot: nofollow\r\n"
        "TDM-Reservation: 1\r\n"
        'Link: <https://a.test/x.css>; rel=preload, </own>; rel="canonical"\r\nContent-Language: fr\r\n'
        "Link: <https://creativecommons.org/licenses/by/4.0/>; rel=license"
    )
    found = only(world("a.warc", response("https://a.test/1?x", page().replace(b" lang=en", b""), head)))
    assert found.robots == "gptbot: nofollow, noai, noindex, tdm-reservation: 1"
    assert (found.canonical, found.licence, found.language) == ("https://a.test/own", "CC-BY-4.0", "fr")
    assert only(world("a.warc", response("https://a.test/1", page(), head))).language == "en"


def test_the_identified_type_stands_in_for_a_missing_one(world: World) -> None:
    png = response("https://a.test/", page(), "X: y", extra="WARC-Identified-Payload-Type: image/png\r\n")
    assert outcomes(world("a.warc", png)) == ["not_html"]
    assert outcomes(world("a.warc", response("https://a.test/", page(), "X: y"))) == ["document"]


@pytest.mark.parametrize(
    ("extra", "says"), [("WARC-Truncated: length\r\n", "length"), ("WARC-Segment-Number: 1\r\n", "segment")]
)
def test_a_page_that_the_crawler_cut_says_so(world: World, extra: str, says: str) -> None:
    assert only(world("a.warc", response("https://a.test/", page(), extra=extra))).meta["truncated"] == says
    assert "truncated" not in only(world("a.warc", response("https://a.test/", page()))).meta


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def test_what_a_digest_contradicts_is_quarantined(world: World) -> None:
    right = response("https://a.test/", page(), extra=f"WARC-Payload-Digest: {sha1(page())}\r\n")
    wrong = response("https://a.test/", page("Other"), extra=f"WARC-Payload-Digest: {sha1(page())}\r\n")
    assert outcomes(world("a.warc.gz", members(right, wrong, right))) == ["document", "digest_mismatch", "document"]
    assert outcomes(world("a.warc.gz", members(wrong), check_digests=False)) == ["document"]


def test_a_digest_of_an_unknown_algorithm_is_not_checked_and_said(world: World) -> None:
    found = only(world("a.warc", response("https://a.test/", page(), extra="WARC-Payload-Digest: blake3:00\r\n")))
    assert found.meta["digest"] == "unknown algorithm"


@pytest.mark.parametrize("length", ["many", "-5", str(2**63 - 1), "99999", "10"])
def test_a_lying_length_costs_nothing_where_a_digest_proves_the_page(world: World, length: str) -> None:
    for digest, outcome in ((sha1(page()), "document"), (sha1(b""), "quarantined"), ("blake3:0", "quarantined")):
        good = response("https://a.test/", page(), extra=f"WARC-Payload-Digest: {digest}\r\n")
        head, _, rest = good.partition(b"Content-Length: ")
        liar = head + b"Content-Length: " + length.encode() + b"\r\n" + rest.partition(b"\r\n")[2]
        for data in (MIXED[2] + liar + MIXED[5], members(MIXED[2], liar, MIXED[5])):
            items = world("a.warc", data)
            assert [i.outcome for i in items] == ["document", outcome, "document"]
            assert items[1].document is None or items[1].document.meta["mended"]
