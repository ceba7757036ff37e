"""Publish: check the ledger over all stages, then write down what the corpus consists of.

In: the entries of every stage. Out: ``versions/NNNN.json``, created only if absent, and ``versions/current``. A corpus
equal to the current version is not published again. A run that does not balance is not published at all.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

from corpus.errors import LedgerError, StoreError
from corpus.files import File
from corpus.ledger import PASSED, Count, balance, total
from corpus.shard import Tokenizer
from corpus.stage import Entry, canonical
from corpus.store import Store
from corpus.version import path_of, point, sealed

OWNER = "corpus.json"
MIXTURE_LOCK = "mixture.lock"
HELDOUT = "shards/heldout/"


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
    cut_up: list[Entry]  # tokens, in pieces
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
    notes: tuple[str, ...]  # what is to be said of the tokenizer


def claim(store: Store, name: str) -> None:
    """Take an empty store for a recipe. Raises StoreError where another recipe's corpus lies there."""
    if store.create(OWNER, canonical({"name": name})):
        return
    owner = store.get_json(OWNER)["name"]
    if owner != name:
        raise StoreError(
            f"{store.url} holds the corpus `{owner}`, the recipe is `{name}`; give the recipe another root or name"
        )


def publish(
    store: Store,
    name: str,
    built: Built,
    tokenizer: Tokenizer,
    tokenizer_files: Sequence[File],
    notes: tuple[str, ...] = (),
) -> Published:
    """Check and publish; `notes` are said of the tokenizer. Raises LedgerError where anything is unaccounted for."""
    ledger = checked_ledger(built)
    (ordered,) = built.ordered
    train = next(file for file in ordered.only("order") if file.part == "train")
    shards = [asdict(file) for entry in built.sharded for file in entry.files]
    held = [shard for shard in shards if shard["path"].startswith(HELDOUT)]
    mixture = _mixture(ordered.info)
    what = {
        "corpus": name,
        "tokenizer": asdict(tokenizer),
        "order": {"path": train.path, "sha256": ordered.info["order_sha256"], "prefix": ordered.info["prefix"]},
        "mixture": mixture,
        "stages": ordered.info["stages"],
        "stock": ordered.info["stock"],
        "domains": ordered.identity["settings"]["domains"],
        "asked": ordered.identity["settings"]["mixture"],
        "rules": {entry.source: entry.identity["settings"]["rules"] for entry in built.judged},
        "planted": built.probed[0].info,
        "shards": [shard for shard in shards if not shard["path"].startswith(HELDOUT)],
        "heldout": _by_domain(held),
        "files": [
            file.plain() for file in sorted({file for entry in built.all for file in entry.files} | {*tokenizer_files})
        ],
        "inputs": [dict(item, source=entry.source) for entry in built.ingested for item in entry.info["inputs"]],
        "ledger": [asdict(count) for count in ledger],
    }
    number, new = _write(store, what)
    store.put(MIXTURE_LOCK, mixture_lock({**what, "version": number}))
    return Published(number, new, ledger, mixture, built.probed[0].info, _repeats(built.cut), notes)


def mixture_lock(what: dict[str, Any]) -> bytes:
    """A version's mixture as solved and met, with the hashes of what it was solved for: for people, and `git diff`."""
    shards = {shard["path"]: shard["sha256"] for shard in (*what["shards"], *chain(*what["heldout"].values()))}
    lock = {
        "corpus": what["corpus"], "version": what["version"], "tokenizer_sha256": what["tokenizer"]["sha256"],
        "order_sha256": what["order"]["sha256"], "prefix_tokens": what["order"]["prefix"],
        "mixture": what["mixture"], "stages": what["stages"], "shards_sha256": shards,
    }  # fmt: skip
    return json.dumps(lock, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _repeats(cut: Sequence[Entry]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for entry in cut:
        before = found.get(entry.source, {"bytes": 0, "cut": 0})
        found[entry.source] = {name: before[name] + entry.info[name] for name in before}
    return found


def _mixture(info: dict[str, Any]) -> list[dict[str, Any]]:
    whole = sum(info["placed"])
    return [
        {**plan, "placed": placed, "achieved": placed / whole if whole else 0.0}
        for plan, placed in zip(info["plan"], info["placed"], strict=True)
    ]


def _by_domain(shards: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    for shard in shards:
        out.setdefault(shard["path"].removeprefix(HELDOUT).rsplit("-", 1)[0], []).append(shard)
    return out


def _write(store: Store, what: dict[str, Any]) -> tuple[int, bool]:
    """Number the version and make it the current one; an equal current one stays."""
    number = max(
        (int(PurePosixPath(path).stem) for path in store.list("versions") if path.endswith(".json")), default=0
    )
    new = not (number and _is(store, number, what))
    if new:
        number += 1
        while not store.create(path_of(number), sealed({**what, "version": number})):
            if _is(store, number, what):
                break  # another run published the same meanwhile
            number += 1
    point(store, number)
    return number, new


def _is(store: Store, number: int, what: dict[str, Any]) -> bool:
    return bytes(store.get(path_of(number))) == sealed({**what, "version": number})


def checked_ledger(built: Built) -> list[Count]:
    """All counts of a build, once they balance from stage to stage: documents and bytes, then tokens."""

    def counts(entries: Sequence[Entry]) -> list[Count]:
        return [count for entry in entries for count in entry.counts]

    ingested = [count for count in counts(built.ingested) if count.documents is not None]
    judged, selected, encoded = counts(built.judged), counts(built.selected), counts(built.encoded)
    cut = counts(built.cut)
    cut_up, ordered, sharded = counts(built.cut_up), counts(built.ordered), counts(built.sharded)
    balance(ingested, judged)
    balance(judged, selected)
    balance(selected, _then(selected, cut))
    balance(_then(selected, cut), encoded)
    balance(encoded, cut_up, ("documents", "tokens"))
    balance(_sources(cut_up), [count for count in ordered if count.stage == "order"], ("documents", "tokens"))
    _placed(ordered, sharded)
    return total(counts(built.ingested) + judged + selected + cut + encoded + ordered + sharded)


def _sources(counts: Sequence[Count]) -> list[Count]:
    """Where the next stage counts sources, not parts."""
    return [replace(count, part=count.source) for count in counts]


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
        after = _tokens([c for c in mixed if c.outcome in ((outcome, "unused") if held else (PASSED, "dropped"))])
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
