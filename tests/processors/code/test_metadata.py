import pytest

from processors.code.licence import is_metadata_file, licence_of_metadata


@pytest.mark.parametrize(
    ("path", "text", "licence"),
    [
        ("package.json", '{"license": "MIT"}', "MIT"),
        ("package.json", '{"license": {"type": "BSD-3-Clause", "url": "x"}}', "BSD-3-Clause"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', "GPL-2.0-only OR MIT"),
        ("package.json", '{"license": "SEE LICENSE IN x"}', None),
        ("package.json", "[" * 100_000, None),
        ("composer.json", '{"license": ["LGPL-2.1+", "MIT"]}', "LGPL-2.1-or-later OR MIT"),
        ("pyproject.toml", '[project]\nlicense = "MIT OR Apache-2.0"\n', "Apache-2.0 OR MIT"),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD 3-Clause License"}\n', "BSD-3-Clause"),
        (
            "pyproject.toml",
            '[project]\nlicense = {file = "LICENSE"}\nclassifiers = ["License :: OSI Approved :: MIT License"]',
            "MIT",
        ),
        ("pyproject.toml", '[tool.poetry]\nlicense = "ISC"\n', "ISC"),
        ("pyproject.toml", "[project\n", None),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "Apache-2.0 OR MIT"),
        ("setup.cfg", "[metadata]\nlicense = Apache 2.0\n", "Apache-2.0"),
        ("setup.py", "setup(name='a', license='GPLv3+')\n", "GPL-3.0-or-later"),
        ("setup.py", "setup(classifiers=['License :: OSI Approved :: ISC License (ISCL)'])\n", "ISC"),
        ("a.egg-info/PKG-INFO", "Name: a\nLicense-Expression: MIT\n\nLicense: GPL-3.0\n", "MIT"),
        ("METADATA", "Name: a\nLicense: BSD\nClassifier: License :: OSI Approved :: BSD License\n", None),
        (
            "pom.xml",
            "<licenses><license><name>The Apache Software License, Version 2.0</name></license></licenses>",
            "Apache-2.0",
        ),
        ("a.cabal", "name: a\nlicense: BSD3\n", "BSD-3-Clause"),
        ("a.gemspec", "s.licenses = ['MIT', \"Ruby\"]\n", "MIT OR Ruby"),
        ("a-1.rockspec", 'description = {\n  license = "MIT/X11"\n}\n', "MIT"),
        ("DESCRIPTION", "Package: a\nLicense: GPL (>= 2)\n", "GPL-2.0-or-later"),
        ("DESCRIPTION", "License: MIT + file LICENSE\n", "MIT"),
        (
            "debian/copyright",
            "Format: https://x/\n\nFiles: debian/*\nLicense: GPL-3+\n\nFiles: *\nLicense: Expat\n",
            "MIT",
        ),
        ("readme.md", "License: MIT\n", None),
    ],
)
def test_metadata(path: str, text: str, licence: str | None) -> None:
    assert licence_of_metadata(path, text) == licence
    assert is_metadata_file(path) is (path != "readme.md")
