"""From a training step to its documents, and from a document to the steps that read it: what `gristmill where` tells.

In: a published corpus, and how a run reads it (`corpus.loader.Loader`'s settings and the windows of a step). Out: one
record a row of a shard. Steps are counted as training reports them: the first is 1.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.errors import InputError, RecipeError
from corpus.files import File, id_bytes, read_table
from corpus.loader import Loader
from corpus.shard import Corpus
from corpus.stream import TokenStream
from corpus.version import read_version

Row = tuple[str, ...]
_SHOWN = 5  # steps that are named of a place read by many


@dataclass(frozen=True)
class Read:
    """What one window of a step shows of one piece of a document."""

    window: int
    """Which of the step's windows, from 0; a rank has a stretch of them."""
    id: str
    source: str
    domain: str
    origin: str
    """URL, or file and place in it; "" where the corpus has no documents/ beside its shards."""
    piece: int
    first: int
    """The tokens of the piece that are shown: [first, last)."""
    last: int
    shard: str
    row: int
    position: int
    """Where these tokens begin in the stream."""


@dataclass(frozen=True)
class Lies:
    """One piece of a document: its place in the shards and, in the training stream, who reads it in one epoch."""

    shard: str
    row: int
    piece: int
    tokens: int
    domain: str
    heldout: bool
    start: int
    """In its stream; it ends at start + tokens."""
    windows: tuple[int, ...] = ()
    """Positions of the loader at which it is read."""
    steps: tuple[int, ...] = ()


def documents_of(loader: Loader, step: int, batch_size: int, named: bool = True) -> list[Read]:
    """What a step of `batch_size` windows reads, window by window.

    Raises RecipeError for a step or a batch below 1, or beyond what a position can count.
    """
    if step < 1 or batch_size < 1:
        raise RecipeError(f"step {step} of {batch_size} windows: both count from 1")
    if step * batch_size >= 2**62:
        raise RecipeError(f"step {step} of {batch_size} windows: no run gets that far; name an earlier one")
    begin = (step - 1) * batch_size
    rows = loader.documents(begin, batch_size).to_pylist()
    stream = loader.corpus.train
    origins = _origins(loader.corpus, {(row["source"], row["doc_id"]) for row in rows}) if named else {}
    found = []
    for row in rows:
        starts = stream.starts[row["shard"]] + stream.shard(row["shard"]).offsets[row["row"]]
        first = row["start"] - int(starts)
        found.append(
            Read(
                row["position"] - begin, row["doc_id"].hex(), row["source"], row["domain"],
                origins.get(row["doc_id"], ""), row["piece"], first, first + row["stop"] - row["start"],
                stream.shards[row["shard"]].path, row["row"], row["start"],
            )
        )  # fmt: skip
    return found


def _origins(corpus: Corpus, wanted: set[tuple[str, bytes]]) -> dict[bytes, str]:
    """Where documents come from, by id. Looks into the parts of their sources; a corpus may be without any."""
    from processors.dedupe.clusters import named

    files = [File(**file) for file in read_version(corpus.store, corpus.version)["files"]]
    ids = np.array(sorted(identity for _, identity in wanted), "S16")
    sources = {source for source, _ in wanted}
    names = ["id", "source", "snapshot", "file", "start", "unit", "ordinal", "member", "url", "title"]
    found: dict[bytes, str] = {}
    for file in files:
        if file.folder != "documents" or file.part.split("/")[0] not in sources or len(found) == len(ids):
            continue
        here = np.ascontiguousarray(id_bytes(read_table(corpus.store, file, ["id"])["id"])).view("S16").ravel()
        rows = np.flatnonzero(np.isin(here, ids))
        if len(rows):
            table = read_table(corpus.store, file, names).take(pa.array(rows))
            found |= {row["id"]: named(row).origin for row in table.to_pylist()}
    return found


def places_of(corpus: Corpus, identity: str) -> tuple[str, list[Lies]]:
    """The whole id of a document and every place of its tokens, held-out shards too.

    Raises InputError where no document in the shards has an id that begins so, or several have.
    """
    low, high = _range(identity)
    found: dict[bytes, list[Lies]] = {}
    for heldout, stream in [(False, corpus.train), *((True, stream) for stream in corpus.heldout.values())]:
        for number in range(len(stream.shards)):
            for whole, lies in _in_shard(stream, number, heldout, low, high):
                found.setdefault(whole, []).append(lies)
    if len(found) != 1:
        what = "no document in the shards has" if not found else f"{len(found)} documents have"
        more = "it may have been dropped: `gristmill explain` tells" if not found else "give more digits of one"
        raise InputError(f"{what} an id that begins with {identity.lower()}; {more}")
    ((whole, places),) = found.items()
    return whole.hex(), places


def _range(identity: str) -> tuple[np.ndarray, np.ndarray]:
    wanted = identity.lower().strip()
    if not wanted or any(c not in "0123456789abcdef" for c in wanted) or len(wanted) > 32:
        raise InputError(f"`{identity}` is not an id: 32 hexadecimal digits, or the first few of them")
    low, high = (np.array(bytes.fromhex(wanted.ljust(32, digit)), "S16") for digit in "0f")
    return low, high


def _in_shard(
    stream: TokenStream, number: int, heldout: bool, low: np.ndarray, high: np.ndarray
) -> Iterator[tuple[bytes, Lies]]:
    opened = stream.shard(number)
    for row in np.flatnonzero((opened.ids >= low) & (opened.ids <= high)).tolist():
        start, stop = (int(place) for place in opened.offsets[row : row + 2])
        domain = opened.rows["domain"][row].as_py()
        place = int(stream.starts[number]) + start
        yield (
            opened.ids[row].ljust(16, b"\0"),
            Lies(stream.shards[number].path, row, int(opened.pieces[row]), stop - start, domain, heldout, place),
        )


def read_by(loader: Loader, lies: Lies, batch_size: int, epoch: int = 0) -> Lies:
    """The same with the windows and steps that read it in an epoch; nothing is added for a held-out piece."""
    if lies.heldout:
        return lies
    windows = loader.positions(lies.start, lies.start + lies.tokens, epoch)
    steps = np.unique(windows // batch_size + 1) if batch_size else windows[:0]
    return Lies(**{**asdict(lies), "windows": tuple(windows.tolist()), "steps": tuple(steps.tolist())})


def show_step(loader: Loader, found: Sequence[Read], step: int, batch_size: int, as_json: bool) -> None:
    """Print what a step reads."""
    first = (step - 1) * batch_size
    title = (
        f"Step {step:,}, {batch_size:,} windows of {loader.length:,} tokens: windows {first:,} to "
        f"{first + batch_size - 1:,} of {loader.num_windows:,} an epoch, documents: {len({e.id for e in found}):,}"
    )
    header = ("window", "source", "origin", "id", "piece", "tokens", "domain", "shard", "row")
    rows = [
        (str(e.window), e.source, e.origin, e.id, str(e.piece), f"{e.first}-{e.last}", e.domain, e.shard, str(e.row))
        for e in found
    ]
    _show(title, header, rows, found, as_json)


def show_places(whole: str, places: Sequence[Lies], as_json: bool) -> None:
    """Print where a document's tokens lie."""
    header = ("shard", "row", "piece", "tokens", "domain", "in the stream", "windows", "steps")
    rows = [
        (p.shard, str(p.row), str(p.piece), f"{p.tokens:,}", p.domain,
         "held out" if p.heldout else f"{p.start:,}", _some(p.windows), _some(p.steps))
        for p in places
    ]  # fmt: skip
    _show(f"Document {whole}: {sum(p.tokens for p in places):,} tokens", header, rows, places, as_json)


def _some(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _SHOWN:,} more" if len(numbers) > _SHOWN else ""
    return ", ".join(f"{number:,}" for number in numbers[:_SHOWN]) + more


def _show(title: str, header: Row, rows: Sequence[Row], found: Sequence[Any], as_json: bool) -> None:
    if as_json:
        for each in found:
            print(json.dumps(asdict(each), ensure_ascii=False))
        return
    from rich.console import Console

    from report.console import table

    Console(width=None if Console().is_terminal else 200, highlight=False).print(table(title, header, rows))
