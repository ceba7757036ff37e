"""Other thresholds, answered from what a corpus has stored: which rules would fire, and what would be kept.

In: a published corpus and changes like "gopher_quality.few_words=40". Out: counts for each source and rule. No text is
opened: verdicts say which rules fired, and only the scores of changed rules are read. What filters let pass still goes
through dedupe when the recipe is changed and built.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import InputError
from corpus.files import File, column_names, read_table
from corpus.store import Store
from corpus.strict import unknown
from corpus.version import read_version
from processors.filters.language import Among
from processors.filters.rule import Rule

OFF = "off"
_CHANGE = re.compile(r"(?:(?P<source>[^:=<>]+):)?(?P<name>[^:=<>]+)(?P<sign>[=<>])(?P<value>.*)")
_SIMPLE = {
    "filter",
    "name",
    "score",
    "below",
    "above",
    "not_in",
    "among",
}  # what a rule is without a decision of its own


@dataclass(frozen=True)
class Change:
    """One change: a rule's bound or list (`=`, None: off), or a score to drop above or below (`>`, `<`)."""

    told: str
    source: str  # "" for all
    name: str  # of a rule, or of a score
    sign: str
    value: str


@dataclass(frozen=True)
class Fires:
    """On how many documents a rule fires, and on how many it fires alone; before and after the changes."""

    rule: str
    before: int
    after: int
    alone_before: int
    alone_after: int


@dataclass(frozen=True)
class Replayed:
    """One source: what its filters keep, before and after, and its rules in the order of its chain."""

    source: str
    documents: int
    kept_before: int
    kept_after: int
    bytes_before: int
    bytes_after: int
    newly_kept: int
    newly_dropped: int
    rules: tuple[Fires, ...]


def parse_change(told: str) -> Change:
    """From `[source:]filter.rule=value`, `…=off`, `filter.score<value` or `filter.score>value`.

    Raises InputError for what is none of these.
    """
    found = _CHANGE.fullmatch(told.strip())
    if not found:
        raise InputError(f"`{told}` is no change; write filter.rule=value, filter.rule={OFF} or filter.score>value")
    name, value = found["name"].strip(), found["value"].strip()
    return Change(told, (found["source"] or "").strip(), name, found["sign"], value)


def replay(store: Store, changes: Sequence[Change]) -> list[Replayed]:
    """What the filters of a published corpus would keep with other thresholds, a source at a time.

    Raises InputError for a source, a rule or a score that there is not, or a value that is no number.
    """
    what = read_version(store)
    rules = rules_of(store, what)
    for change in changes:
        if change.source and change.source not in rules:
            raise unknown(f"`{change.told}`", "source", change.source, list(rules))
    files = [File(**file) for file in what["files"]]
    scores = {file.part: file for file in files if file.folder == "scores"}
    verdicts = [file for file in files if file.folder == "verdicts"]
    plans = _plans(store, rules, scores, changes)
    with ThreadPoolExecutor() as threads:
        work = partial(_part, store, scores, plans)
        done = list(threads.map(work, verdicts))
    groups = groupby(zip(verdicts, done, strict=True), key=lambda pair: _source(pair[0]))
    return [_added(source, plans[source][0], [counts for _, counts in pairs]) for source, pairs in groups]


def rules_of(store: Store, what: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rules of each source as a version tells them. Raises InputError for one that was published without."""
    if "rules" not in what:
        raise InputError(f"{store.url}: version {what['version']} does not tell its rules; build it again")
    rules: dict[str, list[dict[str, Any]]] = what["rules"]
    return rules


def _source(file: File) -> str:
    return file.part.split("/")[0]


Plan = tuple[list[str], dict[str, tuple[str, Rule | None]]]  # names of all rules; those changed: their score, the rule


def _plans(
    store: Store, rules: dict[str, list[dict[str, Any]]], scores: dict[str, File], changes: Sequence[Change]
) -> dict[str, Plan]:
    first = {_source(file): file for file in reversed(scores.values())}
    columns = {source: column_names(store, file) for source, file in first.items()}
    known = {source: {f"{rule['filter']}.{rule['name']}": rule for rule in rules[source]} for source in rules}
    for change in changes:
        there = known if change.sign == "=" else columns
        names = {name for source in rules if change.source in ("", source) for name in there[source]}
        if change.name not in names:
            what = "rule in force" if change.sign == "=" else "score"
            raise unknown(f"`{change.told}`", what, change.name, sorted(name for name in names if "." in name))
    return {source: _plan(known[source], columns[source], _of(source, changes)) for source in rules}


def _of(source: str, changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.source in ("", source)]


def _plan(known: dict[str, dict[str, Any]], columns: Sequence[str], changes: Sequence[Change]) -> Plan:
    changed: dict[str, tuple[str, Rule | None]] = {}
    for change in changes:
        if change.sign == "=" and change.name in known:
            settings = known[change.name]
            changed[change.name] = f"{settings['filter']}.{settings['score']}", _changed(settings, change)
        elif change.sign != "=" and change.name in columns:
            below, above = (_number(change), None) if change.sign == "<" else (None, _number(change))
            changed[f"{change.name} {change.sign} {change.value}"] = change.name, Rule("", "", below, above)
    return [*known, *(name for name in changed if name not in known)], changed


def _changed(settings: dict[str, Any], change: Change) -> Rule | None:
    """The rule with another bound or list; None where it is switched off."""
    if change.value == OFF:
        return None
    if not settings.keys() <= _SIMPLE:
        raise InputError(f"`{change.told}`: {change.name} has no single bound; change the recipe, the scores stay")
    kind = Among if settings.get("codes") else Rule
    rule = kind(**{key: value for key, value in settings.items() if key not in ("filter", "codes")})
    if rule.not_in is not None:
        return replace(rule, not_in=tuple(change.value.split(",")))
    if rule.among is not None:
        return replace(rule, among=tuple(change.value.split(",")))
    number = _number(change)
    return replace(rule, below=number) if rule.below is not None else replace(rule, above=number)


def _number(change: Change) -> float:
    try:
        return float(change.value)
    except ValueError as error:
        raise InputError(f"`{change.told}`: {change.value!r} is no number, and not `{OFF}`") from error


@dataclass(frozen=True)
class _Counts:
    """Of one part; `kept` and `bytes` are (before, after), `fires` and `alone` int64[2, rules]."""

    documents: int
    kept: tuple[int, int]
    bytes: tuple[int, int]
    newly: tuple[int, int]  # kept, dropped
    fires: np.ndarray
    alone: np.ndarray


def _part(store: Store, scores: dict[str, File], plans: dict[str, Plan], verdicts: File) -> _Counts:
    names, changed = plans[_source(verdicts)]
    fired, other = _matrix(read_table(store, verdicts, ["rules"])["rules"].combine_chunks(), names)
    wanted = sorted({score for score, _ in changed.values()})
    table = read_table(store, scores[verdicts.part], ["text_bytes", *wanted])
    sizes = table["text_bytes"].to_numpy()
    after = fired.copy() if changed else fired
    for name, (score, rule) in changed.items():
        fires = rule.fires(table[score].combine_chunks()).to_numpy(zero_copy_only=False) if rule else False
        after[names.index(name)] = fires
    kept, alone, counts = [], [], []
    for each in (fired, after):
        total = each.sum(axis=0, dtype=np.int16)
        kept.append((total == 0) & ~other)
        alone.append((each & (total == 1) & ~other).sum(axis=1))
        counts.append(each.sum(axis=1))
    before, now = kept
    return _Counts(
        len(sizes), (int(before.sum()), int(now.sum())), (int(sizes[before].sum()), int(sizes[now].sum())),
        (int((now & ~before).sum()), int((before & ~now).sum())), np.array(counts), np.array(alone),
    )  # fmt: skip


def _matrix(rules: pa.ListArray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which rule fired where, bool[rules, rows]; and where a reason fired that is no rule of the chain, bool[rows]."""
    rows = np.repeat(np.arange(len(rules)), rules.value_lengths().to_numpy())
    coded = rules.flatten().dictionary_encode()
    known = {name: number for number, name in enumerate(names)}
    places = np.array([known.get(name, len(names)) for name in coded.dictionary.to_pylist()], np.int64)
    fired = np.zeros((len(names) + 1, len(rules)), np.bool_)
    fired[places[coded.indices.to_numpy()], rows] = True
    return fired[:-1], fired[-1]


def _added(source: str, names: list[str], parts: list[_Counts]) -> Replayed:
    counts = np.sum([[part.fires, part.alone] for part in parts], axis=0).reshape(4, len(names)).T.tolist()
    rules = tuple(Fires(name, *row) for name, row in zip(names, counts, strict=True))
    sums = [[part.documents, *part.kept, *part.bytes, *part.newly] for part in parts]
    documents, before, after, bytes_before, bytes_after, newly_kept, newly_dropped = np.sum(sums, axis=0).tolist()
    return Replayed(source, documents, before, after, bytes_before, bytes_after, newly_kept, newly_dropped, rules)
