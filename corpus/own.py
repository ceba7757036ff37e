"""Code that is not ours: ``"stack_exchange.py:read_posts"`` names a file beside the recipe and what it defines.

In: such a name. Out: the function or class. The file's text is part of what identifies the results, so code that was
changed runs anew, and a worker needs no file and no path: it runs the text that the run was planned with. The file may
import what is installed, but no file beside it.
"""

import hashlib
import linecache
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from corpus.errors import InputError


def is_own(name: str) -> bool:
    """Whether a name is that of a file and something in it."""
    return ".py:" in name


def code_of(name: str, folder: Path) -> str:
    """The text of the file that `name` names, below the recipe's folder.

    Raises InputError where it cannot be read or does not define what is named.
    """
    file, _, what = name.rpartition(":")
    try:
        code = (folder / file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {folder / file} cannot be read: {error}") from error
    defined(code, file, what)
    return code


@lru_cache(16)
def defined(code: str, file: str, what: str) -> Callable[..., Any]:
    """What the code of a file defines under a name. Raises InputError where there is no such function or class."""
    module = ModuleType(f"own_{hashlib.sha256(code.encode()).hexdigest()[:16]}")
    module.__file__ = file
    sys.modules[module.__name__] = module  # dataclasses look their module up
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    try:
        exec(compile(code, file, "exec"), module.__dict__)
    except Exception as error:  # told with the file's name: it is the user's, and the trace says where
        raise InputError(f"{file}: cannot be run: {type(error).__name__}: {error}") from error
    found = module.__dict__.get(what)
    if not callable(found):
        raise InputError(f"{file}: defines no function or class `{what}`")
    given: Callable[..., Any] = found
    return given
