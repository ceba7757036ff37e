"""The rules between the rooms, read from the imports: rooms speak through the store, not through each other."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("corpus", "sources", "processors", "mixtures", "tokenizer", "pretrain")
# What a room may import of the house beside itself. `flows` and `report` and the front door put the rooms together.
MAY: dict[str, set[str]] = {room: {"corpus"} for room in ROOMS} | {"corpus": set(), "sources": {"corpus", "processors"}}
HOUSE = {*ROOMS, "flows", "report", "gristmill"}


def imports(room: str) -> Iterator[tuple[Path, str]]:
    """File and top-level package of every import in a room, wherever it stands."""
    for file in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield file, node.module.split(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    strangers = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file, name in imports(room)
        if name in HOUSE and name != room and name not in MAY[room]
    }
    assert not strangers


@pytest.mark.parametrize(("library", "home"), [("torch", "pretrain"), ("prefect", "flows")])
def test_a_heavy_library_has_one_room(library: str, home: str) -> None:
    rooms = {room for room in (*ROOMS, "flows", "report") for _, name in imports(room) if name == library}
    assert rooms == {home}


def test_the_path_and_the_rooms_load_neither_prefect_nor_torch() -> None:
    rooms = ("sources", "mixtures", "tokenizer", "report")
    files = [file for room in rooms for file in (ROOT / room).glob("*.py") if file.stem != "__init__"]
    modules = ["flows.path", *sorted(f"{file.parent.name}.{file.stem}" for file in files)]
    code = f"import {', '.join(modules)}, sys; print({{'prefect', 'torch'}} & sys.modules.keys() or 'neither')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "neither", done.stderr
