"""The stages together: the guarantee on real texts, and the same documents however the work is cut."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dedupe import Dedupe
from corpus.files import File, read_table, write_parquet
from corpus.pool import Pool, PoolRun
from corpus.schema import DOCUMENTS, SELECTION, VERDICTS
from corpus.store import Store
from processors.dedupe import components, links, table
from processors.dedupe.components import Linked, grouped
from processors.dedupe.decide import Heldout
from processors.dedupe.stages import decide_alike, find_alike, select_documents
from processors.dedupe.table import select_rows

EVERY = Dedupe(threshold=0.5, shingle=2, bands=48, rows=1)  # proposes every pair with Jaccard >= 0.5 but for 1 in 10^14


def column(texts: Sequence[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def shingles(text: str, size: int) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def alike(a: str, b: str, dedupe: Dedupe) -> float:
    """The real similarity of two texts, in plain Python."""
    left, right = shingles(a, dedupe.shingle), shingles(b, dedupe.shingle)
    if left and right:
        return len(left & right) / len(left | right)
    return float(not left and not right and " ".join(a.lower().split()) == " ".join(b.lower().split()))


def oracle(texts: Sequence[str], dedupe: Dedupe) -> list[int]:
    kept: list[int] = []
    for row in sorted(range(len(texts)), key=lambda row: (-len(texts[row].encode()), row)):
        if all(alike(texts[row], texts[other], dedupe) < dedupe.threshold for other in kept):
            kept.append(row)
    return sorted(kept)


WORDS = st.sampled_from(["a", "b", "C", "c", "é", "İ", "σας", "ΣΑΣ", "日本"])
TEXTS = st.lists(st.lists(WORDS, max_size=7).map(" ".join), min_size=1, max_size=14)


@given(TEXTS)
@settings(deadline=None)
def test_the_guarantee_against_an_oracle(texts: list[str]) -> None:
    result = select_rows(column(texts), EVERY).to_pylist()
    kept = [row for row, each in enumerate(result) if each["kept"]]
    assert kept == oracle(texts, EVERY)
    for row, each in enumerate(result):
        if not each["kept"]:
            assert each["twin"] in kept
            assert each["both"] / each["either"] == alike(texts[row], texts[each["twin"]], EVERY) >= EVERY.threshold


def world(seed: int, count: int) -> list[str]:
    """Texts of which many are edited copies of others, a few empty or short, one cluster large."""
    draw = random.Random(seed)
    words = [f"word{n}" for n in range(400)]
    texts = ["", "short", "Short", ""]
    for n in range(count):
        own = draw.choice(texts[4:]).split() if n > 4 and draw.random() < 0.6 else draw.choices(words, k=60)
        for _ in range(draw.randint(0, 3)):
            own[draw.randrange(len(own))] = draw.choice(words)
        texts.append(" ".join(own))
    return texts


@pytest.mark.parametrize("seed", range(3))
def test_the_same_documents_however_the_work_is_cut(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = world(seed, 150)
    dedupe = Dedupe(threshold=0.7)
    whole = select_rows(column(texts), dedupe)
    assert 0 < sum(whole["kept"].to_pylist()) < len(texts)
    for module, name, value in (
        (table, "_PART", 3_000), (links, "KEYS_AT_ONCE", 500), (components, "TEXT_AT_ONCE", 2_000),
        (components, "DOCUMENTS_AT_ONCE", 7), (components, "SMALL", 3), (components, "SMALL", 1),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
        assert select_rows(column(texts), dedupe).equals(whole), f"{name} = {value}"


def test_no_document_of_a_shuffled_corpus_changes_its_fate() -> None:
    texts = world(7, 120)
    texts = [f"{text} {'x' * (600 + row - len(text))}" for row, text in enumerate(texts)]  # no two of one length
    whole = select_rows(column(texts), EVERY)
    order = random.Random(3).sample(range(len(texts)), len(texts))
    again = select_rows(column([texts[row] for row in order]), EVERY).take(np.argsort(order))
    twins = [None if twin is None else order[twin] for twin in again["twin"].to_pylist()]
    assert twins == whole["twin"].to_pylist() and twins.count(None) < len(texts)
    assert again.drop_columns("twin").equals(whole.drop_columns("twin"))


@dataclass(frozen=True)
class Built:
    """A small corpus of documents in a store: part names to texts, with what the filters drop and what they score."""

    parts: dict[str, list[str]]
    dropped: set[str] = field(default_factory=set)
    scores: dict[str, float] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    def fate(
        self, dedupe: Dedupe, ranks: dict[str, int] | None = None, domains: dict[str, str] | None = None
    ) -> dict[str, str]:
        """By text: "" where it is kept, else the text that stands for it; texts that filters drop are left out."""
        text_of, rows = self.selection(dedupe, ranks, domains)
        return {
            text_of[row["id"]]: text_of[row["twin"]] if row["twin"] else ""
            for row in rows
            if row["kept"] or row["twin"]
        }

    def selection(
        self,
        dedupe: Dedupe,
        ranks: dict[str, int] | None = None,
        domains: dict[str, str] | None = None,
        heldout: Heldout | None = None,
    ) -> tuple[dict[bytes, str], list[dict[str, Any]]]:
        """The texts by id, and the rows of all parts of the selection."""
        store = Store("memory://" + str(id(self)))
        documents: list[File] = []
        verdicts: list[File] = []
        scores: list[File] = []
        text_of: dict[bytes, str] = {}
        for number, (name, texts) in enumerate(self.parts.items()):
            ids = [f"{number:06d}-{row:09d}".encode() for row in range(len(texts))]
            text_of |= dict(zip(ids, texts, strict=True))
            given = {
                "id": pa.array(ids, pa.binary(16)),
                "digest": pa.array([xxhash.xxh3_128_digest(text.encode()) for text in texts], pa.binary(16)),
                "url": pa.array([self.urls.get(text) for text in texts], pa.string()),
                "text": pa.array(texts, pa.large_string()),
            }
            columns = [given.get(field.name, pa.nulls(len(texts), field.type)) for field in DOCUMENTS]
            documents.append(write_parquet(store, "documents", name, pa.table(columns, DOCUMENTS)))
            rules = [["dropped"] if text in self.dropped else [] for text in texts]
            verdicts.append(write_parquet(store, "verdicts", name, pa.table([ids, rules], schema=VERDICTS)))
            given = {"id": pa.array(ids, pa.binary(16)), "quality": [self.scores.get(text, 0.0) for text in texts]}
            scores.append(write_parquet(store, "scores", name, pa.table(given)))
        run = PoolRun(store, Pool(1, store))
        found = find_alike(documents, dedupe, domains or {}, run)
        decided = decide_alike(verdicts, scores, found, dedupe, ranks or {}, heldout or Heldout(), run)
        selected = select_documents(verdicts, found, decided, heldout or Heldout(), run)
        rows = [
            row for entry in selected for file in entry.only("selection") for row in read_table(store, file).to_pylist()
        ]
        assert [entry.files[0].rows for entry in selected] == [len(texts) for texts in self.parts.values()]
        return text_of, rows


LONG = "one two three four five six seven eight nine ten eleven twelve"


def test_what_is_compared_follows_the_scope() -> None:
    texts = [LONG, LONG + ".", LONG + "!!", LONG + "???"]
    corpus = Built({"a/0-0-0": [texts[0]], "a/1-0-0": [texts[1]], "b/0-0-0": [texts[2]], "c/0-0-0": [texts[3]]})
    domains = {"a": "web", "b": "web", "c": "books"}

    def kept(scope: str, snapshots: str) -> list[int]:
        fate = corpus.fate(Dedupe(scope=scope, snapshots=snapshots), domains=domains)
        return [n for n, text in enumerate(texts) if not fate[text]]

    assert kept("all", "across") == [3]
    assert kept("domain", "across") == [2, 3]
    assert kept("source", "across") == [1, 2, 3]
    assert kept("all", "within") == [1, 3]
    assert kept("source", "within") == [0, 1, 2, 3]


def test_an_earlier_snapshot_wins_while_it_passes() -> None:
    old, new = LONG, LONG + " !!!!"
    parts = {"a/old-0-0": [old], "a/new-0-0": [new]}
    dedupe = Dedupe()
    assert Built(parts).fate(dedupe) == {old: new, new: ""}  # the longer one
    assert Built(parts).fate(dedupe, {"a/new": 1}) == {old: "", new: old}
    assert Built(parts, dropped={old}).fate(dedupe, {"a/new": 1}) == {new: ""}


def test_the_recipes_score_comes_before_length() -> None:
    short, long = LONG, LONG + " !!!!"
    corpus = Built({"a/0-0-0": [short, long]}, scores={short: 0.9, long: 0.2})
    assert corpus.fate(Dedupe()) == {short: long, long: ""}
    assert corpus.fate(Dedupe(prefer="quality")) == {short: "", long: short}


def test_a_held_out_document_stays_so_when_a_copy_of_it_comes() -> None:
    texts = [" ".join(f"{word}{n}" for word in LONG.split()) for n in range(20)]

    def held_out(parts: dict[str, list[str]]) -> dict[str, bool]:
        text_of, rows = Built(parts).selection(Dedupe(), {"b/0": 1}, heldout=Heldout(0.5))
        return {text_of[row["id"]]: row["split"] == "heldout" for row in rows if row["kept"]}

    alone = held_out({"a/0-0-0": texts})
    assert set(alone.values()) == {True, False}
    assert held_out({"a/0-0-0": texts, "b/0-0-0": [text + " !" for text in texts]}) == alone


def test_one_url_counts_once_within_a_snapshot() -> None:
    texts = ["first visit of the page", "a second visit, when all was new", "third"]
    at = dict.fromkeys(texts, "http://a.test/page")
    one = Built({"a/0-0-0": texts}, urls=at)
    assert one.fate(Dedupe()) == {texts[1]: "", texts[0]: texts[1], texts[2]: texts[1]}
    assert set(one.fate(Dedupe(urls=False)).values()) == {""}
    assert set(Built({f"a/{n}-0-0": [text] for n, text in enumerate(texts)}, urls=at).fate(Dedupe()).values()) == {""}


def test_a_hundred_thousand_members_are_judged_again_when_the_longest_fails() -> None:
    draw = random.Random(5)
    words = [f"word{n}" for n in range(3_000)]
    page = draw.choices(words, k=50)
    texts = [" ".join([*page, draw.choice(words), str(n)]) for n in range(100_000)]
    first, second = sorted(texts, key=lambda text: -len(text))[:2]
    parts = {"a/0-0-0": texts[:30_000], "a/0-0-1": texts[30_000:]}
    fate = Built(parts).fate(Dedupe())
    assert fate.pop(first) == "" and set(fate.values()) == {first}
    fate = Built(parts, dropped={first}).fate(Dedupe())
    assert fate.pop(second) == "" and set(fate.values()) == {second} and len(fate) == len(texts) - 2


def test_a_corpus_without_any_duplicates_or_documents_goes_through() -> None:
    assert select_rows(column(["one text", "another"]), Dedupe())["kept"].to_pylist() == [True, True]
    assert select_rows(column([]), Dedupe()).num_rows == 0
    schema = [(name, SELECTION.field(name).type) for name in ("kept", "both", "either")]
    result = select_rows(column([""] * 3), Dedupe())
    assert [(name, result.schema.field(name).type) for name, _ in schema] == schema
    assert result["twin"].to_pylist() == [None, 0, 0]


def test_a_pair_that_no_band_proposed_is_judged_where_others_connect_the_two() -> None:
    draw = random.Random(11)
    words = [f"word{n}" for n in range(3_000)]
    page = draw.choices(words, k=100)
    texts = [" ".join([*page, *draw.choices(words, k=45)]) for _ in range(6)]
    dedupe = Dedupe(threshold=0.4, bands=4, rows=3)

    def kept(*rows: int) -> int:
        return select_rows(column([texts[row] for row in rows]), dedupe)["kept"].to_pylist().count(True)

    together = {(a, b): kept(a, b) == 1 for a, b in combinations(range(6), 2)}
    assert all(alike(texts[a], texts[b], dedupe) > 0.5 for a, b in together)
    apart = [pair for pair, found in together.items() if not found]
    joined = [
        (a, b, c) for a, c in apart for b in range(6)
        if together.get((min(a, b), max(a, b))) and together.get((min(b, c), max(b, c)))
    ]  # fmt: skip
    assert joined and all(kept(*rows) == 1 for rows in joined)


@pytest.mark.parametrize("small", [components.SMALL, 1])
@pytest.mark.parametrize("threshold", [2 / 3, 0.3333333333333333, 0.7999999999999999, 0.1 + 0.7, 1e-12])
def test_a_threshold_of_many_digits_is_one(threshold: float, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "SMALL", small)
    words = [f"word{n}" for n in range(1_200)]
    texts = [" ".join(words[100:]), " ".join(words[:1_100]), "some other words than those"]
    result = select_rows(column(texts), Dedupe(threshold=threshold, shingle=1, bands=60, rows=1))
    assert result["twin"].to_pylist() == [None, 0, None]
    assert (result["both"].to_pylist()[1], result["either"].to_pylist()[1]) == (1_000, 1_200)


def test_a_component_of_much_text_is_not_read_at_once() -> None:
    half = components.TEXT_AT_ONCE // 2
    for size, large in ((half, 1), (half + 1, 0)):
        linked = Linked(np.zeros(2, np.uint32), np.arange(2, dtype=np.uint64), np.ones(2, bool), np.full(2, size))
        assert grouped(linked)[2].large == large
