import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.item import Item

World = Callable[..., list[Item]]


def page(words: str = "A page about mills", title: str = "Mills") -> bytes:
    body = "".join(f"<p>{words}, sentence {n} of this paragraph, which says something.</p>" for n in range(8))
    return f"<html lang=en><head><title>{title}</title></head><body><main>{body}</main></body></html>".encode()


def record(kind: str, url: str, block: bytes, content_type: str = "application/http; msgtype=response") -> bytes:
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Type: {content_type}\r\n"
    return head.encode() + f"Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def response(
    url: str, body: bytes, head: str = "Content-Type: text/html; charset=utf-8", status: str = "200 OK"
) -> bytes:
    return record("response", url, f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body)


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


def encoded(body: bytes, coding: str, extra: str = "") -> bytes:
    return response(
        "https://a.test/", body, f"Content-Type: text/html\r\nContent-Encoding: {coding}\r\n{extra}".rstrip()
    )


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


def test_a_member_range_holds_its_record(world: World) -> None:
    data = members(*MIXED)
    item = world("a.warc.gz", data)[2]
    assert gzip.decompress(data[item.start : item.end]) == MIXED[2]


def test_wet_text_is_taken_as_it_is(world: World) -> None:
    (item,) = world("a.wet.gz", members(record("conversion", "https://a.test/", "Grüße\n".encode(), "text/plain")))
    assert item.document is not None
    assert item.document.text == "Grüße"


def test_a_corrupt_member_costs_itself(world: World) -> None:
    good = [gzip.compress(r, mtime=0) for r in MIXED]
    good[2] = good[2][:40] + bytes(b ^ 0xFF for b in good[2][40:60]) + good[2][60:]
    items = world("a.warc.gz", b"".join(good))
    assert outcomes(items)[2:] == ["corrupt", "http_status", "not_html", "document"]
    assert (items[2].end - items[2].start) == len(good[2])


@pytest.mark.parametrize("length", ["many", "-5", str(2**63 - 1), "99999", "10"])
def test_a_lying_length_costs_its_record(world: World, length: str) -> None:
    head, _, rest = MIXED[2].partition(b"Content-Length: ")
    liar = head + b"Content-Length: " + length.encode() + b"\r\n" + rest.partition(b"\r\n")[2]
    items = world("a.warc", b"".join([*MIXED[:2], liar, *MIXED[3:]]))
    assert items[2].outcome == "quarantined"
    assert outcomes(items)[3:] == ["http_status", "not_html", "document"]


def test_a_record_beyond_the_limit_costs_itself(world: World) -> None:
    big = response("https://a.test/", b"<p>" + b"x" * 200_000)
    for data in (members(big, MIXED[2]), big + MIXED[2], gzip.compress(big + MIXED[2])):
        assert outcomes(world("a.warc.gz", data, max_record_bytes=100_000)) == ["too_large", "document"]


def test_several_records_in_a_later_member_share_its_stretch(world: World) -> None:
    items = world("a.warc.gz", members(MIXED[2], MIXED[5] + MIXED[2]))
    assert [(i.start, i.ordinal) for i in items] == [(0, 0), (items[0].end, 0), (items[0].end, 1)]


@pytest.mark.parametrize(
    "block",
    [
        encoded(gzip.compress(page()), "gzip"),
        encoded(gzip.compress(gzip.compress(page())), "gzip, gzip"),
        encoded(zlib.compress(page()), "deflate"),
        encoded(zlib.compress(page())[2:-4], "deflate"),
        encoded(brotli.compress(page()), "br"),
        encoded(page(), "gzip"),
        encoded(
            b"5\r\n<html\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(page()) - 5, page()[5:]), "", "Transfer-Encoding: chunked"
        ),
        encoded(page(), "", "Transfer-Encoding: chunked"),
    ],
    ids=["gzip", "gzip-twice", "deflate", "raw-deflate", "br", "gzip-undone", "chunked", "chunked-undone"],
)
def test_encodings_are_undone(world: World, block: bytes) -> None:
    (item,) = world("a.warc", block)
    assert item.document is not None
    assert item.document.text.startswith("A page about mills, sentence 0")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (encoded(gzip.compress(page())[:-20], "gzip"), "bad_encoding"),
        (encoded(brotli.compress(page())[:-9], "br"), "bad_encoding"),
        (encoded(gzip.compress(b"\x00" * 9_000_000), "gzip"), "body_too_large"),
        (encoded(brotli.compress(b"\x00" * 9_000_000), "br"), "body_too_large"),
        (encoded(page(), "x-klingon"), "unknown_encoding"),
        (encoded(b"ffff\r\n<html>", "", "Transfer-Encoding: chunked"), "bad_chunks"),
        (encoded(b"", "identity"), "empty_body"),
        (response("https://a.test/", b"<p> </p>"), "empty_text"),
        (response("https://a.test/", b"<div>" * 9_000 + b"x"), "html_too_deep"),
        (response("https://a.test/", b"<i>x</i>" * 200_000), "html_too_many_tags"),
        (response("https://a.test/", b"\x89PNG\r\n"), "not_html"),
    ],
)
def test_bad_bodies_say_why(world: World, block: bytes, reason: str) -> None:
    items = world("a.warc.gz", members(block, MIXED[2]), max_body_bytes=8_000_000)
    assert outcomes(items) == [reason, "document"]


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.sampled_from(MIXED), st.binary(max_size=60)), max_size=8),
    st.sampled_from(["plain", "members", "stream"]),
    st.integers(0, 40),
)
def test_any_mixture_of_records_and_garbage_tiles(world: World, pieces: list[bytes], form: str, cut: int) -> None:
    good = [gzip.compress(p, mtime=0) if form == "members" and p in MIXED else p for p in pieces]
    data = b"".join(good)[: -cut or None]
    items = world("a.warc.gz", gzip.compress(data) if form == "stream" else data)
    if form == "members" and not cut and all(p in MIXED for p in pieces):
        assert len([i for i in items if i.document]) == sum(p in (MIXED[2], MIXED[5]) for p in pieces)
