"""What licence a package's own metadata states.

Path and text of a metadata file come in, a normalised SPDX expression or None comes out. Each kind of file has one
reader below; a file that its reader cannot follow states nothing.

    package.json composer.json bower.json       `license`, the old `licenses`, PHP's list of alternatives
    pyproject.toml Cargo.toml                   `license` as expression (PEP 639) or table (PEP 621), classifiers
    setup.cfg setup.py PKG-INFO METADATA        `License-Expression`, `License`, classifiers
    pom.xml *.nuspec                            <licenses><license><name>, <license type="expression">
    *.cabal *.rockspec *.gemspec DESCRIPTION    `license:`, `license = "..."`, `s.licenses = [...]`, `License:`
    META.json Makefile.PL *.podspec *.spec      the same for Perl, Cocoapods and RPM
    debian/copyright                            `License:` of `Files: *` (DEP 5), else as a licence file
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from processors.code.expression import LONGEST as LONGEST_NAME
from processors.code.expression import both, either, named
from processors.code.licence_text import licence_of_text

LONGEST = 1 << 20  # characters of metadata that are read

_CLASSIFIER = re.compile(r"License :: [^\"'\n\r]{1,200}")


def is_metadata_file(path: str) -> bool:
    """Whether the name is one of the files that `licence_of_metadata` reads."""
    return _reader(path) is not None


def licence_of_metadata(path: str, text: str) -> str | None:
    """The licence that the file states for its package, or None; `path` tells which kind of file it is."""
    reader = _reader(path)
    if reader is None or len(text) > LONGEST:
        return None
    try:
        return reader(text)
    except (ValueError, RecursionError):  # not JSON or TOML after all: it states nothing
        return None


def _reader(path: str) -> Callable[[str], str | None] | None:
    name = path.rsplit("/", 1)[-1]
    if name == "copyright" and path.endswith("debian/copyright"):
        return _debian
    return _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2] if "." in name else "")


def _stated(value: Any, join: Callable[[list[str]], str | None]) -> str | None:
    """A licence given as text, as {"type": ...}, or as a list of those."""
    if isinstance(value, str):
        return named(value) if len(value) <= LONGEST_NAME else None
    if isinstance(value, dict):
        return _stated(value.get("type") or value.get("name") or value.get("text"), join)
    if isinstance(value, list) and 0 < len(value) < 10:
        known = [_stated(each, join) for each in value]
        return join([one for one in known if one]) if all(known) else None
    return None


def _json(text: str) -> str | None:
    table = json.loads(text.removeprefix("\ufeff"))
    if not isinstance(table, dict):
        return None
    return _stated(table.get("license") or table.get("licence") or table.get("licenses"), either)


def _pyproject(text: str) -> str | None:
    table = tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    project = _table(table, "project")
    poetry = _table(_table(table, "tool"), "poetry")
    flit = _table(_table(_table(table, "tool"), "flit"), "metadata")
    for each in (project, poetry, flit):
        licence = _stated(each.get("license"), both) or _classified(each.get("classifiers"))
        if licence:
            return licence
    return None


def _cargo(text: str) -> str | None:
    table = tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    return _stated(_table(table, "package").get("license"), both) or _stated(
        _table(_table(table, "workspace"), "package").get("license"), both
    )


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _classified(classifiers: Any) -> str | None:
    """The licences of trove classifiers; several mean a choice. One that names no licence leaves it open."""
    if not isinstance(classifiers, Iterable) or isinstance(classifiers, str):
        return None
    ours = [each for each in classifiers if isinstance(each, str) and each.startswith("License ::")]
    known = [named(each) for each in ours if each.strip() != "License :: OSI Approved"]
    return either([one for one in known if one]) if known and all(known) else None


def _field(pattern: str) -> Callable[[str], str | None]:
    """A reader that takes the first group of the first match as the name."""
    compiled = re.compile(pattern, re.I | re.M)

    def read(text: str) -> str | None:
        match = compiled.search(text)
        return named(match[1]) if match else None

    return read


_CORE_EXPRESSION = _field(r"^License-Expression:[ \t]*(.{1,500})$")
_CORE_LICENCE = _field(r"^License:[ \t]*(.{1,500})$")
_CFG_LICENCE = _field(r"^[ \t]*license[ \t]*[=:][ \t]*(.{1,500})$")
_PY_LICENCE = _field(r"\blicense[ \t]*=[ \t]*u?[\"']{1,3}([^\"'\n]{1,500})[\"']")


def _core(text: str) -> str | None:
    head = text.replace("\r\n", "\n").split("\n\n", 1)[0]
    return _CORE_EXPRESSION(head) or _CORE_LICENCE(head) or _classified(_CLASSIFIER.findall(head))


def _setup_cfg(text: str) -> str | None:
    return _CFG_LICENCE(text) or _classified(_CLASSIFIER.findall(text))


def _setup_py(text: str) -> str | None:
    return _PY_LICENCE(text) or _classified(_CLASSIFIER.findall(text))


def _pom(text: str) -> str | None:
    block = re.search(r"<licenses>(.{1,20000}?)</licenses>", text, re.S)
    if block is None:
        return _stated("Apache-2.0", both) if _APACHE_PARENT.search(text) else None
    names = re.findall(r"<name>\s*([^<]{1,300}?)\s*</name>", block[1])
    return _stated(names, either)


_APACHE_PARENT = re.compile(r"<parent>\s*<groupId>\s*org\.apache\.(?:commons|maven|logging)?[\w.]*\s*</groupId>")


def _nuspec(text: str) -> str | None:
    return _field(r"<license type=\"expression\">\s*([^<]{1,300}?)\s*</license>")(text)


def _gemspec(text: str) -> str | None:
    match = re.search(r"\.licen[cs]es?\s*=\s*([^\n]{1,500})", text)
    names = re.findall(r"[\"']([^\"'\n]{1,200})[\"']", match[1]) if match else []
    return _stated(names, either)


def _description(text: str) -> str | None:
    """R: `GPL (>= 2)`, `MIT + file LICENSE`, alternatives with `|`."""
    match = re.search(r"^Licen[cs]e:[ \t]*(.{1,500})$", text, re.M)
    if match is None:
        return None
    return named(re.sub(r"\s*\+\s*file\s+LICEN[CS]E", "", match[1]))


def _debian(text: str) -> str | None:
    """The licence of `Files: *`, else of the first stanza that names files; an older free text says it in words."""
    if not re.match(r"\s*Format", text):
        return licence_of_text(text)
    stanzas = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n"))
    stated = []
    for stanza in stanzas[:500]:
        files = re.search(r"^Files:[ \t]*(.*)$", stanza, re.M)
        licence = re.search(r"^License:[ \t]*(.{1,500})$", stanza, re.M)
        if files and licence:
            stated.append((files[1].split(), licence[1]))
    whole = [licence for files, licence in stated if "*" in files] or [licence for _, licence in stated[:1]]
    return named(whole[0]) if whole else None


_BY_NAME: dict[str, Callable[[str], str | None]] = {
    "package.json": _json,
    "composer.json": _json,
    "bower.json": _json,
    "META.json": _json,
    "pyproject.toml": _pyproject,
    "Cargo.toml": _cargo,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "PKG-INFO": _core,
    "METADATA": _core,
    "pom.xml": _pom,
    "DESCRIPTION": _description,
    "debian-copyright": _debian,
    "META.yml": _field(r"^license:[ \t]*['\"]?([^'\"\n]{1,200})"),
    "Makefile.PL": _field(r"\bLICENSE['\"]?[ \t]*=>[ \t]*['\"]([^'\"\n]{1,200})"),
    "pubspec.yaml": _field(r"^license:[ \t]*(.{1,200})$"),
}
_BY_EXTENSION: dict[str, Callable[[str], str | None]] = {
    "cabal": _field(r"^license:[ \t]*(.{1,200})$"),
    "rockspec": _field(r"\blicense[ \t]*=[ \t]*['\"]([^'\"\n]{1,200})"),
    "gemspec": _gemspec,
    "podspec": _field(r"\.license\s*=\s*(?:\{[^}\n]*?:type\s*=>\s*)?['\"]([^'\"\n]{1,200})"),
    "nuspec": _nuspec,
    "spec": _field(r"^License:[ \t]*(.{1,200})$"),
}
