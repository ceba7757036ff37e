"""One document's life, and samples of what was dropped: read from the files of a published version.

In: a store and an id (hex, or the beginning of one) or the name of a rule. Out: plain records; the front door prints
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from corpus.files import File, id_bytes, read_table
from corpus.seeds import draw
from corpus.shard import read_version
from corpus.store import Store

DUPLICATES = ("duplicate", "duplicate.near", "duplicate.same_shingles", "duplicate.url")


@dataclass(frozen=True)
class Place:
    """Where a document's tokens lie: a shard, a row of it, and the place in the training stream (None: held out)."""

    shard: str
    row: int
    piece: int
    tokens: int
    position: int | None


@dataclass(frozen=True)
class Life:
    """Everything a corpus knows of one document."""

    document: dict[str, Any]  # without its text
    text: str
    scores: dict[str, Any]
    rules: list[str]
    selection: dict[str, Any]
    places: list[Place]


def explain(store: Store, identity: str) -> Life:
    """The life of a document. Raises InputError where no document, or more than one, has an id that begins so."""
    what = read_version(store)
    files = [File(**file) for file in what["files"]]
    part, row, whole = _find(store, [file for file in files if file.folder == "documents"], identity)
    of = {file.folder: file for file in files if file.part == part}
    document = _row(store, of["documents"], row)
    selection = _row(store, of["selection"], row) if "selection" in of else {}
    scores = _row(store, of["scores"], row)
    text = document.pop("text")
    rules = _row(store, of["verdicts"], row)["rules"]
    return Life(document, text, scores, rules, selection, list(_places(store, what, whole)))


def _find(store: Store, documents: list[File], identity: str) -> tuple[str, int, bytes]:
    wanted = identity.lower().strip()
    if not wanted or any(c not in "0123456789abcdef" for c in wanted) or len(wanted) > 32:
        raise InputError(f"`{identity}` is not an id: 32 hexadecimal digits, or the first few of them")
    found = []
    for file in documents:
        names = [each.hex() for each in read_table(store, file, ["id"])["id"].to_pylist()]
        found += [(file.part, row, bytes.fromhex(name)) for row, name in enumerate(names) if name.startswith(wanted)]
    if len(found) != 1:
        what = "no document has" if not found else f"{len(found)} documents have"
        raise InputError(
            f"{what} an id that begins with {wanted}; `gristmill sample` shows ids, give more digits of one"
        )
    return found[0]


def _row(store: Store, file: File, row: int) -> dict[str, Any]:
    return read_table(store, file).slice(row, 1).to_pylist()[0]


def _places(store: Store, what: dict[str, Any], identity: bytes) -> Iterator[Place]:
    before = 0
    held = [file for files in what["heldout"].values() for file in files]
    for number, raw in enumerate([*what["shards"], *held]):
        table = read_table(store, File(**raw), ["doc_id", "piece", "tokens"])
        offsets = table["tokens"].combine_chunks().offsets.to_numpy()
        for row in np.flatnonzero(pc.equal(table["doc_id"], pa.scalar(identity, pa.binary())).to_numpy()).tolist():
            start, stop = int(offsets[row]), int(offsets[row + 1])
            position = before + start if number < len(what["shards"]) else None
            yield Place(raw["path"], row, table["piece"][row].as_py(), stop - start, position)
        before += int(offsets[-1])


@dataclass(frozen=True)
class Sampled:
    """One document of a sample, with the rules that fired and the beginning of its text."""

    id: str
    source: str
    origin: str
    rules: list[str]
    twin: str
    text: str


def sample(store: Store, *, dropped: str | None, source: str | None, count: int, seed: int = 0) -> list[Sampled]:
    """A seeded sample of kept documents, or of those that a rule dropped (its name, a filter's name, a duplicate).

    Raises InputError where none is there.
    """
    files = [File(**file) for file in read_version(store)["files"]]
    by_part = {(file.folder, file.part): file for file in files}
    drawn: list[tuple[int, str, int]] = []
    for file in (file for file in files if file.folder == "documents" and source in (None, file.part.split("/")[0])):
        rows = _matching(store, by_part["verdicts", file.part], by_part["selection", file.part], dropped)
        ids = id_bytes(read_table(store, file, ["id"])["id"])[rows]
        drawn += [(int(x), file.part, int(row)) for x, row in zip(draw(ids, seed), rows, strict=True)]
    if not drawn:
        of = f" of source {source}" if source else ""
        if dropped is None:
            raise InputError(f"no document{of} is kept")
        raise InputError(
            f"no document{of} was dropped by `{dropped}`; there are rules, filters and {', '.join(DUPLICATES)} to ask "
            f"for; what ingest could not read stands in quarantine/"
        )
    return [_sampled(store, by_part, part, row) for _, part, row in sorted(drawn)[:count]]


def _matching(store: Store, verdicts: File, selection: File, dropped: str | None) -> np.ndarray:
    chosen = read_table(store, selection, ["kept", "by"])
    if dropped is None:
        return np.flatnonzero(chosen["kept"].to_numpy())
    if dropped in DUPLICATES:
        by = dropped.partition(".")[2]
        fell = pc.fill_null(pc.equal(chosen["by"], by), False) if by else pc.is_valid(chosen["by"])
        return np.flatnonzero(fell.to_numpy())
    rules = read_table(store, verdicts, ["rules"])["rules"].to_pylist()
    return np.array([row for row, names in enumerate(rules) if any(_is(name, dropped) for name in names)], np.int64)


def _is(name: str, wanted: str) -> bool:
    return name == wanted or name.split(".")[0] == wanted


def _sampled(store: Store, by_part: dict[tuple[str, str], File], part: str, row: int) -> Sampled:
    document = _row(store, by_part["documents", part], row)
    twin = _row(store, by_part["selection", part], row)["twin"]
    origin = document["url"] or "/".join(filter(None, (document["file"], document["member"])))
    rules = _row(store, by_part["verdicts", part], row)["rules"]
    return Sampled(
        document["id"].hex(), document["source"], origin, rules, twin.hex() if twin else "", document["text"]
    )
