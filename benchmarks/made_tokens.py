"""A corpus of made-up tokens, as encode leaves it: for what comes after it text does not matter, only lengths.

Documents have lognormal lengths (median 500 tokens, mean about 1,100, as FineWeb's), so that one in forty is longer
than a piece of 8,192 in books and one in a thousand elsewhere.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.files import write_arrow, write_bytes, write_parquet
from corpus.layout import Tokenizer
from corpus.recipe import Parts, Recipe, Shards, Source
from corpus.schema import ID, tokens_schema
from corpus.stage import Entry, Run
from corpus.store import Store
from flows import parts
from flows.checked import Checked
from mixtures.order import ORDER_STAGE
from mixtures.pieces import PIECES_STAGE
from mixtures.plan import Domain, Mixture
from tokenizer.shard import PLACE, SHARD
from tokenizer.train import Locked

VOCAB = 32_000
MEDIANS = {"web": 500, "books": 2_000, "code": 400, "general": 300}  # tokens of a document
SELECTION = pa.schema([("id", ID), ("split", pa.string())])


def make_tokens(store: Store, tokens: int, part_tokens: int = 16_000_000, seed: int = 1) -> list[tuple[Entry, Entry]]:
    """Encoded and selected entries of parts of about `part_tokens` tokens, `tokens` in all."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(max(1, round(tokens / part_tokens))):
        source = list(MEDIANS)[number % len(MEDIANS)]
        lengths = rng.lognormal(np.log(MEDIANS[source]), 1.25, 2 * part_tokens // MEDIANS[source]).astype(np.int64) + 1
        lengths = lengths[: np.searchsorted(np.cumsum(lengths), part_tokens) + 1]
        values = rng.integers(4, VOCAB, int(lengths.sum()), dtype=np.uint16)
        ids = pa.array(rng.bytes(16)[:8] + n.to_bytes(8, "little") for n in range(len(lengths))).cast(ID)
        column = pa.LargeListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)])), pa.array(values))
        languages = pa.array(np.array(["en", "de", "fr"])[rng.integers(0, 3, len(lengths))])
        table = pa.table([ids, column, languages, pa.array(lengths * 4)], schema=tokens_schema(VOCAB))
        split = pa.array(np.where(rng.random(len(lengths)) < 0.001, "heldout", "train"))
        name = f"{source}/0-{number:05d}"
        files = (
            write_arrow(store, "tokens", name, table),
            write_parquet(store, "selection", name, pa.table([ids, split], schema=SELECTION)),
        )
        encoded, selected = (Entry("", name, source, "", {}, (file,), (), {}) for file in files)
        made.append((encoded, selected))
    return made


def locked_tokenizer(store: Store) -> Locked:
    """Facts of a tokenizer whose ids stand for four bytes each."""
    sizes = io.BytesIO()
    np.save(sizes, np.full(VOCAB, 4, np.int32))
    files = (
        write_bytes(store, "tokenizer", "tokenizer", "model", b"none"),
        write_bytes(store, "tokenizer", "token_bytes", "npy", sizes.getvalue()),
    )
    what = Tokenizer(files[0].path, hashlib.sha256(b"none").hexdigest(), VOCAB, 2, 3, files[1].path)
    return Locked(what, files, (VOCAB, VOCAB), {})


def checked(weights: dict[str, float], epochs: float = 4.0, shard_tokens: int = 1 << 24) -> Checked:
    """A recipe over those sources with such a mixture."""
    sources = tuple(Source(name, "web", "") for name in MEDIANS)
    recipe = Recipe("made", sources, parts=Parts(), shards=Shards(tokens=shard_tokens), path=str(Path("made.toml")))
    mixture = Mixture(tuple(Domain(name, weight, epochs) for name, weight in weights.items()))
    return Checked(recipe, (), {}, mixture, {name: name for name in MEDIANS})


def to_shards(plan: Checked, model: Locked, made: Sequence[tuple[Entry, Entry]], run: Run) -> tuple[Entry, list[Entry]]:
    """The stages after encode: the order's entry and those of the shards."""
    encoded, selected = [each[0] for each in made], [each[1] for each in made]
    cut_up = run(PIECES_STAGE, parts.piece_parts(plan.recipe, model, encoded, selected, ()))
    ordered = run(ORDER_STAGE, [parts.order_part(plan, cut_up)])
    placed = run(PLACE, parts.place_parts(model, ordered, encoded))
    return ordered[0], run(SHARD, parts.shard_parts(model, ordered, placed))
