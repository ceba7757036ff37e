import csv
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.code.expression import named, spdx
from processors.code.licence import (
    header_licence,
    is_licence_file,
    is_metadata_file,
    licence_of_metadata,
    licence_of_text,
)

MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
BSD = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice.
{third}
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS".
"""
THIRD = """3. Neither the name of the copyright holder nor the names of its contributors
   may be used to endorse or promote products derived from this software.
"""
GPL = """# This program is free software: you can redistribute it and/or modify
# it under the terms of the GNU General Public License as published by
# the Free Software Foundation{version}
#
# This program is distributed in the hope that it will be useful, but WITHOUT
# ANY WARRANTY. See the GNU General Public License for more details.
import os
"""
APACHE = """/*
 * Licensed to the Apache Software Foundation (ASF) under one or more
 * contributor license agreements.  The ASF licenses this file to You under
 * the Apache License, Version 2.0 (the "License"); you may not use this file
 * except in compliance with the License.
 */
package a;
"""


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("// SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: (gpl-2.0+ or MIT) */\n", "GPL-2.0-or-later OR MIT"),
        ("<!-- SPDX-License-Identifier: CC-BY-4.0 -->\n", "CC-BY-4.0"),
        ("# SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note\n", "GPL-2.0-only WITH Linux-syscall-note"),
        ("# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: Zlib\n", "MIT AND Zlib"),
        ("# SPDX-License-Identifier: None-Such-1.0\n", None),
        (APACHE, "Apache-2.0"),
        (
            GPL.format(version=", either version 3 of the License, or\n# (at your option) any later version."),
            "GPL-3.0-or-later",
        ),
        (GPL.format(version="; version 2 of the License."), "GPL-2.0-only"),
        (GPL.format(version="."), "GPL-1.0-or-later"),
        (
            GPL.replace("General", "Lesser General").format(
                version="; either\n# version 2.1 of the License, or any later version."
            ),
            "LGPL-2.1-or-later",
        ),
        ("".join(f" * {line}\n" for line in MIT.splitlines()), "MIT"),
        ("".join(f"// {line}\n" for line in BSD.format(third=THIRD).splitlines()), "BSD-3-Clause"),
        ("/* Released under the MIT license */\n", "MIT"),
        ("/*!\n * MIT Licensed\n */\n", "MIT"),
        ("# License: BSD 3-Clause\n", "BSD-3-Clause"),
        ("/* This Source Code Form is subject to the terms of the Mozilla Public\n * License, v. 2.0. */\n", "MPL-2.0"),
        ("// Distributed under the Boost Software License, Version 1.0.\n", "BSL-1.0"),
        (
            "// Licensed under the Apache License, Version 2.0 or the MIT license, at your option.\n",
            "Apache-2.0 OR MIT",
        ),
        ("# it under the same terms as Perl itself.  license\n", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        (
            "// Use of this code is governed by a BSD-style\n// license that can be found in the LICENSE file.\n",
            None,
        ),
        ("# See LICENSE for the licence.\n", None),
        ("def licence():\n    return 'MIT'\n", None),
        ("x = 1\n" * 5000 + "# SPDX-License-Identifier: MIT\n", None),
        ("", None),
    ],
)
def test_header(text: str, licence: str | None) -> None:
    assert header_licence(text) == licence


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("The MIT License (MIT)\n\nCopyright (c) 2020 A\n\n" + MIT, "MIT"),
        ("Copyright 2020 A\r\n\r\n" + MIT.replace("\n", "\r\n"), "MIT"),
        (MIT + "\nExcept as contained in this notice, the name of A shall not be used.", "X11"),
        (BSD.format(third=""), "BSD-2-Clause"),
        (BSD.format(third=THIRD), "BSD-3-Clause"),
        (BSD.format(third="3. All advertising materials mentioning features must say so.\n" + THIRD), "BSD-4-Clause"),
        (MIT + "\n\nPart of it:\n\n" + BSD.format(third=""), "BSD-2-Clause AND MIT"),
        ("This is dual licensed.\n" + MIT + "\n\n" + BSD.format(third=""), "BSD-2-Clause OR MIT"),
        ("Apache License\nVersion 2.0, January 2004\n\n1. Definitions.\n", "Apache-2.0"),
        (
            "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\nTERMS AND CONDITIONS\n\n0. Definitions.\n",
            "GPL-3.0-only",
        ),
        ('Mozilla Public License Version 2.0\n\n1. Definitions\n\n1.1. "Contributor"\n', "MPL-2.0"),
        ('"Commons Clause" License Condition v1.0\n\n' + MIT, None),
        ("Licensed under the terms of the MIT license.", "MIT"),
        ("MIT", "MIT"),
        ("All rights reserved.", None),
        ("", None),
    ],
)
def test_licence_text(text: str, licence: str | None) -> None:
    assert licence_of_text(text) == licence


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("LICENSE", True),
        ("a/LICENCE.txt", True),
        ("LICENSE-MIT", True),
        ("MIT-LICENSE.txt", True),
        ("COPYING", True),
        ("UNLICENSE", True),
        ("LICENSES/Apache-2.0.txt", True),
        ("jquery.js.LICENSE.txt", True),
        ("license.py", False),
        ("debian/copyright", False),  # metadata
        ("licensed_words.txt", False),
        ("README", False),
    ],
)
def test_licence_files_by_name(path: str, is_one: bool) -> None:
    assert is_licence_file(path) is is_one


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("The MIT License (MIT)", "MIT"),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
        ("GPL-2 | GPL-3", "GPL-2.0-only OR GPL-3.0-only"),
        ("MIT, BSD-3-Clause", "BSD-3-Clause AND MIT"),
        ("https://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
        ("Public Domain", "LicenseRef-scancode-public-domain"),
        ("BSD", None),
        ("LicenseRef-mine", None),
        ("(" * 500, None),
        ("MIT OR " * 500, None),
    ],
)
def test_names_people_use(name: str, licence: str | None) -> None:
    assert named(name) == licence


@given(st.text(alphabet="MIT GPL-20+.()ORANDWITHapche/|,v:\n\0é"))
def test_what_is_named_is_an_expression_and_stays_itself(text: str) -> None:
    licence = named(text)
    assert licence is None or (spdx(licence) == licence and named(licence) == licence)


FILES = [
    "package.json",
    "pyproject.toml",
    "setup.py",
    "METADATA",
    "pom.xml",
    "a.gemspec",
    "DESCRIPTION",
    "debian/copyright",
]
PARTS = [
    "license",
    "License: ",
    "licenses",
    "{",
    "}",
    '"',
    "[project]\n",
    " = ",
    "MIT",
    "GPL",
    " version 2",
    "\n",
    "<name>",
    "SPDX-License-Identifier:",
    MIT,
    "\0",
    "é",
]


@given(st.sampled_from(FILES), st.lists(st.one_of(st.sampled_from(PARTS), st.text())).map("".join))
def test_no_text_raises(path: str, text: str) -> None:
    for licence in (header_licence(text), licence_of_text(text), licence_of_metadata(path, text)):
        assert licence is None or spdx(licence) == licence


CORPUS = Path(__file__).parents[4] / "shared" / "corpus"


def files_of(archive: Path) -> Iterator[tuple[str, str]]:
    """Path and text of the archive's licence and metadata files."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            for name in filter(states_a_licence, opened.namelist()):
                yield name, opened.read(name).decode(errors="replace")
    else:
        with tarfile.open(archive) as opened:
            for member in opened:
                if member.isfile() and states_a_licence(member.name):
                    yield member.name, opened.extractfile(member).read().decode(errors="replace")  # type: ignore[union-attr]


def states_a_licence(path: str) -> bool:
    return is_licence_file(path) or is_metadata_file(path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the development corpus does not lie beside the checkout")
def test_the_packages_of_the_development_corpus_state_their_licences() -> None:
    rows = csv.DictReader((CORPUS / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines(), delimiter="\t")
    for row in rows:
        if not row["file"].startswith("code/"):
            continue
        found = {
            licence_of_text(text) if is_licence_file(path) else licence_of_metadata(path, text)
            for path, text in files_of(CORPUS / row["file"])
        }
        true = named(row["licence"]) or ""
        assert {true, true.replace("-or-later", "-only")} & found, (row["file"], true, found)
