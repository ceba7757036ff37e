"""Verify a published version: every hash, every count, every ratio, read from the files themselves.

In: a store. Out: one `Finding` a thing checked. Nothing is trusted but the version object, which has a seal, and its
ledger is added up anew. What is in the shards is `verify_shards`'.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from corpus.errors import GristmillError
from corpus.files import File, id_hash, read_table
from corpus.ledger import PASSED
from corpus.publish import MIXTURE_LOCK, mixture_lock
from corpus.store import Store
from corpus.verify_shards import Finding, finding, verify_shards
from corpus.version import read_version

__all__ = ["Finding", "verify"]


def verify(store: Store, version: int | None = None) -> Iterator[Finding]:
    """Check a version (the current one by default), finding by finding.

    Raises InputError where none is published, DataError where the version itself is damaged.
    """
    what = read_version(store, version)
    yield _lock(store, what, version)
    files = [File(**file) for file in what["files"]]
    wrong = {file.path: text for file in files if (text := _wrong(store, file))}
    found = [*wrong.values()]
    yield finding(f"{len(files)} files hold the bytes recorded", found, f"{sum(file.bytes for file in files):,} bytes")
    yield _aligned(files)
    if what["tokenizer"]["token_bytes_path"] in wrong:
        yield Finding("shards can be looked into", False, "the table of the bytes that each id stands for is damaged")
    else:
        yield from verify_shards(store, what, wrong.keys())
    yield from _ledger(what)


def _lock(store: Store, what: dict[str, Any], version: int | None) -> Finding:
    """The lock file beside a current version is the one that it was published with."""
    says = f"version {what['version']} and its lock are as published"
    if version is not None:
        return Finding(says, True, "an earlier version's lock is not kept")
    try:
        same = bytes(store.get(MIXTURE_LOCK)) == mixture_lock(what)
    except FileNotFoundError:
        same = False
    return finding(says, [] if same else [f"{MIXTURE_LOCK} is not what was published"], what["order"]["sha256"][:12])


def _wrong(store: Store, file: File) -> str:
    try:
        data = store.map(file.path)
    except (OSError, GristmillError) as error:
        return f"{file.path} cannot be read ({error})"
    if hashlib.sha256(data).hexdigest() != file.sha256:
        return f"{file.path} has another SHA-256 than recorded"
    if file.ids and id_hash(read_table(store, file, ["id"])["id"]) != file.ids:
        return f"{file.path} has other ids than recorded"
    return ""


def _aligned(files: list[File]) -> Finding:
    parts: dict[str, set[tuple[int, str]]] = {}
    for file in files:
        if file.folder in ("documents", "scores", "verdicts", "signatures", "selection", "cuts", "tokens", "buckets"):
            parts.setdefault(file.part, set()).add((file.rows, file.ids))
    wrong = [f"{part} has {len(kinds)} different row orders" for part, kinds in sorted(parts.items()) if len(kinds) > 1]
    return finding(f"{len(parts)} parts are aligned from documents to tokens", wrong, "same rows, same ids, same order")


def _ledger(what: dict[str, Any]) -> Iterator[Finding]:
    passed: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for count in what["ledger"]:
        for number in ("documents", "bytes"):
            amount = count[number] or 0
            (passed if count["outcome"] == PASSED else ended)[f"{count['stage']}.{number}"] += amount
    for number in ("documents", "bytes"):
        given = passed[f"ingest.{number}"]
        became = sum(ended[f"{stage}.{number}"] for stage in ("judge", "select", "cut")) + passed[f"encode.{number}"]
        wrong = [] if given == became else [f"{given:,} came in, {became:,} are accounted for"]
        yield finding(f"the ledger balances in {number}", wrong, f"{given:,} in = dropped with a reason + encoded")
