"""Benchmarks against what is published: the shards' documents, read back from their tokens.

In: a store, a list of benchmark files, settings. Out: which item stands in which document, and which shards hold that.
Documents are read whole from ``tokens/``, of which the shards' pieces are stretches, so that an n-gram across two
pieces is found; only those that a shard names are read. Phrases are told by the documents in the shards.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from corpus.contamination import Contamination, read_contamination
from corpus.errors import DataError
from corpus.files import File, id_bytes, read_table
from corpus.shard import Shard, Tokenizer, token_values
from corpus.store import Store
from corpus.strict import Text
from corpus.tables import check_place
from corpus.version import read_version
from processors.contamination.benchmarks import benchmark_files, read_benchmark
from processors.contamination.find import Hits, find
from processors.contamination.index import GramSettings, build_index
from processors.contamination.stages import common_grams
from processors.contamination.verdict import judge_hits
from tokenizer.train import load_model

_BATCH_TOKENS = 1 << 22
_NAMED = 10


@dataclass(frozen=True)
class Checked:
    """What the check found."""

    documents: int  # in the shards
    items: int  # of all benchmarks
    too_short: tuple[str, ...]  # items that were not looked for: benchmark and id
    phrases: tuple[str, ...]  # n-grams that are common in the shards, as they stand in a benchmark
    hits: tuple[dict[str, Any], ...]  # document, source, benchmark, item, share, grams, stretches, shards

    @property
    def contaminated(self) -> int:
        """How many documents hold an item."""
        return len({hit["document"] for hit in self.hits})

    @property
    def told(self) -> str:
        """In words."""
        items = len({(hit["benchmark"], hit["item"]) for hit in self.hits})
        short = f"; too short to be looked for: {len(self.too_short):,}" if self.too_short else ""
        spared = f"; n-grams that are phrases: {len(self.phrases):,}" if self.phrases else ""
        return (
            f"{self.contaminated:,} of {self.documents:,} documents in the shards hold {items:,} of {self.items:,} "
            f"items{spared}{short}"
        )


def check_shards(store: Store, c: Contamination, folder: Path) -> Checked:
    """Look for the items of `c.benchmarks` (beside `folder`) in the current version.

    Raises InputError where nothing is published or a benchmark cannot be read, DataError for a damaged shard.
    """
    settings = GramSettings.of(c)
    files = benchmark_files(c.benchmarks, folder)
    columns = (c.id, c.questions, c.answers)
    items = (item for name, path in files.items() for item in read_benchmark(path, name, *columns))
    index = build_index(items, settings)
    what = read_version(store)
    held = _held(store, what)
    everywhere = np.unique(np.concatenate([np.zeros(0, "S16"), *held.values()]))
    names: list[tuple[str, bytes]] = []  # source and id of the documents that hold something
    texts: list[str] = []
    pairs, parts = [(np.zeros(0, np.int64), np.zeros(0, np.uint64))], [_NO_HITS]
    for source, ids, batch in _documents(store, what, everywhere):
        hits = find(batch, index)
        rows = np.unique(hits.row)
        mine = batch.take(pa.array(rows)).to_pylist()
        at = np.searchsorted(rows, hits.row)
        heads = np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in mine], np.uint64)
        pairs.append((hits.gram, heads[at]))
        parts.append(Hits(at + len(texts), hits.start, hits.end, hits.gram))
        names += [(source, ids[row]) for row in rows.tolist()]
        texts += mine
    hits = Hits(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "start", "end", "gram")))
    common = common_grams(pairs, index.grams.num_rows, c.common) if c.common else np.zeros(0, np.int64)
    verdicts = judge_hits(pa.array(texts, pa.large_string()), len(texts), hits, common, index, c)
    short = [f"{row['benchmark']} {row['item']}" for row in index.items.to_pylist() if not row["grams"]]
    told = tuple(_told(verdicts.found, names, held))
    phrases = tuple(index.text_of(gram) for gram in common.tolist())
    return Checked(len(everywhere), index.items.num_rows, tuple(short), phrases, told)


def check_command(corpus: str, benchmarks: Sequence[str], preset: str, out: Path | None) -> str:
    """Check, write the hits to `out`, one JSON object a line; the line that sums up where nothing is found.

    Raises DataError with the numbers and the first hits where something is, RecipeError for an unknown preset.
    """
    table = {"benchmarks": list(benchmarks), "preset": preset}
    c = read_contamination(table, Text("the command's options", ""))
    if out:
        check_place(out)
    checked = check_shards(Store(corpus), c, Path.cwd())
    if out:
        lines = [json.dumps(hit, ensure_ascii=False) + "\n" for hit in checked.hits]
        out.write_text("".join(lines), encoding="utf-8")
    named = [
        f"  {hit['document']} {hit['benchmark']} {hit['item']} {hit['share']:.0%}" for hit in checked.hits[:_NAMED]
    ]
    short = [f"  too short: {name}" for name in checked.too_short[:_NAMED]]
    said = "\n".join([f"{c.told}", checked.told, *short])
    if not checked.hits:
        return said
    more = f"\n  and {len(checked.hits) - _NAMED:,} more" if len(checked.hits) > _NAMED else ""
    listed = "\n".join(named) + more
    raise DataError(
        f"{said}\n{listed}\nput these benchmarks into [contamination] of the recipe and build again"
        + (f"; every hit stands in {out}" if out else "; --out writes every hit")
    )


_NONE = np.zeros(0, np.int64)
_NO_HITS = Hits(_NONE, _NONE, _NONE, _NONE)


def _held(store: Store, what: dict[str, Any]) -> dict[str, np.ndarray]:
    """The ids of the documents in each shard, sorted, each once: S16 by path."""
    tokenizer, order = Tokenizer(**what["tokenizer"]), what["order"]["sha256"]
    files = [Shard(**raw) for raw in (*what["shards"], *(raw for held in what["heldout"].values() for raw in held))]
    found = {}
    for file in files:
        token_values(store, file, tokenizer, order)  # refuses a stranger
        found[file.path] = np.unique(np.array(read_table(store, file, ["doc_id"])["doc_id"].to_pylist(), "S16"))
    return found


def _documents(store: Store, what: dict[str, Any], wanted: np.ndarray) -> Iterator[tuple[str, np.ndarray, pa.Array]]:
    """Source, ids and texts of the wanted documents, some at a time, decoded by the locked tokenizer."""
    processor = load_model(store.get(what["tokenizer"]["path"]))
    for file in (File(**raw) for raw in what["files"] if raw["path"].startswith("tokens/")):
        table = read_table(store, file, ["id", "tokens"])
        ids = np.ascontiguousarray(id_bytes(table["id"])).view("S16").ravel()
        rows = np.flatnonzero(np.isin(ids, wanted) & table["tokens"].is_valid().to_numpy())
        tokens = table["tokens"].combine_chunks()
        sizes = tokens.value_lengths().fill_null(0).to_numpy()[rows]
        for own in np.split(rows, np.flatnonzero(np.diff(np.cumsum(sizes) // _BATCH_TOKENS)) + 1):
            lists = tokens.take(pa.array(own)).to_pylist()
            yield file.part.split("/")[0], ids[own], pa.array(processor.decode(lists), pa.large_string())


def _told(found: pa.Table, names: list[tuple[str, bytes]], held: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    for row in found.to_pylist():
        source, identity = names[row.pop("row")]
        shards = [path for path, ids in held.items() if np.isin(np.array(identity, "S16"), ids)]
        yield {"document": identity.ljust(16, b"\0").hex(), "source": source, **row, "shards": shards}
