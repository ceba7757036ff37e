"""Verify a published version: every hash, every count, every ratio, read from the files themselves.

In: a store. Out: one `Finding` a thing checked. Nothing is trusted but the version object, and its ledger is added up
anew.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import GristmillError
from corpus.files import File, id_hash, read_table
from corpus.ledger import PASSED
from corpus.shard import Tokenizer, read_version, token_values
from corpus.store import Store


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: what, whether it holds, and the numbers."""

    what: str
    holds: bool
    detail: str


def verify(store: Store, version: int | None = None) -> Iterator[Finding]:
    """Check a version (the current one by default), finding by finding. Raises InputError where none is published."""
    what = read_version(store, version)
    files = [File(**file) for file in what["files"]]
    wrong = [text for file in files if (text := _wrong(store, file))]
    tokenizer = {what["tokenizer"]["path"], what["tokenizer"]["token_bytes_path"]}
    if tokenizer & {text.split(" ")[0] for text in wrong}:
        yield _finding("the tokenizer is as recorded", wrong, "")
        return
    yield _finding(f"{len(files)} files hold the bytes recorded", wrong, f"{sum(file.bytes for file in files):,} bytes")
    yield _aligned(files)
    shards = [File(**file) for file in what["shards"]]
    held = {domain: [File(**file) for file in files] for domain, files in what["heldout"].items()}
    yield from _shards(store, what, shards, held)
    yield from _ledger(what)


def _finding(what: str, wrong: list[str], detail: str) -> Finding:
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Finding(what, not wrong, "; ".join(wrong[:3]) + more if wrong else detail)


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
        if file.folder in ("documents", "scores", "verdicts", "signatures", "selection", "cuts", "tokens"):
            parts.setdefault(file.part, set()).add((file.rows, file.ids))
    wrong = [f"{part} has {len(kinds)} different row orders" for part, kinds in sorted(parts.items()) if len(kinds) > 1]
    return _finding(
        f"{len(parts)} parts are aligned from documents to tokens", wrong, "same rows, same ids, same order"
    )


def _shards(store: Store, what: dict[str, Any], shards: list[File], held: dict[str, list[File]]) -> Iterator[Finding]:
    tokenizer, order = Tokenizer(**what["tokenizer"]), what["order"]["sha256"]
    sizes = np.load(pa.BufferReader(store.get(tokenizer.token_bytes_path)))
    placed: Counter[str] = Counter()
    trained: set[bytes] = set()
    evaluated: set[bytes] = set()
    wrong: list[str] = []
    for file in [*shards, *(file for files in held.values() for file in files)]:
        try:
            values = token_values(store, file, tokenizer, order)
            table = read_table(store, file)
        except (OSError, GristmillError, pa.ArrowInvalid) as error:
            wrong.append(f"{file.path}: {error}")
            continue
        wrong += _ids_and_bytes(file, values, table, sizes)
        if file in shards:
            placed += _tokens_by_domain(table)
            trained |= set(table["doc_id"].to_pylist())
        else:
            evaluated |= set(table["doc_id"].to_pylist())
    yield _finding(
        f"{len(shards)} shards open, belong to this order and tokenizer", wrong, f"{sum(placed.values()):,} tokens"
    )
    both = [doc.hex() for doc in sorted(trained & evaluated)]
    yield _finding(
        "no held-out document is trained on", both, f"{len(evaluated):,} held out, {len(trained):,} trained on"
    )
    yield _mixture(what["mixture"], placed)


def _ids_and_bytes(file: File, values: np.ndarray, table: pa.Table, sizes: np.ndarray) -> Iterator[str]:
    if len(values) and int(values.max()) >= len(sizes):
        yield f"{file.path}: token {values.max()} in a vocabulary of {len(sizes)}"
    elif int(sizes[values].sum()) != sum(table["utf8_bytes"].to_pylist()):
        yield f"{file.path}: its tokens stand for other bytes than recorded"


def _tokens_by_domain(table: pa.Table) -> Counter[str]:
    lengths = np.diff(table["tokens"].combine_chunks().offsets.to_numpy())
    names, inverse = np.unique(np.array(table["domain"].to_pylist(), object).astype(str), return_inverse=True)
    return Counter(dict(zip(names.tolist(), np.bincount(inverse, lengths).astype(int).tolist(), strict=True)))


def _mixture(lines: list[dict[str, Any]], placed: Counter[str]) -> Finding:
    wrong = [
        f"{line['domain']}: {placed[line['domain']]:,} tokens in shards, {line['placed']:,} recorded"
        for line in lines
        if placed[line["domain"]] != line["placed"]
    ]
    off = max((abs(line["achieved"] - line["asked"]) for line in lines), default=0.0)
    return _finding("the mixture is as recorded, in tokens", wrong, f"largest distance from what was asked: {off:.3%}")


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
        yield _finding(f"the ledger balances in {number}", wrong, f"{given:,} in = dropped with a reason + encoded")
