"""Pairs: which different sets of shingles are alike, verified.

In: all signatures, and the documents whose text is looked at again. Out: ``pairs/``: every proposed pair of sets
whose real Jaccard reaches the threshold, with its exact integer counts and the component it belongs to. Documents
with the same set are folded before: a pair speaks of sets, so it holds for whichever of their documents is later
kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.errors import DataError
from corpus.files import File, id_bytes, read_table, write_parquet
from corpus.recipe import Dedupe
from corpus.schema import PAIRS
from corpus.stage import Output, Part, Stage
from corpus.store import Store
from processors.dedupe.shingles import num_common, shingle_set
from processors.dedupe.sign import signature_matrix


@dataclass(frozen=True)
class Sets:
    """The distinct shingle sets of a corpus, sorted by name: `names` uint8[n, 16], and a document of each."""

    names: np.ndarray
    file: np.ndarray  # int64[n]: the signatures file of that document, by position
    row: np.ndarray  # int64[n]
    signatures: np.ndarray  # uint32[n, permutations]


def distinct_sets(tables: Sequence[pa.Table], num: int) -> Sets:
    """Fold documents with equal sets; texts too short to have shingles are left out: they are alike only when equal."""
    names, files, rows, signatures = [], [], [], []
    for number, table in enumerate(tables):
        row = np.flatnonzero(table["shingles"].to_numpy() > 0)
        taken = table.take(pa.array(row))
        names.append(id_bytes(taken["set"]))
        files.append(np.full(len(row), number))
        rows.append(row)
        signatures.append(signature_matrix(taken["signature"], num))
    all_names = np.concatenate(names)
    keys = np.ascontiguousarray(all_names).view("S16").ravel() if len(all_names) else np.zeros(0, "V16")
    _, first = np.unique(all_names, axis=0, return_index=True) if len(keys) else (keys, np.zeros(0, np.int64))
    return Sets(
        all_names[first], np.concatenate(files)[first], np.concatenate(rows)[first], np.concatenate(signatures)[first]
    )


def candidates(signatures: np.ndarray, bands: int, rows: int) -> np.ndarray:
    """Pairs (i < j) of signatures that agree on a whole band: int64[m, 2], sorted, each once."""
    count = np.int64(max(len(signatures), 1))
    found = np.zeros(0, np.int64)  # i · count + j of each pair, so that one of many bands is held once
    for band in range(bands):
        keys = np.ascontiguousarray(signatures[:, band * rows : (band + 1) * rows]).view(f"V{rows * 4}").ravel()
        _, bucket = np.unique(keys, return_inverse=True)
        order = np.argsort(bucket, kind="stable")
        pairs = _pairs_in_buckets(order, bucket[order])
        found = np.union1d(found, pairs[:, 0] * count + pairs[:, 1])
    return np.stack([found // count, found % count], axis=1)


@njit(nogil=True, cache=True)
def _pairs_in_buckets(order, bucket):
    total, start = 0, 0
    for i in range(1, len(bucket) + 1):
        if i == len(bucket) or bucket[i] != bucket[start]:
            total += (i - start) * (i - start - 1) // 2
            start = i
    out = np.empty((total, 2), np.int64)
    count, start = 0, 0
    for i in range(1, len(bucket) + 1):
        if i == len(bucket) or bucket[i] != bucket[start]:
            for a in range(start, i):
                for b in range(a + 1, i):
                    out[count, 0], out[count, 1] = order[a], order[b]
                    count += 1
            start = i
    return out


def verify(pairs: np.ndarray, shingles: Callable[[int], np.ndarray], threshold: float) -> np.ndarray:
    """The pairs whose Jaccard reaches the threshold: int64[m, 4] = i, j, both, either. Decided in integers."""
    limit = Fraction(str(threshold))
    kept = []
    for i, j in pairs.tolist():
        left, right = shingles(i), shingles(j)
        both = int(num_common(left, right))
        either = len(left) + len(right) - both
        if both * limit.denominator >= limit.numerator * either:
            kept.append((i, j, both, either))
    return np.array(kept, np.int64).reshape(-1, 4)


@njit(nogil=True, cache=True)
def components(count, edges):
    """The smallest member of each node's component: int64[count] (union-find with path halving)."""
    root = np.arange(count)
    for k in range(len(edges)):
        a, b = edges[k, 0], edges[k, 1]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        if a < b:
            root[b] = a
        else:
            root[a] = b
    for i in range(count):
        root[i] = root[root[i]]
    return root


def find_pairs(tables: Sequence[pa.Table], texts: Callable[[int, np.ndarray], list[str]], dedupe: Dedupe) -> pa.Table:
    """All verified pairs among signature tables.

    `texts(k, rows)` gives the texts of rows of the k-th table's documents.
    """
    bands, rows = dedupe.banding
    sets = distinct_sets(tables, bands * rows)
    proposed = candidates(sets.signatures, bands, rows)
    shingles = _reshingle(sets, np.unique(proposed), texts, dedupe.shingle)
    edges = verify(proposed, shingles.__getitem__, dedupe.threshold)
    component = components(len(sets.names), edges[:, :2])[edges[:, 0]]
    order = np.lexsort((edges[:, 1], edges[:, 0], component))
    edges, component = edges[order], component[order]
    columns = [_ids(sets.names[component]), _ids(sets.names[edges[:, 0]]), _ids(sets.names[edges[:, 1]])]
    return pa.table([*columns, pa.array(edges[:, 2]), pa.array(edges[:, 3])], schema=PAIRS)


def _reshingle(
    sets: Sets, wanted: np.ndarray, texts: Callable[[int, np.ndarray], list[str]], size: int
) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for number in np.unique(sets.file[wanted]).tolist():
        here = wanted[sets.file[wanted] == number]
        for i, text in zip(here.tolist(), texts(number, sets.row[here]), strict=True):
            found[i] = shingle_set(text, size)[1]
    return found


def _ids(names: np.ndarray) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(names), [None, pa.py_buffer(names.tobytes())])


def pair_settings(dedupe: Dedupe) -> Dedupe:
    """What decides pairs: everything but the gate, which looks at what became of them, and what URLs are for."""
    return replace(dedupe, max_removed=1.0, urls=True)


def pairs(store: Store, part: Part) -> Output:
    """The stage's work: inputs are all signatures files, then all documents files, in the same order."""
    files = [file for file in part.inputs if isinstance(file, File)]
    signed = [file for file in files if file.folder == "signatures"]
    documents = [file for file in files if file.folder == "documents"]
    if [file.part for file in signed] != [file.part for file in documents]:
        raise DataError("signatures and documents do not belong together; build again")

    def texts(number: int, rows: np.ndarray) -> list[str]:
        return read_table(store, documents[number], ["text"])["text"].take(pa.array(rows)).to_pylist()

    tables = [read_table(store, file, ["set", "shingles", "signature"]) for file in signed]
    return Output((write_parquet(store, "pairs", "all", find_pairs(tables, texts, part.settings)),))


PAIRS_STAGE = Stage("pairs", pairs, version=1, libraries=("xxhash",))
