from collections.abc import Mapping

import pytest

from sources.code.repository import UNKNOWN, Survey, all_of

MIT = """MIT License

Copyright (c) 2020 The Millers

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
UNLICENSE = """This is free and unencumbered software released into the public domain.

Anyone is free to copy, modify, publish, use, compile, sell, or distribute this software, either in source code form or
as a compiled binary, for any purpose, commercial or non-commercial, and by any means.

In jurisdictions that recognize copyright laws, the author or authors of this software dedicate any and all copyright
interest in the software to the public domain. We make this dedication for the benefit of the public at large and to
the detriment of our heirs and successors. We intend this dedication to be an overt act of relinquishment in perpetuity
of all present and future rights to this software under copyright law.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

For more information, please refer to <https://unlicense.org>
"""
OWN = "You may look at these files on Sundays. " * 40


def survey(files: Mapping[str, str | None], name: str = "mill", commit: str = "") -> Survey:
    found = Survey(name)
    found.commit = commit
    for path, text in files.items():
        found.look(path, text)
    found.close()
    return found


def test_the_nearest_licence_holds() -> None:
    found = survey(
        {
            "p/LICENSE": MIT, "p/a.py": "", "p/sub/a.py": "",
            "p/vendor/x/COPYING": UNLICENSE, "p/vendor/x/deep/a.py": "",
            "p/own/LICENSE": OWN, "p/own/a.py": "", "p/js/package.json": '{"license": "ISC"}', "p/js/a.js": "",
            "p/docs/license.rst": ".. include:: ../LICENSE", "p/docs/a.rst": "",
            "p/empty/LICENSE": " ", "p/empty/a": "",
        }
    )  # fmt: skip
    stated = {path: found.licence(path) for path in ("p/a.py", "p/sub/a.py", "p/docs/a.rst", "p/empty/a")}
    assert set(stated.values()) == {("MIT", "p/LICENSE")}
    assert found.licence("p/vendor/x/deep/a.py") == ("Unlicense", "p/vendor/x/COPYING")
    assert found.licence("p/own/a.py") == (UNKNOWN, "p/own/LICENSE")
    assert found.licence("p/js/a.js") == ("ISC", "p/js/package.json")


def test_metadata_says_how_two_licences_belong_together() -> None:
    files = {"p/LICENSE-MIT": MIT, "p/UNLICENSE": UNLICENSE, "p/a.rs": ""}
    assert survey(files).licence("p/a.rs") == ("MIT AND Unlicense", "p/LICENSE-MIT")
    cargo = '[package]\nname = "a"\nversion = "1.2.3"\nlicense = "MIT OR Unlicense"\n'
    found = survey(files | {"p/Cargo.toml": cargo})
    assert found.licence("p/a.rs") == ("MIT OR Unlicense", "p/Cargo.toml")
    assert found.repository == "a@1.2.3"


def test_nothing_stated_is_nothing() -> None:
    assert survey({"p/a.py": "", "b.py": "x"}).licence("p/a.py") is None


@pytest.mark.parametrize(
    ("files", "commit", "repository"),
    [
        ({"mill-1.2.0/a.py": ""}, "", "mill@1.2.0"),
        ({"mill-main/a.py": ""}, "c" * 40, "mill-main@" + "c" * 40),
        ({"package/package.json": '{"name": "@a/mill", "version": "2.0.0"}'}, "", "@a/mill@2.0.0"),
        ({"m/PKG-INFO": "Name: Mill\nVersion: 3\n\nName: no"}, "", "Mill@3"),
        ({"m/package.json": "{", "m/a.js": ""}, "", "m"),
        ({"mill/a.py": "", "mill-4.dist-info/METADATA": "Name: mill\nVersion: 4\n"}, "", "mill@4"),
        ({"a.py": "", "b/c.py": ""}, "", "archive"),
        ({"m/sub/package.json": '{"name": "other"}', "m/a.js": ""}, "", "m"),
    ],
)
def test_a_repository_has_a_name(files: dict[str, str | None], commit: str, repository: str) -> None:
    assert survey(files, "archive", commit).repository == repository


def test_the_common_folder_is_no_part_of_the_order() -> None:
    found = survey({"m-1/b.py": "import a", "m-1/a.py": "", "m-1/x.png": None, "m-1/README": "mill"})
    assert found.root == "m-1/"
    assert [found.order(f"m-1/{name}") for name in ("README", "a.py", "b.py", "x.png")] == [0, 1, 2, None]


def test_all_of_several() -> None:
    assert all_of(["MIT", "MIT"]) == "MIT"
    assert all_of(["MIT", "Apache-2.0 AND MIT"]) == "Apache-2.0 AND MIT"
    assert all_of(["MIT OR Apache-2.0", "BSD-3-Clause"]) == "BSD-3-Clause AND (MIT OR Apache-2.0)"
