"""Exports as the real readers see them: `readers.py FOLDER …`, run by the environment that `make interop` makes.

In: folders that `gristmill export` wrote. Out: one line ``RESULT [...]``, for each folder and stream what its format's
own package read: the tokens' number and digest, and those of the rows where the package knows rows. Nothing of this
project is imported.
"""

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

Read = tuple[Iterable[np.ndarray], Iterable[int] | None]  # the tokens, some at a time; the rows' lengths


def megatron(folder: Path, said: dict[str, Any]) -> dict[str, Read]:
    """`IndexedDataset`: sequence by sequence; documents by its document index."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    dataset = IndexedDataset(str(folder / "tokens"))
    ends = np.cumsum(dataset.sequence_lengths, dtype=np.int64)[dataset.document_indices[1:] - 1]
    tokens = (dataset[n] for n in range(len(dataset)))
    return {"": (tokens, np.diff(ends, prepend=0).tolist())}


def mds(folder: Path, said: dict[str, Any]) -> dict[str, Read]:
    """`StreamingDataset`, iterated unshuffled, hashes checked."""
    # the package's front door asks for torchvision, which has nothing to do with tokens
    spec = importlib.util.find_spec("streaming")
    assert spec
    sys.modules.setdefault("streaming", importlib.util.module_from_spec(spec))
    from streaming.base import StreamingDataset

    dataset = StreamingDataset(
        local=str(folder), shuffle=False, batch_size=1, num_canonical_nodes=1, validate_hash="sha1"
    )
    samples = [sample["tokens"] for sample in dataset]
    return {"": (samples, None if said["sequence_length"] else [len(sample) for sample in samples])}


def litdata(folder: Path, said: dict[str, Any]) -> dict[str, Read]:
    """`StreamingDataset` with `TokensLoader`, iterated unshuffled."""
    from litdata import StreamingDataset
    from litdata.streaming.item_loader import TokensLoader

    dataset = StreamingDataset(
        str(folder), item_loader=TokensLoader(block_size=said["sequence_length"]), shuffle=False, drop_last=False
    )
    return {"": ((np.asarray(block) for block in dataset), None)}


def nanoset(folder: Path, said: dict[str, Any]) -> dict[str, Read]:
    """`DatatroveFolderDataset`: each file as one window with positions; then all in windows of T + 1."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    size = np.dtype(said["streams"][0]["dtype"]).itemsize
    whole, lengths = [], []
    for path in sorted(folder.glob("*.ds")):
        count = path.stat().st_size // size
        dataset = DatatroveFolderDataset(
            str(folder), count - 1, filename_pattern=path.name, token_size=size, return_positions=True
        )
        window = dataset[0]
        whole.append(window["input_ids"].numpy())
        starts = np.flatnonzero(window["positions"].numpy() == 0)
        lengths += np.diff(starts, append=count).tolist()
    found: dict[str, Read] = {"": (whole, lengths)}
    if length := said["sequence_length"]:
        windows = DatatroveFolderDataset(str(folder), length, token_size=size)
        found["windows"] = ((windows[n]["input_ids"].numpy() for n in range(len(windows))), None)
    return found


def olmo(folder: Path, said: dict[str, Any]) -> dict[str, Read]:
    """`NumpyFSLDataset`: each file as one instance, rows by `get_document_indices`; then all in instances of T."""
    from olmo_core.data import NumpyFSLDataset
    from olmo_core.data.utils import get_document_indices

    dtype = getattr(np, said["streams"][0]["dtype"])
    ids = {"pad_token_id": said["pad_id"], "eos_token_id": said["eos_id"], "vocab_size": said["vocab_size"]}
    paths = sorted(folder.glob("*.npy"))
    whole, lengths = [], []
    for path in paths:
        count = path.stat().st_size // dtype().itemsize
        whole.append(NumpyFSLDataset(path, sequence_length=count, dtype=dtype, **ids)[0]["input_ids"].numpy())
        lengths += [end - start for start, end in get_document_indices(path)]
    found: dict[str, Read] = {"": (whole, lengths)}
    if length := said["sequence_length"]:
        dataset = NumpyFSLDataset(*paths, sequence_length=length, dtype=dtype, generate_doc_lengths=True, **ids)
        instances = [dataset[n] for n in range(len(dataset))]
        assert all(int(instance["doc_lens"].sum()) == length for instance in instances)
        found["instances"] = ([instance["input_ids"].numpy() for instance in instances], None)
    return found


def hf(folder: Path, said: dict[str, Any]) -> dict[str, Read]:
    """`load_from_disk` of the whole export, and `load_dataset("arrow")` of the files."""
    from datasets import disable_progress_bars, load_dataset, load_from_disk

    disable_progress_bars()

    def rows(dataset: Any) -> Read:
        columns = [batch.column("tokens") for batch in dataset.with_format("arrow")[:].to_batches()]
        lengths = np.concatenate([np.diff(column.offsets.to_numpy()) for column in columns])
        return [column.flatten().to_numpy() for column in columns], lengths.tolist()

    files = sorted(str(path) for path in folder.glob("*.arrow"))
    cache = tempfile.mkdtemp(prefix="interop-")
    return {
        "": rows(load_from_disk(str(folder.parent))[folder.name]),
        "load_dataset": rows(load_dataset("arrow", data_files=files, split="train", cache_dir=cache)),
    }


READERS: dict[str, Callable[[Path, dict[str, Any]], dict[str, Read]]] = {
    "megatron": megatron, "mds": mds, "litdata": litdata, "nanoset": nanoset, "olmo": olmo, "hf": hf,
}  # fmt: skip


def look(folder: Path) -> list[dict[str, Any]]:
    """What the reader of this export's format finds in each stream."""
    said = json.loads((folder / "gristmill.json").read_text())
    found = []
    for stream in said["streams"]:
        for way, (tokens, lengths) in READERS[said["format"]](folder / stream["name"], said).items():
            digest, count = xxhash.xxh3_128(), 0
            for some in tokens:
                digest.update(np.ascontiguousarray(some).astype("<u4"))
                count += len(some)
            row = {"folder": str(folder), "stream": stream["name"], "way": way, "tokens": count}
            row["xxh3_128"] = digest.hexdigest()
            row["lengths"] = None if lengths is None else list(map(int, lengths))
            found.append(row)
    return found


def main() -> None:
    """Look at every folder named."""
    found: list[dict[str, Any]] = []
    for folder in sys.argv[1:]:
        try:
            found += look(Path(folder))
        except Exception as error:  # told, so that one reader's trouble hides no other's findings
            found.append({"folder": folder, "stream": "", "failed": f"{type(error).__name__}: {error}"})
    print("RESULT " + json.dumps(found))


if __name__ == "__main__":
    main()
