"""Hugging Face datasets: Arrow streams with all columns, for `load_from_disk` and `load_dataset("arrow", …)`.

A shard's record batch is written again, its buffers as they are, in the IPC *stream* format (`load_from_disk` reads no
other). ``state.json`` lists the files, ``dataset_info.json`` has the columns' types, ``dataset_dict.json`` the streams.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from tokenizer.export.settings import Settings, Written
from tokenizer.export.stream import Chunk, cut_rows


def write(folder: Path, chunks: Iterable[Chunk], settings: Settings) -> Written:
    """Write one file a shard, or several where `file_tokens` asks for smaller ones."""
    schema = pa.schema([])
    number = 0
    for shard in chunks:
        for chunk in cut_rows(shard, settings.file_tokens or len(shard.tokens)):
            batch = _plain(chunk)
            schema = batch.schema
            with pa.ipc.new_stream(folder / _name(number), schema) as writer:
                writer.write_batch(batch)
            number += 1
    files = [{"filename": _name(n)} for n in range(number)]
    state: dict[str, Any] = {
        "_data_files": files, "_fingerprint": settings.stamp[:16], "_format_columns": None, "_format_kwargs": {},
        "_format_type": None, "_output_all_columns": False, "_split": None,
    }  # fmt: skip
    info = {"citation": "", "description": "", "homepage": "", "license": "", "features": _features(schema)}
    (folder / "state.json").write_text(json.dumps(state, indent=1, sort_keys=True))
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=1))  # unsorted: the columns in their order
    return Written(settings.dtype.name)


def _name(number: int) -> str:
    return f"data-{number:06d}.arrow"


def _plain(chunk: Chunk) -> pa.RecordBatch:
    """The batch without our metadata and without dictionaries, which `datasets` has no type for."""
    assert chunk.batch is not None
    columns = {
        name: column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for name, column in zip(chunk.batch.schema.names, chunk.batch.columns, strict=True)
    }
    return pa.RecordBatch.from_pydict(columns)


def _features(schema: pa.Schema) -> dict[str, Any]:
    return {field.name: _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        name = "LargeList" if pa.types.is_large_list(kind) else "List"
        return {"feature": _feature(kind.value_type), "_type": name}
    return {"dtype": str(kind), "_type": "Value"}


def finish(folder: Path, names: list[str]) -> None:
    """Make the streams one `DatasetDict`."""
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": names}))


def read(folder: Path, settings: Settings) -> Iterator[Chunk]:
    """File by file as state.json lists them."""
    for told in json.loads((folder / "state.json").read_text())["_data_files"]:
        with pa.memory_map(str(folder / told["filename"])) as file:
            batch = pa.ipc.open_stream(file).read_next_batch()
        column = batch.column("tokens")
        lengths = np.diff(column.offsets.to_numpy()).astype(np.int64)
        yield Chunk(column.flatten().to_numpy(zero_copy_only=True), lengths, batch)
