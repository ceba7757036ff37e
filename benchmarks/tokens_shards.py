"""From tokens to verified shards on two cores, then another mixture of the same tokens: wall-clock, workers being up.

Every shard is checked as in a build: no id beyond the vocabulary, no piece missing, read back equal.
"""

import os
import tempfile
import time
from dataclasses import replace

from made_texts import VOCAB, make_model, make_part
from made_tokens import MEDIANS, checked, locked_tokenizer, make_tokens, to_shards
from peers import Row, print_head, print_rows

from corpus.layout import Shard
from corpus.pool import Pool, PoolRun
from corpus.stage import Entry
from corpus.store import Store
from flows import parts
from tokenizer.encode import ENCODE

TOKENS = 200_000_000
BAR = 50  # Mtok/s


def main() -> None:
    """Print the rows."""
    print_head()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder, Pool(2, store := Store(folder)) as pool:
        made, model = make_tokens(store, TOKENS), locked_tokenizer(store)
        run = PoolRun(store, pool)
        small = checked({"web": 1, "books": 1, "code": 1, "general": 1})
        to_shards(small, model, make_tokens(store, 400_000, 100_000), run)  # workers start, kernels are loaded
        for what, weights in (
            ("tokens → verified shards", {"web": 40.0, "books": 25.0, "code": 25.0, "general": 10.0}),
            (
                "another mixture of the same tokens → verified shards",
                {"web": 30, "books": 35, "code": 25, "general": 10},
            ),
        ):
            start = time.monotonic()
            _, sharded = to_shards(checked(weights), model, made, run)
            seconds = time.monotonic() - start
            tokens = sum(file.tokens for entry in sharded for file in entry.files if isinstance(file, Shard))
            rate = tokens / seconds / 1e6
            told = f"{rate:.0f} Mtok/s ({tokens / 1e6:.0f} M tokens in {len(sharded)} shards, {seconds:.1f} s)"
            print_rows([Row(what, told, "", f"≥ {BAR} Mtok/s, 2 cores", rate >= BAR)])
        print_rows([_from_text(store, run)])


def _from_text(store: Store, run: PoolRun) -> Row:
    """Real text through encode and all that follows."""
    model_file = make_model(store)
    names = dict.fromkeys(MEDIANS)
    made = [make_part(store, name, number, 16 << 20) for number, name in enumerate([*names] * 2)]
    model = replace(locked_tokenizer(store), files=(model_file, *locked_tokenizer(store).files[1:]))
    model = replace(model, tokenizer=replace(model.tokenizer, vocab_size=VOCAB))
    documents, scored, selected = (
        [Entry("", row[k].part, row[k].part.split("/")[0], "", {}, (row[k],), (), {}) for row in made] for k in range(3)
    )
    files = [entry.files[0] for entry in documents]
    run(ENCODE, parts.encode_parts(model, files[:2], scored[:2], selected[:2], ()))  # workers load the encoder
    start = time.monotonic()
    encoded = run(ENCODE, parts.encode_parts(model, files, scored, selected, ()))
    plan = checked(dict.fromkeys(names, 1.0), 1.0)
    _, sharded = to_shards(plan, model, list(zip(encoded, selected, strict=True)), run)
    seconds = time.monotonic() - start
    size = sum(entry.counts[0].bytes or 0 for entry in encoded[2:]) / 1e6
    tokens = sum(file.tokens for entry in sharded for file in entry.files if isinstance(file, Shard)) / 1e6
    told = f"{size / seconds:.0f} MB/s ({size:.0f} MB of text, {tokens:.0f} M tokens, {seconds:.1f} s)"
    return Row("text → verified shards", told, "", "", None)
