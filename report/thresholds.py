"""Thresholds from a corpus' own numbers: for each rule with a bound, what it drops and where other shares would lie.

In: a published corpus. Out: for each source and rule the share that falls below or above its bound, and the bounds at
which 1, 5 and 10 % of the source's documents would fall; exact, from the stored scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from corpus.files import File, read_table
from corpus.store import Store
from corpus.version import read_version
from report.clusters import check_source
from report.console import table
from report.replay import Replayed, rules_of

SHARES = (0.01, 0.05, 0.1)


@dataclass(frozen=True)
class Threshold:
    """A rule's bound, and those that would drop other shares; `side` is "<" where what is below falls, else ">"."""

    source: str
    rule: str
    side: str
    bound: float
    documents: int  # that have the score
    fall: int
    at: tuple[float, ...]  # bounds that drop at most each of SHARES; empty where no document has the score


def thresholds(store: Store, source: str | None = None) -> list[Threshold]:
    """The rules of a corpus with a bound, source by source in chain order. Raises InputError for an unknown source."""
    what = read_version(store)
    files = [File(**file) for file in what["files"]]
    check_source(store, files, source)
    found = []
    for name, rules in rules_of(store, what).items():
        mine = [file for file in files if file.folder == "scores" and file.part.split("/")[0] == name]
        for rule in rules if source in (None, name) else ():
            side = "<" if "below" in rule else ">"
            bound = rule.get("below", rule.get("above"))
            if bound is not None:
                values = _values(store, mine, f"{rule['filter']}.{rule['score']}")
                found.append(_threshold(name, f"{rule['filter']}.{rule['name']}", side, bound, values))
    return found


def _values(store: Store, files: Sequence[File], column: str) -> np.ndarray:
    columns = [pc.drop_null(read_table(store, file, [column])[column]).to_numpy() for file in files]
    return np.sort(np.concatenate(columns)).astype(np.float64)


def _threshold(source: str, rule: str, side: str, bound: float, values: np.ndarray) -> Threshold:
    below = side == "<"
    fall = np.searchsorted(values, bound) if below else len(values) - np.searchsorted(values, bound, "right")
    places = [int(share * len(values)) for share in SHARES] if len(values) else []
    at = tuple(float(values[place if below else len(values) - 1 - place]) for place in places)
    return Threshold(source, rule, side, bound, len(values), int(fall), at)


def show_thresholds(console: Console, found: Sequence[Threshold]) -> None:
    """A table a source."""
    header = ("rule", "drops", "documents", "share", *(f"{share:.0%} would fall at" for share in SHARES))
    for source in dict.fromkeys(each.source for each in found):
        rows = [
            (each.rule, f"{each.side} {each.bound:g}", f"{each.fall:,} of {each.documents:,}", _share(each),
             *(f"{each.side} {value:.6g}" for value in each.at or ("",) * 0))
            for each in found
            if each.source == source
        ]  # fmt: skip
        console.print(table(f"Thresholds of {source}", header, [(*row, *("",) * (7 - len(row))) for row in rows]))


def _share(each: Threshold) -> str:
    return f"{each.fall / each.documents:.2%}" if each.documents else ""


def show_replay(console: Console, found: Sequence[Replayed]) -> None:
    """What filters keep, source by source, and the rules whose counts changed."""
    header = ("source", "documents", "kept", "with the changes", "newly kept", "newly dropped", "bytes kept")
    rows = [
        (each.source, f"{each.documents:,}", f"{each.kept_before:,}", f"{each.kept_after:,}", f"{each.newly_kept:,}",
         f"{each.newly_dropped:,}", f"{each.bytes_before:,} → {each.bytes_after:,}")
        for each in found
    ]  # fmt: skip
    console.print(table("What the filters keep (duplicates not yet taken out)", header, rows))
    console.print()
    console.print(_rules(found))


def _rules(found: Sequence[Replayed]) -> Table:
    header = ("source", "rule", "fires", "with the changes", "alone", "alone with the changes")
    rows = [
        (each.source, rule.rule, f"{rule.before:,}", f"{rule.after:,}", f"{rule.alone_before:,}",
         f"{rule.alone_after:,}")
        for each in found
        for rule in each.rules
        if rule.before or rule.after
    ]  # fmt: skip
    return table("The rules that fire", header, rows)
