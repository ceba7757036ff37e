"""HTTP responses as crawlers store them: head and body apart, transfer and content encodings undone, all bounded.

A body is taken as far as the record goes: the lengths that HTTP states are often wrong after a crawler has changed the
encoding, so they are not asked. A body that merely ends too early (the connection broke, the crawler stopped) gives
what there is and says so; one that contradicts its encoding is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from isal import igzip_lib

from sources.containers.compression import FAILURES, Zstd, codec_of
from sources.outcome import UnreadError
from sources.settings import ReadSettings
from sources.web.warc import parse_lines

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
_CHUNK_CUT = re.compile(rb"\s*[0-9A-Fa-f]{0,8}[ \t]*(?:;[^\r\n]{0,1024})?\r?")  # a chunk's head, cut off
_BLANK = re.compile(rb"\n\r?\n")  # the line that ends a head
_STEP = 2**16
_MAX_CODINGS = 4
_INTERIM = 4  # most heads of status 1xx before the one that counts


@dataclass(frozen=True, slots=True)
class Response:
    """Status, header fields in their order (names in lower case) and the body as it was stored."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes

    def first(self, name: str) -> str | None:
        """The first field of a name."""
        return next((value for field, value in self.lines if field == name), None)

    def every(self, name: str) -> list[str]:
        """All fields of a name."""
        return [value for field, value in self.lines if field == name]


class Body(NamedTuple):
    """A body with its encodings undone; which of them it was `cut` in, if any; and its forms on the way."""

    data: bytes
    cut: str
    forms: list[bytes]


def parse_response(block: bytes, settings: ReadSettings) -> Response:
    """The parts of a stored response. Raises UnreadError for one without an HTTP head."""
    body = 0
    for _ in range(1 + _INTERIM):
        start = body
        status = _STATUS.match(block, start)
        if not status:
            raise UnreadError("no_http_head", "the block does not begin with an HTTP status line")
        end, body = _head_end(block, start, settings.max_head_bytes)
        code = int(status[1])
        if not (100 <= code < 200 and _STATUS.match(block, body)):
            break
    return Response(code, parse_lines(block[start:end]), block[body:])


def _head_end(block: bytes, start: int, limit: int) -> tuple[int, int]:
    """Where the head ends and the body begins."""
    blank = _BLANK.search(block, start, start + limit)
    if not blank and len(block) - start > limit:
        raise UnreadError("head_too_large", f"an HTTP head without end within {limit} bytes (max_head_bytes)")
    return (blank.start() + 1, blank.end()) if blank else (len(block), len(block))


def decoded_body(response: Response, settings: ReadSettings) -> Body:
    """The body with its transfer and content encodings undone.

    Raises UnreadError: `bad_chunks`, `bad_encoding`, `unknown_encoding`, `body_too_large`.
    """
    body, cut = response.body, ""
    forms = [body]
    if "chunked" in ",".join(response.every("transfer-encoding")).lower():
        body, cut = _unchunked(body)
        forms.append(body)
    stated = ",".join([*response.every("content-encoding"), *response.every("transfer-encoding")])
    codings = [c for coding in stated.split(",") if (c := coding.strip().lower()) not in _PLAIN]
    if len(codings) > _MAX_CODINGS:
        raise UnreadError("unknown_encoding", f"{len(codings)} content encodings, at most {_MAX_CODINGS} are undone")
    for coding in reversed(codings):
        body, whole = _undone(body, coding, settings.max_body_bytes)
        cut = cut or ("" if whole else coding)
        forms.append(body)
    if cut and not body:
        raise UnreadError("bad_encoding", f"the {cut} body is cut off before it gives anything")
    return Body(body, cut, forms)


def _unchunked(body: bytes) -> tuple[bytes, str]:
    """The chunks joined, and "chunked" where they end too early.

    A body that is not chunked at all stays as it is (a crawler has undone it).
    """
    parts: list[memoryview] = []
    whole = memoryview(body)
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(parts), ""
        at = match.end() + size
        parts.append(whole[match.end() : at])
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    if not parts:
        return body, ""
    if at < len(body) and not _CHUNK_CUT.fullmatch(body, at):
        raise UnreadError("bad_chunks", f"no chunk size at byte {at} of {len(body)}")
    return b"".join(parts), "chunked"


def _undone(body: bytes, coding: str, limit: int) -> tuple[bytes, bool]:
    """The body without `coding`, and whether it is all there.

    A body that says it is encoded and plainly is not stays as it is: crawlers undo encodings and leave the header.
    """
    try:
        if coding == "br":
            return _unbrotlied(body, limit)
        if coding in _DECODERS:
            return _decoded(_DECODERS[coding], body, limit)
        reason, detail = "unknown_encoding", coding[:80]
    except FAILURES as error:
        reason, detail = "bad_encoding", f"{coding}: {error}"
    head = body[:1024]
    if b"<" in head and min(head) >= 9:
        return body, True
    raise UnreadError(reason, detail)


def _decoded(make: Callable[[bytes], Any], body: bytes, limit: int) -> tuple[bytes, bool]:
    """The expansion of a body's members, and whether the last one ends. What follows them and is none is left out."""
    parts: list[bytes] = []
    size = 0
    while True:
        decoder, data = make(body), body
        while not decoder.eof:
            parts.append(decoder.decompress(data, 2**20))
            size += len(parts[-1])
            if size > limit:
                raise UnreadError("body_too_large", f"the body expands to more than {limit} bytes (max_body_bytes)")
            if not decoder.eof and decoder.needs_input:
                return b"".join(parts), False
            data = b""
        rest = decoder.unused_data
        if codec_of(rest) is None or codec_of(rest) != codec_of(body):
            return b"".join(parts), True
        body = rest


def _unbrotlied(body: bytes, limit: int) -> tuple[bytes, bool]:
    import brotli

    inner = brotli.Decompressor()
    parts: list[bytes] = []
    size = at = 0
    try:
        while not inner.is_finished():
            feed = b""
            if inner.can_accept_more_data():
                feed, at = body[at : at + _STEP], at + _STEP
                if not feed:
                    return b"".join(parts), False
            parts.append(inner.process(feed, output_buffer_limit=2**20))
            size += len(parts[-1])
            if size > limit:
                raise UnreadError("body_too_large", f"the body expands to more than {limit} bytes (max_body_bytes)")
    except brotli.error as error:
        raise ValueError(str(error)) from error
    return b"".join(parts), True


def _deflate(body: bytes) -> Any:
    """With zlib's head by the standard, without it by habit."""
    headed = body[:1] and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB if headed else igzip_lib.DECOMP_DEFLATE)


def _gzip(_: bytes) -> Any:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


_PLAIN = ("", "identity", "none", "utf-8", "chunked")
_DECODERS: dict[str, Callable[[bytes], Any]] = {
    "gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "zstd": lambda _: Zstd(),
}  # fmt: skip
