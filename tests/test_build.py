"""The whole path on a small world: the same bytes, nothing twice, everything accounted for."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from corpus.errors import DataError, InputError, LedgerError, StoreError
from corpus.files import File, read_table
from corpus.ledger import PASSED
from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.shard import Shard, open_corpus
from corpus.stage import Entry, Part, Stage
from corpus.store import Store
from corpus.text import render_column
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from report.explain import explain, sample
from tokenizer.train import load_model

RESULTS = (
    "documents",
    "quarantine",
    "scores",
    "verdicts",
    "signatures",
    "pairs",
    "selection",
    "tokenizer",
    "tokens",
    "order",
    "shards",
)


class Counted:
    """A runner that notes which parts ran, and can hand parts over in another order."""

    def __init__(self, store: Store, workers: int = 1, reverse: bool = False) -> None:
        self.pool = Pool(workers, store)
        self.run = PoolRun(store, self.pool, self._note)
        self.ran: dict[str, int] = {}
        self.reverse = reverse

    def _note(self, stage: str, done: int, total: int, ran: int) -> None:
        self.ran[stage] = ran

    def __call__(self, stage: Stage, parts: list[Part]) -> list[Entry]:
        found = self.run(stage, parts[::-1] if self.reverse else parts)
        return found[::-1] if self.reverse else found


def build(
    recipe: Path, store: Store | None = None, workers: int = 1, reverse: bool = False
) -> tuple[Published, dict[str, int]]:
    wanted = load_recipe(recipe)
    store = store or Store(wanted.store_url)
    run = Counted(store, workers, reverse)
    with run.pool:
        published = path.build(wanted, store, run)
    return published, {stage: count for stage, count in run.ran.items() if count}


def results(store: Store) -> dict[str, bytes]:
    """Every result file's content by name."""
    return {name: bytes(store.get(name)) for folder in RESULTS for name in store.list(folder)}


@pytest.fixture(scope="module")
def built(world_at: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built small world that no test changes; the recipe's path."""
    recipe = world_at(tmp_path_factory.mktemp("built"))
    build(recipe)
    return recipe


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    shutil.copytree(built.parent, tmp_path / "copy")  # keeps modification times
    return tmp_path / "copy" / "recipe.toml"


def store_of(recipe: Path) -> Store:
    return Store(load_recipe(recipe).store_url)


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    published, ran = build(built)
    assert (published.version, published.new, ran) == (1, False, {})


@pytest.mark.parametrize(("workers", "reverse"), [(2, False), (1, True)])
def test_workers_and_order_change_no_byte(built: Path, tmp_path: Path, workers: int, reverse: bool) -> None:
    store = Store(tmp_path / "other")
    build(built, store, workers, reverse)
    assert results(store) == results(store_of(built))


def test_part_sizes_change_neither_what_is_kept_nor_the_shards(built: Path, tmp_path: Path) -> None:
    other = built.with_name("parts.toml")
    other.write_text(built.read_text() + "\n[parts]\ntext_bytes = 9000\ninput_bytes = 4000\n")
    store = Store(tmp_path / "other")
    build(other, store)
    assert len(store.list("documents")) > len(store_of(built).list("documents"))
    for folder in ("tokenizer", "shards"):  # a name holds the hash of what it names
        assert store.list(folder) == store_of(built).list(folder)


def test_a_memory_store_gives_the_same(built: Path) -> None:
    store = Store("memory://same")
    build(built, store, workers=2)
    assert results(store) == results(store_of(built))


def test_a_new_threshold_opens_no_text(copied: Path) -> None:
    recipe = copied
    recipe.write_text(recipe.read_text().replace("min_words = 20", "min_words = 120"))
    store = store_of(recipe)
    for name in store.list("documents"):
        store.put(name, bytes(len(store.get(name))))  # as long as before, and no text in it
    run = Counted(store)
    with pytest.raises(DataError, match="documents/"):
        path.build(load_recipe(recipe), store, run)
    assert run.ran["judge"] and run.ran["select"]
    assert list(run.ran)[-1] == "encode"  # the first that wants text


def test_only_what_a_threshold_touches_runs_again(copied: Path) -> None:
    recipe = copied
    recipe.write_text(recipe.read_text().replace("min_words = 20", "min_words = 100"))
    published, ran = build(recipe)
    assert published.version == 2 and published.new
    later = {"encode", "pieces", "order", "place", "shard"}
    assert set(ran) <= {"judge", "decide", "select", *later} and "judge" in ran
    recipe.write_text(recipe.read_text().replace("min_words = 100", "min_words = 20"))
    published, ran = build(recipe)
    assert ran == {} and published.version == 3  # what was done once is still there


def test_a_presets_name_is_in_no_fingerprint(copied: Path) -> None:
    recipe, text = copied, copied.read_text()
    recipe.write_text(text + "[dedupe]\nbands = 20\nrows = 5\nmax_removed = 0.9\n")
    published, ran = build(recipe)
    assert "sign" in ran
    recipe.write_text(text + '[dedupe]\npreset = "duplodocus"\n')
    again, ran = build(recipe)
    assert ran == {} and (again.version, again.new) == (published.version, False)


@pytest.mark.parametrize(
    ("table", "runs"),
    [
        ("max_removed = 0.9", set()),
        ('prefer = "gopher_quality.words"', {"decide"}),
        ("threshold = 0.81", {"pairs", "decide", "probe"}),
        ('scope = "source"', {"bands", "links"}),
        ('snapshots = "within"', {"bands", "links"}),
    ],
)
def test_what_signatures_do_not_depend_on_signs_nothing_again(copied: Path, table: str, runs: set[str]) -> None:
    copied.write_text(copied.read_text() + f"[dedupe]\n{table}\n")
    _, ran = build(copied)
    assert runs <= set(ran) and not {"ingest", "score", "sign", "judge"} & set(ran)
    assert runs or not ran


def test_a_touched_input_is_read_again_and_runs_nothing_else(copied: Path) -> None:
    os.utime(copied.parent / "raw/books/0.txt", (1, 1))
    published, ran = build(copied)
    assert set(ran) == {"ingest"} and not published.new


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """SIGKILL at 20 seeded moments, each run going on where the one before was killed or anew after it finished."""
    moments, store = random.Random(5), Store(tmp_path / "killed")
    command = [sys.executable, "-m", "gristmill", "build", str(built), "--workers", "1", "--store", store.url]
    start = time.monotonic()
    subprocess.run([*command[:-1], str(tmp_path / "timed")], check=True, capture_output=True)
    whole = time.monotonic() - start
    for _ in range(20):
        before = {name: bytes(store.get(name)) for name in store.list("entries")}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.1, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = {name: bytes(store.get(name)) for name in store.list("entries")}
        assert before.items() <= after.items()
        committed = [(entry["stage"], entry["part"]) for data in after.values() for entry in json.loads(data)]
        assert len(committed) == len(set(committed))  # nothing that was committed ran again
        if (tmp_path / "killed/versions/current").exists():
            assert results(store) == results(store_of(built))
            shutil.rmtree(tmp_path / "killed")
    subprocess.run(command, check=True, capture_output=True)
    assert results(store) == results(store_of(built))


def test_every_record_and_document_is_accounted_for(built: Path) -> None:
    what = read_version(store_of(built))
    ledger = what["ledger"]
    read = {(c["source"], c["outcome"]): c["records"] for c in ledger if c["stage"] == "ingest" and c["records"]}
    assert read["web", "read"] == 35  # 36 pages, one in a damaged member
    assert read["web", "quarantined"] == 1
    assert (
        sum(
            c["records"]
            for c in ledger
            if c["source"] == "web" and c["outcome"] == "skipped" and c["stage"] == "ingest"
        )
        == 3
    )
    assert read["rows", "quarantined"] == 1
    ends = [c for c in ledger if c["documents"] and c["stage"] in ("judge", "select") and c["outcome"] != PASSED]
    came = sum(c["documents"] for c in ledger if c["stage"] == "ingest" and c["outcome"] == PASSED)
    encoded = sum(c["documents"] for c in ledger if c["stage"] == "encode")
    assert came - sum(c["documents"] for c in ends) == encoded


def test_a_hidden_record_makes_the_run_fail(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sources import ingest

    honest = ingest.read_apart

    def hiding(file: Path, *others: object) -> object:
        items = list(honest(file, *others))  # type: ignore[arg-type]
        return iter(items[:3] + items[4:]) if file.name == "0.warc.gz" else iter(items)

    monkeypatch.setattr(ingest, "read_apart", hiding)
    with pytest.raises(LedgerError, match=r"0\.warc\.gz: a stretch .* are not accounted for"):
        build(world)
    assert not store_of(world).list("versions")


def test_a_hidden_document_makes_the_run_fail(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from processors.filters import stages

    honest = stages._counts
    monkeypatch.setattr(stages, "_counts", lambda part, rules, sizes: honest(part, rules[1:], sizes[1:]))
    with pytest.raises(LedgerError, match=r"does not balance: .* documents, judge accounts for"):
        build(world)
    assert not store_of(world).list("versions")


def test_the_mixture_is_met_in_tokens(built: Path) -> None:
    lines = read_version(store_of(built))["mixture"]
    assert {line["domain"]: line["asked"] for line in lines} == pytest.approx(
        {"web": 0.5, "books": 0.2, "code": 0.1, "general": 0.2}
    )
    for line in lines:
        assert abs(line["achieved"] - line["asked"]) <= 0.005
    placed = sum(line["placed"] for line in lines)
    corpus = open_corpus(store_of(built).url)
    assert corpus.train.num_tokens == placed


def test_shards_open_with_datasets_and_decode_to_the_rendered_documents(built: Path, tmp_path: Path) -> None:
    store = store_of(built)
    what = read_version(store)
    processor = load_model(store.get(what["tokenizer"]["path"]))
    files = [
        f"{store.url}/{file['path']}"
        for file in [*what["shards"], *(f for held in what["heldout"].values() for f in held)]
    ]
    rows = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=str(tmp_path))
    texts: dict[bytes, str] = {}
    for file in (File(**file) for file in what["files"]):
        if file.folder == "documents":
            part = read_table(store, file, ["id", "text"])
            spans = next(
                File(**f) for f in what["files"] if File(**f).folder == "scores" and File(**f).part == file.part
            )
            rendered = render_column(
                part["text"].combine_chunks(), read_table(store, spans, ["spans"])["spans"].combine_chunks()
            )
            texts |= dict(zip(part["id"].to_pylist(), rendered.to_pylist(), strict=True))
    pieces: dict[tuple[bytes, int], list[int]] = {}
    for row in rows:
        assert max(row["tokens"]) < what["tokenizer"]["vocab_size"]
        assert len(row["tokens"]) <= 65
        ids = [token for token in row["tokens"] if token != what["tokenizer"]["eos_id"]]
        assert len(processor.decode(ids).encode()) == row["utf8_bytes"]
        pieces[row["doc_id"], row["piece"]] = row["tokens"]
    whole = 0
    for document in {key[0] for key in pieces}:
        numbers = sorted(number for doc, number in pieces if doc == document)
        tokens = [token for number in numbers for token in pieces[document, number]]
        if numbers == list(range(len(numbers))) and tokens[-1] == what["tokenizer"]["eos_id"]:
            assert processor.decode(tokens[:-1]) == texts[document]
            whole += 1
    assert whole > 30


def test_verify_finds_a_flipped_byte_anywhere(copied: Path) -> None:
    store = store_of(copied)
    assert all(finding.holds for finding in verify(store))
    chosen = random.Random(3)
    names = [name for folder in ("documents", "tokens", "shards", "tokenizer", "order") for name in store.list(folder)]
    for name in [*chosen.sample(names, 8), "mixture.lock"]:
        good = bytes(store.get(name))
        at = chosen.randrange(len(good))
        store.put(name, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert not all(finding.holds for finding in verify(store)), name
        store.put(name, good)
    assert all(finding.holds for finding in verify(store))


def test_a_document_can_be_explained_from_record_to_tokens(built: Path) -> None:
    store = store_of(built)
    (kept,) = sample(store, dropped=None, source="web", count=1)
    life = explain(store, kept.id)
    assert life.document["file"].endswith(".warc.gz") and life.document["end"] > life.document["start"]
    assert life.selection["kept"] and life.rules == []
    raw = (built.parent / "raw/web" / life.document["file"]).read_bytes()[life.document["start"] : life.document["end"]]
    assert raw[:2] == b"\x1f\x8b"  # its address leads to a gzip member
    assert life.places or life.selection["split"] == "train"
    for fallen in sample(store, dropped="duplicate", source="web", count=9):
        assert explain(store, fallen.twin).selection["kept"]
    with pytest.raises(InputError, match="no document has an id"):
        explain(store, "0" * 32)


def test_no_twin_of_a_held_out_document_is_trained_on(built: Path) -> None:
    corpus = open_corpus(store_of(built).url)
    assert corpus.heldout
    what = read_version(store_of(built))
    trained, held = set(), set()
    for file in what["shards"]:
        trained |= set(read_table(store_of(built), Shard(**file), ["doc_id"])["doc_id"].to_pylist())
    for files in what["heldout"].values():
        for file in files:
            held |= set(read_table(store_of(built), Shard(**file), ["doc_id"])["doc_id"].to_pylist())
    assert held and not held & trained


def test_the_gate_stops_a_run_that_would_lose_a_source(world: Path) -> None:
    books = sorted((world.parent / "raw/books").glob("*.txt"))
    for book in books[1:]:
        shutil.copy(books[0], book)
    with pytest.raises(DataError, match=r"source books: 5 of 6 documents would fall .* --accept books"):
        build(world)
    wanted, store = load_recipe(world), store_of(world)
    assert not store.list("tokens")
    with Pool(1, store) as pool:
        assert path.build(wanted, store, PoolRun(store, pool), ["books"]).new


def broken(recipe: Path, old: str, new: str) -> Path:
    assert old in recipe.read_text()
    recipe.write_text(recipe.read_text().replace(old, new, 1))
    return recipe


def test_a_store_of_another_recipe_is_refused(copied: Path) -> None:
    with pytest.raises(StoreError, match="holds the corpus `small`, the recipe is `other`"):
        build(broken(copied, 'name = "small"', 'name = "other"'))


def test_a_source_that_yields_nothing_is_an_error(world: Path) -> None:
    for book in (world.parent / "raw/books").glob("*.txt"):
        book.write_bytes(b"")
    with pytest.raises(InputError, match="source books yields no document: empty_file"):
        build(world)


def test_quarantine_names_file_range_and_reason(built: Path) -> None:
    store = store_of(built)
    rows = [
        row for name in store.list("quarantine") for row in pq.read_table(pa.BufferReader(store.get(name))).to_pylist()
    ]
    bad = [row for row in rows if row["outcome"] == "quarantined"]
    assert {(row["source"], row["file"]) for row in bad} == {("web", "1.warc.gz"), ("rows", "rows.jsonl")}
    for row in bad:
        assert 0 <= row["start"] < row["end"] and row["reason"]


def cutting_lines(recipe: Path, min_sentences: int) -> None:
    """Put C4's line rules before the chain's own filter."""
    quality = '[[chain.mild]]\nname = "gopher_quality"'
    broken(recipe, quality, f'[[chain.mild]]\nname = "c4"\nmin_sentences = {min_sentences}\n\n{quality}')


def test_spans_cut_what_is_encoded(world: Path) -> None:
    """A chain with line rules: tokens decode to the text without the lines that it cuts."""
    cutting_lines(world, min_sentences=1)
    book = world.parent / "raw/books/0.txt"
    book.write_text("Please enable javascript to read this page of the mill.\n" + book.read_text())
    build(world)
    store = store_of(world)
    what = read_version(store)
    processor = load_model(store.get(what["tokenizer"]["path"]))
    found = [File(**file) for file in what["files"] if file["path"].startswith("tokens/books")]
    texts = [processor.decode(ids) for file in found for ids in read_table(store, file)["tokens"].to_pylist() if ids]
    stored = [
        t
        for f in what["files"]
        if f["path"].startswith("documents/books")
        for t in read_table(store, File(**f))["text"].to_pylist()
    ]
    assert any("javascript" in text for text in stored)
    assert texts and not any("javascript" in text for text in texts)
    spans = [
        s
        for f in what["files"]
        if f["path"].startswith("scores/books")
        for s in read_table(store, File(**f))["spans"].to_pylist()
    ]
    assert pc.sum(pa.array([len(each or []) for each in spans])).as_py() >= 1


def test_what_the_cuts_leave_empty_is_dropped_for_that_reason(world: Path) -> None:
    cutting_lines(world, min_sentences=0)
    broken(world, "min_words = 20", "min_words = 0\nmin_word_length = 0\nmin_stop_words = 0\nmin_alpha_words = 0")
    (world.parent / "raw/books/0.txt").write_text("Enable javascript to read this page of the mill, please.\n")
    build(world)
    dropped = [c for c in read_version(store_of(world))["ledger"] if c["reason"] == "spans.nothing_left"]
    assert sum(c["documents"] for c in dropped) == 1


def test_a_name_that_is_not_unicode_costs_nothing(world: Path) -> None:
    odd = os.fsencode(world.parent / "raw/books") + b"/caf\xe9.txt"
    with open(odd, "w") as file:  # noqa: PTH123 - a path of bytes
        file.write("Another book about the mill by the river. " * 30)
    build(world)
    store = store_of(world)
    names = {
        name
        for f in read_version(store)["files"]
        if f["path"].startswith("documents/books")
        for name in read_table(store, File(**f))["file"].to_pylist()
    }
    assert "caf\\xe9.txt" in names


BY_LANGUAGE = """
[[chain.any]]
name = "language"
keep = []
min_score = 0

[dedupe]
max_removed = 1.0

[mixture]
[[mixture.domain]]
name = "german"
weight = 1
max_epochs = 9
select = { language = "de" }

[[mixture.domain]]
name = "web"
weight = 1

"""


def test_a_mixture_by_language_samples_and_orders_the_same_documents(world: Path) -> None:
    """The tokenizer's sample sees the languages that the order sees: detected, not declared."""
    german = "Die Mühle steht am Fluss und mahlt, was die Bauern bringen, und das Rad dreht sich mit dem Wasser. "
    rows = [{"text": german * 4 + f"Nummer {n} ist eine andere Zeile mit eigenen Worten {n * 7}."} for n in range(40)]
    (world.parent / "raw/rows/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = world.read_text()
    before, after = text[: text.index("[mixture]")], text[text.index("[tokenizer]") :]
    before = before.replace('chain = "mild"\ndomain = "general"', 'chain = "any"\ndomain = "general"')
    world.write_text(before + BY_LANGUAGE + after)
    build(world)
    store = store_of(world)
    (name,) = store.list("sample")
    sampled = pq.read_table(pa.BufferReader(store.get(name)))["domain"].to_pylist()
    assert {"german", "web"} == set(sampled)
    assert all(line["placed"] for line in read_version(store)["mixture"])


def test_held_out_text_is_not_in_the_tokenizers_sample(built: Path) -> None:
    store = store_of(built)
    (name,) = store.list("sample")
    sampled = set(pq.read_table(pa.BufferReader(store.get(name)))["id"].to_pylist())
    held = set()
    for files in read_version(store)["heldout"].values():
        for file in files:
            held |= set(read_table(store, Shard(**file), ["doc_id"])["doc_id"].to_pylist())
    assert sampled and held and not sampled & held


def test_no_piece_begins_inside_a_character(world: Path) -> None:
    """Text that a small vocabulary writes byte by byte, cut into short pieces: each decodes on its own."""
    (world.parent / "raw/books/0.txt").write_text("水車は川のそばに立ち、農夫が運ぶ麦を挽く。🌾🏞️ " * 40)
    broken(world, "min_words = 20", "min_words = 0\nmin_stop_words = 0\nmax_word_length = 1000\nmin_alpha_words = 0")
    broken(world, "piece_tokens = 64", "piece_tokens = 16")
    build(world)
    store = store_of(world)
    what = read_version(store)
    processor = load_model(store.get(what["tokenizer"]["path"]))
    seen = 0
    for raw in [*what["shards"], *(f for files in what["heldout"].values() for f in files)]:
        for ids in read_table(store, Shard(**raw), ["tokens"])["tokens"].to_pylist():
            text = processor.decode([i for i in ids if i != what["tokenizer"]["eos_id"]])
            assert "\ufffd" not in text
            seen += "水" in text or "🌾" in text
    assert seen > 3


def test_an_earlier_snapshot_is_preferred(world: Path) -> None:
    """The same pages in two snapshots: those of the one named first are kept."""
    shutil.copytree(world.parent / "raw/web", world.parent / "raw/again")
    web = 'name = "web"\nkind = "web"\nroot = "raw/web"\nfiles = ["*.warc.gz"]\nchain = "mild"\n'
    later = web.replace("raw/web", "raw/again") + 'snapshot = "{}"\n\n[[source]]\n'
    for first, second in (("0", "1"), ("1", "0")):
        (world.parent / "two").mkdir(exist_ok=True)
        recipe = world.parent / f"recipe-{first}.toml"
        entries = web + f'snapshot = "{first}"\n\n[[source]]\n' + later.format(second)
        text = world.read_text().replace(web + "\n[[source]]\n", entries).replace('"out"', f'"two/{first}"')
        recipe.write_text(text + "\n[dedupe]\nmax_removed = 1.0\n")
        build(recipe)
        selected = store_of(recipe)
        kept = {}
        for name in selected.list("selection/web"):
            table = pq.read_table(pa.BufferReader(selected.get(name)))
            kept[name.split("/")[2][0]] = kept.get(name.split("/")[2][0], 0) + sum(table["kept"].to_pylist())
        assert kept[first] > 20 and kept[second] == 0
