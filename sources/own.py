"""Readers that are not ours: ``kind = "stack_exchange.py:read_posts"`` names a file beside the recipe and a function.

In: such a kind. Out: the function. The file's text is part of the source's settings, so a reader that was changed reads
anew, and a worker needs no file and no path: it runs the text that the run was planned with. The file may import what
is installed, but no file beside it.
"""

import hashlib
import linecache
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from corpus.errors import InputError
from sources.item import Item
from sources.settings import ReadSettings

Reader = Callable[[Path, ReadSettings], Iterator[Item]]


def is_own(kind: str) -> bool:
    """Whether a kind names a file and a function."""
    return ".py:" in kind


def code_of(kind: str, folder: Path) -> str:
    """The text of the file that a kind names, below the recipe's folder.

    Raises InputError where it cannot be read or does not define the function.
    """
    name, _, function = kind.rpartition(":")
    try:
        code = (folder / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"kind {kind}: {folder / name} cannot be read: {error}") from error
    own_reader(code, name, function)
    return code


@lru_cache(16)
def own_reader(code: str, name: str, function: str) -> Reader:
    """The function of that name in a file with that text. Raises InputError where there is none."""
    module = ModuleType(f"own_reader_{hashlib.sha256(code.encode()).hexdigest()[:16]}")
    module.__file__ = name
    sys.modules[module.__name__] = module  # dataclasses look their module up
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    try:
        exec(compile(code, name, "exec"), module.__dict__)
    except Exception as error:  # told with the file's name: it is the user's, and the trace says where
        raise InputError(f"{name}: cannot be run: {type(error).__name__}: {error}") from error
    found = module.__dict__.get(function)
    if not callable(found):
        raise InputError(f"{name}: defines no function `{function}`; a reader is `def {function}(path, settings)`")
    reader: Reader = found
    return reader
