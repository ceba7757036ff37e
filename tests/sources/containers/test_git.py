import hashlib
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.containers.git import commit_of, is_git, repository_of
from sources.containers.objects import ObjectError
from sources.item import Item

World = Callable[..., list[Item]]
Tile = Callable[..., list[Item]]
KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
FILES = {"LICENSE": b"MIT License\n", "src/a.py": b"import b\n" * 40, "src/b.py": b"x = 1\n" * 60, "z.txt": b"last\n"}


def name_of(kind: str, content: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).digest()


class Repository:
    """Git objects, made by hand."""

    def __init__(self, files: dict[str, bytes] | None = None, special: dict[str, tuple[bytes, bytes]] | None = None):
        self.objects: dict[bytes, tuple[str, bytes]] = {}
        entries = {
            name: (b"100644", self.add("blob", data)) for name, data in (FILES if files is None else files).items()
        }
        self.tree = self.folder(entries | (special or {}))
        head = (
            f"tree {self.tree.hex()}\nauthor M <m@example.org> 1 +0000\ncommitter M <m@example.org> 1 +0000\n\nmill\n"
        )
        self.commit = self.add("commit", head.encode())

    def add(self, kind: str, content: bytes) -> bytes:
        name = name_of(kind, content)
        self.objects[name] = (kind, content)
        return name

    def folder(self, entries: dict[str, tuple[bytes, bytes]]) -> bytes:
        here = {name: entry for name, entry in entries.items() if "/" not in name}
        for top in {name.partition("/")[0] for name in entries if "/" in name}:
            inside = {n.partition("/")[2]: e for n, e in entries.items() if n.startswith(top + "/")}
            here[top] = (b"40000", self.folder(inside))
        rows = sorted(here.items(), key=lambda row: row[0] + ("/" if row[1][0] == b"40000" else ""))
        return self.add("tree", b"".join(m + b" " + n.encode() + b"\0" + name for n, (m, name) in rows))

    def loose(self, folder: Path) -> Path:
        for name, (kind, content) in self.objects.items():
            place = folder / "objects" / name.hex()[:2] / name.hex()[2:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(zlib.compress(f"{kind} {len(content)}\0".encode() + content))
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / "packed-refs").write_text(f"# pack-refs\n{self.commit.hex()} refs/heads/main\n")
        return folder

    def pack(self, deltas: dict[bytes, tuple[bytes | int, bytes]] | None = None) -> bytes:
        """A pack; `deltas` gives base (a name, or how far back by number of objects) and delta for some names."""
        out, places = bytearray(b"PACK" + struct.pack(">II", 2, len(self.objects))), [12]
        for name, (kind, content) in self.objects.items():
            base, body = (deltas or {}).get(name, (None, content))
            number = KINDS[kind] if base is None else 7 if isinstance(base, bytes) else 6
            out += head(number, len(body))
            if isinstance(base, bytes):
                out += base
            elif base is not None:
                out += back(len(out) - len(head(number, len(body))) - places[-1 - base])
            out += zlib.compress(body)
            places.append(len(out))
        return bytes(out) + hashlib.sha1(out).digest()

    def bundle(self, **more: dict[bytes, tuple[bytes | int, bytes]]) -> bytes:
        return f"# v2 git bundle\n{self.commit.hex()} HEAD\n\n".encode() + self.pack(**more)


def head(kind: int, size: int) -> bytes:
    out, byte, size = bytearray(), kind << 4 | size & 15, size >> 4
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    return bytes([*out, byte])


def back(distance: int) -> bytes:
    out = [distance & 0x7F]
    while distance := (distance >> 7):
        distance -= 1
        out.insert(0, 0x80 | distance & 0x7F)
    return bytes(out)


def delta(base: bytes, copy: int, more: bytes) -> bytes:
    """The first `copy` bytes of the base, then `more`."""
    sizes = b"".join(bytes([n & 0x7F | 0x80, n >> 7 & 0x7F | 0x80, n >> 14]) for n in (len(base), copy + len(more)))
    return sizes + bytes([0b10110000, copy & 0xFF, copy >> 8]) + bytes([len(more)]) + more


def texts(items: list[Item]) -> dict[str | None, str]:
    return {i.name: i.document.text for i in items if i.document}


def test_a_bundle_gives_the_files_of_its_commit(world: World) -> None:
    made = Repository()
    items = world("mill.bundle", made.bundle(), "code")
    assert [(i.start, i.unit) for i in items] == [(n, "entry") for n in range(5)]
    assert texts(items) == {name: data.decode().strip() for name, data in FILES.items()}
    document = items[2].document
    assert document is not None
    assert (document.member, document.repository) == ("src/a.py", f"mill@{made.commit.hex()}")
    assert document.meta["order"] > items[3].document.meta["order"]  # type: ignore[union-attr]


@pytest.mark.parametrize("place", ["mill/.git", "mill"])
def test_a_folder_gives_the_same(tmp_path: Path, tile: Tile, place: str) -> None:
    made = Repository()
    folder = made.loose(tmp_path / place)
    (folder / "config").write_text('[remote "origin"]\n\turl = https://me:secret@example.org/mill/stone.git\n')
    items = tile(tmp_path / "mill", "code")
    assert texts(items) == {name: data.decode().strip() for name, data in FILES.items()}
    assert {i.document.repository for i in items if i.document} == {f"example.org/mill/stone@{made.commit.hex()}"}


@pytest.mark.parametrize("by_name", [True, False])
def test_deltas_are_applied(world: World, by_name: bool) -> None:
    long = b"line of some length\n" * 300
    made = Repository({"a.py": long, "b.py": long[:4000] + b"# other\n", "c.py": long[:4000] + b"# oth# third\n"})
    a, b, c = list(made.objects)[:3]
    deltas: dict[bytes, tuple[bytes | int, bytes]] = {
        b: (a if by_name else 1, delta(long, 4000, b"# other\n")),
        c: (b if by_name else 1, delta(made.objects[b][1], 4005, b"# third\n")),
    }
    found = texts(world("x.bundle", made.bundle(deltas=deltas), "code"))
    assert found["b.py"].endswith("# other")
    assert found["c.py"].endswith("# oth# third")


def test_links_submodules_and_pointers_are_skipped(world: World) -> None:
    made = Repository({})
    link, pointer = made.add("blob", b"/etc/passwd"), made.add("blob", b"version https://git-lfs.github.com/spec/v1\n")
    special = {"l": (b"120000", link), "p": (b"100644", pointer), "s": (b"160000", b"\1" * 20)}
    made = Repository({"a.py": b"x = 1\n"}, special)
    made.objects |= {link: ("blob", b"/etc/passwd"), pointer: ("blob", b"version https://git-lfs.github.com/spec/v1\n")}
    items = world("x.bundle", made.bundle(), "code")
    assert [i.reason for i in items] == ["archive_header", "", "link", "lfs_pointer", "submodule"]


@pytest.mark.parametrize("name", ["..", "a/../../b", "/etc"])
def test_names_that_lead_out_are_refused(world: World, name: str) -> None:
    made = Repository({})
    blob = made.add("blob", b"evil\n")
    tree = made.add("tree", b"100644 " + name.encode() + b"\0" + blob)
    made.commit = made.add("commit", f"tree {tree.hex()}\n".encode())
    assert [i.reason for i in world("x.bundle", made.bundle(), "code")] == ["archive_header", "path_escape"]


def test_what_is_missing_or_large_costs_itself(world: World) -> None:
    made = Repository({"a.py": b"x = 1\n", "b.py": b"y" * 5000, "c.py": b"z = 3\n"})
    items = world("x.bundle", made.bundle(), "code", max_file_bytes=4000)
    assert [i.reason for i in items] == ["archive_header", "", "too_large", ""]
    del made.objects[name_of("blob", b"x = 1\n")]
    items = world("x.bundle", made.bundle(), "code")
    assert [i.reason for i in items] == ["archive_header", "missing_object", "", ""]


def test_a_lie_about_a_name_is_found(tmp_path: Path, tile: Tile) -> None:
    made = Repository({"a.py": b"x = 1\n"})
    folder = made.loose(tmp_path / "mill")
    place = name_of("blob", b"x = 1\n").hex()
    (folder / "objects" / place[:2] / place[2:]).write_bytes(zlib.compress(b"blob 6\0y = 2\n"))
    assert [i.reason for i in tile(folder, "code")] == ["archive_header", "corrupt"]


def test_a_bomb_is_not_unpacked(world: World) -> None:
    made = Repository({"a.py": b"\0" * 10_000_000})
    (item,) = world("x.bundle", made.bundle(), "code", max_expanded_bytes=1_000_000)
    assert item.reason == "expands_too_far"
    stated = Repository({})
    stated.objects = {b"": ("blob", b"")}
    data = b"# v2 git bundle\n" + b"0" * 40 + b" HEAD\n\nPACK" + struct.pack(">II", 2, 1) + head(3, 2**40)
    (item,) = world("y.bundle", data + zlib.compress(b"few") + bytes(20), "code")
    assert item.reason in ("expands_too_far", "corrupt")


def test_a_chain_of_folders_ends(world: World) -> None:
    made = Repository({"/".join("d" * 300) + "/a.py": b"x = 1\n"})
    assert [i.reason for i in world("x.bundle", made.bundle(), "code")] == ["archive_header", "too_deep"]


def test_a_revision_is_a_commit_a_tag_or_a_branch(tmp_path: Path) -> None:
    made = Repository()
    tag = made.add("tag", f"object {made.commit.hex()}\ntype commit\ntag v1\n".encode())
    folder = made.loose(tmp_path / "mill.git")
    (folder / "refs" / "tags").mkdir(parents=True)
    (folder / "refs" / "tags" / "v1").write_text(tag.hex() + "\n")
    assert is_git(folder)
    assert repository_of(folder) == "mill"
    for revision in (None, "main", "refs/heads/main", made.commit.hex()):
        assert commit_of(folder, revision) == made.commit.hex()
    assert commit_of(folder, "v1") == tag.hex()
    with pytest.raises(ObjectError, match="v2"):
        commit_of(folder, "v2")


def test_a_tag_leads_to_its_commit(tmp_path: Path, tile: Tile) -> None:
    made = Repository()
    tag = made.add("tag", f"object {made.commit.hex()}\ntype commit\ntag v1\n".encode())
    items = tile(made.loose(tmp_path / "mill"), "code", revision=tag.hex())
    assert items[0].detail == made.commit.hex()
    assert [i.reason for i in tile(tmp_path / "mill", "code", revision="v9")] == ["no_commit"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=5), st.integers(0, 300))
def test_damaged_bundles_tile(world: World, harm: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(Repository().bundle())
    for at, value in harm:
        data[at % len(data)] = value
    world("x.bundle", bytes(data[: -cut or None]) or b"\0", "code")


@pytest.mark.skipif(not shutil.which("git"), reason="needs git to compare with")
def test_a_pack_of_git_itself_is_read_like_git_reads_it(tmp_path: Path, tile: Tile) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=M", "-c", "user.email=m@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", "-C", str(tmp_path / "mill"), *identity, *words], check=True, capture_output=True)

    folder = tmp_path / "mill"
    folder.mkdir()
    git("init")
    for number in range(12):
        (folder / "a.py").write_text("".join(f"x = {n}\n" for n in range(number, number + 300)))
        (folder / "b.py").write_text(f"y = {number}\n")
        git("add", ".")
        git("commit", "-m", f"{number}")
    git("gc")
    git("bundle", "create", str(tmp_path / "mill.bundle"), "HEAD")
    wanted = {name: (folder / name).read_text().strip() for name in ("a.py", "b.py")}
    assert texts(tile(folder, "code")) == wanted
    assert texts(tile(tmp_path / "mill.bundle", "code")) == wanted
