import gzip
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from sources.settings import ReadSettings
from sources.web.warc import Record, read_warc

Read = Callable[..., list[Record]]


def record(name: str, size: int = 200, extra: str = "", end: bytes = b"\r\n") -> bytes:
    block = (name * size)[:size].encode()
    head = f"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Target-URI: {name}\r\n{extra}Content-Length: {size}\r\n\r\n"
    return head.encode().replace(b"\r\n", end) + block + 2 * end


def skippable(data: bytes, magic: int = 0x184D2A5D) -> bytes:
    return struct.pack("<II", magic, len(data)) + data


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The records of a file of given bytes, after they are held to tile it."""

    def read(data: bytes, **limits: int) -> list[Record]:
        path = tmp_path / "a.warc"
        path.write_bytes(data)
        unit, records = read_warc(path, ReadSettings("web", **limits))  # type: ignore[arg-type]
        found = list(records)
        start = end = 0
        for r in found:
            assert r.start == end or (r.ordinal and (r.start, r.end) == (start, end))
            start, end = r.start, r.end
        assert unit != "byte" or end == len(data)
        return found

    return read


def told(records: list[Record]) -> list[str]:
    return [r.problem or r.fields()["warc-target-uri"] for r in records]


RECORDS = [record("a"), record("b", 0), record("c", 70_000), record("d")]
NAMES = ["a", "b", "c", "d"]


def framed() -> Iterator[tuple[str, bytes]]:
    plain = b"".join(RECORDS)
    packed = gzip.compress(plain)
    trained = zstandard.ZstdCompressionDict(record("z", 3_000))
    frame = zstandard.ZstdCompressor(dict_data=trained).compress
    frames = b"".join(map(frame, RECORDS))
    yield "plain", plain
    yield "LF", b"".join(record(name, len(name), end=b"\n") for name in NAMES)
    yield "blank lines between", b"\r\n".join(RECORDS)
    yield "gzip a record", b"".join(map(gzip.compress, RECORDS))
    yield "gzip with padding", (b"\0" * 700).join(map(gzip.compress, RECORDS)) + b"\0" * 5000
    yield "gzip of all", packed
    yield "gzip in blocks", b"".join(gzip.compress(plain[at : at + 130]) for at in range(0, len(plain), 130))
    yield "zstd a record", b"".join(map(zstandard.compress, RECORDS))
    yield "zstd of all", zstandard.compress(plain)
    yield "zstd dictionary", skippable(trained.as_bytes()) + frames
    yield "zstd compressed dictionary", skippable(zstandard.compress(trained.as_bytes())) + frames
    yield "zstd dictionary, one frame", skippable(trained.as_bytes()) + frame(plain)
    yield "zstd of all behind a skippable frame", skippable(b"x" * 9, 0x184D2A50) + zstandard.compress(plain)
    yield "zstd skippable frames", skippable(b"x" * 99, 0x184D2A50).join(map(zstandard.compress, RECORDS))


@pytest.mark.parametrize(("form", "data"), list(framed()), ids=lambda value: value if isinstance(value, str) else "")
def test_records_are_found_in_every_framing(read: Read, form: str, data: bytes) -> None:
    found = read(data)
    assert [t for t in told(found) if t not in ("padding", "dictionary", "empty_member")] == NAMES
    if form != "LF":
        assert [r.block for r in found if not r.problem] == [
            (n * s)[:s].encode() for n, s in zip(NAMES, (200, 0, 70_000, 200), strict=True)
        ]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_range_holds_its_member(read: Read, pack: Callable[[bytes], bytes]) -> None:
    parts = [pack(r) for r in RECORDS]
    at = 0
    for found, part in zip(read(b"".join(parts)), parts, strict=True):
        assert (found.start, found.end) == (at, at + len(part))
        at += len(part)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
@pytest.mark.parametrize("where", [0, 1, 3, 30, -3])
def test_a_corrupt_member_costs_itself(read: Read, pack: Callable[[bytes], bytes], where: int) -> None:
    parts = [pack(r) for r in RECORDS]
    broken = bytearray(parts[2])
    broken[where] ^= 0xFF
    found = read(parts[0] + parts[1] + broken + parts[3])
    assert told(found)[:2] + told(found)[3:] == ["a", "b", "d"]
    assert found[2].problem
    assert found[2].end - found[2].start == len(broken)


def test_a_member_cut_off_at_the_end_says_so(read: Read) -> None:
    for cut in (1, 9, 40):
        assert told(read(b"".join(map(gzip.compress, RECORDS))[:-cut])) == ["a", "b", "c", "truncated"]


def test_a_record_beyond_the_limit_costs_itself(read: Read) -> None:
    bomb, limit = record("x", 20_000_000), 100_000
    for data in (b"".join(map(gzip.compress, (bomb, *RECORDS))), bomb + b"".join(RECORDS)):
        assert told(read(data, max_record_bytes=limit)) == ["too_large", *NAMES]


def test_all_that_a_file_expands_to_is_bounded(read: Read) -> None:
    data = b"".join(map(gzip.compress, (RECORDS[0], record("x", 20_000_000), RECORDS[3])))
    assert told(read(data, max_expanded_bytes=10_000_000)) == ["a", "expands_too_far"]


@pytest.mark.parametrize("stated", ["9", "999", "many", "", "99999999999999999999999"])
def test_a_lying_length_has_the_block_that_is_plain(read: Read, stated: str) -> None:
    liar = RECORDS[0].replace(b"Content-Length: 200", b"Content-Length: " + stated.encode())
    for data in (b"".join([RECORDS[3], liar, *RECORDS[1:]]), b"".join(map(gzip.compress, [RECORDS[3], liar]))):
        found = read(data)
        assert found[1].problem in ("length_mismatch", "truncated", "bad_length", "too_large")
        assert found[1].block == b"a" * 200
        assert told(found)[2:] in (NAMES[1:], [])


def test_heads_are_bounded(read: Read) -> None:
    long = record("x", 5, extra="X: " + "y" * 70_000 + "\r\n")
    endless = b"WARC/1.1\r\n" + b"x" * 300_000 + b"\r\n"
    for data in (long, endless, endless + b"WARC/1.1\r\nX: y\r\n"):
        assert told(read(data + RECORDS[0]))[0] == "head_too_large"
        assert told(read(data + RECORDS[0]))[-1] == "a"
    assert told(read(b"WARC/1.1\r\nX: y\r\n" * 9_000 + RECORDS[0]))[-1] == "a"
    wide = record("w", 5, extra="X: " + "y" * 40_000 + "\r\n")  # begins within the limit and ends beyond it
    assert told(read(b"WARC/1.1\r\n" + b"x" * 30_000 + b"\r\n" + wide)) == ["head_too_large", "w"]


def test_a_version_line_is_found_wherever_the_file_is_cut_into_chunks(read: Read) -> None:
    for size in range(2**16 - 30, 2**16 + 5):
        assert told(read(b"x" * size + b"\n" + RECORDS[0])) == ["not_warc", "a"]


def test_fields_are_found_whatever_their_form(read: Read) -> None:
    (found,) = read(b"WARC/0.18 \ncontent-length:3\nA : b:c\r\n\t d\nA: e\nno field\n\r\nxyz")
    assert found.block == b"xyz"
    assert found.fields() == {"content-length": "3", "a": "b:c d"}


HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
STORED = [b"\0" + struct.pack("<HH", size, size ^ 0xFFFF) for size in (5, 20)]
NASTY = {
    "magics": b"\x1f\x8b\x08",
    "gzip heads": HEADER,
    "members in members": HEADER + STORED[0] + b"WARC/" + STORED[1],
    "zstd magics": b"\x28\xb5\x2f\xfd",
    "half a version": b"\nWARC/",
    "versions": b"WARC/1.0\n",
    "liars": b"WARC/1.0\nContent-Length: 60000000\n\n" + b"x" * 500,
    "empty lines": b"\r\n",
    "long heads": b"WARC/1.0\r\nA: " + b"x" * 2**20 + b"\r\n\r\n",
    "folded": b"WARC/1.0\nA: b\n" + b" x\n" * 20_000 + b"\n",
}


@pytest.mark.parametrize("unit", NASTY.values(), ids=NASTY)
def test_no_file_costs_more_than_in_proportion(read: Read, unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times the bytes in less than thirty times the time: a quadratic reader takes sixty-four times."""
    monkeypatch.setattr("sources.web.members._VAIN", (8, 2**20))
    spent = []
    for size in (2**18, 2**21):
        began = time.process_time()
        read(unit * (size // len(unit) + 1))
        spent.append(time.process_time() - began)
    assert spent[1] < 30 * max(spent[0], 0.1)
