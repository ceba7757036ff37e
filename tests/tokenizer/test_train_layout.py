"""The same model whatever the number of workers, the parts' sizes and the order of sources and files."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.files import File, write_parquet
from corpus.pool import Pool, PoolRun
from corpus.recipe import TokenizerSettings
from corpus.schema import SPANS
from corpus.stage import Part
from corpus.store import Store
from corpus.strict import Text
from mixtures.plan import load_mixture
from mixtures.sample import SAMPLE_STAGE, SampleSettings
from tokenizer.train import TRAIN, train_part

WORDS = ["the", "mill", "grinds", "grain", "into", "flour", "and", "water", "turns", "12", "345", "(x)", "{y}", "水車"]
DRAW = random.Random(5)
DOCUMENTS = {
    source: [(bytes([k] * 15 + [n]), " ".join(DRAW.choices(WORDS, k=30)) + "\n\tend") for n in range(40)]
    for k, source in enumerate(("web", "books"))
}
MIXTURE = load_mixture(
    {"domain": [{"name": "web", "weight": 2.0}, {"name": "books", "weight": 1.0}]}, Path(), Text("", "")
)


def files(store: Store, part_rows: int, reverse: bool) -> list[File]:
    """Documents, scores and selection of every part: some rows a part, forwards or backwards."""
    out: list[list[File]] = [[], [], []]
    for source in sorted(DOCUMENTS, reverse=reverse):
        rows = DOCUMENTS[source][:: -1 if reverse else 1]
        for number, at in enumerate(range(0, len(rows), part_rows)):
            ids, texts = zip(*rows[at : at + part_rows], strict=True)
            same = {"id": pa.array(ids, pa.binary(16))}
            tables = (
                {"source": [source] * len(ids), "text": pa.array(texts, pa.large_string()),
                 "text_bytes": [len(text.encode()) for text in texts]},
                {"lang": ["en"] * len(ids), "spans": pa.nulls(len(ids), SPANS)},
                {"split": ["heldout" if identity[-1] % 7 == 0 else "train" for identity in ids]},
            )  # fmt: skip
            for written, folder, table in zip(out, ("documents", "scores", "selection"), tables, strict=True):
                written.append(write_parquet(store, folder, f"{source}/{number}", pa.table(same | table)))
    return [file for written in out for file in written]


def trained(folder: Path, workers: int, part_rows: int, reverse: bool) -> bytes:
    store = Store(folder)
    settings = SampleSettings(MIXTURE, {"web": "web", "books": "books"}, 9_000, 3)
    tokenizer = TokenizerSettings(vocab_size=330)
    with Pool(workers, store) as pool:
        run = PoolRun(store, pool)
        (sampled,) = run(SAMPLE_STAGE, [Part("all", tuple(files(store, part_rows, reverse)), settings)])
        (made,) = run(TRAIN, [train_part(tokenizer, folder, sampled.only("sample"))])
    return bytes(store.get(made.files[0].path))


@pytest.mark.parametrize(("workers", "part_rows", "reverse"), [(2, 40, False), (1, 7, False), (3, 13, True)])
def test_the_model_is_the_same(tmp_path: Path, workers: int, part_rows: int, reverse: bool) -> None:
    assert trained(tmp_path / "a", workers, part_rows, reverse) == trained(tmp_path / "b", 1, 40, False)
