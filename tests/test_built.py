"""What a build of a small world leaves behind: all of it accounted for, kept, cut and placed as the recipe says."""

import json
import shutil
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from corpus.errors import InputError
from corpus.files import File, read_table
from corpus.ledger import PASSED
from corpus.shard import Shard, open_corpus
from corpus.text import render_column
from corpus.version import read_version
from report.explain import explain, sample
from tests.building import broken, build, store_of
from tests.world import ANY_LANGUAGE
from tokenizer.train import load_model


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


BY_LANGUAGE = (
    ANY_LANGUAGE
    + """
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
)


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
