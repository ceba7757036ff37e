"""HTTP responses as crawlers store them: head and body apart, transfer and content encodings undone, all bounded.

A body is taken as far as the record goes: the lengths that HTTP states are often wrong after a crawler has changed the
encoding, so they are not asked.
"""

import re
import zlib
from dataclasses import dataclass

from sources.outcome import UnreadError
from sources.settings import ReadSettings
from sources.warc import parse_fields

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
_STEP = 2**16
_MAX_CODINGS = 4


@dataclass(frozen=True, slots=True)
class Response:
    """Status, header fields (names in lower case) and the body as it was stored."""

    status: int
    head: dict[str, str]
    body: bytes


def parse_response(block: bytes, settings: ReadSettings) -> Response:
    """The parts of a stored response. Raises UnreadError for one without an HTTP head."""
    status = _STATUS.match(block)
    if not status:
        raise UnreadError("no_http_head", "the block does not begin with an HTTP status line")
    limit = settings.max_head_bytes
    ends = [(at, at + len(blank)) for blank in (b"\r\n\r\n", b"\n\n") if (at := block.find(blank, 0, limit)) >= 0]
    if not ends and len(block) > limit:
        raise UnreadError("head_too_large", f"an HTTP head without end within {limit} bytes (max_head_bytes)")
    end, body = min(ends, default=(len(block), len(block)))
    return Response(int(status[1]), parse_fields(block[:end]), block[body:])


def decoded_body(response: Response, settings: ReadSettings) -> bytes:
    """The body with its transfer and content encodings undone.

    Raises UnreadError: `bad_chunks`, `bad_encoding`, `unknown_encoding`, `body_too_large`.
    """
    body = response.body
    if "chunked" in response.head.get("transfer-encoding", "").lower():
        body = _unchunked(body)
    codings = [c.strip().lower() for c in response.head.get("content-encoding", "").split(",")]
    if len(codings) > _MAX_CODINGS:
        raise UnreadError("unknown_encoding", f"{len(codings)} content encodings, at most {_MAX_CODINGS} are undone")
    for coding in reversed(codings):
        body = _undone(body, coding, settings.max_body_bytes)
    return body


def _unchunked(body: bytes) -> bytes:
    """The chunks joined; a body that is not chunked at all stays as it is (a crawler has undone it)."""
    parts: list[bytes] = []
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(parts)
        at = match.end() + size
        if at > len(body):
            raise UnreadError("bad_chunks", f"a chunk of {size} bytes, but {len(body) - match.end()} are left")
        parts.append(body[match.end() : at])
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    if not parts:
        return body
    if at < len(body):
        raise UnreadError("bad_chunks", f"no chunk size at byte {at} of {len(body)}")
    raise UnreadError("bad_chunks", f"the last chunk is missing after {len(body)} bytes")


def _undone(body: bytes, coding: str, limit: int) -> bytes:
    if coding in ("", "identity", "none", "utf-8"):
        return body
    if coding in ("gzip", "x-gzip"):
        return _inflated(body, 31, limit) if body[:2] == b"\x1f\x8b" else _as_it_is(body, coding)
    if coding == "deflate":  # with zlib's head by the standard, without it by habit
        return _inflated(
            body, 15 if body[:1] and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0 else -15, limit
        )
    if coding == "br":
        return _unbrotlied(body, limit)
    raise UnreadError("unknown_encoding", f"content encoding {coding[:80]}")


def _as_it_is(body: bytes, coding: str) -> bytes:
    """A body that says it is encoded and plainly is not: crawlers undo encodings and leave the header."""
    if b"\x00" in body[:1024] or b"<" not in body[:1024]:
        raise UnreadError("bad_encoding", f"content encoding {coding}, but the body is neither that nor markup")
    return body


def _inflated(body: bytes, wbits: int, limit: int) -> bytes:
    inner = zlib.decompressobj(wbits)
    try:
        data = inner.decompress(body, limit + 1)
    except zlib.error as error:
        raise UnreadError("bad_encoding", f"{error}") from error
    if len(data) > limit:
        raise UnreadError("body_too_large", f"the body expands to more than {limit} bytes (max_body_bytes)")
    if not inner.eof:
        raise UnreadError("bad_encoding", f"the compressed body is cut off after {len(data)} expanded bytes")
    return data


def _unbrotlied(body: bytes, limit: int) -> bytes:
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
                    raise UnreadError("bad_encoding", f"the compressed body is cut off after {size} expanded bytes")
            parts.append(inner.process(feed, output_buffer_limit=2**20))
            size += len(parts[-1])
            if size > limit:
                raise UnreadError("body_too_large", f"the body expands to more than {limit} bytes (max_body_bytes)")
    except brotli.error as error:
        raise UnreadError("bad_encoding", f"brotli: {error}") from error
    return b"".join(parts)
