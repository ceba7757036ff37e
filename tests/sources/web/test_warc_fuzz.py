"""Random damage to small archives: nothing raises, every byte is told, what the damage did not touch survives."""

import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.settings import ReadSettings
from sources.web.read import read_web
from sources.web.warc import Record, read_warc

KINDS = ("warcinfo", "request", "response", "response", "metadata", "resource", "revisit", "response")
LIMITS = ReadSettings("web", max_record_bytes=2**20, max_expanded_bytes=2**22, max_head_bytes=2**12)


def record(number: int, kind: str) -> bytes:
    block = f"<html><title>{number}</title><p>{'a mill grinds page ' * number} {number}</html>".encode()
    media = "text/html"
    if kind == "response":
        body = gzip.compress(block, mtime=0) if number % 2 else block
        coding = "Content-Encoding: gzip\r\n" if number % 2 else ""
        block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{coding}\r\n".encode() + body
        media = "application/http; msgtype=response"
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://a.test/{number}\r\nContent-Type: {media}\r\n"
    return head.encode() + f"Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


RECORDS = [record(number, kind) for number, kind in enumerate(KINDS)]
GZIP = [gzip.compress(r, mtime=0) for r in RECORDS]
ZSTD = [zstandard.ZstdCompressor(write_checksum=True).compress(r) for r in RECORDS]
HURT = st.one_of(  # what is done to a member's bytes: at a place, in a manner, with these bytes
    st.tuples(
        st.integers(0, 2**16), st.sampled_from(["flip", "insert", "cut", "drop"]), st.binary(min_size=1, max_size=9)
    )
)


def hurt(data: bytes, where: int, how: str, with_: bytes) -> bytes:
    at = where % len(data)
    if how == "flip":
        return data[:at] + bytes(a ^ b for a, b in zip(data[at:], with_, strict=False)) + data[at + len(with_) :]
    if how == "insert":
        return data[:at] + with_ + data[at:]
    return data[:at] if how == "cut" else data[:at] + data[at + len(with_) :]


def records(path: Path, data: bytes) -> list[Record]:
    path.write_bytes(data)
    unit, found = read_warc(path, LIMITS)
    all_ = list(found)
    start = end = 0
    for r in all_:
        assert r.start == end or (r.ordinal and (r.start, r.end) == (start, end))
        assert r.end >= r.start
        start, end = r.start, r.end
    assert unit != "byte" or end == len(data)
    return all_


@pytest.mark.parametrize("parts", [GZIP, ZSTD], ids=["gzip", "zstd"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(1, len(KINDS) - 1), HURT, max_size=3), st.lists(st.integers(0, 7), max_size=2))
def test_members_beside_a_hurt_one_survive(
    tmp_path: Path, parts: list[bytes], hurts: dict[int, tuple[int, str, bytes]], again: list[int]
) -> None:
    order = [*range(len(KINDS)), *again]
    data, places = b"", []
    for place, number in enumerate(order):
        part = hurt(parts[number], *hurts[place]) if place in hurts else parts[number]
        if place not in hurts:
            places.append((len(data), len(data) + len(part), RECORDS[number]))
        data += part
    found = {(r.start, r.end): r for r in records(tmp_path / "a.warc.gz", data)}
    for start, end, whole in places:
        # what follows a hurt member may be junk to its decoder, or padding; the stretch of a whole one is its own
        assert (start, end) in found, "an untouched member has no stretch of its own"
        r = found[start, end]
        assert not r.problem
        assert r.data[: r.block_end] + b"\r\n\r\n" == whole


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HURT, min_size=1, max_size=6), st.sampled_from(["plain", "gzip", "zstd", "gzip of all", "zstd of all"]))
def test_any_damage_anywhere_is_told_and_never_raises(
    tmp_path: Path, hurts: list[tuple[int, str, bytes]], form: str
) -> None:
    plain = b"".join(RECORDS)
    data = {"plain": plain, "gzip": b"".join(GZIP), "zstd": b"".join(ZSTD), "gzip of all": gzip.compress(plain),
            "zstd of all": zstandard.compress(plain)}[form]  # fmt: skip
    for one in hurts:
        data = hurt(data, *one) or b"\n"
    path = tmp_path / "a.warc.gz"
    assert records(path, data)
    for item in read_web(path, LIMITS):
        assert item.reason != "reader_fault", item.detail


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(KINDS) - 1), HURT)
def test_a_plain_file_loses_the_hurt_record_alone(tmp_path: Path, number: int, one: tuple[int, str, bytes]) -> None:
    """Where the damage lies inside a block and is no version line, the others are read whatever its length says."""
    head = RECORDS[number].index(b"\r\n\r\n") + 4
    block = hurt(RECORDS[number][head:-4], *one)
    parts = [*RECORDS[:number], RECORDS[number][:head] + block + b"\r\n\r\n", *RECORDS[number + 1 :]]
    found = records(tmp_path / "a.warc", b"".join(parts))
    assert len(found) == len(parts)
    for place, r in enumerate(found):
        assert place == number or (not r.problem and r.data + b"\r\n\r\n" == RECORDS[place])
