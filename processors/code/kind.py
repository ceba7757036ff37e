"""What a file of a repository is for: written by people, written by programs, or not code at all.

A path and its text come in, one of `KINDS` goes out, by the first of these that holds:

    lock           a package manager's record of versions: package-lock.json, Cargo.lock, go.sum
    minified       named .min., or JavaScript or CSS whose mean line is longer than 110 characters (Linguist)
    generated      what Linguist calls generated (source maps, protobuf, Cython, parsers), by go-enry's `is_generated`
                   as in The Stack v2; a head comment that says so; bundles; what autotools wrote
    vendored       another project's files: node_modules/, third_party/, jquery-3.7.1.js
    licence        LICENSE, COPYING, ...
    documentation  README, .md, .rst, manual pages, plain text
    configuration  settings of tools: .toml, .yml, .ini, dot files
    data           tables, drawings, translations, markup that holds data; and files with a stretch of encoded bytes
                   longer than 1,024 characters, or of which these and lists of numbers are more than half (as in
                   StarCoder2, 2402.19173 section 2, which counts no plain numbers)
    source         all else: tests, notebooks and build scripts too

The names of vendored folders are those of Linguist's `vendor.yml` that hold other people's code; what stands there
only to stay out of language statistics (`dist/`, `testdata/`, `.gitignore`, `.d.ts`) does not count.
"""

import re

import re2

from processors.code.kind_names import (
    BUILD_SCRIPT_NAME,
    BUILD_SCRIPT_SAYS,
    BUILT_PATH,
    CONFIGURATION,
    DATA,
    DOCUMENTATION,
    LINGUIST,
    LOCK_NAME,
    PROSE_NAME,
    SETTINGS_NAME,
    TOOLS_NAME,
    VENDORED_PATH,
    WEB,
)
from processors.code.language import enry, plain
from processors.code.licence import is_licence_file

KINDS = (
    "source",
    "generated",
    "minified",
    "vendored",
    "lock",
    "licence",
    "documentation",
    "configuration",
    "data",
)

MEAN_LINE = 110  # characters; Linguist's generated.rb
ENCODED_STRETCH = 1024  # characters; 2402.19173
ENCODED_SHARE = 0.5


_HEAD = 2048  # characters in which a file says that a program wrote it
_TAIL = 2048  # and in which a compiled one names its source map
_BUNDLE = 1 << 14  # in which a bundle's loader stands

# A comment that says so, in the head of the file. Prose about generated files has no comment sign before it.
_SIGN = r"^[ \t]*(?:#|//|/?\*|--|;|%|<!--|\"\"\"|'|!|\{-|\(\*|dnl\b|@?rem\b|::|@)+[-=*#/ \t]*"
_SAID = re2.compile(
    rf"(?im)(?:{_SIGN}(?:this is an? |an? )?(?:automatically|auto|machine)[- ]?generated"
    r"(?: (?:by|from|with|using|code|on)\b|[ .]*(?:\*/|-->)?$)"
    rf"|{_SIGN}.{{0,80}}?(?:@generated\b"
    r"|\b(?:is|was|been|are) (?:automatically|auto|machine|programmatically)[- ]?generated\b"
    r"|\bgenerated automatically\b"
    r"|\b(?:(?:this|the following) \w+ (?:is|was|has been)|code|file) generated (?:by|from|with|using|automatically)\b"
    r"|(?-i:\bG(?:enerated|ENERATED)) (?:by|from|with|using|automatically)\b|\bthis is a generated file\b"
    r"|\bdo not (?:edit|modify|change)(?:,? this file|[,:]? (?:by hand|directly|manually)|[.!]*[ \t]*(?:\*/|-->)?$)))"
)
_BUNDLED = re2.compile(
    r"__webpack_require__|webpackBootstrap|parcelRequire|System\.register\(\[\]"
    r"|\(function\(\)\{function r\(e,n,t\)|\(function e\(t,n,r\)\{function s\(o,u\)"
)
# Bytes written as letters, or as hexadecimal numbers; lists of numbers are group 1.
_ENCODED = re2.compile(
    r"[a-zA-Z0-9+/\n=]{64,}|(?:(?:0x|\\x)[0-9a-fA-F]{1,16}[,\s]{0,3}){8,}|(?:\\u[0-9a-fA-F]{4}){8,}"
    r"|((?:[-+]?[0-9][0-9a-fA-F.eE]*[,;\s]{1,20}){16,})"
)


def kind_of(path: str, text: str) -> str:
    """One of `KINDS`.

    Args:
        path: the file's name, folders and all, from the repository's root; `/` between them.
        text: what it holds.

    Raises:
        InputError: enry is not installed.
    """
    name = path.rsplit("/", 1)[-1]
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if LOCK_NAME.fullmatch(name):
        return "lock"
    if _minified(name, extension, text):
        return "minified"
    if _generated(path, name, extension, text):
        return "generated"
    if VENDORED_PATH.search(path):
        return "vendored"
    if is_licence_file(path):
        return "licence"
    named = _by_name(path, name, extension)
    if named == "source" and extension != "ipynb" and _encoded(text):
        return "data"
    return named


def _minified(name: str, extension: str, text: str) -> bool:
    if extension not in WEB:
        return False
    if re.search(r"[.-]min\.(?:[cm]?js|css)$", name, re.I):
        return True
    return len(text) > MEAN_LINE * (text.count("\n") + 1)


def _generated(path: str, name: str, extension: str, text: str) -> bool:
    if BUILT_PATH.search(path):
        return True
    head = text[:_HEAD]
    if BUILD_SCRIPT_NAME.fullmatch(name) and BUILD_SCRIPT_SAYS.search(head):
        return True
    if extension in WEB and ("sourceMappingURL=" in text[-_TAIL:] or _BUNDLED.search(text[:_BUNDLE])):
        return True
    lower = head.lower()
    speaks = "generated" in lower or "<assembly>" in lower
    if extension not in DOCUMENTATION and (speaks or "do not" in lower) and _SAID.search(head):
        return True
    return (speaks or extension in LINGUIST) and _linguist(path, text)


def _linguist(path: str, text: str) -> bool:
    part = text if len(text) <= _BUNDLE else f"{text[: _BUNDLE >> 1]}\n{text[-_TAIL:]}"
    return bool(enry().is_generated(plain(path), part.encode(errors="replace")))


def _by_name(path: str, name: str, extension: str) -> str:
    if TOOLS_NAME.fullmatch(name) or (extension == "txt" and "requirements/" in path):
        return "configuration"
    if name.lower() == "cmakelists.txt":
        return "source"
    if SETTINGS_NAME.fullmatch(name):
        return "configuration"
    if extension in DATA:
        return "data"
    if extension in CONFIGURATION:
        return "configuration"
    if extension in DOCUMENTATION or PROSE_NAME.fullmatch(name):
        return "documentation"
    return "source"


def _encoded(text: str) -> bool:
    """Whether encoded bytes or lists of numbers fill the text, or one stretch of them is long."""
    total = 0
    for match in _ENCODED.finditer(text.encode(errors="replace")):
        size = match.end() - match.start()
        if size > ENCODED_STRETCH and match[1] is None:
            return True
        total += size
    return total > ENCODED_SHARE * len(text)
