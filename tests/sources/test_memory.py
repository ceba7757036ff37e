"""A worker that reads takes at most 500 MB, whatever it reads within the limits: the texts here are the largest."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources import apart
from sources.read import ReadSettings

MOST = 500 * 2**20
TEXT = "\n" + "word " * (4 * 2**20 - 200) + "🙂 "  # 20 MiB; as `str` four times as many, and stripped at both ends


def _high_water(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)


def _plain(path: Path) -> None:
    table = pa.table({"text": [TEXT] * 3})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_batch_size=1, data_page_size=1)


def _many_columns(path: Path) -> None:
    values = ["é" * 2**11 + f"🙂{number}" for number in range(64)]
    table = pa.table({"text": [TEXT] * 2 + [""] * 62} | {f"c{number}": values for number in range(8)})
    pq.write_table(table, path, compression="zstd", use_dictionary=["text"], dictionary_pagesize_limit=2**30)


def _lists(path: Path) -> None:
    strings = pa.array([["🙂" * 100] * 60_000] * 2)  # in the file a few kilobytes
    integers = pa.array([list(range(500_000))] * 2)
    pq.write_table(pa.table({"text": [TEXT, "short"], "c0": strings, "c1": integers}), path, compression="zstd")


def _arrow(path: Path) -> None:
    table = pa.table({"text": [TEXT] * 4})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(path, table.schema, options=options) as writer:
        writer.write_table(table)


def _json_lines(path: Path) -> None:
    line = json.dumps({"text": TEXT[:-300]}, ensure_ascii=False)[:-3] + '🙂"}\n'
    with gzip.open(path, "wt", 1, "utf-8") as file:
        file.writelines([line] * 3)


@pytest.mark.skipif(_high_water(os.getpid()) is None, reason="/proc does not say what a process took at most")
@pytest.mark.parametrize(
    ("name", "write", "columns", "documents"),
    [
        ("plain.parquet", _plain, 0, 3),
        ("columns.parquet", _many_columns, 8, 2),
        ("lists.parquet", _lists, 2, 0),
        ("packed.arrow", _arrow, 0, 4),
        ("lines.jsonl.gz", _json_lines, 0, 3),
    ],
)
def test_the_largest_texts_take_no_more_than_a_worker_may(
    tmp_path: Path, name: str, write: Callable[[Path], None], columns: int, documents: int
) -> None:
    write(tmp_path / name)
    apart.end_idle()
    settings = ReadSettings("tabular", meta_columns=tuple(f"c{number}" for number in range(columns)))
    reasons = [item.reason for item in apart.read_apart(tmp_path / name, settings)]
    assert reasons.count("") == documents, reasons
    taken = _high_water(apart._idle[-1].process.pid) or 0
    apart.end_idle()
    assert 0 < taken < MOST, f"{taken / 2**20:.0f} MiB"
