import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sources.outcome import UnreadError
from sources.settings import ReadSettings
from sources.web.response import decoded_body, parse_response

LIMITS = ReadSettings("web", max_body_bytes=8_000_000)
PAGE = b"<html><title>Mills</title><p>" + b"a page about mills " * 200 + bytes(range(32, 127)) * 20


def body(data: bytes, coding: str = "", extra: str = "") -> tuple[bytes, str]:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\n{extra}"
    found = decoded_body(parse_response(f"{head.rstrip()}\r\n\r\n".encode() + data, LIMITS), LIMITS)
    return found.data, found.cut


def chunked(data: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return b"5;x=y\r\n" + data[:5] + b"\r\n" + b"%X\r\n" % (len(data) - 5) + data[5:] + b"\r\n" + last


CHUNKED = "Transfer-Encoding: chunked"
GZIP, ZSTD, BROTLI = gzip.compress(PAGE), zstandard.compress(PAGE), brotli.compress(PAGE)


@pytest.mark.parametrize(
    ("data", "coding", "extra"),
    [
        (PAGE, "", ""),
        (GZIP, "gzip", ""),
        (GZIP, "X-GZip", ""),
        (gzip.compress(GZIP), "gzip, gzip", ""),
        (gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:]), "gzip", ""),
        (GZIP + b"\r\n junk", "gzip", ""),
        (zlib.compress(PAGE), "deflate", ""),
        (zlib.compress(PAGE)[2:-4], "deflate", ""),
        (BROTLI, "br", ""),
        (ZSTD, "zstd", ""),
        (gzip.compress(ZSTD), "zstd", "Content-Encoding: gzip"),
        (PAGE, "gzip", ""),
        (PAGE, "br", ""),
        (PAGE, "deflate", ""),
        (PAGE, "x-klingon", ""),
        (chunked(PAGE), "", CHUNKED),
        (chunked(GZIP), "gzip", CHUNKED),
        (chunked(GZIP), "", "Transfer-Encoding: gzip, chunked"),
        (gzip.compress(BROTLI), "br", "Transfer-Encoding: gzip"),
        (PAGE, "", CHUNKED),
    ],
)
def test_encodings_are_undone(data: bytes, coding: str, extra: str) -> None:
    assert body(data, coding, extra) == (PAGE, "")


@pytest.mark.parametrize(
    ("data", "coding", "extra", "cut"),
    [
        (GZIP[:-20], "gzip", "", "gzip"),
        (zlib.compress(PAGE)[:-20], "deflate", "", "deflate"),
        (brotli.compress(PAGE * 400)[:-9], "br", "", "br"),
        (chunked(PAGE, b""), "", CHUNKED, "chunked"),
        (chunked(PAGE, b"1f"), "", CHUNKED, "chunked"),
        (chunked(PAGE)[:-100], "", CHUNKED, "chunked"),
        (chunked(GZIP)[:-100], "gzip", CHUNKED, "chunked"),
    ],
)
def test_a_body_that_ends_too_early_gives_what_there_is(data: bytes, coding: str, extra: str, cut: str) -> None:
    given_, says = body(data, coding, extra)
    assert says == cut
    assert len(given_) > 40
    assert (PAGE * 400).startswith(given_)


@pytest.mark.parametrize(
    ("data", "coding", "extra", "reason"),
    [
        (b"\x00\x01" * 500, "x-klingon", "", "unknown_encoding"),
        (PAGE, "gzip,gzip,gzip,gzip,gzip", "", "unknown_encoding"),
        (GZIP[:60] + bytes(20) + GZIP[80:], "gzip", "", "bad_encoding"),
        (GZIP[:-8] + bytes(8), "gzip", "", "bad_encoding"),
        (b"\x00" * 400, "br", "", "bad_encoding"),
        (GZIP[:4], "gzip", "", "bad_encoding"),
        (gzip.compress(bytes(9_000_000)), "gzip", "", "body_too_large"),
        (zlib.compress(bytes(9_000_000)), "deflate", "", "body_too_large"),
        (brotli.compress(bytes(9_000_000)), "br", "", "body_too_large"),
        (zstandard.compress(bytes(9_000_000)), "zstd", "", "body_too_large"),
        (b"5\r\n<html\r\nno size\r\nmore of it\r\n", "", CHUNKED, "bad_chunks"),
    ],
)
def test_what_contradicts_its_encoding_says_why(data: bytes, coding: str, extra: str, reason: str) -> None:
    with pytest.raises(UnreadError) as refused:
        body(data, coding, extra)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("block", "reason"), [(b"hello", "no_http_head"), (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, "head_too_large")]
)
def test_a_block_without_a_head_says_why(block: bytes, reason: str) -> None:
    with pytest.raises(UnreadError) as refused:
        parse_response(block, LIMITS)
    assert refused.value.reason == reason


def test_fields_are_found_whatever_their_form() -> None:
    found = parse_response(b"HTTP/2 200\nA: 1\nb :  2\n folded\nA: 3\n: 4\nnone\n\n<p>", LIMITS)
    assert (found.first("a"), found.every("a"), found.first("b"), found.body) == ("1", ["1", "3"], "2 folded", b"<p>")
    assert found.first("none") is None


@given(
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", ""]), max_size=3), st.binary(max_size=300), st.booleans()
)
def test_any_body_is_given_or_refused(codings: list[str], data: bytes, in_chunks: bool) -> None:
    try:
        body(chunked(data) if in_chunks else data, ",".join(codings), CHUNKED if in_chunks else "")
    except UnreadError as refused:
        assert refused.reason in ("bad_encoding", "bad_chunks")
