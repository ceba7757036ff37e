"""Mixtures through the whole path: stages, groups, buckets and held-out limits at once; another one reads no text."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.errors import DataError, RecipeError
from corpus.files import File, read_aligned
from corpus.pool import Pool, PoolRun
from corpus.recipe import load_recipe
from corpus.shard import open_corpus
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from mixtures import sample
from tests.world import ANY_LANGUAGE
from tokenizer import shard

LINES = {
    "de": "Die Mühle steht am Fluss und mahlt, was die Bauern bringen, und das Rad dreht sich mit dem Wasser.",
    "fr": "Le moulin se trouve au bord de la rivière et moud le grain que les paysans lui apportent chaque jour.",
    "es": "El molino está junto al río y muele el grano que los campesinos traen desde el pueblo cada mañana.",
    "it": "Il mulino si trova vicino al fiume e macina il grano che i contadini portano dal paese ogni giorno.",
    "nl": "De molen staat aan de rivier en maalt het graan dat de boeren elke ochtend uit het dorp brengen.",
    "pl": "Młyn stoi nad rzeką i miele ziarno, które chłopi codziennie przywożą do niego z pobliskiej wsi.",
}
FEW = ("es", "it", "nl", "pl")  # languages of one document: about half of them are held out

MIXTURE = (
    ANY_LANGUAGE
    + """
[mixture]
name = "all at once"
optional = ["nothing"]

[[mixture.bucket]]
domain = "web"
score = "gopher_quality.words"
quantiles = [0.5]
names = ["short", "long"]

[[mixture.domain]]
name = "web-short"
select = { domain = "web", bucket = "short" }
weight = 1
max_epochs = 9

[[mixture.domain]]
name = "web-long"
select = { domain = "web", bucket = "long" }
weight = 1
max_epochs = 9

[[mixture.domain]]
name = "books"
weight = 1
max_epochs = 9
heldout_tokens = 30

[[mixture.domain]]
name = "nothing"
select = { source = "books", language = "tlh" }
weight = 1

[[mixture.group]]
name = "languages"
by = "language"
select = { domain = "general" }
rule = "temperature"
alpha = 0.5
max_epochs = 9
weight = 1

[[mixture.stage]]
name = "stable"
tokens = 12000
weights = { web-short = 40, books = 20, languages = 30, nothing = "rest" }

[[mixture.stage]]
name = "decay"
tokens = 5000
weights = { web-short = 5, web-long = 60, languages = "rest" }

"""
)


class Noted:
    """A runner that notes how many parts of each stage ran."""

    def __init__(self, store: Store) -> None:
        self.ran: dict[str, int] = {}
        self.pool = Pool(1, store)
        self.run = PoolRun(store, self.pool, self._note)

    def _note(self, stage: str, done: int, total: int, ran: int) -> None:
        self.ran |= {stage: ran} if ran else {}

    def __call__(self, stage: Stage, parts: list[Part]) -> list[Entry]:
        return self.run(stage, parts)


def build(recipe: Path, folder: str = "out") -> tuple[Store, dict[str, int]]:
    store = Store(recipe.parent / folder)
    run = Noted(store)
    with run.pool:
        path.build(load_recipe(recipe), store, run)  # type: ignore[arg-type]
    return store, run.ran


def many_kinds(recipe: Path) -> None:
    """Rows in six languages, of some a single document; a mixture that uses all there is."""
    numbers = {"de": 40, "fr": 20} | dict.fromkeys(FEW, 1)
    rows = [
        {"text": " ".join(f"{line} ({n * 7 + k})" for k in range(5)), "id": f"{language}-{n}"}
        for language, line in LINES.items()
        for n in range(numbers[language])
    ]
    (recipe.parent / "raw/rows/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = recipe.read_text().replace('chain = "mild"\ndomain = "general"', 'chain = "any"\ndomain = "general"')
    before, after = text[: text.index("[mixture]")], text[text.index("[tokenizer]") :]
    recipe.write_text(before.replace("share = 0.1", "share = 0.4") + MIXTURE + after)


@pytest.fixture(scope="module")
def mixed(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A corpus with stages, a group by language and buckets."""
    recipe = world_at(tmp_path_factory.mktemp("mixed"))
    many_kinds(recipe)
    return build(recipe)[0]


def rows_of(what: dict[str, Any], store: Store) -> tuple[np.ndarray, np.ndarray]:
    """Domain and length of every piece of the training stream, read from the shards."""
    train = open_corpus(store.url, what["version"]).train
    rows = train.rows(0, train.num_tokens)
    return np.array(rows["domain"].to_pylist()), rows["stop"].to_numpy() - rows["start"].to_numpy()


def test_everything_at_once_is_met_and_verified(mixed: Store) -> None:
    assert [finding for finding in verify(mixed) if not finding.holds] == []
    what = read_version(mixed)
    domain, length = rows_of(what, mixed)
    ends, begin = np.cumsum(length), 0
    assert [stage["name"] for stage in what["stages"]] == ["stable", "decay"]
    worst = 0.0
    for stage in what["stages"]:
        size = sum(stage["placed"].values())
        stop = int(np.searchsorted(ends, ends[begin] - length[begin] + size, "right"))
        there = np.cumsum(length[begin:stop])
        assert set(domain[begin:stop]) == {name for name, tokens in stage["placed"].items() if tokens}
        for name, planned in stage["planned"].items():
            mine = np.cumsum(np.where(domain[begin:stop] == name, length[begin:stop], 0))
            assert mine[-1] == stage["placed"][name] and abs(mine[-1] - planned) <= 65
            worst = max(worst, np.abs(mine - there * planned / sum(stage["planned"].values())).max())
        begin = stop
    assert begin == len(length) and worst == pytest.approx(what["order"]["prefix"], abs=1e-6)
    lines = {line["domain"]: line for line in what["mixture"]}
    assert lines["nothing"]["placed"] == 0 and lines["nothing"]["why"] == "no document to train on"
    assert "web-long" not in what["stages"][0]["placed"] and "books" not in what["stages"][1]["placed"]
    assert lines["languages.de"]["group"] == "languages" and lines["languages.de"]["placed"] > 0


def test_what_has_only_held_out_documents_is_evaluated_and_never_trained_on(mixed: Store) -> None:
    what = read_version(mixed)
    only = [line["domain"] for line in what["mixture"] if line["group"] and not line["available"]]
    held = {name: sum(shard["tokens"] for shard in shards) for name, shards in what["heldout"].items()}
    assert only and set(only) <= {f"languages.{name}" for name in FEW}
    assert all(held[name] > 0 for name in only)
    assert held["books"] <= 65 < held["web-short"]  # a piece at least, though heldout_tokens is less
    unused = [c for c in what["ledger"] if c["reason"] == "mixture.heldout_tokens"]
    assert [c["source"] for c in unused] == ["books"] and unused[0]["tokens"] > 0


def test_another_mixture_of_a_built_corpus_reads_no_text(world: Path) -> None:
    """Everything that holds text is filled with zeros; only tokens and what stands beside them are read."""
    store, _ = build(world)
    first = read_version(store)
    zeroed = {name for folder in ("documents", "sample") for name in store.list(folder)}
    for name in zeroed:
        store.put(name, bytes(len(store.get(name))))
    for name in store.list("placed"):
        store.delete(name)  # of the old order
    text = world.read_text().replace("weight = 50", "weight = 15").replace("weight = 20", "weight = 55")
    world.write_text(text.replace("budget = 30000", "budget = 20000"))
    _, ran = build(world)
    assert set(ran) == {"order", "place", "shard"}
    second = read_version(store)
    assert second["version"] == 2 and second["tokenizer"] == first["tokenizer"]
    assert {line["domain"]: round(line["achieved"], 1) for line in second["mixture"]}["books"] == 0.6
    damaged = [finding for finding in verify(store) if not finding.holds]
    assert len(damaged) == 1 and "documents/" in damaged[0].detail


def test_placed_files_of_any_size_give_the_same_shards(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part whose pieces fill several files of placed/, to the same shards."""
    one, _ = build(world)
    monkeypatch.setattr(shard, "CHUNK", 900)
    other, _ = build(world, "other")
    files = Counter(name.rsplit("-", 1)[0] for name in other.list("placed"))
    assert min(files.values()) > 1 and len(one.list("placed")) == len(files)
    assert one.list("shards") == other.list("shards")


def test_a_source_of_which_nothing_is_kept_is_told_before_encoding_or_allowed(world: Path) -> None:
    chain = '[[chain.none]]\nname = "gopher_quality"\nmin_words = 1000000\n\n[heldout]'
    world.write_text(world.read_text().replace('chain = "code"', 'chain = "none"').replace("[heldout]", chain))
    with pytest.raises(RecipeError, match="code has no document to train on"):
        build(world)
    assert not Store(world.with_name("out")).list("tokens")
    world.write_text(world.read_text().replace("[mixture]", '[mixture]\noptional = ["code"]'))
    store, _ = build(world)
    lines = {line["domain"]: line for line in read_version(store)["mixture"]}
    assert (lines["code"]["placed"], lines["code"]["why"]) == (0, "no document to train on")
    assert all(line["placed"] for name, line in lines.items() if name != "code")
    assert all(finding.holds for finding in verify(store))


@pytest.mark.parametrize("harm", ["gone", "cut", "zeroed", "another's"])
def test_what_is_wrong_with_placed_tokens_is_told_or_mended(world: Path, harm: str) -> None:
    store, _ = build(world)
    shards = store.list("shards")
    names = list(store.list("placed"))
    for name in shards:
        store.delete(name)
    if harm == "gone":
        store.delete(names[0])
    else:
        good = bytes(store.get(names[0]))
        bad = {"cut": good[:-9], "zeroed": bytes(len(good)), "another's": bytes(store.get(names[1])).ljust(len(good))}
        store.put(names[0], bad[harm][: len(good)])
    if harm in ("gone", "cut"):
        build(world)  # seen by its size
        assert store.list("shards") == shards
        return
    with pytest.raises(DataError, match=r"placed/"):
        build(world)
    for name in store.list("placed"):
        store.delete(name)
    build(world)
    assert store.list("shards") == shards


def test_the_tokenizers_sample_reads_each_part_once(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many entries its documents are in: rows of six languages are six entries of one part."""
    many_kinds(world)
    read: Counter[str] = Counter()

    def noted(store: Store, *wanted: tuple[File, Any]) -> pa.Table:
        read.update(file.part for file, names in wanted if "text" in names)
        return read_aligned(store, *wanted)

    monkeypatch.setattr(sample, "read_aligned", noted)
    store, _ = build(world)
    (name,) = store.list("sample")
    domains = Counter(pq.read_table(pa.BufferReader(store.get(name)))["domain"].to_pylist())
    assert {"languages.de", "languages.fr", "web-short"} <= domains.keys() and set(read.values()) == {1}
