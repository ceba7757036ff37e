import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.item import Item

World = Callable[..., list[Item]]
FILES = {
    "p-1/a.py": b"def a():\n    return 1\n",
    "p-1/sub/b.c": b"int b;\n",
    "p-1/empty.py": b"", "p-1/x.png": b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe",
    "p-1/latin.py": "# Käse und Brötchen für alle\n".encode("latin-1"),
    "p-1/utf16.py": "x = 1\n".encode("utf-16"), "../evil.py": b"x", "/abs.py": b"x", "a\\..\\..\\b.py": b"x",
}  # fmt: skip
PACKED = {
    "tar": lambda b: b, "tar.gz": gzip.compress, "tgz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress,
    "tar.zst": zstandard.compress,
}  # fmt: skip


def by_name(items: list[Item]) -> dict[str | None, Item]:
    return {i.name: i for i in items}


def tar(files: dict[str, bytes], kind: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("kind", [*PACKED, "zip"])
def test_each_file_is_a_document_or_says_why(world: World, kind: str) -> None:
    data = zipped(FILES) if kind == "zip" else PACKED[kind](tar(FILES))
    items = by_name(world(f"p-1.{kind}", data, "code"))
    document = items["p-1/sub/b.c"].document
    assert document is not None
    assert (document.text, document.member) == ("int b;", "p-1/sub/b.c")
    assert (document.code_language, document.file_kind, document.secrets) == ("C", "source", 0)
    assert items["p-1/latin.py"].document.text == "# Käse und Brötchen für alle"  # type: ignore[union-attr]
    assert items["p-1/utf16.py"].document.text == "x = 1"  # type: ignore[union-attr]
    assert items["p-1/empty.py"].reason == "empty_text"
    assert items["p-1/x.png"].reason == "binary"
    assert {items[n].reason for n in ("../evil.py", "/abs.py", "a\\..\\..\\b.py")} == {"path_escape"}


def test_links_devices_and_directories_are_skipped(world: World) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind, name in [
            (tarfile.SYMTYPE, "s"),
            (tarfile.LNKTYPE, "h"),
            (tarfile.CHRTYPE, "c"),
            (tarfile.FIFOTYPE, "f"),
            (tarfile.DIRTYPE, "d"),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    reasons = [i.reason for i in world("a.tar", out.getvalue(), "code")]
    assert reasons == ["link", "link", "device", "fifo", "directory", "padding"]


def test_long_and_odd_names_are_kept(world: World) -> None:
    names = ["n" * 300 + ".py", "Grüße\nzwei.py", "b\udcffd.py"]
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = 5
                archive.addfile(info, io.BytesIO(b"x = 1"))
        items = [i for i in world("a.tar", out.getvalue(), "code") if i.document]
        assert [i.name for i in items][:2] == names[:2]
        assert len(items) == 3


def test_a_cut_archive_gives_what_is_whole(world: World) -> None:
    files = {f"{n}.py": b"x = 1\n" * 50 for n in range(9)}
    items = world("a.tar", tar(files)[:4800], "code")
    assert [i.outcome for i in items] == ["document"] * 4 + ["quarantined"]
    assert items[-1].reason == "truncated"


def test_a_broken_header_costs_its_member(world: World) -> None:
    files = {f"{n}.py": b"x = 1\n" for n in range(4)}
    data = bytearray(tar(files))
    data[1024 + 100 : 1024 + 160] = b"\xff" * 60
    reasons = [i.reason or i.name for i in world("a.tar", bytes(data), "code")]
    assert reasons == ["0.py", "corrupt_header", "2.py", "3.py", "padding"]


def test_limits_cost_what_exceeds_them(world: World) -> None:
    files = {"a.py": b"x = 1\n" * 99, "b.py": b"y = 2\n"}
    for name, data in (("a.tar.gz", gzip.compress(tar(files))), ("a.zip", zipped(files))):
        items = by_name(world(name, data, "code", max_record_bytes=100))
        assert items["a.py"].reason == "too_large"
        assert items["b.py"].document is not None
    many = gzip.compress(tar({f"{n}.py": b"x = 1\n" for n in range(9)}))
    assert [i.reason for i in world("a.tgz", many, "code", max_members=3)] == ["", "", "", "too_many_members"]
    assert world("a.tgz", many, "code", max_expanded_bytes=2048)[-1].reason == "expands_too_far"


def test_a_file_of_code_has_a_limit_of_its_own(world: World) -> None:
    items = by_name(world("a.tar", tar({"a.py": b"x = 1\n" * 99, "b.py": b"y = 2\n"}), "code", max_file_bytes=100))
    assert (items["a.py"].reason, items["b.py"].outcome) == ("too_large", "document")


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.py", "# -*- coding: koi8-r -*-\n# Мельница мелет муку\n".encode("koi8-r"), "Мельница мелет муку"),
        ("a.py", "#!/bin/python\n# vim: set fileencoding=cp1253 :\n# αλεύρι\n".encode("cp1253"), "αλεύρι"),
        ("a.xml", '<?xml version="1.0" encoding="cp037"?><a>mill</a>'.encode("cp037"), "<a>mill</a>"),
        ("a.xml", '<?xml version="1.0" encoding="cp437"?><a>Ç</a>'.encode("cp437"), "<a>Ç</a>"),
        ("a.xml", '<?xml version="1.0"?><a>mill</a>'.encode("utf-16-be"), "<a>mill</a>"),
        ("a.xml", '<?xml version="1.0"?><a>mill</a>'.encode("utf-32-le"), "<a>mill</a>"),
    ],
)
def test_a_charset_that_a_file_declares_is_heard(world: World, name: str, data: bytes, text: str) -> None:
    (item,) = world(name, data, "code")
    assert item.document is not None
    assert text in item.document.text
    assert "\ufffd" not in item.document.text


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0jpeg", b"BZh91AY&SY\xff\xf0", bytes(range(1, 32)) * 9 + b"\xff"])
def test_binary_files_without_nuls_are_skipped(world: World, data: bytes) -> None:
    (item,) = world("a.tar", tar({"a.dat": data}), "code")[:1]
    assert (item.outcome, item.reason) == ("skipped", "binary")


@pytest.mark.parametrize(
    "data",
    [struct.pack("<200h", *range(1, 101), *range(1, 101)), struct.pack("<200i", *range(1, 101), *range(1, 101)),
     tar({"a.py": b"x = 1\n" * 400})],
    ids=["short", "long", "tar"],
)  # fmt: skip
def test_numbers_are_no_text_of_two_bytes_a_letter(world: World, data: bytes) -> None:
    (item,) = world("a.tar", tar({"a.dat": data}), "code")[:1]
    assert (item.outcome, item.reason) == ("skipped", "binary")


def test_text_that_begins_like_an_image_is_text(world: World) -> None:
    (item,) = world("riff.txt", b"RIFF is a container format\n", "code")
    assert item.document is not None


def test_sparse_files_and_their_maps_are_passed_over(world: World) -> None:
    info = tarfile.TarInfo("hole")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[482], head[148:156] = 1, b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    data = bytes(head) + bytes(512) + b"x" * 512 + tar({"a.py": b"x = 1\n"})
    assert [i.reason for i in world("a.tar", data, "code")] == ["sparse_file", "", "padding"]


def test_the_commit_of_a_git_archive_is_kept(world: World) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "a" * 40}) as archive:
        info = tarfile.TarInfo("mill-main/a.py")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"x = 1"))
    head, item, _ = world("a.tar", out.getvalue(), "code")
    assert (head.reason, head.detail) == ("archive_header", "a" * 40)
    assert item.document.repository == "mill-main@" + "a" * 40  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["n" * 5000, "d/" * 300 + "a.py"])
def test_endless_names_are_refused(world: World, name: str) -> None:
    items = world("a.tar", tar({name: b"x = 1\n", "b.py": b"y = 2\n"}), "code")
    assert [i.reason for i in items] == ["name_too_long", "", "padding"]


def test_a_zip_that_lost_bytes_at_its_head_is_refused_whole(world: World) -> None:
    (item,) = world("a.zip", b"PK" + zipped({"a.py": b"x = 1"})[9:], "code")
    assert item.reason == "bad_zip_directory"


def test_a_size_is_not_believed(world: World) -> None:
    header = tarfile.TarInfo("huge.txt")
    header.size = 2**33 - 1
    items = world("a.tar", header.tobuf(tarfile.GNU_FORMAT) + b"sixteen bytes...", "code")
    assert [(i.reason, i.end) for i in items] == [("truncated", 528)]


def test_a_file_that_lies_loose_is_a_document(world: World) -> None:
    (item,) = world("mill.py", b"print('mill')\n", "code")
    assert item.document is not None
    assert (item.document.code_language, item.document.member) == ("Python", "mill.py")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(max_size=12).filter(lambda s: "\x00" not in s), st.binary(max_size=700), max_size=5),
    st.sampled_from([*PACKED, "zip"]),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    st.integers(0, 700),
    st.sampled_from(["file", "repository"]),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damaged_archives_tile(
    world: World, files: dict[str, bytes], kind: str, harm: list[tuple[int, int]], cut: int, per: str
) -> None:
    plain = {name.encode("utf-8", "replace").decode() or "x": data for name, data in files.items()}
    data = bytearray(zipped(plain) if kind == "zip" else PACKED[kind](tar(plain)))
    for at, value in harm:
        data[at % len(data)] = value
    world(f"a.{kind}", bytes(data[: -cut or None]) or b"\x00", "code", per=per)
