"""A chain of filters: named in TOML, scored on text, judged on numbers.

    score   batch (id, text, …)   -> id, a column `filter.score` for each number, spans
    judge   those numbers         -> the rules that fired, `filter.rule`, in chain order

Where a filter cuts, the filters behind it in the chain read what is left; all spans are in bytes of the stored text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError, RecipeError
from corpus.strict import Text, read_toml, unknown
from corpus.text import SPANS, Span, lift, render_column
from processors.filters.c4 import C4
from processors.filters.file_kind import FileKind
from processors.filters.fineweb import FineWeb
from processors.filters.gopher_quality import GopherQuality
from processors.filters.gopher_repetition import GopherRepetition
from processors.filters.language import Language
from processors.filters.licence import Licence
from processors.filters.measure import Measures
from processors.filters.rule import SPANS as SPANS_NAME
from processors.filters.rule import Filter
from processors.filters.source_code import SourceCode

Chain = tuple[Filter, ...]

# A new filter is one file and one line here.
FILTERS: dict[str, type[Any]] = {
    "language": Language,
    "gopher_repetition": GopherRepetition,
    "gopher_quality": GopherQuality,
    "c4": C4,
    "fineweb": FineWeb,
    "code": SourceCode,
    "licence": Licence,
    "file_kind": FileKind,
}
CHAINS = ("web", "books", "code", "text")
OWN = Text("chain", "")  # tables that come from no file

_BATCH_BYTES = 64 << 20
_BATCH_ROWS = 10_000


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
    """
    chain = tuple(_load_filter(dict(table), replace(text, index=n)) for n, table in enumerate(tables))
    names = [each.name for each in chain]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                f"{text.path}: filter `{name}` stands {names.count(name)} times in one chain; name it once"
            )
    return chain


def _load_filter(table: dict[str, object], text: Text) -> Filter:
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise RecipeError(
            f'{text.path}: a filter of [[{text.header}]] has no name; add name = "…": {", ".join(FILTERS)}'
        )
    if name not in FILTERS:
        raise unknown(text.line("name"), "filter", name, list(FILTERS))
    known = {field.name: field.default for field in fields(FILTERS[name])}
    settings = {}
    for key, value in table.items():
        if key not in known:
            raise unknown(text.line(key), f"setting of {name}", key, list(known))
        settings[key] = _checked(f"{text.line(key)}: `{key}`", value, known[key])
    loaded: Filter = FILTERS[name](**settings)
    return loaded


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


def number_identity(chain: Chain) -> dict[str, object]:
    """What the numbers depend on: each filter's version, number settings and libraries, as JSON data.

    The order counts, because a filter that cuts changes what the next one reads.
    """
    return {
        each.name: {
            "place": place,
            "version": each.version,
            "settings": each.number_settings(),
            "libraries": {library: version(library) for library in each.libraries},
        }
        for place, each in enumerate(chain)
    }


def rule_identity(chain: Chain) -> dict[str, object]:
    """What the verdicts depend on besides the numbers: the rules in force, in chain order, as JSON data."""
    return {"rules": [{"filter": each.name, **rule.settings()} for each in chain for rule in each.rules()]}


def columns_of(chain: Chain) -> list[str]:
    """The columns of a document that the chain reads beside `id` and `text`, sorted."""
    return sorted({column for each in chain for column in getattr(each, "columns", ())})


def score(batch: pa.RecordBatch, chain: Chain) -> pa.RecordBatch:
    """Every number that the chain gives: `id`, then `filter.score` in chain order, then `spans` (null where none).

    Args:
        batch: columns `id` (any type), `text` (large_string) and `columns_of` the chain (string), of which those that
            are missing count as null; rows and order stay.
        chain: the filters.
    """
    columns = {"id": batch.column("id")}
    for name in columns_of(chain):
        if name not in batch.schema.names:
            batch = batch.append_column(name, pa.nulls(len(batch), pa.string()))
    measures, spans = Measures(batch.column("text")), pa.nulls(len(batch), SPANS)
    for each in chain:
        scores = each.scores(batch, measures)
        cuts = scores.pop(SPANS_NAME, None)
        columns |= {f"{each.name}.{name}": column for name, column in scores.items()}
        if cuts is not None and cuts.null_count < len(cuts):
            spans = cuts if spans.null_count == len(spans) else _composed(spans, cuts)
            text = render_column(batch.column("text"), cuts)
            batch = batch.set_column(batch.schema.get_field_index("text"), "text", text)
            measures = Measures(text)
    return pa.RecordBatch.from_pydict(columns | {SPANS_NAME: spans})


def _composed(outer: pa.Array, inner: pa.Array) -> pa.Array:
    rows = zip(outer.to_pylist(), inner.to_pylist(), strict=True)
    lifted = [lift([Span(**span) for span in cut or ()], [Span(**span) for span in more or ()]) for cut, more in rows]
    return pa.array([[span._asdict() for span in row] or None for row in lifted], SPANS)


def number_names(chain: Chain) -> list[str]:
    """The columns that `score` gives and that hold numbers."""
    none = pa.RecordBatch.from_pydict({"id": pa.array([], pa.string()), "text": pa.array([], pa.large_string())})
    kinds = {field.name: field.type for field in score(none, chain).schema}
    return [name for name, kind in kinds.items() if pa.types.is_floating(kind) or pa.types.is_integer(kind)]


def judge(scores: pa.RecordBatch | pa.Table, chain: Chain) -> pa.Array:
    """The rules that fire in each row: list<string> of `filter.rule`, in chain order, empty where none does."""
    names, fired = [], []
    for each in chain:
        for rule in each.rules():
            names.append(f"{each.name}.{rule.name}")
            column = scores[f"{each.name}.{rule.score}"]
            if isinstance(column, pa.ChunkedArray):
                column = column.combine_chunks()
            fired.append(rule.fires(column).to_numpy(zero_copy_only=False))
    table = np.array(fired, np.bool_).reshape(len(names), scores.num_rows).T
    rows, rules = np.nonzero(table)
    offsets = np.searchsorted(rows, np.arange(scores.num_rows + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(names, pa.string()).take(pa.array(rules)))


def score_table(table: pa.Table, chain: Chain) -> pa.Table:
    """`id`, `kept`, `rules` and a column for each score, for a table with `id`, `text` and what the chain reads.

    Raises:
        InputError: a column is missing, or `text` holds no strings.
    """
    for name in ("id", "text"):
        if name not in table.column_names:
            raise InputError(f"no column {name!r}; there are: {', '.join(table.column_names) or 'none'}")
    kind = table.schema.field("text").type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise InputError(f"column 'text' is of type {kind}; strings are asked for")
    names = ["id", "text", *(name for name in columns_of(chain) if name in table.column_names)]
    columns = table.select(names).set_column(1, "text", table["text"].cast(pa.large_string()))
    parts = [_verdicts(batch, chain) for batch in _batches(columns)]
    return pa.Table.from_batches(parts or [_verdicts(pa.RecordBatch.from_pylist([], columns.schema), chain)])


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    """The table in batches of bounded rows and, but for single large texts, bounded bytes."""
    batches = []
    for whole in table.to_batches(max_chunksize=_BATCH_ROWS):
        sizes = pc.binary_length(whole.column("text")).fill_null(0).to_numpy()
        groups = np.cumsum(sizes) // _BATCH_BYTES
        bounds = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(whole)]
        batches += [whole.slice(a, b - a) for a, b in pairwise(bounds) if b > a]
    return batches


def _verdicts(batch: pa.RecordBatch, chain: Chain) -> pa.RecordBatch:
    scores = score(batch, chain)
    rules = judge(scores, chain)
    columns = {"id": scores.column("id"), "kept": pc.equal(pc.list_value_length(rules), 0), "rules": rules}
    numbers = {name: scores.column(name) for name in scores.schema.names if name not in ("id", SPANS_NAME)}
    return pa.RecordBatch.from_pydict(columns | numbers)
