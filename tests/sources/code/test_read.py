import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.code.read import read_code
from sources.item import Document, Item
from sources.settings import ReadSettings

World = Callable[..., list[Item]]
Tile = Callable[..., list[Item]]
KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
FILES = {
    "m-1/main.py": b"from m import stone\n\nstone.grind()\n" + f'key = "{KEY}"\n'.encode(),
    "m-1/m/stone.py": "# SPDX-License-Identifier: Apache-2.0\n# Mühle\nimport os\n".encode(),
    "m-1/README.md": b"# The mill\n",
    "m-1/package-lock.json": b'{"lockfileVersion": 3}\n',
    "m-1/x.png": b"\x89PNG\r\n\x1a\n\x00\x00\xff",
    "m-1/setup.cfg": b"[metadata]\nname = m\nlicense = BSD-3-Clause\n",
}  # the licence comes last, as it may


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def documents(items: list[Item]) -> dict[str | None, Document]:
    return {i.name: i.document for i in items if i.document}


def test_a_file_knows_its_repository(world: World) -> None:
    found = documents(world("m.tar", tar(FILES), "code"))
    main, stone = found["m-1/main.py"], found["m-1/m/stone.py"]
    assert (main.licence, main.meta["licence_from"]) == ("BSD-3-Clause", "m-1/setup.cfg")
    assert (stone.licence, stone.meta["licence_from"]) == ("Apache-2.0", "header")
    assert {document.repository for document in found.values()} == {"m@1"}
    assert (main.code_language, found["m-1/package-lock.json"].file_kind) == ("Python", "lock")
    order = sorted(found, key=lambda name: found[name].meta["order"])
    assert order == ["m-1/README.md", "m-1/m/stone.py", "m-1/main.py", "m-1/package-lock.json", "m-1/setup.cfg"]


def test_metadata_states_its_choice_of_licences_for_itself_too(world: World) -> None:
    files = {"m-1/Cargo.toml": b'[package]\nname = "m"\nlicense = "Unlicense/MIT"\n', "m-1/lib.rs": b"mod m;\n"}
    found = documents(world("m.tar", tar(files), "code"))
    assert {document.licence for document in found.values()} == {"MIT OR Unlicense"}


def test_a_large_archive_gives_the_same_by_reading_twice(world: World) -> None:
    assert world("m.tar", tar(FILES), "code", max_held_bytes=1) == world("m.tar", tar(FILES), "code")


def test_secrets_are_counted_and_placed_but_not_told(world: World) -> None:
    text = "# Mühle\r\n" + f'key = "{KEY}"  \r\n'
    (item,) = world("a.py", text.encode(), "code")
    document = item.document
    assert document is not None
    assert document.secrets == 1
    ((start, end, kind),) = document.meta["secrets"]
    assert document.text.encode()[start:end] == KEY.encode()
    assert KEY not in json.dumps(document.meta)
    assert kind


def test_a_default_licence_is_for_what_states_none(world: World) -> None:
    files = {"a/x.py": b"x = 1\n", "b/LICENSE": b"Sundays only, says the miller.\n" * 50, "b/x.py": b"x = 1\n"}
    found = documents(world("m.tar", tar(files), "code", licence="CC0-1.0"))
    assert (found["a/x.py"].licence, found["b/x.py"].licence) == ("CC0-1.0", "LicenseRef-unknown")
    assert "licence_from" not in found["a/x.py"].meta


def test_notebooks_are_text_or_say_why(world: World) -> None:
    book = {"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1", "outputs": [{"text": "OUT"}]}]}
    files = {"a.ipynb": json.dumps(book).encode(), "b.ipynb": b"{", "c.ipynb": b"[" * 9999}
    items = {i.name: i for i in world("m.tar", tar(files), "code")}
    document = items["a.ipynb"].document
    assert document is not None
    assert (document.text, document.code_language) == ("```\nx = 1\n```", "Jupyter Notebook")
    assert (document.media_type, document.file_kind) == ("text/markdown", "source")
    assert document.meta["notebook"]["cells"] == {"code": 1, "markdown": 0, "raw": 0}
    assert {items["b.ipynb"].reason, items["c.ipynb"].reason} == {"bad_notebook"}


def test_a_repository_is_one_document_in_its_order(world: World) -> None:
    data = tar(FILES)
    items = world("m.tar", data, "code", per="repository")
    assert {(i.start, i.end) for i in items} == {(0, len(data))}
    assert [i.ordinal for i in items] == list(range(len(items)))
    document = items[0].document
    assert document is not None
    assert document.text.startswith("==> README.md <==\n# The mill\n\n==> m/stone.py <==\n# SPDX")
    assert document.licence == "Apache-2.0 AND BSD-3-Clause"
    assert (document.repository, document.code_language, document.secrets) == ("m@1", "Python", 1)
    text = document.text.encode()
    assert [name for _, name, *_ in document.meta["files"]] == ["README.md", "m/stone.py", "main.py", "setup.cfg"]
    for start, name, *_ in document.meta["files"]:
        assert text[start:].startswith(f"==> {name} <==\n".encode())
    ((start, end, _),) = document.meta["secrets"]
    assert text[start:end] == KEY.encode()
    assert [(i.name, i.reason) for i in items[1:]] == [
        ("m-1/package-lock.json", "left_out_lock"), ("m-1/x.png", "binary"), (None, "padding"),
    ]  # fmt: skip


def test_a_large_repository_is_cut_between_files(world: World) -> None:
    files = {f"m/{n}.py": b"x = 1\n" * 100 for n in range(6)}
    items = world("m.tar", tar(files), "code", per="repository", max_repository_bytes=1500)
    assert [len(i.document.meta["files"]) for i in items if i.document] == [2, 2, 2]
    (item,) = world("m.tar", tar(files), "code", per="repository", max_held_bytes=1000)
    assert (item.outcome, item.reason) == ("quarantined", "too_large")


def test_what_is_refused_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "m.tar"
    path.write_bytes(tar({f"m/{n}.bin": b"\x00\xff" * 2**19 for n in range(24)}))
    tracemalloc.start()
    try:
        reasons = {item.reason for item in read_code(path, ReadSettings("code"))}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reasons == {"binary", "padding"}
    assert peak < 12 * 2**20


def stack(folder: Path) -> Path:
    rows = [
        ("x = 1\n", "a/main.py", "one/mill", ["MIT", "Apache-2.0"]),
        ("# SPDX-License-Identifier: ISC\n", "b.py", "one/mill", ["MIT"]),
        (None, "c.py", "one/mill", None),
        ("int x;\n", "d.c", "two/mill", []),
    ]
    names = ("content", "max_stars_repo_path", "max_stars_repo_name", "max_stars_repo_licenses")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    pq.write_table(table, folder / "data.parquet")
    return folder / "data.parquet"


STACK = {
    "text_column": "content", "path_column": "max_stars_repo_path", "repository_column": "max_stars_repo_name",
    "licence_column": "max_stars_repo_licenses",
}  # fmt: skip


def test_a_table_of_files_is_read_like_files(tmp_path: Path, tile: Tile) -> None:
    items = tile(stack(tmp_path), "code", **STACK)
    found = documents(items)
    assert [(i.start, i.unit, i.reason) for i in items] == [(n, "row", "null_text" if n == 2 else "") for n in range(4)]
    assert [(d.member, d.repository, d.licence, d.code_language) for d in found.values()] == [
        ("a/main.py", "one/mill", "MIT AND Apache-2.0", "Python"),
        ("b.py", "one/mill", "ISC", "Python"),
        ("d.c", "two/mill", None, "C"),
    ]


def test_a_table_need_not_be_parquet(world: World) -> None:
    lines = b'{"text": "x = 1", "path": "a.py"}\n{"text": "int x;", "path": "a.c"}\n'
    found = documents(world("stack.jsonl", lines, "code", table_format="jsonl"))
    assert {name: document.code_language for name, document in found.items()} == {"a.py": "Python", "a.c": "C"}


def test_rows_of_one_repository_are_joined(tmp_path: Path, tile: Tile) -> None:
    items = tile(stack(tmp_path), "code", **STACK, per="repository")
    assert [(i.start, i.end, i.ordinal, i.reason) for i in items] == [
        (0, 3, 0, ""),
        (0, 3, 1, "null_text"),
        (3, 4, 0, ""),
    ]
    assert items[0].document.text.startswith("==> a/main.py <==\nx = 1\n\n==> b.py <==\n")  # type: ignore[union-attr]


def test_rows_of_no_repository_are_not_joined(world: World) -> None:
    rows = b'{"text": "x = 1", "path": "a.py"}\n{"text": "y = 2", "path": "b.py"}\n'
    settings = {"table_format": "jsonl", "repository_column": "repo", "per": "repository"}
    items = world("stack.jsonl", rows, "code", **settings)
    texts = [item.document.text for item in items if item.document]
    assert texts == ["==> a.py <==\nx = 1", "==> b.py <==\ny = 2"]


@pytest.mark.parametrize("per", ["file", "repository"])
def test_reading_twice_gives_the_same(world: World, per: str) -> None:
    assert world("m.tar", tar(FILES), "code", per=per) == world("m.tar", tar(FILES), "code", per=per)
