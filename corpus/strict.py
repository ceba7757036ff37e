"""Strict reading of TOML: an unknown key, a wrong type or a value out of range is a RecipeError with file and line.

In: a file, or a table of one. Out: frozen dataclasses, by the types of their fields. Every error names the file, the
line, the key and, where a name is not known, the nearest known one.
"""

import dataclasses
import difflib
import re
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from corpus.errors import RecipeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # what becomes part of a path


def read_toml(path: str | Path) -> tuple[str, dict[str, Any]]:
    """The file's text and its tables. Raises RecipeError where it is missing or not TOML."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"{path}: cannot be read: {said}") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not TOML: {error}") from error


@dataclass(frozen=True)
class Text:
    """The text that a table was read from, to find lines in.

    `header` is the table's path, `index` its place in an array.
    """

    path: str
    text: str
    header: str = ""
    index: int = 0

    def line(self, key: str) -> str:
        """``path:line`` of a key of this table; of the table where it stands in none; the path alone at worst."""
        table, seen, found_at = "", dict[str, int](), ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if found := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                table = found[1]
                seen[table] = seen.get(table, -1) + 1
                if f"{self.header}.{key}".lstrip(".") == table and self.index in (0, seen[table]):
                    return f"{self.path}:{number}"
                if table == self.header and seen[table] == self.index:
                    found_at = f":{number}"
            elif table == self.header and seen.get(table, 0) == self.index:
                if re.match(rf'\s*"?{re.escape(key)}"?\s*=', line):
                    return f"{self.path}:{number}"
            elif table == "" and self.header and re.match(rf"\s*{re.escape(self.header)}\s*=", line):
                return f"{self.path}:{number}"
        return f"{self.path}{found_at}"

    def inside(self, key: str, index: int = 0) -> "Text":
        """The text of a table inside this one."""
        return Text(self.path, self.text, f"{self.header}.{key}".lstrip("."), index)


def parse(cls: type[T], table: dict[str, Any], text: Text) -> T:
    """A frozen dataclass from a TOML table, strictly; a ValueError of its own checks is told with the table's name.

    Raises RecipeError with file, line, key and the nearest known key.
    """
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls) if f.metadata.get("key", True)]
    for key in table:
        if key not in names:
            raise unknown(text.line(key), "key", key, names)
    for f in dataclasses.fields(cls):
        missing = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if missing and f.name not in table:
            raise RecipeError(f"{text.line('')}: [{text.header or 'top'}] lacks `{f.name}`; add it")
    values = {key: _value(hints[key], value, key, text) for key, value in table.items()}
    try:
        return cls(**values)
    except ValueError as error:  # the dataclass' own rule for its fields together
        raise RecipeError(f"{text.line('')}: [{text.header or 'top'}] {error}") from error


def unknown(where: str, what: str, name: str, known: list[str]) -> RecipeError:
    """The error for a name that is not one of the known ones."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known))}"
    return RecipeError(f"{where}: unknown {what} `{name}`; {hint}")


def _value(hint: Any, value: Any, key: str, text: Text) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(a for a in args if a is not type(None)), value, key, text)
    if origin is Literal:
        if value in args:
            return value
        raise unknown(text.line(key), key, str(value), [str(arg) for arg in args])
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return parse(hint, value, text.inside(key))
    if origin is tuple and isinstance(value, list):
        inner = args[0]
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            _tables(value, key, text)
            return tuple(parse(inner, item, text.inside(key, n)) for n, item in enumerate(value))
        return tuple(_value(inner, item, key, text) for item in value)
    wanted = origin or hint
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted is Any or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
        return value
    name = _KINDS.get(wanted, f"a table: [{text.inside(key).header}]")
    raise RecipeError(f"{text.line(key)}: `{key}` is {value!r}, it must be {name}")


_KINDS = {
    tuple: "a list", dict: "a table", int: "an integer", float: "a number", str: "a string", bool: "true or false",
}  # fmt: skip


def _tables(value: list[Any], key: str, text: Text) -> None:
    if not all(isinstance(item, dict) for item in value):
        raise RecipeError(f"{text.line(key)}: `{key}` is {value!r}, it must be tables: [[{text.inside(key).header}]]")


def with_preset(
    table: dict[str, Any], presets: dict[str, dict[str, Any]], text: Text, default: str = ""
) -> dict[str, Any]:
    """The table with the numbers of its `preset` where it says none. Raises RecipeError for one that is not known."""
    name = table.get("preset", default)
    if not isinstance(name, str) or not name:
        return table  # `parse` says what is wrong with it
    if name not in presets:
        raise unknown(text.line("preset"), "preset", name, list(presets))
    return presets[name] | table


def must(holds: bool, text: Text, key: str, value: Any, rule: str) -> None:
    """Raise RecipeError unless a value keeps its rule."""
    if not holds:
        raise RecipeError(f"{text.line(key)}: `{key}` is {value!r}, it must be {rule}")
