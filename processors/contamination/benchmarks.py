"""Benchmark files to items: what is asked, what is answered, and the id by which a hit is told.

In: JSON, JSON Lines, CSV or TSV with a header, plain text (each as it is, or .gz, .zst, .bz2), Parquet. Out: `Item`s in
the file's order. Strings are taken from the columns at any depth (choices, lists of answers); other values are not
text. A plain text file's items are its paragraphs. An item without an id is called by file and line (or row, of JSON
and Parquet).

Passages (columns such as `context` or `article`) are left out unless they are named: GPT-3 found that what collides in
reading tests is mostly the passage, taken from the web, and that the questions were not there (appendix C).
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.errors import InputError

IDS = ("id", "_id", "idx", "task_id", "question_id", "qid", "item_id", "uid", "key")
QUESTIONS = (
    "question", "query", "prompt", "problem", "input", "instruction", "goal", "ctx", "sentence", "premise",
    "hypothesis", "stem", "text",
)  # fmt: skip
ANSWERS = (
    "answer", "answers", "target", "targets", "solution", "canonical_solution", "output", "completion", "choices",
    "options", "endings", "correct_answer", "distractor1", "distractor2", "distractor3", "gold", "label",
)  # fmt: skip
_PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
_SHOWN = 8  # columns that an error names


@dataclass(frozen=True)
class Item:
    """One item of a benchmark."""

    benchmark: str
    id: str
    question: str
    answers: tuple[str, ...]


def read_benchmark(
    path: Path, name: str, id_column: str = "", questions: Sequence[str] = (), answers: Sequence[str] = ()
) -> Iterator[Item]:
    """The items of a file. `name` is what the benchmark is called; columns as in `corpus.contamination`.

    Raises InputError for a file that cannot be read, is of another kind, or has none of the columns.
    """
    for number, row in _rows(path):
        if "" in row:  # plain text
            yield Item(name, f"{name}:{number}", row[""], ())
            continue
        ask = [column for column in questions or QUESTIONS if column in row]
        told = [column for column in answers or ANSWERS if column in row]
        if not ask and not told:
            there = ", ".join(list(row)[:_SHOWN]) or "none"
            raise InputError(
                f"{path}:{number}: no column that asks or answers; there are: {there}; name them in [contamination] "
                f"as `questions` and `answers`"
            )
        column = id_column or next((column for column in IDS if column in row), "")
        given = row.get(column)
        called = f"{name}:{number}" if given is None or given == "" else str(given)
        question = "\n".join(text for each in ask for text in _strings(row[each]))
        yield Item(name, called, question, tuple(text for each in told for text in _strings(row[each])))


def _strings(value: Any) -> Iterator[str]:
    """The strings in a value, at any depth, in order, empty ones left out."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with the line (or row) they stand at, counted from 1; of plain text a row has the one column ""."""
    packed = _PACKED.get(path.suffix.lower())
    kind = Path(path.stem if packed else path.name).suffix.lower()
    try:
        if kind == ".parquet":
            table = pq.ParquetFile(path)
            yield from enumerate((row for batch in table.iter_batches() for row in batch.to_pylist()), 1)
            return
        with pa.input_stream(str(path), compression=packed) as raw:
            lines = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="" if kind in (".csv", ".tsv") else None)
            yield from _text_rows(lines, kind, path)
    except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{path}: a benchmark that cannot be read: {said}; mend it or leave it out") from error


def _text_rows(lines: io.TextIOWrapper, kind: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if kind in (".jsonl", ".ndjson"):
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, _table(line, path, number)
    elif kind == ".json":
        whole = _json(lines.read(), path, 1)
        rows = whole if isinstance(whole, list) else [whole]
        yield from ((number, _is_table(row, path, number)) for number, row in enumerate(rows, 1))
    elif kind in (".csv", ".tsv"):
        reader = csv.DictReader(lines, delimiter="\t" if kind == ".tsv" else ",", strict=True)
        reader.restkey = "more"
        yield from ((reader.line_num, {key: value for key, value in row.items() if key}) for row in reader)
    elif kind in (".txt", ".md", ""):
        yield from _paragraphs(lines)
    else:
        raise InputError(
            f"{path}: {kind} is no kind of benchmark file; there are .jsonl, .json, .csv, .tsv, .parquet and .txt"
        )


def _table(line: str, path: Path, number: int) -> dict[str, Any]:
    return _is_table(_json(line, path, number), path, number)


def _json(text: str, path: Path, number: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}:{number}: not JSON ({error}); mend the benchmark or leave it out") from error


def _is_table(row: Any, path: Path, number: int) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    raise InputError(f"{path}:{number}: not an object with named fields; an item needs a question or an answer")


def _paragraphs(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    held: list[str] = []
    first = 1
    for number, line in enumerate((*lines, ""), 1):
        if line.strip():
            first = first if held else number
            held.append(line)
        elif held:
            yield first, {"": "".join(held)}
            held = []


def benchmark_files(patterns: Sequence[str], folder: Path) -> dict[str, Path]:
    """Files by the name of their benchmark: the path below the last folder that the glob names, in name order.

    Raises InputError where a glob finds nothing, or two files get one name.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        whole = Path(pattern) if Path(pattern).is_absolute() else folder / pattern
        fixed = list(whole.parts[:-1])
        wild = next((n for n, part in enumerate(fixed) if any(sign in part for sign in "*?[")), len(fixed))
        base = Path(*fixed[:wild])
        files = sorted(path for path in base.glob(str(whole.relative_to(base))) if path.is_file())
        if not files:
            raise InputError(f"{pattern}: no benchmark file there (looked in {base}); mend the path in [contamination]")
        for path in files:
            name = path.relative_to(base).as_posix()
            if found.setdefault(name, path) != path:
                raise InputError(f"two benchmarks are called {name}: {found[name]} and {path}; rename one of them")
    return dict(sorted(found.items()))
