"""The ledger: what went into every stage, and what became of it, in records, documents, bytes and tokens.

In: the `Count`s that the stages' entries carry. Out: rows that balance, or a LedgerError that names the part, the two
numbers and the difference. From ingest on the law is one: what a stage was given equals what it passed on plus what it
dropped for a named reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from corpus.errors import LedgerError

PASSED = "passed"  # went on to the next stage; every other outcome is an end


@dataclass(frozen=True)
class Count:
    """So many of something had this outcome in a stage.

    `records` counts items of input files (ingest only), `bytes` UTF-8 bytes of text, `stretch` the length of the
    stretches in their own unit, `tokens` ids without end-of-document marks unless the outcome says otherwise.
    A number that a stage cannot know is None.
    """

    stage: str
    source: str
    part: str
    outcome: str  # passed | skipped | quarantined | dropped | heldout | …
    reason: str = ""
    records: int | None = None
    documents: int | None = None
    bytes: int | None = None
    tokens: int | None = None
    stretch: int | None = None
    also: int | None = None  # documents on which this reason fired behind another one


NUMBERS = ("records", "documents", "bytes", "tokens", "stretch", "also")


def total(counts: Iterable[Count], by: Sequence[str] = ("stage", "source", "outcome", "reason")) -> list[Count]:
    """Counts added up by the given fields, in order of first appearance."""
    groups: dict[tuple[str, ...], list[Count]] = defaultdict(list)
    for count in counts:
        groups[tuple(getattr(count, name) for name in by)].append(count)
    added = []
    for members in groups.values():
        blank: dict[str, Any] = {
            name: "" for name in ("stage", "source", "part", "outcome", "reason") if name not in by
        }
        sums: dict[str, Any] = {name: _add([getattr(count, name) for count in members]) for name in NUMBERS}
        added.append(replace(members[0], **blank, **sums))
    return added


def _add(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def balance(given: Sequence[Count], became: Sequence[Count], numbers: Sequence[str] = ("documents", "bytes")) -> None:
    """Check that what one stage passed on of every part is all accounted for by the next.

    Raises LedgerError for the first part where they are not.
    """
    before = {count.part: count for count in total([c for c in given if c.outcome == PASSED], by=("part",))}
    after = {count.part: count for count in total(became, by=("part",))}
    for part in sorted(before.keys() | after.keys()):
        for number in numbers:
            a, b = ((getattr(side.get(part), number, 0) or 0) for side in (before, after))
            if a != b:
                raise LedgerError(
                    f"the ledger does not balance: {part}: {given[0].stage} passed on {a} {number}, "
                    f"{became[0].stage} accounts for {b} ({b - a:+d}); this corpus is not published"
                )
