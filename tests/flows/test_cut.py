"""Repeats through the whole path: what is cut is encoded nowhere, and the ledger balances."""

import json
from pathlib import Path

import pytest

from corpus.errors import DataError
from corpus.files import File, read_table
from corpus.pool import Pool, PoolRun
from corpus.publish import Published
from corpus.recipe import load_recipe
from corpus.store import Store
from corpus.text import render_column
from corpus.verify import verify
from corpus.version import read_version
from flows import path
from report.explain import explain, sample
from tokenizer.train import load_model

FOOT = "This very line stands at the end of every book that the old mill by the river keeps."


def build(recipe: Path, folder: str = "out") -> tuple[Published, Store]:
    wanted, store = load_recipe(recipe), Store(recipe.parent / folder)
    with Pool(1, store) as pool:
        return path.build(wanted, store, PoolRun(store, pool)), store


def repeating(recipe: Path, table: str) -> None:
    """Let books end in the same line, and one be made of what two others say; cut what is repeated."""
    books = sorted((recipe.parent / "raw/books").glob("*.txt"))
    for book in books:
        book.write_text(book.read_text().rstrip() + f"\n\n{FOOT}\n")
    first, second = (book.read_text().split("\n\n") for book in books[:2])
    (books[0].parent / "9.txt").write_text("\n\n".join(first[:3] + second[:3]) + "\n")
    recipe.write_text(recipe.read_text().replace("[mixture]", f"[dedupe]\n{table}\n\n[mixture]", 1))


def files(store: Store, folder: str, source: str) -> list[File]:
    found = [File(**file) for file in read_version(store)["files"]]
    return [file for file in found if file.folder == folder and file.part.startswith(source)]


def test_repeats_are_cut_from_tokens_and_the_ledger_balances(world: Path) -> None:
    repeating(world, 'repeats = "paragraphs"')
    published, store = build(world)
    assert all(finding.holds for finding in verify(store))
    (cuts,), (documents,) = files(store, "cuts", "books"), files(store, "documents", "books")
    spans = read_table(store, cuts)["spans"].combine_chunks()
    rendered = render_column(read_table(store, documents)["text"].combine_chunks(), spans).to_pylist()
    processor = load_model(store.get(read_version(store)["tokenizer"]["path"]))
    (tokens,) = files(store, "tokens", "books")
    decoded = [ids and processor.decode(ids) for ids in read_table(store, tokens)["tokens"].to_pylist()]
    assert sum(FOOT in text for text in decoded if text) == 1
    left = read_table(store, cuts)["left"].to_pylist()
    assert [text for text, there in zip(rendered, left, strict=True) if there] == [text for text in decoded if text]
    ends = {(c.stage, c.outcome, c.reason): c.documents or 0 for c in published.ledger if c.source == "books"}
    dropped = ends.get(("cut", "dropped", "repeats.nothing_left"), 0)
    assert ends["cut", "passed", ""] + dropped == 7 and left.count(False) == dropped
    sizes = [len(text.encode()) for text in read_table(store, documents)["text"].to_pylist()]
    kept = [len(text.encode()) for text in rendered]
    assert published.repeats["books"] == {"bytes": sum(sizes), "cut": sum(sizes) - sum(kept)}
    assert not files(store, "cuts", "code") and files(store, "cuts", "web")
    assert not build(world)[0].new


def test_what_repeats_leave_empty_can_be_looked_at(world: Path) -> None:
    books = sorted((world.parent / "raw/books").glob("*.txt"))
    parts = [book.read_text().split("\n\n")[0] for book in books[:3]]
    for n, book in enumerate(books[:3]):  # each paragraph stands in two: the last of the three books loses both
        book.write_text(f"{parts[n]}\n\n{parts[n - 1]}\n")
    world.write_text(world.read_text() + '[dedupe]\nrepeats = "paragraphs"\n')
    _, store = build(world)
    (found,) = sample(store, dropped="repeats.nothing_left", source=None, count=9)
    life = explain(store, found.id)
    assert life.document["file"] in {book.name for book in books[:3]} and not life.left and not life.rendered.strip()
    assert found.id not in {other.id for other in sample(store, dropped=None, source="books", count=9)}


def test_explain_tells_what_was_cut(world: Path) -> None:
    repeating(world, 'repeats = "paragraphs"')
    _, store = build(world)
    lives = [explain(store, found.id) for found in sample(store, dropped=None, source="books", count=9)]
    assert sum(FOOT in life.rendered for life in lives) == 1
    assert all(FOOT in life.text for life in lives if life.document["file"] != "9.txt")


def test_sources_are_chosen_and_a_gate_stops_what_cuts_too_much(world: Path) -> None:
    repeating(world, 'repeats = "paragraphs"\nrepeats_in = ["rows", "code"]\nrepeats_within = "all"')
    _, store = build(world)
    assert {name.split("/")[1] for name in store.list("cuts")} == {"rows", "code"}
    rows = world.parent / "raw/rows/rows.jsonl"
    lines = [json.loads(line)["text"] for n, line in enumerate(rows.read_text().splitlines()) if n != 5]
    shared = "\n\n".join(lines[:9])
    rows.write_text(
        "".join(json.dumps({"text": f"{line}\n\n{shared}\n\n{line} {n}"}) + "\n" for n, line in enumerate(lines))
    )
    world.write_text(world.read_text().replace("repeats_within", "threshold = 1.0\nrepeats_within"))
    with pytest.raises(DataError, match=r"source rows: [\d,]+ of [\d,]+ bytes of text would be cut as repeats"):
        build(world)
