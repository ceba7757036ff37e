"""An entry of an archive that kills its reader, at the first look or later, costs itself and changes no other."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sources.apart import Refusal, read_apart
from sources.item import Item
from sources.settings import ReadSettings

READER = """
import os
import sources.code.read as code

looked, searched = code.decoded, code.secrets_in

def look(data):
    if b"EARLY" in data:
        os._exit(1)
    return looked(data)

def search(text):
    if "LATE" in text:
        os._exit(2)
    return searched(text)

def read(path, settings):
    code.decoded, code.secrets_in = look, search
    yield from code.read_code(path, settings)
"""
FILES = {
    "p/LICENSE": "Permission to use, copy, modify, and/or distribute this software is hereby granted.\n",
    "p/a.py": "import late\nimport early\n", "p/early.py": "# EARLY\n", "p/late.py": "import b  # LATE\n",
    "p/b.py": "x = 1\n",
}  # fmt: skip


@pytest.mark.parametrize("settings", [{}, {"max_held_bytes": 1}, {"per": "repository"}])
def test_a_deadly_entry_costs_itself(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "p.tar"
    with tarfile.open(path, "w") as archive:
        for name, text in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    reading = ReadSettings("r.py:read", reader=READER, **settings)
    written: list[Refusal] = []
    first = list(read_apart(path, reading, "p", (), written.append))
    assert {item.name for item in first if item.reason == "reader_died"} == {"p/early.py", "p/late.py"}
    assert {"p/a.py", "p/b.py"} <= _members(first)
    assert list(read_apart(path, reading, "p", written)) == first  # a later run gives the same


def _members(items: list[Item]) -> set[str]:
    found = [item.document for item in items if item.document]
    return {str(document.member) for document in found} | {
        f"p/{file[1]}" for document in found for file in document.meta.get("files", [])
    }
