"""A published corpus in another trainer's format: written in plan order, read back, compared, then shown.

In: a store, the name of a format, a place. Out: a folder with a subfolder a stream (``train``, ``heldout-ENTRY``), the
tokenizer's files, and ``gristmill.json``, which says what is there. Everything is written aside, in ``PLACE.part``,
read back and compared with the shards token for token, and only then renamed; to S3 it is put file by file,
``gristmill.json`` last. A shard is let go when the next one is there: memory does not grow with the corpus.

A row of the shards is a document there, as far as the format knows documents: a long document's pieces are documents of
their own, and an end mark stands where the stream has it. Row after row the tokens are the stream.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from corpus.errors import DataError, InputError, RecipeError, StoreError
from corpus.store import Store
from corpus.version import read_version
from tokenizer.export import hf, litdata, mds, megatron, nanoset, olmo
from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import BLOCK, Chunk, Stream, streams

SPLITS = ("train", "heldout", "all")
SAID = "gristmill.json"


class Format(NamedTuple):
    """A format: how a stream is written to a folder, how it is read from there, and what it does not keep."""

    reader: str
    write: Callable[[Path, Iterable[Chunk], Settings], Written]
    read: Callable[[Path, Settings], Iterator[Chunk]]
    lost: str
    rows: Callable[[Settings], bool] = lambda settings: True  # whether it keeps where rows begin


FORMATS = {
    "megatron": Format("Megatron-LM", megatron.write, megatron.read, "all columns but the tokens"),
    "mds": Format(
        "MosaicML Streaming", mds.write, mds.read, "all columns but the tokens", lambda s: not s.sequence_length
    ),
    "litdata": Format(
        "LitData", litdata.write, litdata.read, "all columns but the tokens; its reader looks at no row",
        lambda settings: False,  # rows are cut where a chunk ends
    ),
    "nanoset": Format("datatrove, nanotron", nanoset.write, nanoset.read, "all columns but the tokens"),
    "olmo": Format("OLMo-core", olmo.write, olmo.read, "all columns but the tokens, the document's id and its row"),
    "hf": Format("Hugging Face datasets", hf.write, hf.read, "nothing"),
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """One stream, written and read back."""

    name: str
    tokens: int  # in the stream
    rows: int
    left_out: int  # of its last tokens, not in the files
    xxh3_128: str  # of the ids in the files, each as four bytes, little-endian, whatever the format's own dtype
    dtype: str
    files: int
    bytes: int
    notes: tuple[str, ...]


def export(
    store: Store,
    to: str,
    out: str,
    *,
    split: str = "train",
    sequence_length: int = 0,
    file_tokens: int = 0,
    version: int | None = None,
    told: Callable[[Exported], None] = lambda exported: None,
) -> list[Exported]:
    """Write a version's streams; `told` hears of each as soon as it is verified.

    Raises RecipeError for a format, split or setting that is none, InputError where nothing is published or something
    lies at `out`, StoreError where it cannot be written, DataError where a shard is damaged or an export differs.
    """
    if to not in FORMATS or split not in SPLITS or sequence_length < 0 or file_tokens < 0:
        raise RecipeError(
            f"no export to {to!r} of {split!r} with {sequence_length} tokens a sequence, {file_tokens} a file; formats "
            f"are {', '.join(FORMATS)}, splits {', '.join(SPLITS)}, and 0 leaves a number to the format"
        )
    what = read_version(store, version)
    tokenizer, order = what["tokenizer"], what["order"]["sha256"]
    stamp = f"{what['corpus']}-{order[:12]}-{tokenizer['sha256'][:12]}".replace("|", "-")
    settings = Settings(tokenizer["vocab_size"], stamp, sequence_length, file_tokens)
    wanted = streams(store, what, split)
    if not wanted:
        raise InputError(f"{store.url}: version {what['version']} has no stream of split {split!r} to export")
    done: list[Exported] = []
    with _aside(out) as folder:
        for stream in wanted:
            done.append(_export(FORMATS[to], stream, folder / stream.name, settings))
            told(done[-1])
        if not any(exported.files for exported in done):
            longest = max(exported.tokens for exported in done)
            raise RecipeError(
                f"no stream fills a sequence of {sequence_length:,} tokens, the longest has {longest:,}; ask for a "
                "shorter --sequence-length"
            )
        if to == "hf":
            hf.finish(folder, [exported.name for exported in done])
        _copy_tokenizer(store, what, folder / "tokenizer")
        said = {
            "format": to, "read_by": FORMATS[to].reader, "not_kept": FORMATS[to].lost, "corpus": what["corpus"],
            "version": what["version"], "order_sha256": order, "tokenizer_sha256": tokenizer["sha256"],
            "vocab_size": tokenizer["vocab_size"], "eos_id": tokenizer["eos_id"], "pad_id": tokenizer["pad_id"],
            "sequence_length": sequence_length, "streams": [vars(exported) for exported in done],
        }  # fmt: skip
        (folder / SAID).write_text(json.dumps(said, indent=1) + "\n")
    return done


def _export(how: Format, stream: Stream, folder: Path, settings: Settings) -> Exported:
    folder.mkdir()
    given = Tally()
    written = how.write(folder, given.of(stream.chunks()), settings)
    if written.left_out == given.tokens:
        shutil.rmtree(folder)
        none = ("nothing is written: the whole stream fills no sequence",)
        return Exported(stream.name, given.tokens, given.rows, given.tokens, "", written.dtype, 0, 0, none)
    expected = given
    if written.left_out:
        expected = Tally(given.tokens - written.left_out)
        expected.take(stream.chunks())
    found = Tally()
    found.take(how.read(folder, settings))
    if (found.tokens, found.digest) != (expected.tokens, expected.digest):
        raise DataError(
            f"{stream.name} as {how.reader} reads it: {found.tokens:,} tokens, digest {found.digest}; in the shards: "
            f"{expected.tokens:,}, digest {expected.digest}; nothing was put in place: check the disk and try again"
        )
    if how.rows(settings) and (found.rows, found.row_digest) != (given.rows, given.row_digest):
        raise DataError(
            f"{stream.name} as {how.reader} reads it has other rows ({found.rows:,}) than the shards ({given.rows:,}); "
            "nothing was put in place: check the disk and try again"
        )
    sizes = [path.stat().st_size for path in folder.iterdir()]
    return Exported(
        stream.name, given.tokens, given.rows, written.left_out, found.digest, written.dtype, len(sizes), sum(sizes),
        written.notes,
    )  # fmt: skip


class Tally:
    """Counts and digests of chunks, however the tokens are cut into them."""

    def __init__(self, most: int | None = None) -> None:
        self.most, self.tokens, self.rows = most, 0, 0
        self._tokens, self._rows = xxhash.xxh3_128(), xxhash.xxh3_128()

    def of(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks, counted as they pass."""
        for chunk in chunks:
            ids = chunk.tokens if self.most is None else chunk.tokens[: self.most - self.tokens]
            for at in range(0, len(ids), BLOCK):
                self._tokens.update(ids[at : at + BLOCK].astype("<u4").data)
            self._rows.update(chunk.lengths.astype("<i8").data)
            self.tokens, self.rows = self.tokens + len(ids), self.rows + len(chunk.lengths)
            yield chunk

    def take(self, chunks: Iterable[Chunk]) -> None:
        """Count all."""
        for _ in self.of(chunks):
            pass

    @property
    def digest(self) -> str:
        """xxh3-128 of the ids, four bytes each, little-endian."""
        return self._tokens.hexdigest()

    @property
    def row_digest(self) -> str:
        """The same of the rows' lengths, eight bytes each."""
        return self._rows.hexdigest()


def _copy_tokenizer(store: Store, what: dict[str, Any], folder: Path) -> None:
    """The tokenizer's files under their plain names: tokenizer.model, and Hugging Face's where they are."""
    folder.mkdir()
    for file in what["files"]:
        if file["path"].startswith("tokenizer/"):
            stem, *_, suffix = file["path"].rsplit("/", 1)[-1].split(".")  # a hash between
            (folder / f"{stem}.{suffix}").write_bytes(store.get(file["path"]))


@contextmanager
def _aside(out: str) -> Iterator[Path]:
    """A folder to fill; it appears at `out` when all went well, and only then."""
    target = Store(out)
    if (target.folder and target.folder.is_file()) or target.list(""):
        raise InputError(f"{out}: something lies there already; remove it, or export to another place")
    if target.folder:
        aside = target.folder.with_name(target.folder.name + ".part")
    else:
        aside = Path(tempfile.mkdtemp(prefix="gristmill-export-"))
    try:
        _clear(aside)
        aside.mkdir(parents=True)
        yield aside
        if target.folder:
            aside.replace(target.folder)
        else:
            _put_all(target, aside)
    except OSError as error:
        raise StoreError(
            f"{aside}: cannot be written ({error.strerror or error}); free space or go elsewhere"
        ) from error
    finally:
        _clear(aside)


def _clear(aside: Path) -> None:
    if aside.exists():
        shutil.rmtree(aside)


def _put_all(target: Store, folder: Path) -> None:
    """Every file, what names the others last."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: (path.name == SAID, path.suffix == ".json")):
        name = path.relative_to(folder).as_posix()
        target.put(name, memoryview(Store(folder).map(name)).cast("B"))
