"""Chains from TOML: tables `{name = …, setting = …}` go in, checked filters come out.

Three keys are of the chain, not of the filter: `as` gives the filter another name, so that a chain may hold several of
a kind; `only_if` names filters before it whose rules must not have fired; and a `name` like "own_filter.py:Vowels" is
that of a filter of one's own, in a file beside the recipe.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import Any

from corpus.errors import RecipeError
from corpus.own import code_of, defined, is_own
from corpus.strict import NAME, Text, must, read_toml, unknown
from processors.filters.boilerplate import Boilerplate
from processors.filters.book_text import BookText
from processors.filters.c4 import C4
from processors.filters.classifier import Classifier
from processors.filters.file_kind import FileKind
from processors.filters.fineweb import FineWeb
from processors.filters.floods import Floods
from processors.filters.gopher_quality import GopherQuality
from processors.filters.gopher_repetition import GopherRepetition
from processors.filters.language import Language
from processors.filters.licence import Licence
from processors.filters.machine_lists import MachineLists
from processors.filters.opt_out import OptOut
from processors.filters.perplexity import Perplexity
from processors.filters.placed import Own, Placed
from processors.filters.privacy import Privacy
from processors.filters.refinedweb_lines import RefinedWebLines
from processors.filters.robots import Robots
from processors.filters.rule import Filter
from processors.filters.source_code import SourceCode
from processors.filters.stuffing import Stuffing
from processors.filters.url_category import UrlCategory
from processors.filters.word_list import WordList

Chain = tuple[Filter, ...]

# A new filter is one file and one line here; a filter of the user's own needs no line (examples/own_filter.py).
FILTERS: dict[str, type[Any]] = {
    "language": Language,
    "gopher_repetition": GopherRepetition,
    "gopher_quality": GopherQuality,
    "c4": C4,
    "fineweb": FineWeb,
    "refinedweb_lines": RefinedWebLines,
    "boilerplate": Boilerplate,
    "floods": Floods,
    "stuffing": Stuffing,
    "machine_lists": MachineLists,
    "book_text": BookText,
    "code": SourceCode,
    "licence": Licence,
    "privacy": Privacy,
    "file_kind": FileKind,
    "classifier": Classifier,
    "perplexity": Perplexity,
    "word_list": WordList,
    "url_category": UrlCategory,
    "robots": Robots,
    "opt_out": OptOut,
}
CHAINS = ("web", "books", "code", "text")
OWN = Text("chain", "")  # tables that come from no file


def named_chain(name: str, where: str = "chain", others: Sequence[str] = ()) -> Chain:
    """The bundled chain of that name, from the TOML file beside this module.

    `where` is the line that asked for it, `others` are names it could have meant as well.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in CHAINS:
        raise unknown(where, "filter chain", name, [*CHAINS, *others])
    path = Path(__file__).with_name(f"{name}.toml")
    text, table = read_toml(path)
    return load_chain(table["filter"], Text(str(path), text, "filter"))


def load_chain(tables: Sequence[Mapping[str, object]], text: Text = OWN) -> Chain:
    """The filters that tables `{name = …, setting = …}` describe, in order; settings not named keep defaults.

    `text` is what the array of tables was read from. Raises:
        RecipeError: an unknown filter or setting, a value of the wrong kind, or a filter named twice.
        InputError: a file that a filter names cannot be read.
    """
    chain: list[Filter] = []
    for n, table in enumerate(tables):
        inside = replace(text, index=n)
        chain.append(_load_filter(dict(table), inside, [each.name for each in chain]))
    names = [each.name for each in chain]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                f"{text.path}: filter `{name}` stands {names.count(name)} times in one chain; name it once, "
                'or call the other one differently: as = "…"'
            )
    return tuple(chain)


def _load_filter(table: dict[str, Any], text: Text, before: list[str]) -> Filter:
    called, waits = table.pop("as", None), table.pop("only_if", ())
    loaded = _named_filter(table, text)
    only_if = (waits,) if isinstance(waits, str) else tuple(waits) if isinstance(waits, list) else waits
    for name in only_if if isinstance(only_if, tuple) else ("",):
        known = f"the name of a filter before it: {', '.join(before) or 'there is none'}"
        must(name in before, text, "only_if", waits, known)
    if called is None and not only_if:
        return loaded
    good = called is None or (isinstance(called, str) and re.fullmatch(NAME, called) and "." not in called)
    must(bool(good), text, "as", called, "a name of letters, digits, _ and -")
    return Placed(loaded, called or loaded.name, only_if)


def _named_filter(table: dict[str, Any], text: Text) -> Filter:
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise RecipeError(
            f'{text.path}: a filter of [[{text.header}]] has no name; add name = "…": {", ".join(FILTERS)}'
        )
    if is_own(name):
        code, (file, _, what) = code_of(name, Path(text.path).parent), name.rpartition(":")
        settings = _settings(defined(code, file, what), name, table, text)
        return Own(code, file, what, tuple(settings.items()))
    if name not in FILTERS:
        raise unknown(text.line("name"), "filter", name, list(FILTERS))
    loaded: Filter = FILTERS[name](**_settings(FILTERS[name], name, table, text))
    return loaded


def _settings(kind: Any, name: str, table: dict[str, Any], text: Text) -> dict[str, object]:
    known = {field.name: _default(field) for field in fields(kind)}
    settings = {}
    for key, value in table.items():
        if key not in known:
            raise unknown(text.line(key), f"setting of {name}", key, list(known))
        checked = _checked(f"{text.line(key)}: `{key}`", value, known[key])
        settings[key] = _beside(checked, text) if key in getattr(kind, "paths", ()) else checked
    return settings


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _beside(value: Any, text: Text) -> object:
    """A path, or several, below the folder of the file that names them."""
    if isinstance(value, tuple):
        return tuple(_beside(each, text) for each in value)
    return str(Path(text.path).parent.absolute() / value) if value else value


def _checked(where: str, value: Any, default: object) -> object:
    """The value in the kind of the default."""
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise RecipeError(f"{where} is {value!r}, it must be true or false")
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise RecipeError(f'{where} is {value!r}, it must be a list of strings, like ["en", "de"]')
    if isinstance(default, dict):
        if isinstance(value, dict):
            return value
        raise RecipeError(f"{where} is {value!r}, it must be a table, like {{ en = 0.65 }}")
    if isinstance(default, str):
        if isinstance(value, str):
            return value
        raise RecipeError(f'{where} is {value!r}, it must be a string, like "{default}"')
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise RecipeError(f"{where} is {value!r}, it must be a number; inf or -inf switches the rule off")
    if isinstance(default, float):
        return float(value)
    if isinstance(value, float) and math.isfinite(value) and not value.is_integer():
        raise RecipeError(f"{where} is {value!r}, it must be a whole number")
    return int(value) if math.isfinite(value) else value
