"""One document's life, its twin included, and samples of what was dropped: read from a published version's files.

In: a store and an id (hex, or the beginning of one) or the name of a rule. Out: plain records; the front door prints
them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from corpus.files import File, id_bytes, read_table
from corpus.seeds import draw
from corpus.shard import Shard
from corpus.store import Store
from corpus.text import Span, render
from corpus.version import read_version
from processors.dedupe.clusters import BY, Fallen, Fell, fallen, named, tell, twins_of
from processors.dedupe.cut import NOTHING_LEFT
from report.clusters import check_source
from report.difference import Difference, differing

DUPLICATES = ("duplicate", *(f"duplicate.{by}" for by in BY))
NEAREST = 5  # of those that fell to a kept document


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
    twin: Fell | None = None  # where it fell as a duplicate,
    difference: Difference | None = None  # and how it differs from its twin
    fell: int = 0  # where it is kept: how many fell to it,
    nearest: tuple[Fell, ...] = ()  # and the most alike of them
    spans: tuple[Span, ...] = ()  # what filters cut of its text and, where it is kept, repeats did
    left: bool = True  # whether those of a kept document leave anything
    leaked: tuple[dict[str, Any], ...] = ()  # items of benchmarks that it holds (`corpus.schema.CONTAMINATION`)

    @property
    def rendered(self) -> str:
        """The text that counts: without what was cut."""
        return render(self.text, self.spans)


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
    cut = _row(store, of["cuts"], row) if "cuts" in of and selection["kept"] else {"spans": scores["spans"]}
    spans, left = tuple(Span(**span) for span in cut["spans"] or ()), cut.get("left", True)
    places = list(_places(store, what, whole))
    leaked = tuple(_rows(store, of["contamination"], whole)) if "contamination" in of else ()
    life = Life(document, text, scores, rules, selection, places, spans=spans, left=left, leaked=leaked)
    if selection.get("kept"):
        return _with_fallen(life, store, files, whole)
    return _with_twin(life, store, files, part, row) if selection.get("twin") else life


def _with_twin(life: Life, store: Store, files: list[File], part: str, row: int) -> Life:
    selection = [file for file in files if file.folder == "selection"]
    documents = {file.part: file for file in files if file.folder == "documents"}
    down = fallen(store, [file for file in selection if file.part == part])
    down = down.only(down.row == row)
    twins = twins_of(store, selection, down)
    (twin,) = tell(store, selection, documents, down, twins, np.arange(1))
    place = documents[selection[twins.file[0]].part], int(twins.row[0])
    other = read_table(store, place[0], ["text"])["text"][place[1]].as_py()
    return replace(life, twin=twin, difference=differing(life.text, other))


def _with_fallen(life: Life, store: Store, files: list[File], whole: bytes) -> Life:
    selection = [file for file in files if file.folder == "selection"]
    documents = {file.part: file for file in files if file.folder == "documents"}
    down = fallen(store, selection)
    down = down.only(down.twin == np.array(whole, "S16"))
    twins = twins_of(store, selection, down)
    rows = np.argsort(-_likeness(down), kind="stable")[:NEAREST]
    return replace(life, fell=len(down.row), nearest=tuple(tell(store, selection, documents, down, twins, rows)))


def _likeness(down: Fallen) -> np.ndarray:
    """Jaccard with the twin; 1 where nothing but equality was asked, 0 where only the URL is the same."""
    share = np.divide(down.both, down.either, out=np.zeros(len(down.row)), where=down.either > 0)
    return np.where((down.by == BY.index("text")) | (down.by == BY.index("same_shingles")), 1.0, share)


def _find(store: Store, documents: list[File], identity: str) -> tuple[str, int, bytes]:
    wanted = identity.lower().strip()
    if not wanted or any(c not in "0123456789abcdef" for c in wanted) or len(wanted) > 32:
        raise InputError(f"`{identity}` is not an id: 32 hexadecimal digits, or the first few of them")
    low, high = (np.array(bytes.fromhex(wanted.ljust(32, digit)), "S16") for digit in "0f")
    found = []
    for file in documents:
        names = np.ascontiguousarray(id_bytes(read_table(store, file, ["id"])["id"])).view("S16").ravel()
        rows = np.flatnonzero((names >= low) & (names <= high))
        found += [(file.part, row, names[row].ljust(16, b"\0")) for row in rows.tolist()]
    if len(found) != 1:
        what = "no document has" if not found else f"{len(found)} documents have"
        raise InputError(
            f"{what} an id that begins with {wanted}; `gristmill sample` shows ids, give more digits of one"
        )
    return found[0]


def _row(store: Store, file: File, row: int) -> dict[str, Any]:
    return read_table(store, file).slice(row, 1).to_pylist()[0]


def _rows(store: Store, file: File, identity: bytes) -> list[dict[str, Any]]:
    table = read_table(store, file)
    return table.filter(pc.equal(table["id"], pa.scalar(identity, table["id"].type))).to_pylist()


def _places(store: Store, what: dict[str, Any], identity: bytes) -> Iterator[Place]:
    before = 0
    held = [file for files in what["heldout"].values() for file in files]
    for number, raw in enumerate([*what["shards"], *held]):
        table = read_table(store, Shard(**raw), ["doc_id", "piece", "tokens"])
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
    check_source(store, files, source)
    drawn: list[tuple[int, str, int]] = []
    for file in (file for file in files if file.folder == "documents" and source in (None, file.part.split("/")[0])):
        rows = _matching(store, by_part, file.part, dropped)
        ids = id_bytes(read_table(store, file, ["id"])["id"])[rows]
        drawn += [(int(x), file.part, int(row)) for x, row in zip(draw(ids, seed), rows, strict=True)]
    if not drawn:
        of = f" of source {source}" if source else ""
        if dropped is None:
            raise InputError(f"no document{of} is kept")
        raise InputError(
            f"no document{of} was dropped by `{dropped}`; there are rules, filters, {', '.join(DUPLICATES)} and "
            f"{NOTHING_LEFT} to ask for; what ingest could not read stands in quarantine/"
        )
    return [_sampled(store, by_part, part, row) for _, part, row in sorted(drawn)[:count]]


def _matching(store: Store, files: dict[tuple[str, str], File], part: str, dropped: str | None) -> np.ndarray:
    chosen = read_table(store, files["selection", part], ["kept", "by"])
    if dropped in (None, NOTHING_LEFT):
        kept = chosen["kept"].to_numpy()
        left = read_table(store, files["cuts", part])["left"].to_numpy() if ("cuts", part) in files else kept
        return np.flatnonzero(kept & left if dropped is None else kept & ~left)
    if dropped in DUPLICATES:
        by = dropped.partition(".")[2]
        fell = pc.fill_null(pc.equal(chosen["by"], by), False) if by else pc.is_valid(chosen["by"])
        return np.flatnonzero(fell.to_numpy())
    rules = read_table(store, files["verdicts", part], ["rules"])["rules"].to_pylist()
    return np.array([row for row, names in enumerate(rules) if any(_is(name, dropped) for name in names)], np.int64)


def _is(name: str, wanted: str) -> bool:
    return name == wanted or name.split(".")[0] == wanted


def _sampled(store: Store, by_part: dict[tuple[str, str], File], part: str, row: int) -> Sampled:
    document = _row(store, by_part["documents", part], row)
    twin = _row(store, by_part["selection", part], row)["twin"]
    rules = _row(store, by_part["verdicts", part], row)["rules"]
    return Sampled(
        document["id"].hex(),
        document["source"],
        named(document).origin,
        rules,
        twin.hex() if twin else "",
        document["text"],
    )
