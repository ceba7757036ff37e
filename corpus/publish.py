"""Publish: check the ledger over all stages, then write down what the corpus consists of.

In: the entries of every stage. Out: ``versions/NNNN.json``, created only if absent, and ``versions/current``. A corpus
equal to the current version is not published again. A run that does not balance is not published at all.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from corpus.errors import LedgerError, StoreError
from corpus.files import File
from corpus.ledger import PASSED, Count, balance, total
from corpus.shard import Tokenizer
from corpus.stage import Entry, canonical
from corpus.store import Store

OWNER = "corpus.json"


@dataclass(frozen=True)
class Built:
    """The entries of every stage of a finished build, in the order of the path."""

    ingested: list[Entry]
    scored: list[Entry]
    judged: list[Entry]
    signed: list[Entry]
    paired: list[Entry]
    selected: list[Entry]
    probed: list[Entry]  # no part of the corpus: what planted duplicates showed
    cut: list[Entry]  # of the parts whose repeats are cut
    encoded: list[Entry]
    ordered: list[Entry]
    sharded: list[Entry]

    @property
    def all(self) -> list[Entry]:
        """All of them."""
        return [entry for name in self.__dataclass_fields__ for entry in getattr(self, name)]


@dataclass(frozen=True)
class Published:
    """A published version: its number, whether this run made it, its ledger and its mixture."""

    version: int
    new: bool
    ledger: list[Count]
    mixture: list[
        dict[str, Any]
    ]  # mixtures.plan.Line as data, `planned` being what was placed, and `achieved` its share
    planted: dict[str, Any]  # what planted duplicates showed (`processors.dedupe.probe`)
    repeats: dict[str, dict[str, int]]  # by source, bytes of kept text and how many were cut as repeats


def claim(store: Store, name: str) -> None:
    """Take an empty store for a recipe. Raises StoreError where another recipe's corpus lies there."""
    if store.create(OWNER, canonical({"name": name})):
        return
    owner = store.get_json(OWNER)["name"]
    if owner != name:
        raise StoreError(
            f"{store.url} holds the corpus `{owner}`, the recipe is `{name}`; give the recipe another root or name"
        )


def publish(store: Store, name: str, built: Built, tokenizer: Tokenizer, tokenizer_files: Sequence[File]) -> Published:
    """Check and publish. Raises LedgerError where anything is unaccounted for."""
    ledger = checked_ledger(built)
    (ordered,) = built.ordered
    train = next(file for file in ordered.files if file.part == "train")
    shards = [file for entry in built.sharded for file in entry.files]
    mixture = _mixture(ordered.info)
    what = {
        "corpus": name,
        "tokenizer": asdict(tokenizer),
        "order": {"path": train.path, "sha256": train.sha256},
        "mixture": mixture,
        "rules": {entry.source: entry.identity["settings"]["rules"] for entry in built.judged},
        "planted": built.probed[0].info,
        "shards": [asdict(file) for file in shards if not file.path.startswith("shards/heldout/")],
        "heldout": _by_domain([file for file in shards if file.path.startswith("shards/heldout/")]),
        "files": [
            asdict(file) for file in sorted({file for entry in built.all for file in entry.files} | {*tokenizer_files})
        ],
        "inputs": [dict(item, source=entry.source) for entry in built.ingested for item in entry.info["inputs"]],
        "ledger": [asdict(count) for count in ledger],
    }
    number, new = _write(store, what)
    return Published(number, new, ledger, mixture, built.probed[0].info, _repeats(built.cut))


def _repeats(cut: Sequence[Entry]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for entry in cut:
        before = found.get(entry.source, {"bytes": 0, "cut": 0})
        found[entry.source] = {name: before[name] + entry.info[name] for name in before}
    return found


def _mixture(info: dict[str, Any]) -> list[dict[str, Any]]:
    placed = sum(line["planned"] for line in info["achieved"])
    return [
        {**plan, "placed": got["planned"], "achieved": got["planned"] / placed if placed else 0.0}
        for plan, got in zip(info["plan"], info["achieved"], strict=True)
    ]


def _by_domain(files: Sequence[File]) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        domain = file.part.removeprefix("heldout/").rsplit("-", 1)[0]
        out.setdefault(domain, []).append(asdict(file))
    return out


def _write(store: Store, what: dict[str, Any]) -> tuple[int, bool]:
    versions = [int(path[-9:-5]) for path in store.list("versions") if path.endswith(".json")]
    number = max(versions, default=0)
    if number and store.get_json(f"versions/{number:04d}.json") == json.loads(canonical({**what, "version": number})):
        store.put("versions/current", f"{number:04d}\n".encode())
        return number, False
    number += 1
    while not store.create(f"versions/{number:04d}.json", canonical({**what, "version": number})):
        if store.get_json(f"versions/{number:04d}.json") == json.loads(canonical({**what, "version": number})):
            break  # another run published the same meanwhile
        number += 1
    store.put("versions/current", f"{number:04d}\n".encode())
    return number, True


def checked_ledger(built: Built) -> list[Count]:
    """All counts of a build, once they balance from stage to stage: documents and bytes, then tokens."""

    def counts(entries: Sequence[Entry]) -> list[Count]:
        return [count for entry in entries for count in entry.counts]

    ingested = [count for count in counts(built.ingested) if count.documents is not None]
    judged, selected, encoded = counts(built.judged), counts(built.selected), counts(built.encoded)
    cut = counts(built.cut)
    ordered, sharded = counts(built.ordered), counts(built.sharded)
    balance(ingested, judged)
    balance(judged, selected)
    balance(selected, _then(selected, cut))
    balance(_then(selected, cut), encoded)
    balance(encoded, [count for count in ordered if count.stage == "order"], ("documents", "tokens"))
    _placed(ordered, sharded)
    return total(counts(built.ingested) + judged + selected + cut + encoded + ordered + sharded)


def _then(before: Sequence[Count], after: Sequence[Count]) -> list[Count]:
    """What stands where a stage ran for some parts only: its counts of those, and of the others what passed before."""
    parts = {count.part for count in after}
    return [count for count in before if count.part not in parts and count.outcome == PASSED] + list(after)


def _placed(ordered: Sequence[Count], sharded: Sequence[Count]) -> None:
    """Tokens by domain: what order passed on is what the mixture accounts for, and what it placed is in the shards."""
    mixed = [count for count in ordered if count.stage == "mixture"]
    given = [count for count in ordered if count.stage == "order"]
    for held in (False, True):
        outcome = "heldout" if held else PASSED
        # order counts text, the mixture also an end-of-document mark for each document
        before = _tokens([replace(c, source=c.reason) for c in given if c.outcome == outcome], marks=True)
        after = _tokens([c for c in mixed if c.outcome in ((outcome,) if held else (PASSED, "dropped"))])
        _equal("order passed on", before, "the mixture accounts for", after)
        placed = _tokens([c for c in mixed if c.outcome in ((outcome,) if held else (PASSED, "repeated"))])
        written = _tokens([c for c in sharded if (c.outcome == "heldout") == held])
        _equal("placed were", placed, "the shards hold", written)


def _tokens(counts: Sequence[Count], marks: bool = False) -> dict[str, int]:
    added = {c.source: (c.tokens or 0) + (marks and (c.documents or 0)) for c in total(counts, by=("source",))}
    return {domain: tokens for domain, tokens in added.items() if tokens}


def _equal(what: str, before: dict[str, int], other: str, after: dict[str, int]) -> None:
    if before != after:
        raise LedgerError(f"the ledger does not balance in tokens: {what} {before}, {other} {after}; not published")
