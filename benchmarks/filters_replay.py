"""Other thresholds for a million documents' scores, from a store as a build leaves it: seconds in the process.

The scores are those of made-up numbers around the web chain's bounds, so that every rule fires on some documents.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.files import File, write_parquet
from corpus.schema import VERDICTS
from corpus.store import Store
from corpus.version import path_of, point, sealed
from processors.filters.chain import judge, rule_identity
from processors.filters.load import Chain, named_chain
from report.replay import parse_change, replay

DOCUMENTS, PART = 1_000_000, 20_000
CHANGES = ("language.score=0.5", "gopher_quality.few_words=40", "fineweb.copied_characters=0.1", "fineweb.newlines=off")


def main() -> None:
    """Make the store in a scratch folder, ask three times, print the best and the worst time."""
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        store = _store(Path(folder), named_chain("web"))
        changes, seconds = [parse_change(told) for told in CHANGES], []
        for _ in range(3):
            begun = time.perf_counter()
            (found,) = replay(store, changes)
            seconds.append(time.perf_counter() - begun)
    per_million = 1e6 / found.documents
    print(f"replay of {found.documents:,} documents' scores, {len(changes)} changes of {len(found.rules)} rules:")
    print(f"  {min(seconds) * per_million:.2f} to {max(seconds) * per_million:.2f} s (bar: 1 s)")
    print(f"  kept {found.kept_before:,} before, {found.kept_after:,} with the changes")


def _store(folder: Path, chain: Chain) -> Store:
    store, rng = Store(folder), np.random.default_rng(1)
    files: list[File] = []
    for number in range(DOCUMENTS // PART):
        scores = _scores(chain, rng)
        verdicts = pa.table([scores["id"].combine_chunks(), judge(scores, chain)], schema=VERDICTS)
        name = f"web/0-{number:05d}"
        files += [write_parquet(store, "scores", name, scores), write_parquet(store, "verdicts", name, verdicts)]
    version = {"rules": {"web": rule_identity(chain)["rules"]}, "files": [vars(file) for file in files]}
    store.put(path_of(1), sealed(version))
    point(store, 1)
    return store


def _scores(chain: Chain, rng: np.random.Generator) -> pa.Table:
    """Every score that a rule reads, most of them on the good side of the bound."""
    ids = pa.array([rng.bytes(16) for _ in range(PART)], pa.binary(16))
    columns = {"id": ids, "text_bytes": pa.array(rng.integers(100, 20_000, PART))}
    for each in chain:
        for rule in each.rules():
            if rule.not_in is not None:
                values = pa.array(rng.choice(np.array([*rule.not_in, "und"]), PART, p=None).tolist())
            else:
                bound = rule.below if rule.below is not None else rule.above or 0.0
                good = 1.2 if rule.below is not None else 0.8
                values = pa.array(rng.normal(bound * good, abs(bound) * 0.09 + 1e-3, PART))
            columns.setdefault(f"{each.name}.{rule.score}", values)
    return pa.table(columns)


if __name__ == "__main__":
    main()
