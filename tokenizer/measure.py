"""What a tokenizer does to text: bytes per token and tokens per word by domain and language, and what it cannot say.

In: a published corpus and one or more models. Out: a `Measured` a model, of the held-out documents, which no model was
trained on: their rendered texts, one part at a time, all models on the same texts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from corpus.files import File, id_bytes, read_aligned, read_table
from corpus.store import Store
from corpus.text import render_column
from corpus.version import read_version
from tokenizer.given import batches, difference
from tokenizer.model import BLANK, BYTE, NORMAL, USER, Model, load_model, read_model

Words = Callable[[pa.Array, pa.Array], np.ndarray]  # texts and languages of n documents → int64[n] words
NOWHERE = "(not in the mixture)"
_SUMS = ("documents", "bytes", "words", "tokens", "unknown", "byte_tokens")


@dataclass(frozen=True)
class Line:
    """Sums over the documents of one domain and language, or of several ("" stands for all).

    Languages of code are those of code.
    """

    domain: str
    language: str
    documents: int
    bytes: int
    words: int
    tokens: int
    unknown: int  # tokens <unk>, whose text is lost
    byte_tokens: int  # tokens that stand for one byte of a character outside the vocabulary

    @property
    def bytes_per_token(self) -> float:
        """UTF-8 bytes of text by token."""
        return self.bytes / max(self.tokens, 1)

    @property
    def tokens_per_word(self) -> float:
        """Tokens by word."""
        return self.tokens / max(self.words, 1)


@dataclass
class Measured:
    """What one model did; `used` counts how often each id was given (int64[vocab])."""

    name: str
    model: Model
    used: np.ndarray
    sums: dict[tuple[str, str], np.ndarray] = field(default_factory=lambda: defaultdict(lambda: np.zeros(6, np.int64)))
    changed: int = 0
    first: str = ""  # the first document that does not come back, and where

    @property
    def lines(self) -> list[Line]:
        """A line a domain and language, the most bytes first within a domain."""
        rows = [Line(*key, *sums.tolist()) for key, sums in self.sums.items()]
        return sorted(rows, key=lambda line: (line.domain, -line.bytes, line.language))

    def total(self, domain: str = "") -> Line:
        """All languages of a domain, or everything."""
        rows = [sums for key, sums in self.sums.items() if domain in ("", key[0])]
        return Line(domain, "", *np.sum([np.zeros(6, np.int64), *rows], axis=0).tolist())

    @property
    def ordinary(self) -> np.ndarray:
        """bool[vocab]: the ids of pieces of text; neither marks nor bytes."""
        return np.isin(self.model.kinds, (NORMAL, USER))

    @property
    def never(self) -> int:
        """How many pieces of text were never given."""
        return int((self.ordinary & (self.used == 0)).sum())

    def longest(self, count: int) -> list[tuple[str, int]]:
        """The longest pieces by characters among those given, and how often each was."""
        ids = np.flatnonzero(self.ordinary & (self.used > 0)).tolist()
        ids.sort(key=lambda i: (-len(self.model.pieces[i]), i))
        return [(self.model.pieces[i].replace(BLANK, " "), int(self.used[i])) for i in ids[:count]]


@dataclass(frozen=True)
class Texts:
    """Some held-out documents: four columns of one length."""

    ids: list[bytes]
    domains: list[str]
    languages: pa.Array
    texts: pa.Array  # large_string


def measure(store: Store, models: Mapping[str, bytes], words: Words, version: int | None = None) -> list[Measured]:
    """Measure models, by name, on the held-out documents of a corpus.

    Raises InputError where nothing is published or held out, DataError for what is no model.
    """
    read = {name: read_model(data) for name, data in models.items()}
    found = [Measured(name, model, np.zeros(len(model.pieces), np.int64)) for name, model in read.items()]
    processors = [load_model(data) for data in models.values()]
    for some in heldout(store, version):
        counted = words(some.texts, some.languages)
        for each, processor in zip(found, processors, strict=True):
            at = 0
            for batch in batches(text.as_py() for text in some.texts):
                _add(each, processor, some, counted, at, batch)
                at += len(batch)
    if not found[0].sums:
        raise InputError(f"{store.url}: no document is held out; set [heldout] share in the recipe and build")
    return found


def _add(into: Measured, processor: Any, some: Texts, words: np.ndarray, first: int, strings: list[str]) -> None:
    at = slice(first, first + len(strings))
    ids = processor.encode(strings, out_type="numpy")
    flat = np.concatenate(ids)
    tokens = np.array([len(each) for each in ids], np.int64)
    owner = np.repeat(np.arange(len(ids)), tokens)
    kinds = into.model.kinds[flat]
    into.used += np.bincount(flat, minlength=len(into.used))
    columns = [
        np.ones(len(ids), np.int64), pc.binary_length(some.texts[at]).to_numpy().astype(np.int64), words[at], tokens,
        np.bincount(owner[flat == into.model.unk_id], minlength=len(ids)),
        np.bincount(owner[kinds == BYTE], minlength=len(ids)),
    ]  # fmt: skip
    keys = zip(some.domains[at], some.languages[at].to_pylist(), strict=True)
    for key, row in zip(keys, np.stack(columns, axis=1), strict=True):
        into.sums[key] += row
    for place, back in enumerate(processor.decode([each.tolist() for each in ids])):
        if back != strings[place]:
            into.changed += 1
            into.first = into.first or f"{some.ids[at][place].hex()}: {difference(strings[place], back)}"


def heldout(store: Store, version: int | None = None) -> Iterator[Texts]:
    """The held-out documents of a corpus as they are encoded, a part at a time, by domain where shards hold them."""
    what = read_version(store, version)
    domain = {entry: _ids(store, files) for entry, files in what["heldout"].items()}
    of: dict[str, dict[str, File]] = defaultdict(dict)
    for file in (File(**raw) for raw in what["files"]):
        of[file.part][file.folder] = file
    for _, files in sorted(of.items()):
        if {"documents", "scores", "selection"} <= files.keys():
            selected = read_table(store, files["selection"], ["split"])["split"]
            rows = np.flatnonzero(pc.fill_null(pc.equal(selected, "heldout"), False).to_numpy(zero_copy_only=False))
            if len(rows):
                yield _texts(store, files, rows, domain)


def _texts(store: Store, files: dict[str, File], rows: np.ndarray, domain: dict[str, np.ndarray]) -> Texts:
    spans = files.get("cuts", files["scores"])
    columns = ((files["documents"], ["id", "text", "code_language"]), (files["scores"], ["lang"]), (spans, ["spans"]))
    table = read_aligned(store, *columns).take(pa.array(rows))
    texts = render_column(table["text"].combine_chunks(), table["spans"].combine_chunks())
    ids = np.ascontiguousarray(id_bytes(table["id"])).view("S16").ravel()
    names = np.full(len(rows), NOWHERE, object)
    for entry, own in domain.items():
        names[np.isin(ids, own)] = entry
    said = pc.coalesce(table["code_language"].combine_chunks(), table["lang"].combine_chunks(), "")
    return Texts(table["id"].to_pylist(), names.tolist(), said, texts)


def _ids(store: Store, files: list[dict[str, object]]) -> np.ndarray:
    """The ids of the documents in some shards, each once."""
    wanted = File.__dataclass_fields__
    tables = [read_table(store, File(**{key: raw[key] for key in wanted}), ["doc_id"]) for raw in files]  # type: ignore[arg-type]
    found = [np.array(table["doc_id"].to_pylist(), "S16") for table in tables]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, "S16")
