"""Which language a file is in, as GitHub's Linguist names it.

The path comes in and, for the few files whose name does not settle it, the head and tail of the text; a name or None
goes out. All facts are Linguist's (github-linguist/linguist, MIT) as enry carries them (go-enry/go-enry, Apache-2.0;
The Stack v2 was labelled with it, 2402.19173 section 2.1): file names, extensions, shebangs, modelines, the rules that
tell `.h` of C from `.h` of C++, and a classifier where no rule fits.

    name or extension leaves one language    that one, the text is not looked at
    it leaves several, or none               modeline, shebang, rules and classifier, in Linguist's order; but where the
                                             extension nearly always means one language, that one in place of the
                                             classifier, which takes every seventh table in Perl for Prolog
"""

from functools import lru_cache
from typing import Any

import re2

from corpus.errors import InputError

HEAD = 4096  # characters of the text that content rules see; on the dev corpus 1,000 differ for man pages, 4,000 don't
TAIL = 1024  # and of its end, where Vim's modelines may stand
_LONGEST_NAME = 255  # characters, as in file systems

_HINT = re2.compile(r"\A#!|-\*-|\b(?:vim?|ex):|<\?xml")  # without one of these only a known name tells a language

_USUAL = {
    "cs": "C#",
    "html": "HTML",
    "json": "JSON",
    "md": "Markdown",
    "php": "PHP",
    "pl": "Perl",
    "rs": "Rust",
    "sql": "SQL",
    "ts": "TypeScript",
    "tsx": "TSX",
    "txt": "Text",
    "yaml": "YAML",
    "yml": "YAML",
}


def language_of(path: str, text: str) -> str | None:
    """The language's Linguist name (`C++`, `Jupyter Notebook`, `Text`), or None where Linguist has none for the file.

    Args:
        path: the file's name, folders and all; `/` between them.
        text: what it holds.

    Raises:
        InputError: enry is not installed.
    """
    name = path.rsplit("/", 1)[-1][-_LONGEST_NAME:]
    named = _named(name) or (_by_extension(name[name.index(".") :]) if "." in name else ())
    if len(named) == 1:
        return named[0]
    ends = (text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}").encode(errors="replace")
    if not named and not _HINT.search(ends):
        return None
    usual = _USUAL.get(name.rpartition(".")[2].lower())
    if usual in named and not _HINT.search(ends):
        return _by_rules(name, ends) or usual
    return enry().get_language(plain(name), ends) or None


def _by_rules(name: str, ends: bytes) -> str | None:
    """The language that Linguist's rules of content leave; None where its classifier would have a say."""
    from enry.definitions import ffi, lib
    from enry.utils import go_str_slice_to_py

    found = go_str_slice_to_py(lib, lib.GetLanguagesByContent(plain(name).encode(), ends, len(ends), ffi.NULL))
    return found[0] if len(found) == 1 else None


@lru_cache(1 << 14)
def _named(name: str) -> tuple[str, ...]:
    """The languages of files that have just this name: `Makefile`, `CMakeLists.txt`."""
    return tuple(enry().get_languages_by_filename(plain(name)))


@lru_cache(1 << 14)
def _by_extension(extensions: str) -> tuple[str, ...]:
    """The languages that claim the longest of the extensions, e.g. of `.d.ts`."""
    from enry.definitions import ffi, lib
    from enry.utils import go_str_slice_to_py

    found = lib.GetLanguagesByExtension(f"x{plain(extensions)}".encode(), b"", 0, ffi.NULL)
    return tuple(go_str_slice_to_py(lib, found))


def plain(name: str) -> str:
    """The name as C can take it: without NUL and without lone surrogates, which stand for bytes that were no UTF-8."""
    return name.replace("\0", "").encode(errors="replace").decode()


def enry() -> Any:
    """The library, loaded when first asked for: it brings Go's runtime, 20 ms and 40 MB.

    Raises:
        InputError: it is not installed.
    """
    try:
        import enry
    except ImportError:
        raise InputError("enry, which tells the languages of code, is not installed: pip install enry-python") from None
    return enry
