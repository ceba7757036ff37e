"""Git repositories as entries: the files of one commit's tree, out of a bundle, a clone or a bare repository.

In: a bundle file (`git bundle create x.bundle HEAD`), a folder with `.git`, or a bare one. Out: an entry for each path
of the tree, by path as git sorts it; offsets count entries. What is checked out in the folder is never looked at, so
nobody's unsaved work matters, and no link is followed.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from mmap import ACCESS_READ, mmap
from pathlib import Path

from sources.containers.objects import Object, ObjectError, Pack, name_of, read_loose
from sources.containers.tar import Entry
from sources.settings import ReadSettings

_BUNDLE = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_NAME = re.compile("[0-9a-f]{40}")
_REMOTE = re.compile(r'\[remote "origin"\][^\[]*?^\s*url\s*=\s*(\S+)', re.MULTILINE)
# https://user:token@host/path.git, ssh://git@host:22/path, git@host:path; a folder on somebody's disk is no name.
_URL = re.compile(
    r"(?:(?:https?|ssh|git)://)?(?:[^/@\s]*@)?([\w.-]{2,})(?:(?<=\w)(?::\d+)?/|:)([^/\s:][^\s]*?)(?:\.git)?/?"
)
_LFS = b"version https://git-lfs.github.com/spec/"
_HEADS = 2**24  # bytes of a bundle's head, of `packed-refs`, of `config`
_DEPTH = 100  # folders within folders

Read = Callable[[bytes], Object]


def is_git(path: Path) -> bool:
    """Whether `path` is a bundle, or a folder that holds a repository."""
    if path.is_dir():
        return git_folder(path) is not None
    with path.open("rb") as file:
        return file.read(16) in _BUNDLE


def git_folder(path: Path) -> Path | None:
    """Where a folder's repository lies: in its `.git`, or in itself where it is a bare one."""
    for folder in (path / ".git", path):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


def commit_of(path: Path, revision: str | None) -> str:
    """The commit or tag (40 hexadecimal digits) that a bundle or a repository has at `revision`, by default HEAD's.

    Raises ObjectError where there is none.
    """
    refs = _bundle_head(path)[0] if path.is_file() else _folder_refs(path)
    wanted = [revision] if revision else ["HEAD", "refs/heads/main", "refs/heads/master", *sorted(refs)]
    places = ("", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/origin/")  # in git's own order
    for name in wanted:
        if _NAME.fullmatch(name):
            return name
        if found := next((refs[place + name] for place in places if place + name in refs), None):
            return found
    raise ObjectError("no_commit", f"nothing there is called {revision or 'HEAD'}; `revision` names a commit or branch")


def repository_of(path: Path) -> str:
    """What a repository is called: its remote's host and path, without any password, else its file's name."""
    name = path.name.removesuffix(".bundle").removesuffix(".git")
    folder = git_folder(path) if path.is_dir() else None
    config = folder / "config" if folder else None
    match = _REMOTE.search(_read_text(config)) if config and config.is_file() else None
    url = _URL.fullmatch(match[1]) if match else None
    return f"{url[1]}/{url[2]}" if url else name


def git_entries(path: Path, settings: ReadSettings) -> Iterator[Entry]:
    """The entries of a commit and its tree; entry k is the stretch [k, k + 1). The first is the commit itself."""
    number = 0
    with ExitStack() as opened:
        try:
            read = _bundle(path, settings, opened) if path.is_file() else _folder(path, settings, opened)
            commit, tree = _commit(read, bytes.fromhex(commit_of(path, settings.revision)))
            yield Entry(0, 1, "archive_header", detail=commit.hex())
            number = 1
            for mode, name, blob in _walk(read, tree):
                if number >= settings.max_members:
                    detail = f"more than {settings.max_members} files (max_members)"
                    yield Entry(number, number + 1, "rest", problem="too_many_members", detail=detail)
                    return
                yield _entry(read, number, mode, name, blob)
                number += 1
        except ObjectError as error:
            yield Entry(number, number + 1, "rest", problem=error.reason, detail=error.detail)


def _entry(read: Read, number: int, mode: int, path: bytes, blob: bytes) -> Entry:
    name = path.decode("utf-8", "surrogateescape")
    kind = {0o160000: "submodule", 0o120000: "link"}.get(mode, "file")
    if kind != "file":
        return Entry(number, number + 1, kind, name, detail=blob.hex() if kind == "submodule" else "")
    try:
        data = _expect(read, blob, b"blob")
    except ObjectError as error:
        return Entry(number, number + 1, "file", name, problem=error.reason, detail=error.detail)
    if data.startswith(_LFS) and len(data) < 1024:
        return Entry(number, number + 1, "lfs_pointer", name)
    return Entry(number, number + 1, "file", name, data)


def _walk(read: Read, tree: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Mode, path and name of every file, link and submodule below a tree."""
    stack = [_tree(_expect(read, tree, b"tree"), b"")]
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
        elif found[0] != 0o40000:
            yield found
        elif len(stack) >= _DEPTH:
            raise ObjectError("too_deep", f"more than {_DEPTH} folders within folders")
        else:
            stack.append(_tree(_expect(read, found[2], b"tree"), found[1] + b"/"))


def _tree(content: bytes, prefix: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    at = 0
    while at < len(content):
        end = content.find(b"\0", at)
        mode, blank, name = content[at:end].partition(b" ")
        if end < 0 or not blank or not re.fullmatch(b"[0-7]{5,6}", mode) or len(content) < end + 21:
            raise ObjectError("corrupt", "a tree that is none")
        yield int(mode, 8), prefix + name, content[end + 1 : end + 21]
        at = end + 21


def _commit(read: Read, name: bytes) -> tuple[bytes, bytes]:
    """A commit, or the one that an annotated tag names, and its tree."""
    for _ in range(10):
        kind, content = read(name)
        match = re.match(rb"(tree|object) ([0-9a-f]{40})\n", content)
        if kind not in (b"commit", b"tag") or not match:
            break
        named = bytes.fromhex(match[2].decode())
        if kind == b"commit":
            return name, named
        name = named
    raise ObjectError("no_commit", f"{name.hex()} is no commit")


def _expect(read: Read, name: bytes, kind: bytes) -> bytes:
    found, content = read(name)
    if found != kind or name_of(kind, content) != name:
        raise ObjectError("corrupt", f"{name.hex()} is not the {kind.decode()} that its name says")
    return content


def _bundle(path: Path, settings: ReadSettings, opened: ExitStack) -> Read:
    _, start = _bundle_head(path)
    pack = Pack(_mapped(path, opened), settings.max_file_bytes, start=start)
    pack.scan(settings.max_expanded_bytes)

    def read(name: bytes) -> Object:
        if (at := pack.find(name)) is None:
            raise ObjectError("missing_object", f"{name.hex()} is not in the bundle, or too large (max_file_bytes)")
        return pack.read(at)

    return read


def _folder(path: Path, settings: ReadSettings, opened: ExitStack) -> Read:
    folder, limit = git_folder(path), settings.max_file_bytes
    assert folder is not None
    packs = [
        Pack(_mapped(file, opened), limit, index=_mapped(index, opened))
        for index in sorted((folder / "objects" / "pack").glob("*.idx"))
        if (file := index.with_suffix(".pack")).is_file()
    ]

    def read(name: bytes) -> Object:
        for pack in packs:
            if (at := pack.find(name)) is not None:
                return pack.read(at)
        if found := read_loose(folder / "objects", name, limit):
            return found
        raise ObjectError(
            "missing_object",
            f"{name.hex()} is not in the repository (a partial clone, or one that borrows from another?)",
        )

    return read


def _mapped(path: Path, opened: ExitStack) -> mmap:
    try:
        file = opened.enter_context(path.open("rb"))
        return opened.enter_context(mmap(file.fileno(), 0, access=ACCESS_READ))
    except (OSError, ValueError) as error:
        raise ObjectError("corrupt", f"{path.name}: {error}") from error


def _bundle_head(path: Path) -> tuple[dict[str, str], int]:
    """A bundle's refs, and where its pack begins (gitformat-bundle)."""
    with path.open("rb") as file:
        head = file.read(_HEADS)
    end = head.find(b"\n\nPACK")
    if end < 0:
        raise ObjectError("corrupt", "a bundle without a pack")
    refs = {}
    for line in head[:end].decode("utf-8", "surrogateescape").split("\n")[1:]:
        if line.startswith("@object-format=") and line != "@object-format=sha1":
            raise ObjectError("unknown_format", f"{line[1:80]}; only SHA-1 names can be read")
        name, _, ref = line.partition(" ")
        if _NAME.fullmatch(name):
            refs[ref] = name
    return refs, end + 2


def _folder_refs(path: Path) -> dict[str, str]:
    """Every ref of a repository with the commit or tag that it names; one that lies loose goes before a packed one."""
    folder = git_folder(path)
    assert folder is not None
    refs = {}
    packed = folder / "packed-refs"
    if packed.is_file():
        for line in _read_text(packed).split("\n"):
            name, _, ref = line.partition(" ")
            if _NAME.fullmatch(name):
                refs[ref] = name
    for file in sorted((folder / "refs").rglob("*")):
        if file.is_file() and _NAME.fullmatch(text := _read_text(file).strip()):
            refs[file.relative_to(folder).as_posix()] = text
    head = _read_text(folder / "HEAD").strip()
    if _NAME.fullmatch(head):
        refs["HEAD"] = head
    elif (ref := head.removeprefix("ref: ").strip()) in refs:
        refs["HEAD"] = refs[ref]
    return refs


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_HEADS).decode("utf-8", "surrogateescape")
