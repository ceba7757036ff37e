"""A chain of filters: scored on text, judged on numbers.

    score   batch (id, text, …)   -> id, a column `filter.score` for each number, spans
    judge   those numbers         -> the rules that fired, `filter.rule`, in chain order

Where a filter cuts, the filters behind it in the chain read what is left; all spans are in bytes of the stored text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from corpus.text import SPANS, compose, render_column
from processors.filters.language import Language
from processors.filters.load import Chain
from processors.filters.measure import Measures
from processors.filters.placed import JUDGED, Own, Placed
from processors.filters.rule import SPANS as SPANS_NAME
from processors.filters.rule import Filter

Scores: TypeAlias = pa.RecordBatch | pa.Table | Mapping[str, pa.Array]

LANGUAGE = "language"  # the filter that says for those behind it which language a text is in
_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 10_000


def number_identity(chain: Chain) -> dict[str, object]:
    """What the numbers depend on: each filter's version, number settings and libraries, as JSON data.

    The order counts, because a filter that cuts changes what the next one reads; and where a filter waits for others,
    their rules count, because they say what it reads at all.
    """
    return {each.name: {"place": place, **_identity(each, chain)} for place, each in enumerate(chain)}


def _identity(each: Filter, chain: Chain) -> dict[str, object]:
    identity: dict[str, object] = {
        "version": each.version,
        "settings": each.number_settings(),
        "libraries": {library: version(library) for library in each.libraries},
    }
    return identity | ({"after": rule_identity(_waits_for(each, chain))} if only_if(each) else {})


def only_if(each: Filter) -> tuple[str, ...]:
    """The names of the filters whose rules must not have fired for this one to score a document."""
    return each.only_if if isinstance(each, Placed) else ()


def _waits_for(each: Filter, chain: Chain) -> Chain:
    return tuple(other for other in chain if other.name in only_if(each))


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
    languages = batch.column("language") if "language" in batch.schema.names else pa.nulls(len(batch), pa.string())
    segmented = next((_segmented(each) for each in chain if each.name == LANGUAGE), "icu")
    spans, views = pa.nulls(len(batch), SPANS), dict[tuple[str, ...], _View]()
    for each in chain:
        waits = only_if(each)
        if waits not in views:
            fired = judge(columns, _waits_for(each, chain)) if waits else None
            views[waits] = _view(batch, languages, segmented, fired)
        scores = views[waits].scores(each)
        cuts = scores.pop(SPANS_NAME, None)
        columns |= {f"{each.name}.{name}": column for name, column in scores.items()}
        if each.name == LANGUAGE:
            languages = scores["lang"]
            views.clear()
        if cuts is not None and cuts.null_count < len(cuts):
            spans = cuts if spans.null_count == len(spans) else compose(spans, cuts)
            text = render_column(batch.column("text"), cuts)
            batch = batch.set_column(batch.schema.get_field_index("text"), "text", text)
            views.clear()
    return pa.RecordBatch.from_pydict(columns | {SPANS_NAME: spans})


@dataclass(frozen=True)
class _View:
    """The rows of a batch that a filter scores, and what is counted of them once for all filters."""

    batch: pa.RecordBatch
    measures: Measures
    places: pa.Array | None  # of each row of the whole batch, its row here, null where it is not

    def scores(self, each: Filter) -> dict[str, pa.Array]:
        """The filter's columns for the whole batch."""
        scores = each.scores(self.batch, self.measures)
        if self.places is None:
            return scores
        spread = {name: column.take(self.places) for name, column in scores.items()}
        return {JUDGED: pc.cast(self.places.is_valid(), pa.int64()), **spread}


def _segmented(each: Filter) -> str:
    kind = each.inside() if isinstance(each, Placed | Own) else each
    return kind.words if isinstance(kind, Language) else "icu"


def _view(batch: pa.RecordBatch, languages: pa.Array, segmented: str, fired: pa.Array | None) -> _View:
    if fired is None:
        return _View(batch, Measures(batch.column("text"), languages, segmented=segmented), None)
    rows = pc.equal(pc.list_value_length(fired), 0)
    places = pc.if_else(rows, pc.subtract(pc.cumulative_sum(pc.cast(rows, pa.int64())), 1), None)
    inside = batch.filter(rows)
    spoken = languages.filter(rows)
    return _View(inside, Measures(inside.column("text"), spoken, segmented=segmented), places)


def number_names(chain: Chain) -> list[str]:
    """The columns that `score` gives and that hold numbers."""
    none = pa.RecordBatch.from_pydict({"id": pa.array([], pa.string()), "text": pa.array([], pa.large_string())})
    kinds = {field.name: field.type for field in score(none, chain).schema}
    return [name for name, kind in kinds.items() if pa.types.is_floating(kind) or pa.types.is_integer(kind)]


def judge(scores: Scores, chain: Chain) -> pa.Array:
    """The rules that fire in each row: list<string> of `filter.rule`, in chain order, empty where none does."""
    names, fired = fires(scores, chain)
    rows, rules = np.nonzero(fired.T)
    offsets = np.searchsorted(rows, np.arange(fired.shape[1] + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(names, pa.string()).take(pa.array(rules)))


def fires(scores: Scores, chain: Chain) -> tuple[list[str], np.ndarray]:
    """The names of the rules in force, in chain order, and in which rows each fires: bool[rules, rows]."""
    rules = [(each.name, rule) for each in chain for rule in each.rules()]
    fired = np.zeros((len(rules), len(scores["id"])), np.bool_)
    for number, (name, rule) in enumerate(rules):
        column = scores[f"{name}.{rule.score}"]
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        fired[number] = rule.fires(column).to_numpy(zero_copy_only=False)
    return [f"{name}.{rule.name}" for name, rule in rules], fired


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
    return pa.Table.from_batches([_verdicts(batch, chain) for batch in batches_of(columns)])


def batches_of(table: pa.Table) -> list[pa.RecordBatch]:
    """The table, with a column `text`, in batches of bounded rows and, but for single large texts, bounded bytes.

    An empty table is one empty batch.
    """
    batches = []
    for whole in table.to_batches(max_chunksize=_BATCH_ROWS):
        sizes = pc.binary_length(whole.column("text")).fill_null(0).to_numpy()
        groups = np.cumsum(sizes) // _BATCH_BYTES
        bounds = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(whole)]
        batches += [whole.slice(a, b - a) for a, b in pairwise(bounds) if b > a]
    return batches or [pa.RecordBatch.from_pylist([], table.schema)]


def _verdicts(batch: pa.RecordBatch, chain: Chain) -> pa.RecordBatch:
    scores = score(batch, chain)
    rules = judge(scores, chain)
    columns = {"id": scores.column("id"), "kept": pc.equal(pc.list_value_length(rules), 0), "rules": rules}
    numbers = {name: scores.column(name) for name in scores.schema.names if name not in ("id", SPANS_NAME)}
    return pa.RecordBatch.from_pydict(columns | numbers)
