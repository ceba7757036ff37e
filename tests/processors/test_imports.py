import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.imports import dependency_order, imports_of, is_test


def order(files: dict[str, str]) -> list[str]:
    return dependency_order({path: imports_of(path, text) for path, text in files.items()})


@pytest.mark.parametrize(
    "files",
    [
        {"p/a.py": "from . import z\n", "p/z.py": ""},
        {"p/a.py": "import os, p.z as q\n", "p/z.py": "", "os.txt": ""},
        {"p/a.py": "from p.z import (\n    one,\n    two,\n)\n", "p/z.py": ""},
        {"p/a/b.py": "from ..z import x\n", "p/z/__init__.py": ""},
        {"src/p/a.py": "def f():\n    from p import z\n", "src/p/z.py": ""},
        {"a.js": "const z = require('./lib/z')\n", "lib/z.js": ""},
        {"a.ts": "import {\n  z,\n} from './z.js';\n", "z.ts": ""},
        {"a.tsx": "export * from './lib'", "lib/index.ts": ""},
        {"src/a.c": '#include "z.h"\n', "src/z.h": ""},
        {"src/a.cc": "#  include <mill/z.hpp>\n", "include/mill/z.hpp": ""},
        {"src/org/A.java": "import org.z.Z;\n", "src/org/z/Z.java": ""},
        {"src/org/A.kt": "import static org.z.Z.grind\n", "src/org/z/Z.kt": ""},
        {"a.go": 'package a\n\nimport (\n\t"fmt"\n\tm "example.org/mill/z"\n)\n', "mill/z/stone.go": "package z\n"},
        {"src/lib.rs": "pub mod z;\n", "src/z/mod.rs": ""},
        {"src/a.rs": "use crate::z::{Stone};\n", "src/z.rs": ""},
        {"lib/a.rb": "require_relative 'z/stone'\n", "lib/z/stone.rb": ""},
        {"a.php": "<?php\nuse Mill\\Z;\n", "src/Mill/Z.php": ""},
        {"pl/a.lua": "local z = require 'pl.z'\n", "pl/z.lua": ""},
        {"lib/A.pm": "use Mill::Z qw(grind);\n", "lib/Mill/Z.pm": ""},
        {"A.hs": "import qualified Mill.Z as Z\n", "Mill/Z.hs": ""},
        {"a.sh": ". lib/z.sh\n", "lib/z.sh": ""},
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_is_needed_comes_first(files: dict[str, str]) -> None:
    first, needed, *_ = files
    placed = order(files)
    assert placed.index(needed) < placed.index(first)
    assert sorted(placed) == sorted(files)


def test_the_readme_opens_and_tests_close() -> None:
    files = {
        "tests/test_a.py": "import p.a", "p/a.py": "from p import z", "p/z.py": "",
        "README.md": "", "doc/README.md": "",
    }  # fmt: skip
    assert order(files) == ["README.md", "doc/README.md", "p/z.py", "p/a.py", "tests/test_a.py"]


def test_a_circle_ends() -> None:
    files = {"a.py": "import b", "b.py": "import c", "c.py": "import a"}
    assert order(files) == ["c.py", "b.py", "a.py"]


def test_a_name_of_one_part_is_looked_for_near_the_root_only() -> None:
    files = {"a.py": "import types", "deep/down/types.py": ""}
    assert order(files) == ["a.py", "deep/down/types.py"]


def test_a_long_chain_does_not_recurse() -> None:
    files = {f"m{n:05d}.py": f"import m{n + 1:05d}" for n in range(5000)}
    assert order(files) == sorted(files, reverse=True)


@pytest.mark.parametrize(
    ("path", "test"),
    [("tests/a.py", True), ("a_test.go", True), ("x/a.spec.ts", True), ("src/test/java/A.java", True),
     ("ATest.java", True), ("contest/a.py", False), ("latest.py", False), ("src/testament.c", False)],
)  # fmt: skip
def test_tests_are_known_by_their_path(path: str, test: bool) -> None:
    assert is_test(path) is test


names = st.sampled_from(["a", "b", "p/a", "p/b", "p/__init__", "q/p/a", "README"])
suffixes = st.sampled_from([".py", ".js", ".h", ".go", ".rs", ".md", ""])


@given(st.dictionaries(st.tuples(names, suffixes).map("".join), st.text(max_size=40), max_size=8))
def test_every_file_has_one_place_whatever_the_order_of_asking(files: dict[str, str]) -> None:
    placed = order(files)
    assert sorted(placed) == sorted(files)
    assert order(dict(reversed(files.items()))) == placed
