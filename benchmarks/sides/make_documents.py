"""Documents to measure dedupe with: `make_documents.py KIND STORE OPTIONS`, options as JSON.

Out: parts of ``documents/`` in a store, and `documents.json`, the list of their files. Everything follows from the
seed; no more than one part is in memory, save for what says who copies whom (16 bytes a document).

truth      {"texts": PATH, "parts": N, "shuffle": SEED or null}: the texts of a Parquet file with `id` and `text`
copies     {"texts": PATH, "bytes": N}: edited copies of those texts among texts put together from their stretches
synthetic  {"documents": N, "later": M}: texts of 60 to 150 words, clusters of copies by a power law; the last M are a
           second snapshot. With "hostile" others beside them, "added" in number (default 100,000): shells, alike by
           0.85 to 0.95; on the brink, alike by 0.63 to 0.92; a crowd that shares words, but is alike by 0.6 only;
           empty ones; or a giant, one text of 50 MB
"""

import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from corpus.files import File, read_table, write_parquet
from corpus.schema import DOCUMENTS
from corpus.store import Store

PART_DOCUMENTS = 80_000  # of synthetic texts: about 60 MB
PART_BYTES = 32 << 20  # of copies
CHUNK = 10_000  # synthetic texts made at a time
LONGEST = 150  # words of a synthetic text
OWN = {"shells": range(3, 9), "brink": range(4, 29), "crowd": range(32, 33)}  # words beside 100 that all share


def documents_table(ids: np.ndarray, texts: pa.Array, source: str, snapshot: str) -> pa.Table:
    """Documents of ids uint8[n, 16] and texts (large_string[n]); what nobody asks for is null."""
    rows = len(texts)
    raw, offsets = memoryview(texts.buffers()[2] or b""), np.frombuffer(texts.buffers()[1], np.int64)[: rows + 1]
    digests = [xxhash.xxh3_128_digest(raw[a:b]) for a, b in pairwise(offsets.tolist())]
    filled = {
        "id": binary(ids), "source": pa.array([source] * rows), "snapshot": pa.array([snapshot] * rows),
        "ordinal": pa.array(np.zeros(rows, np.int32)), "text_bytes": pa.array(np.diff(offsets)),
        "digest": pa.array(digests, pa.binary(16)), "text": texts,
    }  # fmt: skip
    columns = [filled.get(field.name, pa.nulls(rows, field.type)) for field in DOCUMENTS]
    return pa.table(columns, schema=DOCUMENTS)


def binary(ids: np.ndarray) -> pa.Array:
    """uint8[n, 16] as a column."""
    data = np.ascontiguousarray(ids).tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(data)])


def mix(values: np.ndarray) -> np.ndarray:
    """uint64 to well-mixed uint64 (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def ids_of(numbers: np.ndarray) -> np.ndarray:
    """Ids uint8[n, 16] of document numbers."""
    words = [mix(numbers.astype(np.uint64) * np.uint64(2) + np.uint64(k)) for k in (0, 1)]
    return np.ascontiguousarray(np.stack(words, axis=1)).view(np.uint8).reshape(-1, 16)


def joined(words: pa.Array, chosen: np.ndarray, lengths: np.ndarray, between: str) -> pa.Array:
    """Texts of words[chosen], `lengths` of them each: large_string."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(chosen)))
    return pc.binary_join(lists, between).cast(pa.large_string())


class Words:
    """50,000 made-up words, one in twenty with a letter beyond ASCII, and a table to draw them from by Zipf's law."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
        sizes = random.integers(2, 11, 50_000)
        made = ["".join(letters[random.integers(0, 26, size)]) for size in sizes]
        made[::20] = [word + "éüж中"[number % 4] for number, word in enumerate(made[::20])]
        self.words = pa.array(made)
        share = 1 / (np.arange(len(made)) + 2.7)
        self.table = np.repeat(np.arange(len(made)), np.ceil(share / share.sum() * (1 << 20)).astype(np.int64))

    def drawn(self, noise: np.ndarray) -> np.ndarray:
        """Word numbers, one for each uint64 of noise."""
        return self.table[noise % np.uint64(len(self.table))]


def copies_of(words: Words, clusters: np.ndarray, numbers: np.ndarray) -> pa.Array:
    """The text of each document: its cluster's words, of which it changes some; documents are told by their numbers."""
    place = np.arange(LONGEST, dtype=np.uint64)
    base = mix(clusters.astype(np.uint64)[:, None] * np.uint64(256) + place)
    own = mix(mix(numbers.astype(np.uint64) + np.uint64(1 << 40))[:, None] + place)
    lengths = 60 + (base[:, 0] >> np.uint64(8)).astype(np.int64) % (LONGEST - 59)
    random = mix(numbers.astype(np.uint64) + np.uint64(1 << 41)).astype(np.float64) / 2.0**64
    rate = np.where(random < 0.15, 0.0, -0.012 * np.log(np.maximum(1 - random, 1e-9)))  # of words changed; 15 % exact
    changed = (own >> np.uint64(11)).astype(np.float64) / 2.0**53 < rate[:, None]
    chosen = np.where(changed, words.drawn(mix(own)), words.drawn(base))
    there = (place < lengths[:, None].astype(np.uint64)) & ~(changed & (own % np.uint64(3) == 0))  # some are left out
    return joined(words.words, chosen[there], there.sum(axis=1), " ")


def synthetic(store: Store, options: dict[str, Any], seed: int) -> Iterator[File]:
    """Parts of synthetic documents; cluster sizes are drawn from P(k) ~ k^-2.5."""
    count, later = options["documents"], options.get("later", 0)
    random, words = np.random.default_rng(seed), Words(seed)
    sizes = np.minimum(random.zipf(2.5, count), max(1, count // 20))
    cluster = np.repeat(np.arange(count, dtype=np.int32), sizes)[:count]
    random.shuffle(cluster)
    part = 0
    for snapshot, start, stop in (("0", 0, count - later), ("1", count - later, count)):
        for first in range(start, stop, PART_DOCUMENTS):
            numbers = np.arange(first, min(first + PART_DOCUMENTS, stop))
            pieces = [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)]
            texts = pa.concat_arrays([copies_of(words, cluster[piece], piece) for piece in pieces])
            table = documents_table(ids_of(numbers), texts, "synthetic", snapshot)
            yield write_parquet(store, "documents", f"synthetic/{snapshot}-{part:05d}-00000", table)
            part += 1
    if hostile := options.get("hostile"):
        texts = hostile_texts(words, hostile, options.get("added", 100_000), random)
        table = documents_table(ids_of(np.arange(len(texts)) + (1 << 50)), texts, "synthetic", "0")
        yield write_parquet(store, "documents", f"synthetic/0-{part:05d}-00000", table)


def hostile_texts(words: Words, kind: str, count: int, random: np.random.Generator) -> pa.Array:
    """What is added to common documents: `count` others, or one giant."""
    if kind == "empty":
        return pa.array((["", " \n", ""] * (count // 3 + 1))[:count], pa.large_string())
    if kind == "giant":
        size = 7_000_000
        chosen = words.drawn(random.integers(0, 1 << 62, size).astype(np.uint64))
        return joined(words.words, chosen, np.array([size]), " ")
    own = OWN[kind]
    lengths = 100 + random.integers(own.start, own.stop, count)
    shared = words.drawn(random.integers(0, 1 << 62, 100).astype(np.uint64))
    place = np.arange(100 + own.stop - 1)
    chosen = words.drawn(random.integers(0, 1 << 62, (len(lengths), len(place))).astype(np.uint64))
    chosen[:, :100] = shared
    return joined(words.words, chosen[place < lengths[:, None]], lengths, " ")


def truth(store: Store, options: dict[str, Any], seed: int) -> Iterator[File]:
    """The given texts in `parts` parts, in the file's order or shuffled by a seed; ids are the given ones, padded."""
    table = pq.read_table(options["texts"], columns=["id", "text"])
    if options.get("shuffle") is not None:
        table = table.take(np.random.default_rng(options["shuffle"]).permutation(table.num_rows))
    names = np.array([name.encode().ljust(16, b"\0") for name in table["id"].to_pylist()], "V16").view(np.uint8)
    texts = table["text"].cast(pa.large_string()).combine_chunks()
    for part, rows in enumerate(np.array_split(np.arange(len(texts)), options.get("parts", 1))):
        made = documents_table(names.reshape(-1, 16)[rows], texts.take(pa.array(rows)), "truth", "0")
        yield write_parquet(store, "documents", f"truth/0-{part:05d}-00000", made)


def copies(store: Store, options: dict[str, Any], seed: int) -> Iterator[File]:
    """Parts of about 32 MB until there are `bytes` of text."""
    random = np.random.default_rng(seed)
    texts = pq.read_table(options["texts"], columns=["text"])["text"].to_pylist()
    found = [words for text in texts if len(words := re.findall(r"\s*\S+", text)) >= 30]
    starts = np.concatenate([[0], np.cumsum([len(words) for words in found])])
    words = pa.array([word for of_text in found for word in of_text])
    sizes = pc.binary_length(words).to_numpy()
    done = number = part = 0
    while done < options["bytes"]:
        made: list[np.ndarray] = []
        here = 0
        while here < min(PART_BYTES, options["bytes"] - done):
            made.append(varied(starts, random))
            here += int(sizes[made[-1]].sum())
        joint = joined(words, np.concatenate(made), np.array([len(each) for each in made]), "")
        table = documents_table(ids_of(number + np.arange(len(made))), joint, "copies", "0")
        yield write_parquet(store, "documents", f"copies/0-{part:05d}-00000", table)
        done, number, part = done + here, number + len(made), part + 1


def varied(starts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One text as places in the words of all: new (30 %), an exact copy (10 %), or one edited to a Jaccard of 0.3 to 1.

    Half of the edits are scattered over the text (words replaced, left out, put in), half lie in one stretch.
    """
    which = random.integers(0, len(starts) - 1)
    text = np.arange(starts[which], starts[which + 1])
    kind, wanted = random.random(), random.uniform(0.3, 1)
    if kind < 0.3:
        return stretches(len(text), starts, random)
    if kind < 0.4:
        return text
    stays = 2 * wanted / (1 + wanted)  # the share of shingles that both have, where both have as many
    if kind < 0.7:
        fate = random.random(len(text)) / (1 - stays**0.2)  # a shingle stays where none of its five words is touched
        text = np.where(fate < 0.6, random.integers(0, starts[-1], len(text)), text)
        text = np.repeat(text, np.where(fate < 0.6, 1, np.where(fate < 0.8, 0, np.where(fate < 1, 2, 1))))
        twice = np.flatnonzero(text[1:] == text[:-1])
        text[twice] = random.integers(0, starts[-1], len(twice))
        return text
    gone = int(len(text) * (1 - stays))
    at = random.integers(0, len(text) - gone + 1)
    return np.concatenate([text[:at], stretches(gone, starts, random), text[at + gone :]])


def stretches(length: int, starts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """`length` places: stretches of 12 to 40 words from anywhere."""
    first = random.integers(0, starts[-1] - 40, length // 12 + 1)
    sizes = random.integers(12, 41, len(first))
    begins = np.cumsum(sizes) - sizes
    return (np.repeat(first - begins, sizes) + np.arange(sizes.sum()))[:length]


def main(kind: str, root: str, options: dict[str, Any]) -> None:
    """Make them; tell the parts, their rows and bytes of text."""
    makers = {"truth": truth, "copies": copies, "synthetic": synthetic}
    store = Store(root)
    files: list[File] = []
    sizes: list[int] = []
    for file in makers[kind](store, options, options.get("seed", 1)):
        files.append(file)
        sizes.append(pc.sum(read_table(store, file, ["text_bytes"])["text_bytes"]).as_py())
    Path(root, "documents.json").write_text(json.dumps([dataclasses.asdict(file) for file in files]))
    told = {"parts": [file.part for file in files], "rows": [file.rows for file in files], "text_bytes": sizes}
    print("RESULT " + json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
