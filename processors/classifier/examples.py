"""Texts to train a classifier on: files of several kinds or documents of a built corpus go in, batches come out.

A set is named by a line:

    data/good/*.jsonl.zst        JSON lines: an example is the value of one column; .gz, .bz2, .zst or plain
    data/good.parquet            Parquet: the same
    data/good/*.txt              text: a file is an example
    builds/web                   a built corpus: the documents that it keeps, as its filters cut them
    builds/web:wiki              those of one source
    builds/web:wiki:c4           those of it that a rule, or any rule of a filter, dropped; `builds/web::c4` of all

What cannot be read of a file of JSON lines costs that line and is counted.
"""

import bz2
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from corpus.errors import InputError
from corpus.files import File, read_aligned
from corpus.publish import OWNER
from corpus.store import Store
from corpus.text import render_column
from corpus.version import read_version

_ROWS = 1000  # examples of a batch
_ENDINGS = {".jsonl": "lines", ".ndjson": "lines", ".json": "lines", ".txt": "text", ".md": "text"}


def read_examples(wanted: str, column: str, unread: Counter[str]) -> Iterator[pa.Array]:
    """The texts of a set in batches (large_string, none of them null), in the order of file names and rows.

    Args:
        wanted: what names the set, see above.
        column: the column or key that holds the text; a corpus has its own.
        unread: counts, by file, what could not be read.

    Raises:
        InputError: nothing is there, or a file is of no kind that is known.
    """
    corpus, colon, rest = wanted.partition(":")
    if (Path(corpus) / OWNER).is_file():
        source, _, rule = rest.partition(":")
        yield from _of_corpus(Store(corpus), source, rule)
        return
    places = glob(wanted, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = sorted(path for path in places if Path(path).is_file())
    if not found:
        hint = f" (and {corpus} is no built corpus)" if colon else ""
        raise InputError(f"{wanted}: no such file{hint}; name files by a glob, or a corpus as builds/name:source:rule")
    for path in found:
        yield from _of_file(Path(path), column, unread)


def _of_file(path: Path, column: str, unread: Counter[str]) -> Iterator[pa.Array]:
    plain = Path(path.name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".zst"))
    kind = "parquet" if path.suffix == ".parquet" else _ENDINGS.get(plain.suffix)
    if kind is None:
        raise InputError(f"{path}: neither Parquet nor JSON lines nor text by its name; known: .parquet, .jsonl, .txt")
    try:
        if kind == "parquet":
            yield from _of_parquet(path, column)
        elif kind == "text":
            with _opened(path) as file:
                yield _column([file.read().decode("utf-8", "replace")])
        else:
            yield from _of_lines(path, column, unread)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _of_parquet(path: Path, column: str) -> Iterator[pa.Array]:
    try:
        file = pq.ParquetFile(path)
        if column not in file.schema_arrow.names:
            raise InputError(f"{path}: no column `{column}`; it has {', '.join(file.schema_arrow.names)}")
        for batch in file.iter_batches(_ROWS, columns=[column]):
            yield batch.column(0).cast(pa.large_string()).drop_null()
    except pa.ArrowException as error:
        raise InputError(f"{path}: no Parquet file with text in `{column}`: {str(error).splitlines()[0]}") from error


def _of_lines(path: Path, column: str, unread: Counter[str]) -> Iterator[pa.Array]:
    texts: list[str] = []
    seen = 0
    with _opened(path) as file:
        for line in file:
            if (text := _value(line, column)) is None:
                unread[str(path)] += bool(line.strip())
                continue
            texts.append(text)
            seen += 1
            if len(texts) == _ROWS:
                yield _column(texts)
                texts = []
    if not seen:
        raise InputError(f"{path}: no line is a JSON object with text in `{column}`; say which column it is")
    yield _column(texts)


def _value(line: bytes, column: str) -> str | None:
    try:
        row: Any = json.loads(line)
        text = row.get(column) if isinstance(row, dict) else None
        return text if isinstance(text, str) and text.encode() is not None else None
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or half a surrogate pair
        return None


def _opened(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if path.suffix == ".bz2":
        return cast(BinaryIO, bz2.open(path))
    if path.suffix == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True)
        return cast(BinaryIO, io.BufferedReader(reader))
    return path.open("rb")


def _column(texts: Iterable[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def _of_corpus(store: Store, source: str, rule: str) -> Iterator[pa.Array]:
    files = [File(**file) for file in read_version(store)["files"]]
    at = {(file.folder, file.part): file for file in files}
    sources = sorted({file.part.split("/")[0] for file in files if file.folder == "documents"})
    if source and source not in sources:
        raise InputError(f"{store.url}: no source `{source}` is in it; there are: {', '.join(sources)}")
    for file in files:
        if file.folder != "documents" or source not in ("", file.part.split("/")[0]):
            continue
        scores, verdicts, selection = (at[name, file.part] for name in ("scores", "verdicts", "selection"))
        table = read_aligned(
            store, (file, ["id", "text"]), (scores, ["spans"]), (verdicts, ["rules"]), (selection, ["split"])
        ).combine_chunks()
        rows = table.filter(_wanted(table, rule))
        if rows.num_rows:
            yield render_column(rows["text"].combine_chunks(), rows["spans"].combine_chunks())


def _wanted(table: pa.Table, rule: str) -> pa.Array:
    """Those to train on, or, where a rule or a filter is named, those that it dropped."""
    if not rule:
        return pc.fill_null(pc.equal(table["split"], "train"), False)
    rules = table["rules"].combine_chunks()
    named = pc.or_(pc.equal(rules.flatten(), rule), pc.starts_with(rules.flatten(), f"{rule}."))
    rows = pc.list_parent_indices(rules).filter(named).to_numpy()
    fired = np.zeros(table.num_rows, np.bool_)
    fired[rows] = True
    return pa.array(fired)
